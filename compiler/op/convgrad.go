package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// ConvInputGrad is the adjoint of Conv by its input: from dy [N, O, out...] and w
// it gives the shape [N, C, Size...]. Used forward it is the transposed
// convolution. The sum runs over the taps, row-major, and the output channels of
// the group last.
//
//	ddy = conv(dx', w), dw = conv_weight_grad(dx', dy)
type ConvInputGrad struct {
	Stride, Low, High, Dilation []int
	Groups                      int
	Size                        []dim.Dim
}

// Name returns "conv_input_grad".
func (ConvInputGrad) Name() string { return "conv_input_grad" }

func (v ConvInputGrad) conv() Conv { return Conv{v.Stride, v.Low, v.High, v.Dilation, v.Groups} }

// Infer requires that a convolution of the result gives dy's shape.
func (v ConvInputGrad) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	dy, w := in[0], in[1]
	if err := v.conv().operands(dy, w, "input", "weight"); err != nil {
		return nil, err
	}
	if len(v.Size) != len(dy.Shape)-2 {
		return nil, errf("%d sizes for %d spatial axes", len(v.Size), len(dy.Shape)-2)
	}
	channels := w.Shape[1].Mul(dim.Const(int64(v.Groups)))
	t := ir.Type{DType: dy.DType, Shape: append([]dim.Dim{dy.Shape[0], channels}, v.Size...)}
	back, err := v.conv().Infer([]ir.Type{t, w})
	if err != nil {
		return nil, err
	}
	if !dim.EqualShapes(back[0].Shape, dy.Shape) {
		return nil, errf("a convolution of %s with %s gives %s, have %s", ShapeString(t.Shape), ShapeString(w.Shape), ShapeString(back[0].Shape), ShapeString(dy.Shape))
	}
	return []ir.Type{t}, nil
}

// Grad is described at the type.
func (v ConvInputGrad) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	if dy[0] == nil {
		return make([]*ir.Value, 2)
	}
	y, w := i.Args[0], i.Args[1]
	kernel, _ := constInts(w.Type.Shape[2:])
	return []*ir.Value{
		b.Emit1(v.conv(), dy[0], w),
		b.Emit1(ConvWeightGrad{v.Stride, v.Low, v.High, v.Dilation, v.Groups, kernel}, dy[0], y),
	}
}

// Contract sums over the taps that meet an output, then the group's output
// channels. With a stride s every s-th tap does.
func (v ConvInputGrad) Contract(c *Context, in []Source, out []*loop.Expr) ContractSpec {
	b, dy, w := c.B, c.In[0].Shape, c.In[1].Shape
	kernel, _ := constInts(w[2:])
	win, rank := v.conv().window(kernel), len(kernel)
	per, _ := w[0].Div(dim.Const(int64(v.Groups)))
	taps := make([]dim.Dim, rank)
	for a := range rank {
		taps[a] = dim.Const(int64(win.phases(a)))
	}
	ax, _ := axes(b, append(slices.Clone(tapNames[:rank]), "o"), append(taps, per))
	g := b.Bin(loop.FloorDiv, out[1], b.Dim(w[1]))
	inGroup := b.Bin(loop.Mod, out[1], b.Dim(w[1]))
	channel := func(k []*loop.Expr) *loop.Expr { return b.Add(b.Mul(g, b.Dim(per)), k[rank]) }
	return ContractSpec{
		Axes: ax,
		A: func(k []*loop.Expr) *loop.Expr {
			at, inside := []*loop.Expr{out[0], channel(k)}, b.Bool(true)
			for a := range rank {
				p, _, ok := win.phaseAt(b, a, out[2+a], k[a], dy[2+a])
				at, inside = append(at, p), b.And(inside, ok)
			}
			return Guarded(b, inside, in[0](at), b.Number(c.In[0].DType, 0))
		},
		B: func(k []*loop.Expr) *loop.Expr {
			at := []*loop.Expr{channel(k), inGroup}
			for a := range rank {
				_, tap, _ := win.phaseAt(b, a, out[2+a], k[a], dy[2+a])
				at = append(at, tap)
			}
			return in[1](at)
		},
	}
}

