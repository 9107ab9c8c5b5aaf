package build

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// index evaluates v[...]: an element of a list, an indexed name or label, or a
// part of a tensor.
func (e *evaluator) index(fr *frame, v value, ix []*dsl.Index, at diag.Span) value {
	if t, ok := v.(tensor); ok {
		return e.slice(fr, t.v, ix, at)
	}
	if len(ix) != 1 || ix[0].Start == nil || ix[0].Range != nil {
		if l, ok := v.(list); ok && len(ix) == 1 && ix[0].Range != nil {
			return e.sliceList(fr, l, ix[0], at)
		}
		e.report(diag.OperandKind, at, "%s takes one index", describe(v))
		return bad{}
	}
	i := e.or(fr, ix[0].Start)
	if l, ok := v.(labels); ok {
		if n, ok := i.(number); ok {
			return e.labelled(fr, l, n.String(), at)
		}
	}
	return e.element(v, i, at)
}

// element is one element of a list or indexed name.
func (e *evaluator) element(v, i value, at diag.Span) value {
	if isBad(v) || isBad(i) {
		return bad{}
	}
	n, ok := i.(number)
	k, whole := n.int64()
	if !ok || !whole {
		e.report(diag.ArgumentKind, at, "an index must be a whole number, not %s", describe(i))
		return bad{}
	}
	switch x := v.(type) {
	case list:
		if k < 0 {
			k += int64(len(x))
		}
		if k < 0 || k >= int64(len(x)) {
			e.report(diag.IndexRange, at, "index %s of a list of %d", n, len(x))
			return bad{}
		}
		return x[k]
	case *indexed:
		if y, ok := x.at[n.String()]; ok {
			return y
		}
		e.report(diag.IndexRange, at, "nothing was assigned to index %s", n)
		return bad{}
	}
	e.report(diag.OperandKind, at, "%s has no index", describe(v))
	return bad{}
}

func (e *evaluator) sliceList(fr *frame, l list, ix *dsl.Index, at diag.Span) value {
	bounds := [2]int64{0, int64(len(l))}
	for i, x := range []*dsl.Or{ix.Start, ix.Range.Stop} {
		if x == nil {
			continue
		}
		n, ok := e.or(fr, x).(number)
		k, whole := n.int64()
		if k < 0 {
			k += int64(len(l))
		}
		if !ok || !whole || k < 0 || k > int64(len(l)) {
			e.report(diag.IndexRange, at, "a bound of a list of %d", len(l))
			return bad{}
		}
		bounds[i] = k
	}
	if ix.Range.Step != nil || bounds[0] > bounds[1] {
		e.report(diag.IndexRange, at, "a slice of a list has ascending bounds and no step")
		return bad{}
	}
	return append(list{}, l[bounds[0]:bounds[1]]...)
}

// slice takes a part of a tensor, as NumPy's basic indexing does: a position
// drops its axis, and missing axes are kept whole.
func (e *evaluator) slice(fr *frame, x *ir.Value, ix []*dsl.Index, at diag.Span) value {
	rank, given, ellipsis := len(x.Type.Shape), len(ix), false
	for _, i := range ix {
		if i.Ellipsis {
			if ellipsis {
				e.report(diag.BadPattern, at, "an index may have one `...`")
				return bad{}
			}
			ellipsis = true
			given--
		}
	}
	if given > rank {
		d := e.report(diag.RankMismatch, at, "%d indices of a tensor with %s", given, countDims(rank))
		e.origins(d, x)
		return bad{}
	}
	axis := 0
	for _, i := range ix {
		switch {
		case i.Ellipsis:
			axis += rank - given
			continue
		case i.Range == nil:
			if x = e.position(fr, x, axis, i, at); x == nil {
				return bad{}
			}
			continue // the axis is gone
		}
		if x = e.sliceAxis(fr, x, axis, i, at); x == nil {
			return bad{}
		}
		axis++
	}
	return tensor{x}
}

