package simd

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// refusal is the panic value that ends the lowering of a kernel that is not
// covered; Lower recovers it and plain Go is used.
type refusal struct{ reason string }

func refuse(reason string) { panic(refusal{reason}) }

// integer returns a register with the value of e, which is the same in all lanes.
func (g *generator) integer(e *loop.Expr) operand {
	d := g.dependence(e)
	return g.once(valueKey{e: e, text: "integer", r: g.r, v: g.v}, d, func() operand {
		return g.inRegister(g.computeInteger(e))
	})
}

// inScalars reports whether general registers compute e, at least from its
// operands on.
func inScalars(e *loop.Expr) bool {
	switch e.Op {
	case loop.Load:
		return e.Guard == nil && e.Type.IsInt() && e.Type != dim.Uint32
	case loop.Cast:
		return e.Type == dim.Int64 && e.Args[0].Op == loop.Load && inScalars(e.Args[0])
	case loop.Const, loop.DimVar, loop.Counter, loop.AxisVar, loop.Add, loop.Sub, loop.Mul, loop.FloorDiv, loop.Mod, loop.Min, loop.Max:
		return e.Type == dim.Int64
	}
	return false
}

func (g *generator) computeInteger(e *loop.Expr) operand {
	if !inScalars(e) { // lanes that are all the same
		r := g.newReg(gp)
		g.emit("VMOVD", g.vecReg(g.eval(e)).reg.x(), r.op())
		g.emit("MOVLQSX", r.op(), r.op())
		return r.op()
	}
	switch e.Op {
	case loop.Const:
		return imm(int64(e.Bits))
	case loop.DimVar:
		return g.dimension(e.Dim)
	case loop.Counter:
		return g.argument("c " + e.Name)
	case loop.AxisVar:
		if b := g.axisBinding(e.Axis); b != nil {
			return g.axisValue(*b, 0)
		}
		return imm(0)
	case loop.Load:
		return g.integerLoad(e)
	case loop.Cast:
		return g.integer(e.Args[0])
	}
	return g.integerArithmetic(e)
}

func (g *generator) integerLoad(e *loop.Expr) operand {
	op, ok := map[dim.DType]string{dim.Int32: "MOVLQSX", dim.Int64: "MOVQ", dim.Uint8: "MOVBQZX", dim.Bool: "MOVBQZX",
		dim.Int8: "MOVBQSX", dim.Int16: "MOVWQSX"}[e.Param.DType]
	if !ok {
		refuse("an index is read from " + e.Param.DType.String())
	}
	p := g.split(g.position(e.Param, e.Index))
	r := g.newReg(gp)
	g.emit(op, g.address(e.Param, p, int64(e.Param.DType.Size())), r.op())
	return r.op()
}

func (g *generator) integerArithmetic(e *loop.Expr) operand {
	switch e.Op {
	case loop.Add, loop.Sub, loop.Mul:
		if l := linearOf(e); len(l.terms) != 1 || l.terms[0].atom != e {
			p := g.split(l)
			if len(p.scalars) == 0 && p.rest.Is(0) && p.row == 0 {
				return imm(p.disp)
			}
			return g.lea(g.address(nil, p, 1))
		}
		r := g.newReg(gp)
		x, y := g.integer(e.Args[0]), g.integer(e.Args[1])
		g.emit("MOVQ", x, r.op())
		g.emitFlow(update, map[loop.Op]string{loop.Add: "ADDQ", loop.Sub: "SUBQ", loop.Mul: "IMULQ"}[e.Op], y, r.op())
		return r.op()
	case loop.FloorDiv, loop.Mod:
		q, r := g.newReg(gp), g.newReg(gp)
		if n, ok := constIndex(e.Args[1]); ok && n > 0 && n&(n-1) == 0 {
			g.emit("MOVQ", g.integer(e.Args[0]), q.op())
			if e.Op == loop.Mod {
				g.emitFlow(update, "ANDQ", imm(n-1), q.op())
			} else {
				g.emitFlow(update, "SARQ", imm(log2(n)), q.op())
			}
			return q.op()
		}
		x, y := g.integer(e.Args[0]), g.integer(e.Args[1])
		g.emitFlow(divide, "FLOOR", x, y, q.op(), r.op())
		if e.Op == loop.Mod {
			return r.op()
		}
		return q.op()
	default: // Min and Max
		r := g.newReg(gp)
		x, y := g.integer(e.Args[0]), g.integer(e.Args[1])
		g.emit("MOVQ", x, r.op())
		g.emitFlow(effect, "CMPQ", y, x)
		g.emitFlow(update, map[loop.Op]string{loop.Min: "CMOVQLT", loop.Max: "CMOVQGT"}[e.Op], y, r.op())
		return r.op()
	}
}

// laneInteger returns an int64 expression as 32-bit integers in lanes. Sizes of
// tensors are below 2^31 elements wherever a kernel computes positions in lanes.
func (g *generator) laneInteger(e *loop.Expr) operand {
	p := g.split(linearOf(e))
	sum := g.laneSum(p)
	for _, t := range p.gather {
		n, ok := t.coef.Int()
		x := g.vecReg(g.laneAtom(t.atom))
		if !ok {
			sum = g.bin("VPADDD", sum, g.bin("VPMULLD", x, g.broadcastInteger(g.inRegister(g.dimension(t.coef)))))
			continue
		}
		if n != 1 {
			x = g.bin("VPMULLD", x, pattern(uint32(n)))
		}
		sum = g.bin("VPADDD", sum, x)
	}
	return sum
}

