package loop

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
)

// Verify checks that a program is well formed; its error names the first fault
// with the kernel or function that it is in.
func Verify(p *Program) error {
	names := map[string]bool{}
	known := map[*Kernel]bool{}
	for _, k := range p.Kernels {
		if names[k.Name] {
			return fmt.Errorf("kernel %s: the name is taken", k.Name)
		}
		names[k.Name] = true
		for _, part := range k.Parts {
			if !known[part.Kernel] {
				return fmt.Errorf("kernel %s: its part %s does not stand before it", k.Name, part.Kernel.Name)
			}
		}
		known[k] = true
		if err := VerifyKernel(k); err != nil {
			return fmt.Errorf("kernel %s: %w", k.Name, err)
		}
	}
	for _, f := range p.Funcs {
		if err := verifyFunc(f); err != nil {
			return fmt.Errorf("func %s %s: %w", f.Kind, f.Name, err)
		}
		for _, m := range f.Metrics {
			if m.Finish == nil {
				continue
			}
			if err := verifyFunc(m.Finish); err != nil {
				return fmt.Errorf("metric %s of %s: %w", m.Name, f.Name, err)
			}
		}
	}
	return nil
}

// kernelCheck is the state of checking one kernel. The first fault stays.
type kernelCheck struct {
	k       *Kernel
	dims    map[string]bool
	params  map[*Param]bool
	axes    map[*Axis]bool
	results map[*Result]bool
	next    map[*Carry]bool
	done    map[*Expr]bool // checked in the present scope
	err     error
}

func (c *kernelCheck) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// VerifyKernel checks one kernel.
func VerifyKernel(k *Kernel) error {
	c := &kernelCheck{k: k, dims: map[string]bool{}, params: map[*Param]bool{}, axes: map[*Axis]bool{},
		results: map[*Result]bool{}, next: map[*Carry]bool{}}
	for _, d := range k.Dims {
		c.dims[d] = true
	}
	names := map[string]bool{}
	for _, p := range k.Params {
		if names[p.Name] {
			c.fail("parameter %s: the name is taken", p.Name)
		}
		names[p.Name] = true
		c.params[p] = true
		c.shape("parameter "+p.Name, p.Shape)
		c.layout(p.Name, p.Shape, p.Layout)
		if !p.Read && !p.Write {
			c.fail("parameter %s is neither read nor written", p.Name)
		}
	}
	c.enter(k.Space)
	c.parts(names)
	for n, ph := range k.Phases {
		c.phase(ph)
		if c.err != nil {
			return fmt.Errorf("phase %d, %s: %w", n+1, ph.Kind, c.err)
		}
	}
	return c.err
}

func (c *kernelCheck) shape(what string, shape []dim.Dim) {
	for _, d := range shape {
		if d.Overflow() {
			c.fail("%s: a dimension overflows", what)
		}
		for _, s := range d.Symbols() {
			if !c.dims[s] {
				c.fail("%s uses the size %s, which the kernel does not list", what, s)
			}
		}
	}
}

// layout requires the axes of a layout to be those of the shape, each once.
func (c *kernelCheck) layout(what string, shape []dim.Dim, l *Layout) {
	if l == nil {
		return
	}
	axes := append([]int{l.Lane}, l.Rest...)
	slices.Sort(axes)
	for n, a := range axes {
		if n != a || len(axes) != len(shape) || l.Width < 1 {
			c.fail("%s: layout %v does not list the %d axes", what, *l, len(shape))
		}
	}
}

func (c *kernelCheck) enter(axes []*Axis) {
	for _, a := range axes {
		c.axes[a] = true
		c.shape("axis "+a.Name, []dim.Dim{a.Extent})
	}
}

