package loop

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
)

// Coefficient returns the factor of an axis in an index; ok is false when the
// index is not a sum of axes times sizes as far as the axis is concerned.
func Coefficient(e *Expr, a *Axis) (c dim.Dim, ok bool) {
	switch e.Op {
	case AxisVar:
		if e.Axis == a {
			return dim.Const(1), true
		}
		return dim.Dim{}, true
	case Add, Sub:
		x, okX := Coefficient(e.Args[0], a)
		y, okY := Coefficient(e.Args[1], a)
		if e.Op == Sub {
			y = y.Neg()
		}
		return x.Add(y), okX && okY
	case Mul:
		for n, f := range e.Args {
			if d, fixed := dimOf(f); fixed {
				c, ok = Coefficient(e.Args[1-n], a)
				return c.Mul(d), ok
			}
		}
	}
	return dim.Dim{}, !Mentions(e, a)
}

// Mentions reports whether an axis occurs in an expression.
func Mentions(e *Expr, a *Axis) bool {
	if e == nil {
		return false
	}
	if e.Op == AxisVar {
		return e.Axis == a
	}
	for _, list := range [2][]*Expr{e.Args, e.Index} {
		for _, x := range list {
			if Mentions(x, a) {
				return true
			}
		}
	}
	return Mentions(e.Guard, a)
}

// Consecutive reports whether a step along axis a moves an access to the next
// element in memory: the next in the last axis, or in a layout's block.
func Consecutive(p *Param, index []*Expr, a *Axis) bool {
	lane := len(index) - 1
	if p.Layout != nil {
		lane = p.Layout.Lane
	} else {
		for lane > 0 && p.Shape[lane].Is(1) {
			lane--
		}
	}
	for n, e := range index {
		c, ok := Coefficient(e, a)
		want := int64(0)
		if n == lane {
			want = 1
		}
		if !ok || !c.Is(want) {
			return false
		}
	}
	return true
}

// ReadsParam reports whether a kernel's expressions load from a parameter.
func ReadsParam(k *Kernel, p *Param) bool {
	found := false
	seen := map[*Expr]bool{}
	var visit func(e *Expr)
	visit = func(e *Expr) {
		if e == nil || seen[e] || found {
			return
		}
		seen[e] = true
		found = e.Op == Load && e.Param == p
		for _, list := range [2][]*Expr{e.Args, e.Index} {
			for _, x := range list {
				visit(x)
			}
		}
		visit(e.Guard)
	}
	for _, ph := range k.Phases {
		PhaseExprs(ph, visit)
	}
	return found
}

// UsedDims lists the symbols that a kernel's shapes, extents and expressions
// use, in order of appearance.
func UsedDims(k *Kernel) []string {
	var names []string
	note := func(shape ...dim.Dim) {
		for _, d := range shape {
			for _, s := range d.Symbols() {
				if !slices.Contains(names, s) {
					names = append(names, s)
				}
			}
		}
	}
	for _, p := range k.Params {
		note(p.Shape...)
	}
	for _, l := range k.Locals {
		note(l.Shape...)
	}
	note(extents(k.Space)...)
	if k.Tiles != nil {
		note(k.Tiles.Axis.Extent)
	}
	for _, p := range k.Parts {
		note(p.Dims...)
	}
	if t := k.Tiles; t != nil { // sizes of its own
		names = slices.DeleteFunc(names, func(n string) bool { return n == t.Rows || n == t.End })
	}
	seen := map[*Expr]bool{}
	var visit func(e *Expr)
	visit = func(e *Expr) {
		if seen[e] {
			return
		}
		seen[e] = true
		if e.Op == DimVar {
			note(e.Dim)
		}
		for _, a := range e.Index {
			visit(a)
		}
		for _, a := range e.Args {
			visit(a)
		}
		if e.Guard != nil {
			visit(e.Guard)
		}
	}
	for _, ph := range k.Phases {
		note(extents(ph.Axes)...)
		if ph.Sort != nil {
			note(ph.Sort.Keep)
		}
		PhaseExprs(ph, visit)
	}
	return names
}

func extents(axes []*Axis) []dim.Dim {
	out := make([]dim.Dim, len(axes))
	for i, a := range axes {
		out[i] = a.Extent
	}
	return out
}