// laneSum is the part of a place that is affine in the lane.
func (g *generator) laneSum(p place) operand {
	var base operand
	if len(p.scalars) == 0 && p.rest.Is(0) && p.row == 0 {
		base = pattern(uint32(p.disp))
	} else {
		base = g.broadcastInteger(g.lea(g.address(nil, p, 1)))
	}
	if p.lane.Is(0) {
		return g.vecReg(base)
	}
	return g.bin("VPADDD", g.laneSteps(p.lane), base)
}

// lea is the value of an address; one that is a register is that.
func (g *generator) lea(o operand) operand {
	if o.index == 0 && o.disp == 0 {
		return o.base.op()
	}
	r := g.newReg(gp)
	g.emit("LEAQ", o, r.op())
	return r.op()
}

// laneSteps is the lane's number times a coefficient.
func (g *generator) laneSteps(coef dim.Dim) operand {
	return g.once(valueKey{text: "lanes*" + coef.String()}, dependence{}, func() operand {
		r := g.newReg(vec)
		g.emit("VMOVUPS", operand{kind: memOperand, name: "lanes<>(SB)"}, r.op())
		if n, ok := coef.Int(); !ok {
			return g.bin("VPMULLD", r.op(), g.broadcastInteger(g.inRegister(g.dimension(coef))))
		} else if n != 1 {
			return g.bin("VPMULLD", r.op(), pattern(uint32(n)))
		}
		return r.op()
	})
}

func (g *generator) broadcastInteger(r operand) operand {
	d := g.newReg(vec)
	if g.target == AVX512 {
		g.emit("VPBROADCASTD", r, d.op())
		return d.op()
	}
	g.emit("VMOVD", r, d.x())
	e := g.newReg(vec)
	g.emit("VPBROADCASTD", d.x(), e.op())
	return e.op()
}

// laneAtom computes an integer that differs from lane to lane and is no sum.
func (g *generator) laneAtom(e *loop.Expr) operand {
	switch e.Op {
	case loop.Load, loop.Cast, loop.Select:
		return g.eval(e)
	case loop.Mul:
		return g.bin("VPMULLD", g.laneInteger(e.Args[0]), g.laneInteger(e.Args[1]))
	case loop.Min, loop.Max:
		op := map[loop.Op]string{loop.Min: "VPMINSD", loop.Max: "VPMAXSD"}[e.Op]
		return g.bin(op, g.laneInteger(e.Args[0]), g.laneInteger(e.Args[1]))
	case loop.FloorDiv, loop.Mod:
		if n, ok := constIndex(e.Args[1]); ok && n > 0 && n < 1<<20 {
			return g.laneDivide(g.laneInteger(e.Args[0]), n, e.Op == loop.Mod)
		}
		if !g.dependence(e.Args[1]).lane {
			return g.laneDivideBy(g.laneInteger(e.Args[0]), g.integer(e.Args[1]), e.Op == loop.Mod)
		}
	}
	refuse("an index that differs from lane to lane is computed in a way that lanes do not cover")
	return operand{}
}

// laneDivide is floor(x / n) or x mod n for -2^30 <= x < 2^30: x is made
// positive by a multiple of n, then multiplied by 2^k / n rounded up.
func (g *generator) laneDivide(x operand, n int64, mod bool) operand {
	if n == 1 {
		if mod {
			return pattern(0)
		}
		return x
	}
	if n&(n-1) == 0 {
		d := g.newReg(vec)
		if mod {
			return g.logic("AND", g.vecReg(x), pattern(uint32(n-1)))
		}
		g.emit("VPSRAD", imm(log2(n)), g.vecReg(x), d.op())
		return d.op()
	}
	// 2^31 <= 2^(31+l)/n < 2^32, and the error stays below 1/n for x < 2^31.
	l := log2(n)
	magic := uint32((uint64(1)<<(31+l) + uint64(n) - 1) / uint64(n))
	shift := uint32((1<<30+n-1)/n) * uint32(n) // a multiple of n of at least 2^30
	up := g.bin("VPADDD", g.vecReg(x), pattern(shift))
	high := g.mulHi(up, pattern(magic))
	q := g.newReg(vec)
	g.emit("VPSRLD", imm(l-1), high, q.op())
	if !mod {
		return g.bin("VPSUBD", q.op(), pattern(shift/uint32(n)))
	}
	return g.bin("VPSUBD", up, g.bin("VPMULLD", q.op(), pattern(uint32(n))))
}

// laneDivideBy is floor(x / n) or x mod n for 0 <= x < 2^31 and a run-time n > 0,
// by way of float64: the quotient of two such numbers never rounds across a whole one.
func (g *generator) laneDivideBy(x, n operand, mod bool) operand {
	return g.floorDivide(g.vecReg(x), g.broadcastInteger(n), mod)
}
