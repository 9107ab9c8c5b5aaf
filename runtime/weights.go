package mlrt

import (
	"io"
	"strings"
)

// Panels is the blocked order in which kernels keep a stored tensor:
// [ceil(n/Width)][Rest...][Width], where n is the extent of axis Lane and Rest
// lists the other axes. Elements past n are padding. The zero value is row-major.
type Panels struct {
	Lane, Width int
	Rest        []int // nil: the other axes in their order
}

// Weights is the memory of a model's stored tensors, by their number in
// Info.Vars. Reading is safe from several goroutines; writing is not.
type Weights struct {
	Info *Info
	Data []any // the slice of each tensor; nil, or left out at the end, for one that lives elsewhere
}

// Read copies tensor i, row-major, into dst: a slice of its Go type and size.
func (w *Weights) Read(i int, dst any) error { return w.copy(i, dst, false) }

// Write sets tensor i from src, row-major: a slice of its Go type and size.
func (w *Weights) Write(i int, src any) error { return w.copy(i, src, true) }

func (w *Weights) copy(i int, other any, write bool) error {
	if i < 0 || i >= len(w.Data) || w.Data[i] == nil {
		return failed(ErrWeights, "tensor ", i, " is not stored here")
	}
	v := &w.Info.Vars[i]
	n := elements(v.Shape)
	if have, ok := v.DType.Len(other); !ok || have != n {
		return failed(ErrShape, "tensor ", v.Name, " takes ", n, " elements of ", v.DType)
	}
	p := v.panels()
	switch mem := w.Data[i].(type) {
	case []float32:
		move(mem, other.([]float32), v.Shape, p, write)
	case []float64:
		move(mem, other.([]float64), v.Shape, p, write)
	case []uint16:
		move(mem, other.([]uint16), v.Shape, p, write)
	case []int64:
		move(mem, other.([]int64), v.Shape, p, write)
	case []int32:
		move(mem, other.([]int32), v.Shape, p, write)
	case []int16:
		move(mem, other.([]int16), v.Shape, p, write)
	case []int8:
		move(mem, other.([]int8), v.Shape, p, write)
	case []uint8:
		move(mem, other.([]uint8), v.Shape, p, write)
	case []bool:
		move(mem, other.([]bool), v.Shape, p, write)
	}
	return nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// move copies between kernel memory and row-major order.
func move[T Element](mem, row []T, shape []int, p *Panels, write bool) {
	if p == nil {
		if write {
			copy(mem, row)
		} else {
			copy(row, mem)
		}
		return
	}
	index := make([]int, len(shape))
	for r := range row {
		at := index[p.Lane] / p.Width
		for _, a := range p.Rest {
			at = at*shape[a] + index[a]
		}
		at = at*p.Width + index[p.Lane]%p.Width
		if write {
			mem[at] = row[r]
		} else {
			row[r] = mem[at]
		}
		for a := len(shape) - 1; a >= 0; a-- {
			if index[a]++; index[a] < shape[a] {
				break
			}
			index[a] = 0
		}
	}
}

// Load sets all tensors that w has from a safetensors file, which must hold each
// of them with its shape and dtype, and may hold others. A file that does not
// fit changes nothing.
func (w *Weights) Load(r io.Reader) error {
	f, err := ReadFile(r)
	if err != nil {
		return err
	}
	read := make([]any, len(w.Data))
	for i, d := range w.Data {
		if d == nil {
			continue
		}
		v := &w.Info.Vars[i]
		at := f.Find(v.Name)
		if at < 0 {
			return failed(ErrWeights, "it has no tensor ", quoted(v.Name))
		}
		if have := f.Tensor(at); have.DType != v.DType || !sameShape(have.Shape, v.Shape) {
			return failed(ErrWeights, "tensor ", quoted(v.Name), " is ", have.DType, have.Shape, ", the model has ", v.DType, v.Shape)
		}
		read[i] = v.DType.Make(elements(v.Shape))
		if err := f.Read(at, read[i]); err != nil {
			return err
		}
	}
	for i, d := range read {
		if d == nil {
			continue
		}
		if err := w.Write(i, d); err != nil {
			return err
		}
	}
	return nil
}

// averagePrefix and averageSuffix are around the names of moving averages: a
// train block with `ema` keeps optimizer/BLOCK/PARAMETER/ema.
const (
	averagePrefix = "optimizer/"
	averageSuffix = "/ema"
)

// AverageOf returns the parameter whose moving average, kept by a train block, is
// the tensor called name.
func AverageOf(name, block string) (parameter string, ok bool) {
	if name, ok = strings.CutPrefix(name, averagePrefix+block+"/"); !ok {
		return "", false
	}
	return strings.CutSuffix(name, averageSuffix)
}

// Averages lists the moving averages that a train block keeps of parameters, as
// pairs of numbers in Vars: the parameter's and its average's.
func (info *Info) Averages(block string) (pairs [][2]int) {
	for i := range info.Vars {
		name, ok := AverageOf(info.Vars[i].Name, block)
		if !ok || info.Vars[i].Kind != Optimizer {
			continue
		}
		for k := range info.Vars {
			if info.Vars[k].Name == name {
				pairs = append(pairs, [2]int{k, i})
			}
		}
	}
	return pairs
}

// CopyAverages sets parameters of dst, the weights of the same model, to the
// moving averages that a train block keeps of them.
func (w *Weights) CopyAverages(dst *Weights, block string) error {
	for _, p := range w.Info.Averages(block) {
		v := &w.Info.Vars[p[1]]
		values := v.DType.Make(elements(v.Shape))
		if err := w.Read(p[1], values); err != nil {
			return err
		}
		if err := dst.Write(p[0], values); err != nil {
			return err
		}
	}
	return nil
}

func sameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Save writes all tensors that w has as a safetensors file, row-major under
// their names.
func (w *Weights) Save(out io.Writer) error {
	var list []Stored
	for i, d := range w.Data {
		if d == nil {
			continue
		}
		v := &w.Info.Vars[i]
		data := v.DType.Make(elements(v.Shape))
		if err := w.Read(i, data); err != nil {
			return err
		}
		list = append(list, Stored{Name: v.Name, DType: v.DType, Shape: v.Shape, Data: data})
	}
	return WriteFile(out, map[string]string{"mlc.model": w.Info.Name, "mlc.hash": w.Info.Hash}, list)
}
