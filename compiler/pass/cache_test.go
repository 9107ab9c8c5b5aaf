package pass

import (
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// cached builds an entry that writes one row of a stored table at a position
// and reads the table after that; twice lets the update read the old table.
func cached(twice bool) *ir.Program {
	m := &mlp{f: ir.NewFunc("decode"), p: &ir.Program{Name: "Cache", File: "net.ml"}}
	m.b = &ir.Builder{Func: m.f}
	m.e = &ir.Entry{Name: "decode", Kind: ir.Forward, Func: m.f}
	m.p.Entries = []*ir.Entry{m.e}
	row := m.input("row", dim.Float32, dim.Const(1), dim.Const(4))
	pos := m.input("position", dim.Int32)
	old := m.read("cache", ir.Buffer, ir.Type{DType: dim.Float32, Shape: []dim.Dim{dim.Const(6), dim.Const(4)}})
	update := op.Apply(m.b, "exp", row)
	if twice {
		update = op.Apply(m.b, "add", update, op.ReshapeTo(m.b, op.Sum(m.b, old, 0), row.Type.Shape))
	}
	next := m.b.Emit1(op.UpdateSlice{Axis: 0}, old, update, pos)
	score := m.b.Emit1(op.Einsum{Spec: "mk,nk->mn"}, row, next)
	m.e.Outputs = []ir.Output{{Name: "score", Value: score}}
	m.e.Stores = []ir.Store{{Var: m.vars[old], Value: next}}
	if err := m.b.Err(); err != nil {
		panic(err)
	}
	return m.p
}

// TestCacheIsUpdatedInPlace requires that only the new row is written.
func TestCacheIsUpdatedInPlace(t *testing.T) {
	for _, twice := range []bool{false, true} {
		check(t, trial{make: func() *ir.Program { return cached(twice) }, ints: 9, scale: 1, steps: 3}, 1e-6)
	}
	l := compile(t, cached(false), Options{})
	for _, c := range loop.Calls(l.Funcs[0]) {
		for n, a := range c.Args {
			if !c.Kernel.Params[n].Write || a.Buffer.Var == nil {
				continue
			}
			if size := extent(c.Kernel.Space); !size.Is(4) {
				t.Errorf("%s writes the cache at %s points, want 4:\n%s", c.Kernel.Name, size, c.Kernel)
			}
			return
		}
	}
	t.Errorf("no kernel writes the cache:\n%s", l)
}

func extent(axes []*loop.Axis) dim.Dim {
	n := dim.Const(1)
	for _, a := range axes {
		n = n.Mul(a.Extent)
	}
	return n
}
