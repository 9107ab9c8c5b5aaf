package pass

import (
	"math"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// simplify applies rewrites that keep every bit: views of views become one view,
// what changes nothing goes away, transposes move into contractions. It removes
// stop_gradient, which has no meaning once adjoints exist.
func simplify(p *ir.Program) error {
	for _, e := range p.Entries {
		if err := rewriteEntry(e, simplifyFunc); err != nil {
			return err
		}
	}
	return nil
}

// simplifyFunc rebuilds f. New instructions stand where the simplified one stood.
func simplifyFunc(f *ir.Func, subst map[*ir.Value]*ir.Value) error {
	old := f.Instrs
	f.Instrs = make([]*ir.Instr, 0, len(old))
	b := &ir.Builder{Func: f}
	for _, i := range old {
		substitute(i.Args, subst)
		if err := rewriteBodies(i, simplifyFunc); err != nil {
			return err
		}
		b.Pos, b.Label, b.Path, b.Metric, b.Remat = i.Pos, i.Label, i.Path, i.Metric, i.Remat
		v := simplifyInstr(b, i)
		if v == nil {
			f.Instrs = append(f.Instrs, i)
			continue
		}
		for more := v; more != nil && more.Def != nil && len(f.Instrs) > 0 && f.Instrs[len(f.Instrs)-1] == more.Def; {
			if more = simplifyInstr(b, v.Def); more != nil {
				v = more
			}
		}
		replace(i.Results[0], v, subst)
	}
	return b.Err()
}

// simplifyInstr returns a simpler value for the result of i, nil when no rule applies.
func simplifyInstr(b *ir.Builder, i *ir.Instr) *ir.Value {
	switch o := i.Op.(type) {
	case op.StopGradient:
		return i.Args[0]
	case op.Reshape:
		return simplifyReshape(b, i, o)
	case op.Transpose:
		return simplifyTranspose(b, i, o)
	case op.Broadcast:
		return simplifyBroadcast(b, i, o)
	case op.Cast:
		return simplifyCast(i, o)
	case op.Slice:
		if d := i.Args[0].Type.Shape[o.Axis]; o.Step == 1 && o.Start.Is(0) && o.Stop.Equal(d) {
			return i.Args[0]
		}
	case op.Pad:
		if !slices.ContainsFunc(slices.Concat(o.Low, o.High), func(d dim.Dim) bool { return !d.Is(0) }) {
			return i.Args[0]
		}
	case op.Concat:
		if len(i.Args) == 1 {
			return i.Args[0]
		}
	case op.Fold:
		return simplifyFold(b, i, o)
	case op.Reduce:
		return simplifyReduce(b, i, o)
	case op.Einsum:
		return simplifyEinsum(b, i, o)
	case op.Elementwise:
		return simplifyElementwise(b, i, o)
	}
	return nil
}

// definedBy returns the operation that made v, when it is of type T.
func definedBy[T ir.Op](v *ir.Value) (o T, args []*ir.Value, ok bool) {
	if v.Def == nil {
		return o, nil, false
	}
	o, ok = v.Def.Op.(T)
	return o, v.Def.Args, ok
}

func simplifyReshape(b *ir.Builder, i *ir.Instr, o op.Reshape) *ir.Value {
	x := i.Args[0]
	if dim.EqualShapes(x.Type.Shape, o.Shape) {
		return x
	}
	if _, args, ok := definedBy[op.Reshape](x); ok {
		return op.ReshapeTo(b, args[0], o.Shape)
	}
	return nil
}

func simplifyTranspose(b *ir.Builder, i *ir.Instr, o op.Transpose) *ir.Value {
	x := i.Args[0]
	if slices.IsSorted(o.Perm) {
		return x
	}
	if inner, args, ok := definedBy[op.Transpose](x); ok {
		perm := make([]int, len(o.Perm))
		for k, a := range o.Perm {
			perm[k] = inner.Perm[a]
		}
		return op.Permute(b, args[0], perm...)
	}
	return nil
}

func simplifyBroadcast(b *ir.Builder, i *ir.Instr, o op.Broadcast) *ir.Value {
	x := i.Args[0]
	if dim.EqualShapes(x.Type.Shape, o.Shape) {
		return x
	}
	if _, args, ok := definedBy[op.Broadcast](x); ok {
		return op.BroadcastTo(b, args[0], o.Shape)
	}
	// A reshape that only puts ones in front says what broadcast does anyway.
	if _, args, ok := definedBy[op.Reshape](x); ok {
		from, to := args[0].Type.Shape, x.Type.Shape
		if n := len(to) - len(from); n > 0 && dim.EqualShapes(to[n:], from) && dim.Product(to[:n]).Is(1) {
			return op.BroadcastTo(b, args[0], o.Shape)
		}
	}
	return nil
}

// simplifyCast drops casts to the same type and casts back from a wider float.
func simplifyCast(i *ir.Instr, o op.Cast) *ir.Value {
	x := i.Args[0]
	if x.Type.DType == o.DType {
		return x
	}
	if wide, args, ok := definedBy[op.Cast](x); ok && args[0].Type.DType == o.DType && holds(wide.DType, o.DType) {
		return args[0]
	}
	return nil
}

// holds reports whether every value of narrow is one of wide.
func holds(wide, narrow dim.DType) bool {
	switch wide {
	case dim.Float64:
		return narrow != dim.Int64
	case dim.Float32:
		return narrow == dim.BFloat16 || narrow == dim.Float16 || narrow == dim.Bool || narrow.IsInt() && narrow.Size() <= 2
	}
	return false
}

// simplifyReduce drops reductions over nothing, and max, min and prod over axes
// of extent one. A sum of one element is left: it starts from +0 and loses the
// sign of -0.
func simplifyReduce(b *ir.Builder, i *ir.Instr, o op.Reduce) *ir.Value {
	x := i.Args[0]
	if len(o.Axes) == 0 {
		return x
	}
	if o.Op == "sum" {
		return nil
	}
	for _, a := range o.Axes {
		if !x.Type.Shape[a].Is(1) {
			return nil
		}
	}
	return op.ReshapeTo(b, x, i.Results[0].Type.Shape)
}

// simplifyEinsum reads an operand through a transpose by exchanging letters. The
// order of the contracted letters must stay, since it is the order of the sum.
func simplifyEinsum(b *ir.Builder, i *ir.Instr, o op.Einsum) *ir.Value {
	in, out, _ := strings.Cut(o.Spec, "->")
	x, y, _ := strings.Cut(in, ",")
	letters, args := [2]string{x, y}, slices.Clone(i.Args)
	changed := false
	for k := range args {
		t, inner, ok := definedBy[op.Transpose](args[k])
		if !ok {
			continue
		}
		moved := make([]byte, len(t.Perm))
		for to, from := range t.Perm {
			moved[from] = letters[k][to]
		}
		next := letters
		next[k] = string(moved)
		if contracted(next, out) == contracted(letters, out) {
			letters, args[k], changed = next, inner[0], true
		}
	}
	if !changed {
		return nil
	}
	return b.Emit1(op.Einsum{Spec: letters[0] + "," + letters[1] + "->" + out}, args...)
}

// contracted lists the letters summed over in their order.
func contracted(letters [2]string, out string) string {
	var k strings.Builder
	for _, l := range letters[0] + letters[1] {
		if !strings.ContainsRune(out, l) && !strings.ContainsRune(k.String(), l) {
			k.WriteRune(l)
		}
	}
	return k.String()
}

func simplifyElementwise(b *ir.Builder, i *ir.Instr, o op.Elementwise) *ir.Value {
	x := i.Args
	switch o.Fn {
	case "neg", "not":
		if inner, args, ok := definedBy[op.Elementwise](x[0]); ok && inner.Fn == o.Fn {
			return args[0]
		}
	case "mul":
		if isConst(x[1], 1) {
			return x[0]
		}
		if isConst(x[0], 1) {
			return x[1]
		}
	case "div":
		if isConst(x[1], 1) {
			return x[0]
		}
	case "sub":
		if isConst(x[1], 0) {
			return x[0]
		}
		return intoSum(b, "add", x[0], x[1])
	case "add":
		if isConst(x[1], math.Copysign(0, -1)) {
			return x[0]
		}
		if v := intoSum(b, "sub", x[0], x[1]); v != nil {
			return v
		}
		return intoSum(b, "sub", x[1], x[0])
	case "select":
		if x[1] == x[2] {
			return x[1]
		}
		if inner, args, ok := definedBy[op.Elementwise](x[0]); ok && inner.Fn == "not" {
			return op.Apply(b, "select", args[0], x[2], x[1])
		}
	}
	return nil
}

// intoSum turns x + (-y) into x - y and x - (-y) into x + y.
func intoSum(b *ir.Builder, fn string, x, y *ir.Value) *ir.Value {
	if inner, args, ok := definedBy[op.Elementwise](y); ok && inner.Fn == "neg" && y.Type.DType.IsFloat() {
		return op.Apply(b, fn, x, args[0])
	}
	return nil
}

// isConst reports whether every element of x is the constant v, with its sign.
func isConst(x *ir.Value, v float64) bool {
	for x.Def != nil {
		switch o := x.Def.Op.(type) {
		case op.Broadcast, op.Reshape:
			x = x.Def.Args[0]
			continue
		case op.HostScalar:
			return o.Expr.Op == scalar.Const && math.Float64bits(o.Expr.Value) == math.Float64bits(v)
		}
		return false
	}
	return false
}
