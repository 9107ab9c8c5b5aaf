package op

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
)

// scanBody builds a body over parameters of the given types.
func scanBody(types []ir.Type, build func(b *ir.Builder, p []*ir.Value) []*ir.Value) *ir.Func {
	f := ir.NewFunc("body")
	var params []*ir.Value
	for _, t := range types {
		params = append(params, f.AddParam(t, ""))
	}
	f.Results = build(&ir.Builder{Func: f}, params)
	return f
}

// scanExamples have bodies that take every way of the gradient.
func scanExamples() []Example {
	four, vec, seq := dim.Const(4), floats(3), floats(4, 3)
	inner := func() *ir.Func {
		return scanBody([]ir.Type{floats(), floats(), vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
			next := Apply(b, "sin", Apply(b, "add", Apply(b, "mul", p[0], p[1]), Sum(b, p[2], 0)))
			return []*ir.Value{Apply(b, "mul", next, next), next}
		})
	}
	return []Example{
		{ // elementwise share of a captured tensor
			Op: Scan{Xs: 1, Carries: 1, Length: four, Body: scanBody([]ir.Type{vec, vec, vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
				next := Apply(b, "add", Apply(b, "mul", p[1], p[2]), p[0])
				return []*ir.Value{next, next}
			})},
			In: []ir.Type{seq, vec, vec},
		},
		{ // integer carry
			Op: Scan{Carries: 2, Length: four, Body: scanBody([]ir.Type{ints(), vec, vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
				count := Apply(b, "add", p[0], Full(b, p[0].Type, 1))
				scale := BroadcastTo(b, CastTo(b, p[0], dim.Float32), p[1].Type.Shape)
				return []*ir.Value{scale, count, Apply(b, "tanh", Apply(b, "add", Apply(b, "mul", p[1], scale), p[2]))}
			})},
			In: []ir.Type{ints(), vec, vec}, Index: 3,
		},
		{ // random draws
			Op: Scan{Xs: 1, Carries: 1, Length: four, Reverse: true, Body: scanBody([]ir.Type{vec, vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
				u := b.Emit1(Random{Kind: "uniform", Shape: p[0].Type.Shape, DType: dim.Float32, Key: "drop"})
				return []*ir.Value{p[1], Apply(b, "mul", Apply(b, "add", Apply(b, "exp", p[1]), p[0]), u)}
			})},
			In: []ir.Type{seq, vec}, Low: -1, High: 0.5,
		},
		{ // carry that is yielded and untouched sequence
			Op: Scan{Xs: 2, Carries: 1, Length: four, Body: scanBody([]ir.Type{vec, vec, vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
				return []*ir.Value{p[2], p[0], Apply(b, "mul", p[2], p[0])}
			})},
			In: []ir.Type{seq, seq, vec},
		},
		{ // captured operand of a contraction of captured tensors
			Op: Scan{Xs: 1, Carries: 0, Length: four, Body: scanBody([]ir.Type{vec, vec, vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
				dot := b.Emit1(Einsum{Spec: "i,i->"}, p[1], p[2])
				return []*ir.Value{Apply(b, "mul", p[0], BroadcastTo(b, dot, p[0].Type.Shape))}
			})},
			In: []ir.Type{seq, vec, vec},
		},
		{ // scan inside a scan
			Op: Scan{Xs: 1, Carries: 1, Length: four, Body: scanBody([]ir.Type{vec, floats(), vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
				out := b.Emit(Scan{Xs: 1, Carries: 1, Length: dim.Const(3), Body: inner()}, p[0], p[1], p[2])
				return out
			})},
			In: []ir.Type{seq, floats(), vec},
		},
		{ // no steps
			Op: Scan{Xs: 1, Carries: 1, Body: scanBody([]ir.Type{vec, vec, vec}, func(b *ir.Builder, p []*ir.Value) []*ir.Value {
				return []*ir.Value{p[1], Apply(b, "mul", p[1], p[2])}
			})},
			In: []ir.Type{floats(0, 3), vec, vec},
		},
	}
}