func (c *kernelCheck) phase(ph *Phase) {
	c.enter(ph.Axes)
	c.done = map[*Expr]bool{}
	switch ph.Kind {
	case Map, ScatterAdd:
		c.stores(ph)
	case Reduce:
		for _, r := range ph.Reducers {
			c.expr(r.Value)
			want := r.Value.Type
			if r.Op == ArgMaxOf || r.Op == ArgMinOf {
				want = dim.Int32
			}
			if r.Result.Type != want {
				c.fail("result %s is %s, want %s", r.Result.Name, r.Result.Type, want)
			}
		}
		for _, r := range ph.Reducers {
			c.results[r.Result] = true
		}
	case Contract:
		c.expr(ph.A)
		c.expr(ph.B)
		if t := ph.Acc.Type; ph.A.Type != t || ph.B.Type != t || !t.IsFloat() {
			c.fail("%s * %s gives %s", ph.A.Type, ph.B.Type, t)
		}
		if ph.Init != nil {
			c.expr(ph.Init)
			c.typed("what a contraction starts from", ph.Init, ph.Acc.Type)
		}
		c.results[ph.Acc] = true
	case Sequence:
		c.sequence(ph)
	case Sort:
		c.sort(ph)
	default:
		c.fail("unknown kind %d", ph.Kind)
	}
	for _, a := range ph.Axes {
		if !slices.Contains(c.k.Space, a) {
			delete(c.axes, a)
		}
	}
}

func (c *kernelCheck) sequence(ph *Phase) {
	if len(ph.Axes) != 1 {
		c.fail("a sequence has one axis, not %d", len(ph.Axes))
		return
	}
	for _, x := range ph.Carries {
		c.expr(x.Init)
		c.results[x.Current] = true
	}
	for _, x := range ph.Carries {
		c.expr(x.Next)
		if x.Init.Type != x.Current.Type || x.Next.Type != x.Current.Type {
			c.fail("carry %s is %s, starts as %s and becomes %s", x.Current.Name, x.Current.Type, x.Init.Type, x.Next.Type)
		}
		c.next[x] = true
	}
	c.stores(ph)
	for _, x := range ph.Carries {
		delete(c.next, x)
		delete(c.results, x.Current)
	}
}

func (c *kernelCheck) sort(ph *Phase) {
	s := ph.Sort
	if s == nil || len(ph.Axes) != 1 {
		c.fail("a sort has one axis and says what to sort")
		return
	}
	c.expr(s.Value)
	c.shape("the number kept", []dim.Dim{s.Keep})
	for _, st := range []*Store{s.Values, s.Positions} {
		if st != nil {
			c.target(st)
		}
	}
	if s.Values != nil && s.Values.Param.DType != s.Value.Type {
		c.fail("%s is %s, sorted values are %s", s.Values.Param.Name, s.Values.Param.DType, s.Value.Type)
	}
	if s.Positions != nil && !s.Positions.Param.DType.IsInt() {
		c.fail("%s is %s, positions are integers", s.Positions.Param.Name, s.Positions.Param.DType)
	}
}

func (c *kernelCheck) stores(ph *Phase) {
	if len(ph.Stores) == 0 {
		c.fail("it stores nothing")
	}
	for _, s := range ph.Stores {
		c.target(s)
		c.expr(s.Value)
		if s.Value.Type != s.Param.DType {
			c.fail("%s is %s, the value stored is %s", s.Param.Name, s.Param.DType, s.Value.Type)
		}
		if s.If != nil {
			c.expr(s.If)
			c.typed("a store's condition", s.If, dim.Bool)
		}
	}
}

func (c *kernelCheck) target(s *Store) {
	if !c.params[s.Param] {
		c.fail("a store to a parameter of another kernel")
		return
	}
	if !s.Param.Write {
		c.fail("%s is written but not marked so", s.Param.Name)
	}
	c.index(s.Param, s.Index)
}

func (c *kernelCheck) index(p *Param, index []*Expr) {
	if len(index) != len(p.Shape) {
		c.fail("%s of rank %d has %d indices", p.Name, len(p.Shape), len(index))
	}
	for _, e := range index {
		c.expr(e)
		c.typed("an index of "+p.Name, e, dim.Int64)
	}
}

