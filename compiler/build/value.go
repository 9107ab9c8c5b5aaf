package build

import (
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// value is what an expression of the language stands for.
type value interface {
	// kind names the kind of value as messages do, with its article.
	kind() string
}

// The kinds of values beside number, tensor-like host scalars and callables.
type (
	boolean bool
	text    string
	list    []value
	tuple   []value
	none    struct{}
	// bad stands for the value of an expression that was already reported.
	bad struct{}
	// dimension is a size that is known only at run time; a constant one is a number.
	dimension struct{ d dim.Dim }
	// element is an element type, such as float32.
	element dim.DType
	// tensor is a value of the function being built.
	tensor struct{ v *ir.Value }
	// host is a scalar that is computed on the host once a step.
	host struct {
		e     *scalar.Expr
		truth bool // a condition rather than a number
		// fraction is the text of a quotient of dimensions that may not be whole, or "".
		fraction string
	}
	// indexed is a family of values such as skip[0], skip[1].
	indexed struct{ at map[string]value }
	// labels is the first part of a label that several instances share, such as
	// h of h[0] and h[1].
	labels struct {
		in     *instance
		prefix string
	}
	// initializer is a function of a shape whose other arguments are bound.
	initializer struct {
		fn   *callable
		args []argument
	}
	// module is an imported file.
	module struct{ src *source }
)

func (boolean) kind() string      { return "a bool" }
func (text) kind() string         { return "a string" }
func (list) kind() string         { return "a list" }
func (none) kind() string         { return "none" }
func (bad) kind() string          { return "an invalid value" }
func (dimension) kind() string    { return "a dimension" }
func (element) kind() string      { return "a dtype" }
func (tensor) kind() string       { return "a tensor" }
func (*indexed) kind() string     { return "an indexed name" }
func (labels) kind() string       { return "a part of a label" }
func (*initializer) kind() string { return "an initializer" }
func (module) kind() string       { return "an imported file" }

func (t tuple) kind() string {
	if len(t) == 0 {
		return "nothing"
	}
	return "a tuple of several values"
}

func (h host) kind() string {
	if h.e.UsesStep() {
		return "a schedule"
	}
	if h.truth {
		return "a condition on dimensions"
	}
	return "a host scalar"
}

// describe gives the kind of a value with its shape or content where that helps.
func describe(v value) string {
	switch v := v.(type) {
	case tensor:
		return "a tensor " + op.TypeString(v.v.Type)
	case number:
		return "the number " + v.String()
	case text:
		return "the string \"" + string(v) + "\""
	case boolean:
		if v {
			return "true"
		}
		return "false"
	case dimension:
		return "the dimension " + v.d.String()
	case *instance:
		return "the layer " + v.path
	}
	return v.kind()
}

// show prints a compile-time value as a spec would write it.
func show(v value) string {
	switch v := v.(type) {
	case number:
		return v.String()
	case text:
		return `"` + string(v) + `"`
	case dimension:
		return v.d.String()
	case element:
		return dim.DType(v).String()
	case list:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = show(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return describe(v)
}

func isBad(v value) bool { _, ok := v.(bad); return ok || v == nil }

func isNone(v value) bool { _, ok := v.(none); return ok }

// dimValue is the value of a dimension: a number when it is constant.
func dimValue(d dim.Dim) value {
	if n, ok := d.Int(); ok {
		return integer(n)
	}
	return dimension{d}
}

// shapeValue is a shape as a list.
func shapeValue(shape []dim.Dim) list {
	out := make(list, len(shape))
	for i, d := range shape {
		out[i] = dimValue(d)
	}
	return out
}

// equalValues compares compile-time values; ok is false for kinds that cannot be
// compared, such as layers.
func equalValues(a, b value) (equal, ok bool) {
	if isNone(a) || isNone(b) {
		return isNone(a) && isNone(b), true
	}
	switch a := a.(type) {
	case text:
		b, ok := b.(text)
		return ok && a == b, ok
	case boolean:
		b, ok := b.(boolean)
		return ok && a == b, ok
	case element:
		b, ok := b.(element)
		return ok && a == b, ok
	case number:
		b, ok := b.(number)
		return ok && a.cmp(b) == 0, ok
	case list:
		b, ok := b.(list)
		if !ok || len(a) != len(b) {
			return false, ok
		}
		for i := range a {
			if eq, ok := equalValues(a[i], b[i]); !eq || !ok {
				return false, ok
			}
		}
		return true, true
	}
	return false, false
}
