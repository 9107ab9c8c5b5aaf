package mlrt

import (
	"math"
	"strconv"
)

// shapeError says what a caller passed and what was wanted. It builds its text
// only when asked.
type shapeError struct {
	what       string
	have, want int
}

func (e *shapeError) Error() string {
	return e.what + " has " + strconv.Itoa(e.have) + " elements, want " + strconv.Itoa(e.want)
}

func (e *shapeError) Unwrap() error { return ErrShape }

// WrongLength is the error about a slice of the wrong length. It wraps ErrShape.
func WrongLength(what string, have, want int) error { return &shapeError{what, have, want} }

type textError struct{ text string }

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return ErrShape }

// WrongSize is the error about a size outside its range. It wraps ErrShape.
func WrongSize(name string, have int) error {
	return &textError{"size " + name + " is " + strconv.Itoa(have) + ", which is out of range"}
}

// WrongShape is an error with a text of its own, such as that of an assertion in
// the model. It wraps ErrShape.
func WrongShape(text string) error { return &textError{text} }

// BindSizes checks tensors against the declared inputs of f and stores the
// symbolic sizes that they determine: dims[i] is that of names[i]. It does not
// allocate unless it fails. Sizes that no input states by name stay as they are.
func BindSizes(f *FuncInfo, names []string, in []Tensor, dims []int) error {
	if len(in) != len(f.Inputs) {
		return &textError{f.Name + " takes " + strconv.Itoa(len(f.Inputs)) + " inputs, have " + strconv.Itoa(len(in))}
	}
	for i := range in {
		want := &f.Inputs[i]
		n, ok := want.DType.Len(in[i].Data)
		if !ok {
			return &textError{"input " + want.Name + " is " + elementsOf(in[i].Data) + ", want " + want.DType.String()}
		}
		if len(in[i].Shape) != len(want.Shape) {
			return &textError{"input " + want.Name + " has " + strconv.Itoa(len(in[i].Shape)) + " axes, want " + strconv.Itoa(len(want.Shape))}
		}
		elems := 1
		for a, d := range in[i].Shape {
			if d < 0 || d > 0 && elems > math.MaxInt/d {
				return &textError{"the shape of input " + want.Name + " does not fit its " + strconv.Itoa(n) + " elements"}
			}
			elems *= d
			if err := bindSize(want, a, d, names, dims); err != nil {
				return err
			}
		}
		if elems != n {
			return WrongLength("input "+want.Name, n, elems)
		}
	}
	return nil
}

// elementsOf names the element type of what a caller passed.
func elementsOf(data any) string {
	for d := Float32; d <= Bool; d++ {
		if _, ok := d.Len(data); ok {
			return d.String()
		}
	}
	return "no slice of elements"
}

func bindSize(want *Field, axis, have int, names []string, dims []int) error {
	d := want.Shape[axis]
	size := d.Size
	if d.Name != "" {
		size = have // an expression: the lengths are checked once all sizes are known
		for k, name := range names {
			if name != d.Name {
				continue
			}
			if dims[k] == 0 {
				dims[k] = have
			}
			size = dims[k]
		}
	}
	if have != size {
		return &textError{"input " + want.Name + " has size " + strconv.Itoa(have) + " on axis " + strconv.Itoa(axis) + ", want " + strconv.Itoa(size)}
	}
	return nil
}
