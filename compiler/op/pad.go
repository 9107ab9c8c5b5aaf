package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Pad adds Low[a] elements before and High[a] after axis a. Mode says what they
// are: "constant" (Value), "reflect" (mirrored without the edge), "replicate"
// (the edge), "circular" (from the other end).
//
//	constant: dx = the slice of dy that x became
//	others:   every element of dy is added where it was read (UnpadAxis, axis by axis)
type Pad struct {
	Low, High []dim.Dim
	Mode      string
	Value     float64
}

// Name returns "pad".
func (Pad) Name() string { return "pad" }

// Infer adds the amounts, one pair for each axis, none negative. Reflection needs
// a longer axis than the amount, the circular mode one at least as long.
func (p Pad) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if len(p.Low) != len(x.Shape) || len(p.High) != len(x.Shape) {
		return nil, errf("amounts for %d and %d axes, %s has %d", len(p.Low), len(p.High), ShapeString(x.Shape), len(x.Shape))
	}
	if !slices.Contains([]string{"constant", "reflect", "replicate", "circular"}, p.Mode) {
		return nil, errf("no padding mode %q", p.Mode)
	}
	t := ir.Type{DType: x.DType}
	for a, d := range x.Shape {
		for _, amount := range []dim.Dim{p.Low[a], p.High[a]} {
			if err := p.check(amount, d, a); err != nil {
				return nil, err
			}
		}
		t.Shape = append(t.Shape, p.Low[a].Add(d).Add(p.High[a]))
	}
	return []ir.Type{t}, nil
}

func (p Pad) check(amount, d dim.Dim, axis int) error {
	n, ok := amount.Int()
	if ok && n < 0 {
		return errf("axis %d is padded by %d", axis, n)
	}
	gap, known := d.Sub(amount).Int()
	switch {
	case !known || ok && n == 0:
	case p.Mode == "reflect" && gap < 1:
		return errf("reflecting %s elements at axis %d needs an extent above that, have %s", amount, axis, d)
	case p.Mode == "circular" && gap < 0:
		return errf("wrapping %s elements at axis %d needs at least that extent, have %s", amount, axis, d)
	case p.Mode == "replicate" && d.Is(0):
		return errf("axis %d is empty and has no edge to replicate", axis)
	}
	return nil
}

// Grad is described at the type.
func (p Pad) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	v := dy[0]
	for a, d := range i.Args[0].Type.Shape {
		switch {
		case p.Low[a].Is(0) && p.High[a].Is(0):
		case p.Mode == "constant":
			v = b.Emit1(Slice{Axis: a, Start: p.Low[a], Stop: p.Low[a].Add(d), Step: 1}, v)
		default:
			v = b.Emit1(UnpadAxis{Axis: a, Low: p.Low[a], High: p.High[a], Mode: p.Mode}, v)
		}
	}
	return []*ir.Value{v}
}

// At reads where the position falls into the operand, or where the mode sends it.
func (p Pad) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	b := c.B
	at, inside := slices.Clone(idx), b.Bool(true)
	for a, d := range c.In[0].Shape {
		if p.Low[a].Is(0) && p.High[a].Is(0) {
			continue
		}
		i := b.Sub(idx[a], b.Dim(p.Low[a]))
		n := b.Dim(d)
		switch p.Mode {
		case "constant":
			inside = b.And(inside, b.Bin(loop.Le, b.Int(0), i), b.Bin(loop.Lt, i, n))
		case "replicate":
			i = b.Bin(loop.Min, b.Bin(loop.Max, i, b.Int(0)), b.Sub(n, b.Int(1)))
		case "reflect":
			last := b.Sub(n, b.Int(1))
			i = b.Select(b.Bin(loop.Lt, i, b.Int(0)), b.Un(loop.Neg, i), i)
			i = b.Select(b.Bin(loop.Lt, last, i), b.Sub(b.Mul(last, b.Int(2)), i), i)
		case "circular":
			i = b.Select(b.Bin(loop.Lt, i, b.Int(0)), b.Add(i, n), i)
			i = b.Select(b.Bin(loop.Le, n, i), b.Sub(i, n), i)
		}
		at[a] = i
	}
	return []*loop.Expr{Guarded(b, inside, in[0](at), b.Number(c.Out[0].DType, p.Value))}
}

// sourceOf is the operand's index for index i of an axis of extent n padded by
// low; -1 for none.
func (p Pad) sourceOf(i, low, n int) int {
	i -= low
	switch p.Mode {
	case "replicate":
		return min(max(i, 0), n-1)
	case "reflect":
		if i < 0 {
			i = -i
		}
		if i >= n {
			i = 2*(n-1) - i
		}
	case "circular":
		return (i + n) % n
	}
	if i < 0 || i >= n {
		return -1
	}
	return i
}

// Eval copies every element from where it comes.
func (p Pad) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	ir.Each(out.Shape, func(idx []int) {
		at := slices.Clone(idx)
		for a := range at {
			if at[a] = p.sourceOf(idx[a], c.Size(p.Low[a]), in[0].Shape[a]); at[a] < 0 {
				out.Set(p.Value, idx...)
				return
			}
		}
		out.Set(in[0].At(at...), idx...)
	})
	return []ir.Dense{out}
}

