package ir

import "github.com/mlc-go/mlc/compiler/dim"

// Dense is a tensor of concrete shape in the reference evaluator: row-major
// float64 elements whatever the element type. Integers are exact up to 2^53;
// booleans are 0 and 1.
type Dense struct {
	DType dim.DType
	Shape []int
	Data  []float64
}

// NewDense returns a tensor of zeros.
func NewDense(t dim.DType, shape ...int) Dense {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return Dense{DType: t, Shape: shape, Data: make([]float64, n)}
}

// At returns the element at idx.
func (d Dense) At(idx ...int) float64 { return d.Data[d.Offset(idx)] }

// Set stores v at idx.
func (d Dense) Set(v float64, idx ...int) { d.Data[d.Offset(idx)] = v }

// Offset returns the row-major position of idx.
func (d Dense) Offset(idx []int) int {
	p := 0
	for a, i := range idx {
		p = p*d.Shape[a] + i
	}
	return p
}

// Each calls fn with every index of shape in row-major order. The slice is
// reused between calls.
func Each(shape []int, fn func(idx []int)) {
	for _, n := range shape {
		if n == 0 {
			return
		}
	}
	idx := make([]int, len(shape))
	for {
		fn(idx)
		a := len(shape) - 1
		for ; a >= 0; a-- {
			if idx[a]++; idx[a] < shape[a] {
				break
			}
			idx[a] = 0
		}
		if a < 0 {
			return
		}
	}
}