// Eval spreads every product of the convolution back.
func (v ConvInputGrad) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	v.conv().convEach(out.Shape, in[1].Shape, in[0].Shape, func(x, w, y []int) {
		out.Data[out.Offset(x)] += in[0].At(y...) * in[1].At(w...)
	})
	return []ir.Dense{out}
}

// ConvWeightGrad is the adjoint of Conv by its weight: from x and dy it gives the
// shape [O, C/Groups, Kernel...]. The sum runs over the batch and the output
// positions, row-major.
//
//	dx = conv_input_grad(dy, dw'), ddy = conv(x, dw')
type ConvWeightGrad struct {
	Stride, Low, High, Dilation []int
	Groups                      int
	Kernel                      []int
}

// Name returns "conv_weight_grad".
func (ConvWeightGrad) Name() string { return "conv_weight_grad" }

func (v ConvWeightGrad) conv() Conv { return Conv{v.Stride, v.Low, v.High, v.Dilation, v.Groups} }

// Infer requires that a convolution of x with the result gives dy's shape.
func (v ConvWeightGrad) Infer(in []ir.Type) ([]ir.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	x, dy := in[0], in[1]
	if err := v.conv().operands(x, dy, "input", "adjoint"); err != nil {
		return nil, err
	}
	per, ok := x.Shape[1].Div(dim.Const(int64(v.Groups)))
	if !ok {
		return nil, errf("%s input channels do not divide into %d groups", x.Shape[1], v.Groups)
	}
	t := ir.Type{DType: x.DType, Shape: append([]dim.Dim{dy.Shape[1], per}, constDims(v.Kernel)...)}
	back, err := v.conv().Infer([]ir.Type{x, t})
	if err != nil {
		return nil, err
	}
	if !dim.EqualShapes(back[0].Shape, dy.Shape) {
		return nil, errf("a convolution of %s with %s gives %s, have %s", ShapeString(x.Shape), ShapeString(t.Shape), ShapeString(back[0].Shape), ShapeString(dy.Shape))
	}
	return []ir.Type{t}, nil
}

// Grad is described at the type.
func (v ConvWeightGrad) Grad(b *ir.Builder, i *ir.Instr, dw []*ir.Value) []*ir.Value {
	if dw[0] == nil {
		return make([]*ir.Value, 2)
	}
	x, dy := i.Args[0], i.Args[1]
	return []*ir.Value{
		b.Emit1(ConvInputGrad{v.Stride, v.Low, v.High, v.Dilation, v.Groups, x.Type.Shape[2:]}, dy, dw[0]),
		b.Emit1(v.conv(), x, dw[0]),
	}
}

// Contract sums over the batch, then the output positions.
func (v ConvWeightGrad) Contract(c *Context, in []Source, out []*loop.Expr) ContractSpec {
	b, x, dy, w := c.B, c.In[0].Shape, c.In[1].Shape, c.Out[0].Shape
	rank := len(v.Kernel)
	win := v.conv().window(v.Kernel)
	ax, _ := axes(b, append([]string{"n"}, []string{"o0", "o1", "o2"}[:rank]...), append([]dim.Dim{x[0]}, dy[2:]...))
	g := v.conv().group(b, out[0], w[0])
	return ContractSpec{
		Axes: ax,
		A: func(k []*loop.Expr) *loop.Expr {
			at := []*loop.Expr{k[0], b.Add(b.Mul(g, b.Dim(w[1])), out[1])}
			inside := b.Bool(true)
			for a := range rank {
				p, ok := win.inputAt(b, a, k[1+a], out[2+a], x[2+a])
				at, inside = append(at, p), b.And(inside, ok)
			}
			return Guarded(b, inside, in[0](at), b.Number(c.In[0].DType, 0))
		},
		B: func(k []*loop.Expr) *loop.Expr {
			return in[1](slices.Concat([]*loop.Expr{k[0], out[0]}, k[1:]))
		},
	}
}

// Eval adds every product of the convolution to its weight.
func (v ConvWeightGrad) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	out := c.Result(0)
	v.conv().convEach(in[0].Shape, out.Shape, in[1].Shape, func(x, w, y []int) {
		out.Data[out.Offset(w)] += in[0].At(x...) * in[1].At(y...)
	})
	return []ir.Dense{out}
}
