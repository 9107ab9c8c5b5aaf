package simd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// tableSize is the number of elements that one permutation of a vector reaches
// on both targets.
const tableSize = 8

// table is constant data that a vector of indices selects from.
type table struct {
	name   string
	values [2 * tableSize]uint32 // a whole vector of the wider target
}

// chain is a nest of selections between constants by rising bounds of one value:
// a < b0 ? v0 : a < b1 ? v1 : ... : vn.
type chain struct {
	conditions []*loop.Expr
	values     []uint32
}

// chainOf recognises a chain of at least three bounds.
func chainOf(e *loop.Expr) (c chain, ok bool) {
	if e.Type.Size() != 4 {
		return c, false
	}
	last := math.Inf(-1)
	for e.Op == loop.Select {
		test := e.Args[0]
		if test.Op != loop.Lt || test.Args[1].Op != loop.Const || e.Args[1].Op != loop.Const ||
			len(c.conditions) > 0 && test.Args[0] != c.conditions[0].Args[0] {
			return c, false
		}
		bound := float64(test.Args[1].Bits)
		switch test.Args[1].Type {
		case dim.Float32:
			bound = float64(math.Float32frombits(uint32(test.Args[1].Bits)))
		case dim.Uint32:
		default:
			return c, false
		}
		if bound <= last {
			return c, false
		}
		last = bound
		c.conditions = append(c.conditions, test)
		c.values = append(c.values, uint32(e.Args[1].Bits))
		e = e.Args[2]
	}
	c.values = append(c.values, uint32(e.Bits))
	return c, e.Op == loop.Const && len(c.conditions) >= 3 && len(c.values) <= tableSize
}

// lookup evaluates a chain: the number of bounds that are not above the value is
// the index into a table.
func (g *generator) lookup(c chain) operand {
	var key strings.Builder
	for _, t := range c.conditions {
		fmt.Fprintf(&key, " %d", g.id(t))
	}
	d := g.dependence(c.conditions[0])
	index := g.once(valueKey{text: "index" + key.String(), r: g.r, v: g.v}, d, func() operand {
		i := g.newReg(vec)
		g.emit(moveVector, pattern(uint32(len(c.conditions))), i.op())
		for _, t := range c.conditions {
			m := g.eval(t)
			if g.target == AVX512 {
				g.emitFlow(update, "VPADDD", pattern(math.MaxUint32), i.op(), m, i.op())
			} else { // a true lane is -1
				g.emitFlow(update, "VPADDD", m, i.op(), i.op())
			}
		}
		return i.op()
	})
	return g.unary("VPERMPS", named(g.table(c.values)+"<>(SB)"), index)
}

// table returns the name of constant data with the values.
func (g *generator) table(values []uint32) string {
	t := table{name: "table"}
	for _, v := range values {
		t.name += fmt.Sprintf("_%x", v)
	}
	copy(t.values[:], values)
	if !slices.Contains(g.tables, t) {
		g.tables = append(g.tables, t)
	}
	return t.name
}