// position takes one index of an axis and drops the axis.
func (e *evaluator) position(fr *frame, x *ir.Value, axis int, i *dsl.Index, at diag.Span) *ir.Value {
	v := e.or(fr, i.Start)
	if t, ok := v.(tensor); ok {
		if !t.v.Type.DType.IsInt() {
			e.report(diag.DTypeMismatch, i.Span(), "an index must be of an integer dtype, and this is %s", describe(v))
			return nil
		}
		return one(e.emit(at, op.Take{Axis: axis}, x, t.v))
	}
	start, ok := e.bound(v, x.Type.Shape[axis], i.Span())
	if !ok {
		return nil
	}
	extent := x.Type.Shape[axis]
	if !e.within(start.Add(dim.Const(1)), extent, at) {
		e.origins(e.report(diag.IndexRange, i.Span(), "index %s of axis %d, which has %s", show(v), axis, extent), x)
		return nil
	}
	if x = one(e.emit(at, op.Slice{Axis: axis, Start: start, Stop: start.Add(dim.Const(1)), Step: 1}, x)); x == nil {
		return nil
	}
	return e.dropAxis(at, x, axis)
}

// dropAxis removes an axis of extent one.
func (e *evaluator) dropAxis(at diag.Span, x *ir.Value, axis int) *ir.Value {
	shape := append(append([]dim.Dim{}, x.Type.Shape[:axis]...), x.Type.Shape[axis+1:]...)
	return one(e.emit(at, op.Reshape{Shape: shape}, x))
}

// bound converts an index: a negative number counts from the end.
func (e *evaluator) bound(v value, extent dim.Dim, at diag.Span) (dim.Dim, bool) {
	if n, ok := v.(number); ok {
		if k, ok := n.int64(); ok && k < 0 {
			return extent.Add(dim.Const(k)), true
		}
	}
	if d, ok := v.(dimension); ok {
		if low, ok := d.d.Neg().Min(); ok && low > 0 { // such as -time
			return extent.Add(d.d), true
		}
	}
	return e.asSize(v, at)
}

// within requires a <= b: decided now or checked on entry.
func (e *evaluator) within(a, b dim.Dim, at diag.Span) bool {
	switch v := compareDims("<=", a, b).(type) {
	case boolean:
		return bool(v)
	case host:
		e.check(v.e, a.String()+" must be at most "+b.String(), at)
	}
	return true
}

func (e *evaluator) sliceAxis(fr *frame, x *ir.Value, axis int, i *dsl.Index, at diag.Span) *ir.Value {
	extent := x.Type.Shape[axis]
	step := int64(1)
	if i.Range.Step != nil {
		n, _ := e.or(fr, i.Range.Step).(number)
		var ok bool
		if step, ok = n.int64(); !ok || step == 0 {
			e.report(diag.ArgumentRange, i.Span(), "the step of a slice is a whole number other than 0")
			return nil
		}
	}
	start, stop := dim.Const(0), extent
	for k, b := range []*dsl.Or{i.Start, i.Range.Stop} {
		if b == nil {
			continue
		}
		d, ok := e.bound(e.or(fr, b), extent, b.Span())
		if !ok {
			return nil
		}
		switch {
		case step > 0 && k == 0:
			start = d
		case step > 0:
			stop = d
		case k == 0: // runs down from start to the index after stop
			stop = d.Add(dim.Const(1))
		default:
			start = d.Add(dim.Const(1))
		}
	}
	if start.Is(0) && stop.Equal(extent) && step == 1 {
		return x
	}
	if !e.within(dim.Const(0), start, at) || !e.within(start, stop, at) || !e.within(stop, extent, at) {
		e.origins(e.report(diag.IndexRange, i.Span(), "the slice %s to %s of axis %d, which has %s", start, stop, axis, extent), x)
		return nil
	}
	return one(e.emit(at, op.Slice{Axis: axis, Start: start, Stop: stop, Step: step}, x))
}

// requireEqual requires two dimensions to be equal: decided now, or checked on
// entry.
func (e *evaluator) requireEqual(a, b dim.Dim, at diag.Span) bool {
	if a.Equal(b) {
		return true
	}
	if !mayEqual(a, b) {
		return false
	}
	e.check(scalar.New(scalar.Eq, scalar.OfDim(a), scalar.OfDim(b)), a.String()+" must equal "+b.String(), at)
	return true
}
