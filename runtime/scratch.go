package mlrt

import (
	"reflect"
)

// Visitor is what runs visit their scratch memory with: at points to a slice of T
// Element, line is that of its tensor in the model, slot is its place in the arena
// and n its number of elements.
type Visitor interface {
	Visit(at any, line, slot int, n int64)
}

// Row is the i-th of x's parts of n elements.
func Row[T any](x []T, i, n int) []T { return x[i*n:][:n] }

// Plan finds the sizes in bytes of an arena's slots: each is as large as what it
// holds at its largest.
type Plan struct{ Sizes []int64 }

// Begin forgets the sizes.
func (p *Plan) Begin() *Plan {
	p.Sizes = p.Sizes[:0]
	return p
}

// Visit makes room for a slice.
func (p *Plan) Visit(at any, _, slot int, n int64) {
	for len(p.Sizes) <= slot {
		p.Sizes = append(p.Sizes, 0)
	}
	p.Sizes[slot] = max(p.Sizes[slot], n*int64(reflect.TypeOf(at).Elem().Elem().Size()))
}

// Visit makes the slice at points to the first elements of a slot.
func (a *Arena) Visit(at any, _, slot int, elements int64) {
	n := int(elements)
	switch p := at.(type) {
	case *[]float32:
		*p = Slice[float32](a, slot, n)
	case *[]float64:
		*p = Slice[float64](a, slot, n)
	case *[]uint16:
		*p = Slice[uint16](a, slot, n)
	case *[]int64:
		*p = Slice[int64](a, slot, n)
	case *[]int32:
		*p = Slice[int32](a, slot, n)
	case *[]int16:
		*p = Slice[int16](a, slot, n)
	case *[]int8:
		*p = Slice[int8](a, slot, n)
	case *[]uint8:
		*p = Slice[uint8](a, slot, n)
	case *[]uint32:
		*p = Slice[uint32](a, slot, n)
	case *[]bool:
		*p = Slice[bool](a, slot, n)
	default:
		panic(text("mlrt: a tensor is kept in a ", typeOf{at}))
	}
}

// Apart gives each slice memory of its own, all zero, that no other shares.
type Apart struct{}

// Visit makes the slice at points to n elements of new memory.
func (Apart) Visit(at any, _, _ int, n int64) {
	v := reflect.ValueOf(at).Elem()
	v.Set(reflect.MakeSlice(v.Type(), int(n), int(n)))
}

// Watch collects what FirstNotFinite looks at.
type Watch struct {
	Of    any            // points to the struct that has the slices
	Lines map[int]string // the stages that compute tensors, by line
	List  []Watched
}

// Weights adds the stored tensors that w holds.
func (l *Watch) Weights(w *Weights) {
	for i, d := range w.Data {
		if d != nil {
			v := &w.Info.Vars[i]
			l.List = append(l.List, Watched{Name: "the stored tensor " + v.Name, Line: v.Line, From: l.Lines[v.Line], Data: d})
		}
	}
}

// Visit adds the slice at points to.
func (l *Watch) Visit(at any, line, _ int, _ int64) {
	w := Watched{Name: l.name(at), Line: line, From: l.Lines[line]}
	switch p := at.(type) {
	case *[]float32:
		w.Data = *p
	case *[]float64:
		w.Data = *p
	default:
		return
	}
	l.List = append(l.List, w)
}

// name is that of the field at points into, with its index in an array.
func (l *Watch) name(at any) string {
	s := reflect.ValueOf(l.Of).Elem()
	offset := reflect.ValueOf(at).Pointer() - s.Addr().Pointer()
	for _, f := range reflect.VisibleFields(s.Type()) {
		if offset < f.Offset || offset >= f.Offset+f.Type.Size() {
			continue
		}
		if f.Type.Kind() == reflect.Array {
			return text(f.Name, "[", int((offset-f.Offset)/f.Type.Elem().Size()), "]")
		}
		return f.Name
	}
	return ""
}
