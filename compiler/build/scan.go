package build

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// scanning collects what the body of a scan gives.
type scanning struct{ yields []yielded }

type yielded struct {
	v  value
	at diag.Span
}

// scan emits a recurrence: the body becomes a function of its own, and what it
// reads from around it is captured.
func (e *evaluator) scan(fr *frame, s *dsl.Scan) value {
	if len(s.Vars) != len(s.In) {
		e.report(diag.ArityMismatch, s.Span(), "scan names %s and scans %s", countValues(len(s.Vars)), countValues(len(s.In)))
		return bad{}
	}
	xs, ok := e.scanInputs(fr, s)
	if !ok {
		return bad{}
	}
	axis, ok := e.scanAxis(fr, s, xs)
	if !ok {
		return bad{}
	}
	length := xs[0].Type.Shape[axis]
	for i, x := range xs {
		if !x.Type.Shape[axis].Equal(length) {
			d := e.report(diag.ShapeMismatch, s.In[i].Span(), "axis %d is %s here and %s in the first input of the scan", axis, x.Type.Shape[axis], length)
			e.origins(d, xs[0], x)
			return bad{}
		}
		if xs[i] = e.moveAxis(s.Span(), x, axis, 0); xs[i] == nil {
			return bad{}
		}
	}
	carries, ok := e.scanCarries(fr, s)
	if !ok {
		return bad{}
	}
	return e.scanBody(fr, s, xs, carries, axis, length)
}

func (e *evaluator) scanInputs(fr *frame, s *dsl.Scan) ([]*ir.Value, bool) {
	xs := make([]*ir.Value, len(s.In))
	for i, in := range s.In {
		switch v := e.single(fr, in).(type) {
		case tensor:
			xs[i] = v.v
		case bad:
			return nil, false
		default:
			e.report(diag.ArgumentKind, in.Span(), "scan runs over tensors, and this is %s", describe(v))
			return nil, false
		}
	}
	return xs, true
}

// scanAxis finds the axis that `over` means: a number, or a dimension that an
// input pattern of the unit gave exactly one axis.
func (e *evaluator) scanAxis(fr *frame, s *dsl.Scan, xs []*ir.Value) (int, bool) {
	rank := len(xs[0].Type.Shape)
	if p := s.Over.Postfix(); p != nil && p.Primary.Name != nil && len(p.Suffixes) == 0 {
		name := p.Primary.Name.Name
		if at := slices.Compact(slices.Sorted(slices.Values(fr.axes[name]))); len(at) > 0 {
			e.uses.useName(fr, name)
			if len(at) > 1 || countOf(fr.axes[name], at[0]) != len(fr.axes[name]) {
				e.report(diag.ScanAxis, s.Over.Span(), "%s is the size of several axes", name).HelpText("write the number of the axis")
				return 0, false
			}
			return e.checkScanAxis(s, at[0], xs)
		}
	}
	switch v := e.sum(fr, s.Over).(type) {
	case number:
		n, ok := v.int64()
		if n < 0 {
			n += int64(rank)
		}
		if !ok || n < 0 || n >= int64(rank) {
			e.report(diag.AxisRange, s.Over.Span(), "axis %s of a tensor with %s", v, countDims(rank))
			return 0, false
		}
		return e.checkScanAxis(s, int(n), xs)
	case dimension:
		at := -1
		for a, d := range xs[0].Type.Shape {
			if !d.Equal(v.d) {
				continue
			}
			if at >= 0 {
				e.report(diag.ScanAxis, s.Over.Span(), "%s is the size of several axes", v.d).HelpText("write the number of the axis")
				return 0, false
			}
			at = a
		}
		if at >= 0 {
			return e.checkScanAxis(s, at, xs)
		}
		e.origins(e.report(diag.ScanAxis, s.Over.Span(), "no axis has the size %s", v.d), xs[0])
	case bad:
	default:
		e.report(diag.ScanAxis, s.Over.Span(), "`over` takes an axis or a dimension, not %s", describe(v))
	}
	return 0, false
}

func countOf(list []int, x int) int {
	n := 0
	for _, y := range list {
		if y == x {
			n++
		}
	}
	return n
}

func (e *evaluator) checkScanAxis(s *dsl.Scan, axis int, xs []*ir.Value) (int, bool) {
	for i, x := range xs {
		if axis >= len(x.Type.Shape) {
			e.origins(e.report(diag.ScanAxis, s.In[i].Span(), "this has no axis %d to scan over", axis), x)
			return 0, false
		}
	}
	return axis, true
}