func (c *kernelCheck) typed(what string, e *Expr, t dim.DType) {
	if e.Type != t {
		c.fail("%s is %s, want %s", what, e.Type, t)
	}
}

// expr checks an expression and its parts, each once a phase.
func (c *kernelCheck) expr(e *Expr) {
	if e == nil {
		c.fail("an expression is missing")
		return
	}
	if c.done[e] || c.err != nil {
		return
	}
	c.done[e] = true
	c.leaf(e)
	if e.Op == Load {
		c.load(e)
		return
	}
	for _, a := range e.Args {
		c.expr(a)
	}
	if e.Op >= Add {
		c.operation(e)
	}
}

// leaf checks that what an expression names exists here.
func (c *kernelCheck) leaf(e *Expr) {
	switch e.Op {
	case AxisVar:
		if !c.axes[e.Axis] {
			c.fail("axis %s is not counted here", e.Axis.Name)
		}
	case DimVar:
		c.shape("an expression", []dim.Dim{e.Dim})
	case Counter:
		if !slices.Contains(c.k.Counters, e.Name) {
			c.fail("counter %s is not listed", e.Name)
		}
	case ScalarArg:
		if !slices.Contains(c.k.Scalars, e.Scalar) {
			c.fail("scalar %s is not listed", e.Scalar.Name)
		}
	case ResultOf:
		if !c.results[e.Result] {
			c.fail("result %s is read before its phase", e.Result.Name)
		}
	case NextOf:
		if !c.next[e.Carry] {
			c.fail("the next value of %s is read outside of its sequence's stores", e.Carry.Current.Name)
		}
	}
}

func (c *kernelCheck) load(e *Expr) {
	if !c.params[e.Param] {
		c.fail("a load from a parameter of another kernel")
		return
	}
	if !e.Param.Read {
		c.fail("%s is read but not marked so", e.Param.Name)
	}
	c.index(e.Param, e.Index)
	if e.Guard != nil {
		c.expr(e.Guard)
		c.typed("a guard", e.Guard, dim.Bool)
		if len(e.Args) != 1 {
			c.fail("a guarded load of %s has no other value", e.Param.Name)
			return
		}
		c.expr(e.Args[0])
		c.typed("the other value of a guarded load", e.Args[0], e.Type)
	}
	c.typed("a load of "+e.Param.Name, e, e.Param.DType)
}

// operation checks the number and the types of the operands.
func (c *kernelCheck) operation(e *Expr) {
	if c.err != nil {
		return
	}
	switch e.Op {
	case CallFn:
		if len(e.Args) != len(e.Fn.Params) {
			c.fail("%s takes %d operands, has %d", e.Fn.Name, len(e.Fn.Params), len(e.Args))
			return
		}
		for n, a := range e.Args {
			c.typed("an operand of "+e.Fn.Name, a, e.Fn.Params[n])
		}
		c.typed(e.Fn.Name, e, e.Fn.Result)
		return
	case Cast, Bitcast:
		if len(e.Args) != 1 {
			c.fail("%s takes one operand", e.Op)
		}
		return
	}
	if len(e.Args) != arity(e.Op) {
		c.fail("%s takes %d operands, has %d", e.Op, arity(e.Op), len(e.Args))
		return
	}
	first, rest := e.Args[0], e.Args[1:]
	want := first.Type
	switch e.Op {
	case Select:
		c.typed("a select's condition", first, dim.Bool)
		want, rest = e.Args[1].Type, e.Args[2:]
	case Shl, Shr:
		rest = nil
	}
	for _, a := range rest {
		c.typed("an operand of "+e.Op.String(), a, want)
	}
	switch e.Op {
	case Lt, Le, Eq, Ne:
		want = dim.Bool
	}
	c.typed("the result of "+e.Op.String(), e, want)
}
