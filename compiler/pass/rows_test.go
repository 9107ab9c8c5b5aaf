package pass

import (
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// program makes a forward entry over inputs of the given types. The first
// result of fn, when it is a float, is also differentiated: the gradient of the
// sum of its squares with respect to every float input is an output.
func program(in []ir.Type, fn func(b *ir.Builder, x []*ir.Value) []*ir.Value, differentiate bool) *ir.Program {
	f := ir.NewFunc("forward")
	b := &ir.Builder{Func: f}
	e := &ir.Entry{Name: "forward", Kind: ir.Forward, Func: f}
	names := []string{"x", "y", "z", "u"}
	var args, floats []*ir.Value
	for i, t := range in {
		v := f.AddParam(t, names[i])
		e.Inputs = append(e.Inputs, ir.Input{Name: names[i], Value: v})
		args = append(args, v)
		if t.DType.IsFloat() {
			floats = append(floats, v)
		}
	}
	out := fn(b, args)
	if differentiate {
		y := out[0]
		axes := make([]int, len(y.Type.Shape))
		for a := range axes {
			axes[a] = a
		}
		loss := op.Sum(b, op.Apply(b, "mul", y, y), axes...)
		out = append(out, b.Emit(op.Gradient{}, append([]*ir.Value{loss}, floats...)...)...)
	}
	for i, v := range out {
		e.Outputs = append(e.Outputs, ir.Output{Name: "o" + string(rune('0'+i)), Value: v})
	}
	if err := b.Err(); err != nil {
		panic(err)
	}
	return &ir.Program{Name: "P", File: "p.ml", Entries: []*ir.Entry{e}}
}

func f32(shape ...any) ir.Type { return typed(dim.Float32, shape...) }

func typed(t dim.DType, shape ...any) ir.Type {
	out := ir.Type{DType: t}
	for _, d := range shape {
		switch d := d.(type) {
		case int:
			out.Shape = append(out.Shape, dim.Const(int64(d)))
		case string:
			out.Shape = append(out.Shape, dim.Sym(d))
		}
	}
	return out
}

type values = []*ir.Value

// TestSoftmaxAndNorm runs chains that fuse into kernels of rows.
func TestSoftmaxAndNorm(t *testing.T) {
	softmax := func(b *ir.Builder, x *ir.Value) *ir.Value {
		last := len(x.Type.Shape) - 1
		keep := append([]dim.Dim(nil), x.Type.Shape...)
		keep[last] = dim.Const(1)
		up := func(v *ir.Value) *ir.Value { return op.BroadcastTo(b, op.ReshapeTo(b, v, keep), x.Type.Shape) }
		top := b.Emit1(op.StopGradient{}, b.Emit1(op.Reduce{Op: "max", Axes: []int{last}}, x))
		e := op.Apply(b, "exp", op.Apply(b, "sub", x, up(top)))
		return op.Apply(b, "div", e, up(op.Sum(b, e, last)))
	}
	norm := func(b *ir.Builder, x *ir.Value, axes ...int) *ir.Value {
		keep := append([]dim.Dim(nil), x.Type.Shape...)
		size := dim.Const(1)
		for _, a := range axes {
			size = size.Mul(keep[a])
			keep[a] = dim.Const(1)
		}
		n := b.Emit1(op.HostScalar{Expr: scalar.OfDim(size), DType: dim.Float32})
		mean := func(v *ir.Value) *ir.Value {
			s := op.Sum(b, v, axes...)
			return op.BroadcastTo(b, op.ReshapeTo(b, op.Apply(b, "div", s, op.BroadcastTo(b, n, s.Type.Shape)), keep), x.Type.Shape)
		}
		c := op.Apply(b, "sub", x, mean(x))
		v := mean(op.Apply(b, "mul", c, c))
		return op.Apply(b, "mul", c, op.Apply(b, "rsqrt", op.Apply(b, "add", v, op.Full(b, v.Type, 1e-5))))
	}
	tests := map[string]func(b *ir.Builder, x values) values{
		"softmax":    func(b *ir.Builder, x values) values { return values{softmax(b, x[0])} },
		"layer norm": func(b *ir.Builder, x values) values { return values{norm(b, x[0], 2)} },
		"batch norm": func(b *ir.Builder, x values) values { return values{norm(b, x[0], 0, 2)} },
		"attention": func(b *ir.Builder, x values) values {
			s := softmax(b, b.Emit1(op.Einsum{Spec: "bik,bjk->bij"}, x[0], x[0]))
			return values{norm(b, op.Apply(b, "add", x[0], b.Emit1(op.Einsum{Spec: "bij,bjk->bik"}, s, x[0])), 2)}
		},
	}
	for _, name := range []string{"softmax", "layer norm", "batch norm", "attention"} {
		t.Run(name, func(t *testing.T) {
			tr := trial{make: func() *ir.Program { return program([]ir.Type{f32("n", 4, 37)}, tests[name], true) }, dims: map[string]int64{"n": 3}, scale: 1}
			check(t, tr, 2e-5)
		})
	}
}
