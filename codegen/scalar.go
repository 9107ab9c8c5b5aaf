package codegen

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// hostEnv gives the leaves of host scalars their Go expressions.
type hostEnv struct {
	dims  map[string]expr
	step  expr                   // an int64
	input func(name string) expr // a float64
}

// hostFns are the functions of the runtime and of package math that give the
// same bits on every machine.
var hostFns = map[scalar.Op]expr{
	scalar.Abs: std("math", "Abs"), scalar.Sqrt: std("math", "Sqrt"), scalar.Floor: std("math", "Floor"), scalar.Ceil: std("math", "Ceil"),
	scalar.Exp: rt("Exp64"), scalar.Log: rt("Log64"), scalar.Sin: rt("Sin64"), scalar.Cos: rt("Cos64"), scalar.Pow: rt("Pow64"),
	scalar.Min: id("min"), scalar.Max: id("max"),
}

var hostOps = map[scalar.Op]string{
	scalar.Add: "+", scalar.Sub: "-", scalar.Mul: "*", scalar.Div: "/",
	scalar.Lt: "<", scalar.Le: "<=", scalar.Eq: "==", scalar.Ne: "!=", scalar.And: "&&", scalar.Or: "||",
}

// number prints a host scalar as a float64.
func (h *hostEnv) number(e *scalar.Expr) expr {
	switch e.Op {
	case scalar.Const:
		return hostConst(e.Value)
	case scalar.Step:
		return convert("float64", h.step)
	case scalar.Dim:
		return convert("float64", dimExpr(e.Dim, h.dims))
	case scalar.Input:
		return h.input(e.Name)
	case scalar.Neg:
		return unary("-", h.typed(e.Args[0]))
	case scalar.Lt, scalar.Le, scalar.Eq, scalar.Ne, scalar.And, scalar.Or, scalar.Not:
		return call(rt("Number<float64>"), h.truth(e))
	case scalar.Select:
		return call(rt("Choose<float64>"), h.truth(e.Args[0]), h.number(e.Args[1]), h.number(e.Args[2]))
	case scalar.Mul:
		product := binRaw("*", h.typed(e.Args[0]), h.number(e.Args[1]))
		v := convert("float64", product) // keeps it from being fused with a sum
		v.bare = &product
		return v
	}
	if op, ok := hostOps[e.Op]; ok {
		return binRaw(op, h.typed(e.Args[0]), h.number(e.Args[1]))
	}
	args := make([]expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = h.number(a)
	}
	if e.Op == scalar.Min || e.Op == scalar.Max {
		args[0] = h.typed(e.Args[0])
	}
	return call(hostFns[e.Op], args...)
}

// typed prints a constant as a float64, so that Go does not compute with it exactly.
func (h *hostEnv) typed(e *scalar.Expr) expr {
	v := h.number(e)
	if v.untyped {
		return call(rt("Var"), convert("float64", v))
	}
	return v
}

// truth prints a host scalar as a condition.
func (h *hostEnv) truth(e *scalar.Expr) expr {
	switch e.Op {
	case scalar.Lt, scalar.Le, scalar.Eq, scalar.Ne:
		x, y := h.number(e.Args[0]), h.number(e.Args[1])
		if x.untyped && y.untyped {
			x = h.typed(e.Args[0])
		}
		return binRaw(hostOps[e.Op], x, y)
	case scalar.And, scalar.Or:
		return binRaw(hostOps[e.Op], h.truth(e.Args[0]), h.truth(e.Args[1]))
	case scalar.Not:
		return unary("!", h.truth(e.Args[0]))
	}
	return binRaw("!=", h.typed(e), num(0))
}

func hostConst(v float64) expr {
	return float(dim.Float64, math.Float64bits(v))
}

// inputNames returns the run-time settings that expressions read, in order of
// first appearance.
func inputNames(names []string, e *scalar.Expr) []string {
	if e == nil {
		return names
	}
	if e.Op == scalar.Input {
		for _, n := range names {
			if n == e.Name {
				return names
			}
		}
		return append(names, e.Name)
	}
	for _, a := range e.Args {
		names = inputNames(names, a)
	}
	return names
}
