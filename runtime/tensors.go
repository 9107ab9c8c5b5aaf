package mlrt

import (
	"strconv"
	"strings"
)

// NewWeights returns the weights whose slices are at the given addresses, which
// are pointers to slices of the Go type of each tensor, in the order of info. A
// slice that is nil gets memory, all zero.
func NewWeights(info *Info, at []any) Weights {
	w := Weights{Info: info, Data: make([]any, len(at))}
	for i, p := range at {
		v := &info.Vars[i]
		w.Data[i] = v.memory(p)
		if n, ok := v.DType.Len(w.Data[i]); !ok || n != v.size() {
			panic(text("mlrt: tensor ", v.Name, " is kept in a ", typeOf{p}))
		}
	}
	return w
}

// memory returns the slice at p, made if it is nil.
func (v *VarInfo) memory(p any) any {
	switch p := p.(type) {
	case *[]float32:
		return made(p, v.size())
	case *[]float64:
		return made(p, v.size())
	case *[]uint16:
		return made(p, v.size())
	case *[]int64:
		return made(p, v.size())
	case *[]int32:
		return made(p, v.size())
	case *[]int16:
		return made(p, v.size())
	case *[]int8:
		return made(p, v.size())
	case *[]uint8:
		return made(p, v.size())
	case *[]bool:
		return made(p, v.size())
	}
	return nil
}

func made[T Element](p *[]T, n int) []T {
	if *p == nil {
		*p = make([]T, n)
	}
	return *p
}

// panels returns the order of the elements in memory, nil for row-major.
func (v *VarInfo) panels() *Panels {
	if v.Layout.Width == 0 {
		return nil
	}
	p := v.Layout
	if p.Rest == nil {
		for a := range v.Shape {
			if a != p.Lane {
				p.Rest = append(p.Rest, a)
			}
		}
	}
	return &p
}

// size is the number of elements in memory, padding included.
func (v *VarInfo) size() int {
	n := elements(v.Shape)
	if p := v.panels(); p != nil {
		lane := v.Shape[p.Lane]
		n = n / max(lane, 1) * ((lane + p.Width - 1) / p.Width * p.Width)
	}
	return n
}

// Copy sets all tensors to those of other weights of the same model.
func (w *Weights) Copy(from *Weights) {
	for i, d := range w.Data {
		switch d := d.(type) {
		case []float32:
			copy(d, from.Data[i].([]float32))
		case []float64:
			copy(d, from.Data[i].([]float64))
		case []uint16:
			copy(d, from.Data[i].([]uint16))
		case []int64:
			copy(d, from.Data[i].([]int64))
		case []int32:
			copy(d, from.Data[i].([]int32))
		case []int16:
			copy(d, from.Data[i].([]int16))
		case []int8:
			copy(d, from.Data[i].([]int8))
		case []uint8:
			copy(d, from.Data[i].([]uint8))
		case []bool:
			copy(d, from.Data[i].([]bool))
		}
	}
}

// RepeatVars describes equal layers: the variables of one, whose names have "#"
// for its number, for the layers from first to last.
func RepeatVars(first, last int, layer []VarInfo) []VarInfo {
	var list []VarInfo
	for i := first; i <= last; i++ {
		for _, v := range layer {
			v.Name = strings.Replace(v.Name, "#", strconv.Itoa(i), 1)
			list = append(list, v)
		}
	}
	return list
}

// StateVars describes what the optimizer of a train block keeps for each of some
// parameters: tensors of the parameter's shape, one for each name.
func StateVars(block string, line int, params []VarInfo, names ...string) []VarInfo {
	var list []VarInfo
	for _, p := range params {
		for _, n := range names {
			list = append(list, VarInfo{Name: "optimizer/" + block + "/" + p.Name + "/" + n, DType: p.DType, Shape: p.Shape,
				Kind: Optimizer, Line: line, Layout: p.Layout})
		}
	}
	return list
}

// Interleave lists the first elements of all lists, which are equally long, then
// the second ones, and so on.
func Interleave(lists ...[]any) []any {
	var all []any
	for i := range lists[0] {
		for _, l := range lists {
			all = append(all, l[i])
		}
	}
	return all
}
