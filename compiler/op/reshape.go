package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Reshape gives the same elements, in row-major order, another shape of as many
// elements.
//
//	dx = reshape(dy, shape of x)
type Reshape struct{ Shape []dim.Dim }

// Name returns "reshape".
func (Reshape) Name() string { return "reshape" }

// Infer requires equal numbers of elements.
func (r Reshape) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	have, want := dim.Product(in[0].Shape), dim.Product(r.Shape)
	if !have.Equal(want) {
		return nil, errf("cannot give %s (%s elements) the shape %s (%s elements)", ShapeString(in[0].Shape), have, ShapeString(r.Shape), want)
	}
	return []ir.Type{{DType: in[0].DType, Shape: r.Shape}}, nil
}

// Grad reshapes back.
func (r Reshape) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return []*ir.Value{nil}
	}
	return []*ir.Value{ReshapeTo(b, dy[0], i.Args[0].Type.Shape)}
}

// At reads the operand where the element lies: the row-major position is taken
// apart again, over the runs of axes that the two shapes have in common.
func (r Reshape) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	from := c.In[0].Shape
	out := make([]*loop.Expr, len(from))
	for _, run := range commonRuns(from, r.Shape) {
		pos := c.B.Int(0)
		for a := run.to; a < run.toEnd; a++ {
			pos = c.B.Add(c.B.Mul(pos, c.B.Dim(r.Shape[a])), idx[a])
		}
		for a := run.fromEnd - 1; a > run.from; a-- {
			d := c.B.Dim(from[a])
			out[a] = c.B.Bin(loop.Mod, pos, d)
			pos = c.B.Bin(loop.FloorDiv, pos, d)
		}
		if run.from < run.fromEnd {
			out[run.from] = pos
		}
	}
	return []*loop.Expr{in[0](out)}
}

// run is a stretch of axes of two shapes with the same number of elements.
type run struct{ from, fromEnd, to, toEnd int }

// commonRuns splits two shapes of equally many elements into the shortest runs
// with equal products.
func commonRuns(a, b []dim.Dim) []run {
	var runs []run
	one := dim.Const(1)
	r, pa, pb := run{}, one, one
	cut := func(i, j int) {
		r.fromEnd, r.toEnd = i, j
		runs = append(runs, r)
		r, pa, pb = run{from: i, to: j}, one, one
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		if i < len(a) && (j == len(b) || len(pa.Terms()) > 0 && shorter(pa, pb) || i == r.from) {
			pa = pa.Mul(a[i])
			i++
		} else if j < len(b) {
			pb = pb.Mul(b[j])
			j++
		}
		if i > r.from && j > r.to && pa.Equal(pb) {
			cut(i, j)
		}
	}
	if len(runs) > 0 && (r.from < i || r.to < j) { // trailing axes of extent one
		last := &runs[len(runs)-1]
		last.fromEnd, last.toEnd = i, j
	} else if len(runs) == 0 {
		runs = append(runs, run{0, len(a), 0, len(b)})
	}
	return runs
}

// shorter reports whether a run with product p should grow before one with q.
func shorter(p, q dim.Dim) bool {
	if d, ok := q.Div(p); ok {
		return !d.Is(1)
	}
	if n, ok := p.Int(); ok {
		if m, ok := q.Int(); ok {
			return n < m
		}
	}
	return false
}

// Eval copies the elements.
func (r Reshape) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	copy(out.Data, in[0].Data)
	return []ir.Dense{out}
}

// ReshapeTo emits a reshape unless x has the shape already.
func ReshapeTo(b *ir.Builder, x *ir.Value, shape []dim.Dim) *ir.Value {
	if dim.EqualShapes(x.Type.Shape, shape) {
		return x
	}
	return b.Emit1(Reshape{slices.Clone(shape)}, x)
}

// Unsqueeze emits x with an axis of extent one inserted before each of axes,
// which are positions in the result, ascending.
func Unsqueeze(b *ir.Builder, x *ir.Value, axes ...int) *ir.Value {
	shape := slices.Clone(x.Type.Shape)
	for _, a := range axes {
		shape = slices.Insert(shape, a, dim.Const(1))
	}
	return ReshapeTo(b, x, shape)
}
