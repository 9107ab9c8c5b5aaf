package lower

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// kernel is a kernel being built for a group. Values that the group computes
// are expressions of its points; all others are loads from parameters.
type kernel struct {
	b     *body
	g     *group
	k     *loop.Kernel
	x     *loop.Builder
	args  []arg // one for each of k.Params
	memo  map[point][]*loop.Expr
	local map[*ir.Value]result

	scalars  []*loop.Scalar // one for each of k.Scalars
	byScalar map[*loop.Scalar]*loop.ScalarParam
	counters []*loop.For

	// err is the first inconsistency met while building.
	err error
	// notAt is set when a group's own value was read at another point.
	notAt bool
	// probing builds for the sake of inspection: nothing reads memory.
	probing bool
	readAt  func(v *ir.Value, idx []*loop.Expr)
}

// arg is the value that a parameter stands for, seen in a shape.
type arg struct {
	v     *ir.Value // a value in memory
	shape []dim.Dim
	write bool
	to    *store // the target of a copy, instead of v's own memory
}

// result is a value that a phase leaves, with the index that it belongs to.
type result struct {
	e   *loop.Expr
	idx []*loop.Expr
}

// point is an instruction at an index. Tensors of more axes are not remembered.
type point struct {
	i   *ir.Instr
	n   int
	idx [maxRemembered]*loop.Expr
}

const maxRemembered = 8

func newKernel(b *body, g *group) *kernel {
	return &kernel{b: b, g: g, k: &loop.Kernel{}, x: loop.NewBuilder(), memo: map[point][]*loop.Expr{},
		local: map[*ir.Value]result{}, byScalar: map[*loop.Scalar]*loop.ScalarParam{}}
}

func (k *kernel) fail(format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf(format, args...)
	}
}

// value returns v at idx.
func (k *kernel) value(v *ir.Value, idx []*loop.Expr) *loop.Expr {
	if r, ok := k.local[v]; ok {
		for i, e := range r.idx {
			if idx[i] != e {
				k.notAt = true
				k.fail("%s of the kernel's own result is read at another point", v.Def.Op.Name())
			}
		}
		return r.e
	}
	if v.Def == nil || !k.here(v.Def) {
		return k.load(v, v.Type.Shape, idx)
	}
	p, ok := v.Def.Op.(op.Pointwise)
	if !ok {
		k.fail("%s is read before its phase", v.Def.Op.Name())
		return k.x.Number(v.Type.DType, 0)
	}
	if root := k.b.root(v); root != v && !k.here2(root) {
		return k.alias(v, root, p, idx)
	}
	return k.at(v.Def, p, idx)[v.Index]
}

// here reports whether this kernel computes i.
func (k *kernel) here(i *ir.Instr) bool {
	g := k.b.groupOf[i]
	return g == nil || g == k.g
}

func (k *kernel) here2(v *ir.Value) bool { return v.Def != nil && k.here(v.Def) }

// alias reads a reshaped value from memory: at the index in the original shape
// when that needs no division, else by the flat position in the new shape.
func (k *kernel) alias(v, root *ir.Value, p op.Pointwise, idx []*loop.Expr) *loop.Expr {
	probe := *k
	probe.probing = true
	probe.memo = map[point][]*loop.Expr{}
	plain := true
	probe.readAt = func(_ *ir.Value, at []*loop.Expr) {
		for _, e := range at {
			plain = plain && !divides(e)
		}
	}
	probe.at(v.Def, p, idx)
	if plain {
		return k.at(v.Def, p, idx)[v.Index]
	}
	return k.load(root, v.Type.Shape, idx)
}

// divides reports whether an index holds a quotient or remainder.
func divides(e *loop.Expr) bool {
	if e.Op == loop.FloorDiv || e.Op == loop.Mod {
		return true
	}
	if e.Op == loop.Load {
		return false
	}
	for _, a := range e.Args {
		if divides(a) {
			return true
		}
	}
	return false
}

// at returns the results of a pointwise instruction at idx.
func (k *kernel) at(i *ir.Instr, p op.Pointwise, idx []*loop.Expr) []*loop.Expr {
	key := point{i: i, n: len(idx)}
	remembered := copy(key.idx[:], idx) == len(idx)
	if es, ok := k.memo[key]; ok && remembered {
		return es
	}
	es := p.At(k.context(i), k.sources(i), idx)
	if remembered {
		k.memo[key] = es
	}
	return es
}