// UnpadAxis is the adjoint of Pad along one axis, in the modes other than
// constant: every element is added to the one that the padding copied. At each
// destination the element itself comes first, then those before it, then those
// after it.
//
//	dx = pad(dy)
type UnpadAxis struct {
	Axis      int
	Low, High dim.Dim
	Mode      string
}

// Name returns "unpad_axis".
func (UnpadAxis) Name() string { return "unpad_axis" }

func (u UnpadAxis) pad(rank int) Pad {
	p := Pad{Low: make([]dim.Dim, rank), High: make([]dim.Dim, rank), Mode: u.Mode}
	p.Low[u.Axis], p.High[u.Axis] = u.Low, u.High
	return p
}

// Infer takes the amounts off again.
func (u UnpadAxis) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := axisIn(u.Axis, in[0]); err != nil {
		return nil, err
	}
	if u.Mode == "constant" {
		return nil, errf("the adjoint of constant padding is a slice")
	}
	t := ir.Type{DType: in[0].DType, Shape: slices.Clone(in[0].Shape)}
	t.Shape[u.Axis] = t.Shape[u.Axis].Sub(u.Low).Sub(u.High)
	_, err := u.pad(len(t.Shape)).Infer([]ir.Type{t})
	return []ir.Type{t}, err
}

// Grad pads the adjoint.
func (u UnpadAxis) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	return []*ir.Value{b.Emit1(u.pad(len(i.Args[0].Type.Shape)), dy[0])}
}

// Reduce sums, for the destination i, candidates in the order of the type's
// comment: the three copies of reflect and circular, or all of a replicated edge.
func (u UnpadAxis) Reduce(c *Context, in []Source, out []*loop.Expr) ReduceSpec {
	b, n := c.B, c.Out[0].Shape[u.Axis]
	i, zero := out[u.Axis], b.Number(c.Out[0].DType, 0)
	low, high, ext := b.Dim(u.Low), b.Dim(u.High), b.Dim(n)
	read := func(at *loop.Expr, conds ...*loop.Expr) *loop.Expr {
		return Guarded(b, b.And(conds...), in[0](with(out, u.Axis, at)), zero)
	}
	self := b.Add(i, low)
	spec := ReduceSpec{Order: loop.Serial, Ops: []loop.Combiner{loop.Sum}}
	if u.Mode == "replicate" {
		count := u.Low.Add(u.High).Add(dim.Const(1))
		ax := &loop.Axis{Name: "copy", Extent: count}
		spec.Axes = []*loop.Axis{ax}
		spec.Value = func(red []*loop.Expr) []*loop.Expr {
			k := red[0]
			before := b.Bin(loop.Le, k, low) // copies 1..low: the padding before
			v := read(b.Add(self, b.Sub(k, low)), b.Bin(loop.Lt, low, k), b.Bin(loop.Eq, i, b.Sub(ext, b.Int(1))))
			w := read(b.Sub(k, b.Int(1)), b.Bin(loop.Lt, b.Int(0), k), before, b.Bin(loop.Eq, i, b.Int(0)))
			v = b.Select(before, w, v)
			return []*loop.Expr{b.Select(b.Bin(loop.Eq, k, b.Int(0)), in[0](with(out, u.Axis, self)), v)}
		}
		return spec
	}
	spec.Axes = []*loop.Axis{{Name: "copy", Extent: dim.Const(3)}}
	last := b.Sub(ext, b.Int(1))
	spec.Value = func(red []*loop.Expr) []*loop.Expr {
		k := red[0]
		first, second := b.Bin(loop.Eq, k, b.Int(0)), b.Bin(loop.Eq, k, b.Int(1))
		var v, w *loop.Expr
		if u.Mode == "reflect" {
			v = read(b.Sub(low, i), b.Bin(loop.Lt, b.Int(0), i), b.Bin(loop.Le, i, low))
			w = read(b.Sub(b.Add(low, b.Mul(last, b.Int(2))), i), b.Bin(loop.Lt, i, last), b.Bin(loop.Le, b.Sub(last, i), high))
		} else {
			v = read(b.Sub(b.Add(i, low), ext), b.Bin(loop.Le, b.Sub(ext, low), i))
			w = read(b.Add(self, ext), b.Bin(loop.Lt, i, high))
		}
		return []*loop.Expr{b.Select(first, in[0](with(out, u.Axis, self)), b.Select(second, v, w))}
	}
	return spec
}

// Eval adds every element where the padding read it.
func (u UnpadAxis) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	p := u.pad(len(out.Shape))
	ir.Each(in[0].Shape, func(idx []int) {
		at := slices.Clone(idx)
		at[u.Axis] = p.sourceOf(idx[u.Axis], c.Size(u.Low), out.Shape[u.Axis])
		out.Data[out.Offset(at)] += in[0].At(idx...)
	})
	return []ir.Dense{out}
}
