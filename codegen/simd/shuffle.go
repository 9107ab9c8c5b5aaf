package simd

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// shuffled reads elements whose distances are known when code is generated, every
// other one of a row say, with whole vectors and one permutation, where that takes
// at most two vectors. It touches nothing but what lies between the first and the
// last element.
func (g *generator) shuffled(param *loop.Param, p place) (v operand, ok bool) {
	offsets, ok := g.laneOffsets(p)
	if !ok || param.DType.Size() != 4 {
		return v, false
	}
	w := int64(g.target.lanes())
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for _, o := range offsets {
		low, high = min(low, o), max(high, o)
	}
	span := high - low + 1
	if span > 2*w {
		return v, false
	}
	p.lane, p.gather = dim.Dim{}, nil
	p.disp += low
	from := g.address(param, p, 4)
	if span <= w {
		var m operand
		if span < w {
			m = g.laneMask(imm(span), 0)
		}
		index := make([]uint32, w)
		for j, o := range offsets {
			index[j] = uint32(o - low)
		}
		return g.unary("VPERMPS", g.loadVector(dim.Float32, from, m), g.indices(index)), true
	}
	first := g.loadVector(dim.Float32, from, operand{})
	from.disp += 4 * (span - w)
	return g.mixed(offsets, low, span, first, g.loadVector(dim.Float32, from, operand{})), true
}

// mixed picks elements from the first and the last vector of a span.
func (g *generator) mixed(offsets []int64, low, span int64, first, last operand) operand {
	w := int64(g.target.lanes())
	index, upper := make([]uint32, w), uint32(0)
	for j, o := range offsets {
		if at := o - low; at < w {
			index[j] = uint32(at)
		} else {
			index[j] = uint32(at - (span - w))
			upper |= 1 << j
		}
	}
	if g.target == AVX2 {
		i := g.indices(index)
		return g.unary("VBLENDPS", imm(int64(upper)), g.unary("VPERMPS", last, i), g.unary("VPERMPS", first, i))
	}
	for j := range offsets {
		if upper>>j&1 != 0 {
			index[j] += uint32(w)
		}
	}
	d := g.newReg(vec)
	g.emit(moveVector, g.indices(index), d.op())
	g.emitFlow(update, "VPERMI2PS", last, first, d.op())
	return d.op()
}

// indices is a constant vector.
func (g *generator) indices(values []uint32) operand {
	name := g.table(values)
	return g.once(valueKey{text: name}, dependence{}, func() operand {
		d := g.newReg(vec)
		g.emit("VMOVUPS", named(name+"<>(SB)"), d.op())
		return d.op()
	})
}

// laneOffsets returns the elements' distances from a place for the lanes of the
// present vector that are in use, where all of them are known.
func (g *generator) laneOffsets(p place) (offsets []int64, ok bool) {
	n := int64(g.target.lanes())
	if m := g.tail(p); m.kind != 0 {
		if n, ok = g.maskLanes[m.reg]; !ok || n <= 0 {
			return nil, false
		}
	}
	step, ok := p.lane.Int()
	if !ok {
		return nil, false
	}
	for j := range n {
		o := step * j
		for _, t := range p.gather {
			c, known := t.coef.Int()
			x, fixed := g.laneConstant(t.atom, j)
			if !known || !fixed {
				return nil, false
			}
			o += c * x
		}
		offsets = append(offsets, o)
	}
	return offsets, true
}

// laneConstant is the value of an integer in lane j of the present vector, where
// the lane axis starts at a known place and nothing else is in it.
func (g *generator) laneConstant(e *loop.Expr, j int64) (v int64, ok bool) {
	switch e.Op {
	case loop.Const:
		return int64(e.Bits), true
	case loop.AxisVar:
		b := g.axisBinding(e.Axis)
		if b == nil {
			return 0, true
		}
		if b.loop != nil || b.reg != 0 || b.row || b.inner {
			return 0, false
		}
		if b.lane {
			j += int64(g.v * g.target.lanes())
		} else {
			j = 0
		}
		return b.off + j, true
	case loop.Add, loop.Sub, loop.Mul, loop.FloorDiv, loop.Mod:
	default:
		return 0, false
	}
	x, okX := g.laneConstant(e.Args[0], j)
	y, okY := g.laneConstant(e.Args[1], j)
	if !okX || !okY || y <= 0 && (e.Op == loop.FloorDiv || e.Op == loop.Mod) {
		return 0, false
	}
	switch e.Op {
	case loop.Add:
		return x + y, true
	case loop.Sub:
		return x - y, true
	case loop.Mul:
		return x * y, true
	case loop.FloorDiv:
		return floorDiv(x, y), true
	}
	return x - y*floorDiv(x, y), true
}

// floorDiv rounds down; y is positive.
func floorDiv(x, y int64) int64 {
	q := x / y
	if x%y < 0 {
		q--
	}
	return q
}
