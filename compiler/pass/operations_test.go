package pass

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// single builds a program of one operation, with the gradients of a weighted sum
// of its results.
func single(ex op.Example) *ir.Program {
	f := ir.NewFunc("forward")
	b := &ir.Builder{Func: f}
	e := &ir.Entry{Name: "forward", Func: f}
	var args, floats []*ir.Value
	for n, t := range ex.In {
		v := f.AddParam(t, fmt.Sprintf("x%d", n))
		e.Inputs = append(e.Inputs, ir.Input{Name: v.Name, Value: v})
		args = append(args, v)
		if t.DType.IsFloat() {
			floats = append(floats, v)
		}
	}
	var loss *ir.Value
	for n, y := range b.Emit(ex.Op, args...) {
		e.Outputs = append(e.Outputs, ir.Output{Name: fmt.Sprintf("y%d", n), Value: y})
		if !y.Type.DType.IsFloat() {
			continue
		}
		axes := make([]int, len(y.Type.Shape))
		for a := range axes {
			axes[a] = a
		}
		z := op.CastTo(b, y, dim.Float32)
		term := op.Sum(b, op.Apply(b, "mul", op.Apply(b, "mul", z, z), op.Full(b, z.Type, 0.5)), axes...)
		if loss == nil {
			loss = term
		} else {
			loss = op.Apply(b, "add", loss, term)
		}
	}
	if loss != nil && len(floats) > 0 {
		for n, g := range b.Emit(op.Gradient{}, append([]*ir.Value{loss}, floats...)...) {
			e.Outputs = append(e.Outputs, ir.Output{Name: fmt.Sprintf("g%d", n), Value: g})
		}
	}
	if err := b.Err(); err != nil {
		panic(err)
	}
	return &ir.Program{Name: "Single", File: "net.ml", Entries: []*ir.Entry{e}}
}

// TestOperationsLower runs every operation and its gradient in both evaluators,
// with each pass left out once.
func TestOperationsLower(t *testing.T) {
	for n, ex := range op.Examples() {
		if ex.Op.Name() == "gradient" {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", n, ex.Op.Name()), func(t *testing.T) {
			low, high := ex.Low, ex.High
			if low == 0 && high == 0 {
				low, high = -2, 2
			}
			tr := trial{
				make:  func() *ir.Program { return single(op.Examples()[n]) },
				ints:  int64(ex.Index),
				scale: (high - low) / 2, shift: (high + low) / 2,
			}
			check(t, tr, 5e-6)
			if t.Failed() {
				t.Log(ex.Op.Name()+ir.Attributes(ex.Op), ex.In)
			}
		})
	}
}

// TestPassesKeepValues runs every operation with its gradient in the reference
// evaluator before and after each exact pass.
func TestPassesKeepValues(t *testing.T) {
	for n, ex := range op.Examples() {
		if ex.Op.Name() == "gradient" {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", n, ex.Op.Name()), func(t *testing.T) {
			before, after := single(op.Examples()[n]), single(op.Examples()[n])
			if err := errors.Join(grad(before), grad(after)); err != nil {
				t.Fatal(err)
			}
			for _, fn := range []func(*ir.Program) error{simplify, cse, dce, simplify} {
				if err := errors.Join(fn(after), ir.Verify(after)); err != nil {
					t.Fatal(err)
				}
				sameValues(t, before, after)
			}
		})
	}
}