func (e *evaluator) scanCarries(fr *frame, s *dsl.Scan) ([]*ir.Value, bool) {
	out := make([]*ir.Value, len(s.Carries))
	for i, c := range s.Carries {
		v := e.single(fr, c.Init)
		if isBad(v) {
			return nil, false
		}
		if _, ok := v.(tensor); !ok {
			if _, ok := hostOf(v); !ok {
				e.report(diag.ArgumentKind, c.Init.Span(), "a carry starts as a tensor or number, and this is %s", describe(v))
				return nil, false
			}
		}
		if out[i] = e.tensorOf(c.Init.Span(), v, dim.Float32); out[i] == nil {
			return nil, false
		}
	}
	return out, true
}

// moveAxis moves one axis of x.
func (e *evaluator) moveAxis(at diag.Span, x *ir.Value, from, to int) *ir.Value {
	if from == to {
		return x
	}
	perm := make([]int, 0, len(x.Type.Shape))
	for a := range x.Type.Shape {
		if a != from {
			perm = append(perm, a)
		}
	}
	perm = slices.Insert(perm, to, from)
	return one(e.emit(at, op.Transpose{Perm: perm}, x))
}

// scanBody builds the body's function and emits the scan.
func (e *evaluator) scanBody(fr *frame, s *dsl.Scan, xs, carries []*ir.Value, axis int, length dim.Dim) value {
	outer := e.en.fn
	inner := newFunction("scan", outer)
	inner.b.Label, inner.b.Path, inner.b.Remat = outer.b.Label, outer.b.Path, outer.b.Remat
	f := fr.child(inScan)
	f.scan = &scanning{}
	bind := func(name *dsl.Ident, t ir.Type) {
		v := inner.b.Func.AddParam(t, name.Name)
		inner.own[v] = true
		f.setName(name.Name, tensor{v}, name.Span())
	}
	for i, x := range xs {
		bind(s.Vars[i], ir.Type{DType: x.Type.DType, Shape: x.Type.Shape[1:]})
	}
	for i, c := range carries {
		bind(s.Carries[i].Name, c.Type)
	}
	e.en.fn = inner
	e.body(f, s.Body.Stmts)
	results, yields, ok := e.scanResults(f, s, carries)
	e.en.fn = outer
	if !ok {
		return bad{}
	}
	inner.b.Func.Results = results
	args := slices.Concat(xs, carries, inner.captures)
	out := e.emit(s.Span(), op.Scan{Body: inner.b.Func, Xs: len(xs), Carries: len(carries), Length: length}, args...)
	if out == nil {
		return bad{}
	}
	t := make(tuple, len(out))
	for i, v := range out {
		if i < yields {
			if v = e.moveAxis(s.Span(), v, 0, min(axis, len(v.Type.Shape)-1)); v == nil {
				return bad{}
			}
		}
		t[i] = tensor{v}
	}
	if len(t) == 1 {
		return t[0]
	}
	return t
}

// scanResults gathers the yields, then the carries' last values.
func (e *evaluator) scanResults(f *frame, s *dsl.Scan, carries []*ir.Value) (results []*ir.Value, yields int, ok bool) {
	if len(f.scan.yields) > 1 {
		e.report(diag.YieldPlace, f.scan.yields[1].at, "a scan yields once").Also(f.scan.yields[0].at, "the first yield").HelpText("yield a tuple: yield (a, b)")
		return nil, 0, false
	}
	fn := e.en.fn
	for _, y := range f.scan.yields {
		vs := tuple{y.v}
		if t, isTuple := y.v.(tuple); isTuple {
			vs = t
		}
		for _, v := range vs {
			x := e.scanTensor(v, y.at, dim.Float32)
			if x == nil {
				return nil, 0, false
			}
			results = append(results, fn.local(x))
			yields++
		}
	}
	for i, c := range s.Carries {
		b := f.scope.here(c.Name.Name)
		x := e.scanTensor(b.v, b.at, carries[i].Type.DType)
		if x == nil {
			return nil, 0, false
		}
		if !sameType(x.Type, carries[i].Type) {
			d := e.report(diag.CarryChanges, b.at, "the carry %s starts as %s and becomes %s", c.Name.Name, op.TypeString(carries[i].Type), op.TypeString(x.Type))
			d.Also(c.Span(), "it starts here")
			return nil, 0, false
		}
		results = append(results, fn.local(x))
	}
	for _, r := range results {
		if r == nil {
			return nil, 0, false
		}
	}
	return results, yields, len(results) > 0
}

func (e *evaluator) scanTensor(v value, at diag.Span, t dim.DType) *ir.Value {
	switch v.(type) {
	case tensor, number, dimension, host:
		return e.tensorOf(at, v, t)
	case bad:
		return nil
	}
	e.report(diag.ArgumentKind, at, "a scan gives tensors, and this is %s", describe(v))
	return nil
}