func (k *kernel) sources(i *ir.Instr) []op.Source {
	in := make([]op.Source, len(i.Args))
	for n, a := range i.Args {
		in[n] = func(idx []*loop.Expr) *loop.Expr {
			if len(idx) != len(a.Type.Shape) {
				k.fail("%s reads a tensor of rank %d with %d indices", i.Op.Name(), len(a.Type.Shape), len(idx))
				return k.x.Number(a.Type.DType, 0)
			}
			return k.value(a, idx)
		}
	}
	return in
}

// load reads a value in memory. An index that is not known to lie inside is
// guarded, so that no kernel reads outside its operands whatever the data.
func (k *kernel) load(v *ir.Value, shape []dim.Dim, idx []*loop.Expr) *loop.Expr {
	if k.readAt != nil {
		k.readAt(v, idx)
	}
	p := k.param(v, shape, false)
	conds := make([]*loop.Expr, len(idx))
	for i, e := range idx {
		conds[i] = k.x.Within(e, shape[i])
	}
	return k.x.LoadIf(k.x.And(conds...), k.x.Number(p.DType, 0), p, idx...)
}

// param returns the parameter for a value in memory.
func (k *kernel) param(v *ir.Value, shape []dim.Dim, write bool) *loop.Param {
	for i, a := range k.args {
		if a.v == v && a.write == write && dim.EqualShapes(a.shape, shape) {
			return k.k.Params[i]
		}
	}
	p := &loop.Param{DType: v.Type.DType, Shape: shape, Read: !write, Write: write}
	if k.probing {
		return p
	}
	k.k.Params = append(k.k.Params, p)
	k.args = append(k.args, arg{v: v, shape: shape, write: write})
	return p
}

func (k *kernel) context(i *ir.Instr) *op.Context {
	c := &op.Context{B: k.x, Path: i.Path, Scalar: k.scalar, Word: k.word, Iteration: k.iteration}
	for _, a := range i.Args {
		c.In = append(c.In, a.Type)
	}
	for _, r := range i.Results {
		c.Out = append(c.Out, r.Type)
	}
	return c
}

// scalar passes a host scalar; a constant becomes part of the kernel, unless it
// is a word of a random number's key, which tells draws apart and nothing else.
func (k *kernel) scalar(e *scalar.Expr, t dim.DType) *loop.Expr {
	if e.IsConst() && t != dim.Uint32 {
		return k.x.Number(t, e.Value)
	}
	if k.probing {
		return k.x.Number(t, 0)
	}
	return k.passed(k.b.s.scalar(e, t))
}

func (k *kernel) word(name string) *loop.Expr {
	if k.probing {
		return k.x.Number(dim.Uint32, 0)
	}
	return k.passed(k.b.s.word(name))
}

func (k *kernel) passed(s *loop.Scalar) *loop.Expr {
	p := k.byScalar[s]
	if p == nil {
		p = &loop.ScalarParam{Name: s.Name, DType: s.DType}
		k.byScalar[s] = p
		k.k.Scalars = append(k.k.Scalars, p)
		k.scalars = append(k.scalars, s)
	}
	return k.x.Arg(p)
}

// axisNames are the names of a kernel's axes: of its space, then of its phases.
var axisNames = [...]string{"i", "j", "k", "l", "m", "n"}
var innerNames = [...]string{"p", "q", "r", "s", "t", "u"}

func axes(names []string, shape []dim.Dim) []*loop.Axis {
	out := make([]*loop.Axis, len(shape))
	for i, d := range shape {
		name := fmt.Sprintf("%s%d", names[0], i)
		if i < len(names) {
			name = names[i]
		}
		out[i] = &loop.Axis{Name: name, Extent: d}
	}
	return out
}

func (k *kernel) points(axes []*loop.Axis) []*loop.Expr {
	out := make([]*loop.Expr, len(axes))
	for i, a := range axes {
		out[i] = k.x.Axis(a)
	}
	return out
}
