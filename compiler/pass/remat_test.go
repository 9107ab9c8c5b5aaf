package pass

import (
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// tower is a training step of equal blocks, each an instance of @remat when
// marked: products, a tanh and random draws.
func tower(marked bool) *ir.Program {
	m := &mlp{f: ir.NewFunc("train"), p: &ir.Program{Name: "Tower", File: "net.ml"}}
	m.b = &ir.Builder{Func: m.f}
	m.e = &ir.Entry{Name: "train", Kind: ir.Train, Func: m.f}
	m.p.Entries = []*ir.Entry{m.e}
	x := m.input("x", dim.Float32, dim.Sym("batch"), dim.Const(6))
	var params []*ir.Value
	for n := range 4 {
		w := m.param("w"+string(rune('0'+n)), 6, 6)
		params = append(params, w)
		if marked {
			m.b.Remat = n + 1
		}
		y := op.Apply(m.b, "tanh", m.b.Emit1(op.Einsum{Spec: "mk,nk->mn"}, x, w))
		noise := m.b.Emit1(op.Random{Kind: "uniform", Shape: y.Type.Shape, DType: dim.Float32, Key: "noise", Draw: n})
		y = op.Apply(m.b, "mul", op.Apply(m.b, "exp", y), noise)
		x = op.Apply(m.b, "add", x, m.b.Emit1(op.Einsum{Spec: "mk,nk->mn"}, y, w))
		m.b.Remat = 0
	}
	loss := m.mean(op.Sum(m.b, op.Apply(m.b, "mul", x, x), 1))
	m.e.Outputs = []ir.Output{{Name: "loss", Value: loss}}
	for n, g := range m.b.Emit(op.Gradient{}, append([]*ir.Value{loss}, params...)...) {
		next := op.Apply(m.b, "sub", params[n], op.Apply(m.b, "mul", g, op.Full(m.b, g.Type, 0.01)))
		m.e.Stores = append(m.e.Stores, ir.Store{Var: m.vars[params[n]], Value: next})
	}
	if err := m.b.Err(); err != nil {
		panic(err)
	}
	return m.p
}

// TestRematKeepsBitsAndSavesMemory compares a step with and without @remat.
func TestRematKeepsBitsAndSavesMemory(t *testing.T) {
	dims := map[string]int64{"batch": 64}
	trialOf := func(marked bool) trial {
		return trial{make: func() *ir.Program { return tower(marked) }, dims: map[string]int64{"batch": 5}, scale: 0.3, steps: 2}
	}
	plain := trialOf(false).exact(t, Options{Check: true})
	sameBits(t, "with @remat", trialOf(true).exact(t, Options{Check: true}), plain)
	size := func(marked bool) (bytes int64) {
		l := compile(t, tower(marked), Options{})
		for _, s := range l.Funcs[0].Slots {
			n, err := largest(s, dims)
			if err != nil {
				t.Fatal(err)
			}
			bytes += n
		}
		return bytes
	}
	if a, b := size(true), size(false); a >= b {
		t.Errorf("the arena takes %d bytes with @remat, %d without", a, b)
	}
}

func largest(s loop.Slot, dims map[string]int64) (int64, error) {
	most := int64(0)
	for _, z := range s.Sizes {
		n, err := z.Elements.Eval(dims)
		if err != nil {
			return 0, err
		}
		most = max(most, n*int64(z.DType.Size()))
	}
	return most, nil
}
