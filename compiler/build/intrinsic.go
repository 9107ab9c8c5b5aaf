package build

import (
	"slices"
	"sync"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
)

// intrinsic is a word that the compiler knows: a primitive operation, or one of
// the few that no .ml file can express.
type intrinsic struct {
	name    string
	doc     string
	formals []formal
	rest    bool // takes any number of positional tensors before its named arguments
	apply   func(c *invocation) value

	callable *callable
}

// formal is an argument of an intrinsic; def is nil for a required one.
type formal struct {
	name string
	def  value
}

// Intrinsic describes a word of the compiler for documentation.
type Intrinsic struct {
	Name, Signature, Doc string
}

// Intrinsics lists the compiler's own words, sorted by name.
func Intrinsics() []Intrinsic {
	var out []Intrinsic
	table := intrinsicTable()
	for _, name := range sortedKeys(table) {
		in := table[name]
		sig := name + "("
		if in.rest {
			sig += "x, ..., "
		}
		for i, f := range in.formals {
			if i > 0 {
				sig += ", "
			}
			sig += f.name
			if f.def != nil {
				sig += " = " + show(f.def)
			}
		}
		out = append(out, Intrinsic{name, sig + ")", in.doc})
	}
	return out
}

var intrinsicTable = sync.OnceValue(func() map[string]*intrinsic {
	table := map[string]*intrinsic{}
	for _, rows := range [][]intrinsic{elementwiseWords(), reductionWords(), shapeWords(), constantWords(), windowWords(), indexWords(), patternWords()} {
		for i := range rows {
			in := &rows[i]
			in.callable = &callable{name: in.name, intr: in}
			table[in.name] = in
		}
	}
	return table
})

// required makes formals without defaults.
func required(names ...string) []formal {
	out := make([]formal, len(names))
	for i, n := range names {
		out[i].name = n
	}
	return out
}

// with appends a formal with a default.
func with(f []formal, name string, def value) []formal { return append(f, formal{name, def}) }

// invocation is one call of an intrinsic.
type invocation struct {
	e    *evaluator
	fr   *frame
	in   *intrinsic
	args []argument // by formal
	list []argument // positional ones of a word that takes any number
	at   diag.Span
	// extra holds named arguments beyond the formals, for rearrange.
	extra []argument
	ok    bool
}

// callIntrinsic binds arguments and applies the word.
func (e *evaluator) callIntrinsic(fr *frame, in *intrinsic, args []argument, at diag.Span) value {
	c := &invocation{e: e, fr: fr, in: in, at: at, ok: true, args: make([]argument, len(in.formals))}
	next := 0
	for _, a := range args {
		k := next
		switch {
		case a.name != "":
			if k = c.formal(a.name); k < 0 {
				if in.name == "rearrange" {
					c.extra = append(c.extra, a)
					continue
				}
				e.unknownIntrinsicArgument(in, a)
				return bad{}
			}
		case in.rest:
			c.list = append(c.list, a)
			continue
		default:
			next++
		}
		if k >= len(in.formals) {
			e.report(diag.TooManyArguments, a.at, "%s takes %s", in.name, countArguments(len(in.formals)))
			return bad{}
		}
		if c.args[k].v != nil {
			e.report(diag.ArgumentTwice, a.at, "%s is given twice", in.formals[k].name).Also(c.args[k].at, "the first value")
			return bad{}
		}
		c.args[k] = a
	}
	for i, f := range in.formals {
		if c.args[i].v != nil {
			continue
		}
		if f.def == nil {
			e.report(diag.MissingArgument, at, "%s needs the argument %s", in.name, f.name)
			return bad{}
		}
		c.args[i] = argument{v: f.def, at: at}
	}
	v := in.apply(c)
	if !c.ok {
		return bad{}
	}
	return v
}

func (c *invocation) formal(name string) int {
	return slices.IndexFunc(c.in.formals, func(f formal) bool { return f.name == name })
}

func (e *evaluator) unknownIntrinsicArgument(in *intrinsic, a argument) {
	var names []string
	for _, f := range in.formals {
		names = append(names, f.name)
	}
	d := e.report(diag.UnknownArgument, a.key, "%s has no argument %s", in.name, a.name)
	if s := diag.Suggest(a.name, names); s != "" {
		d.HelpText("did you mean %s?", s)
	} else if s, ok := foreignArguments[a.name]; ok && containsString(names, s) {
		d.HelpText("did you mean %s?", s)
	}
}

// fail reports a wrong argument.
func (c *invocation) fail(code diag.Code, at diag.Span, format string, args ...any) *diag.Diagnostic {
	c.ok = false
	return c.e.report(code, at, format, args...)
}

// atMost requires a size that is known at run time to be at least another: what is
// wrong already is the operation's own to refuse.
func (c *invocation) atMost(least, size dim.Dim) {
	if _, known := size.Sub(least).Int(); !known {
		c.e.within(least, size, c.at)
	}
}

func (c *invocation) wrong(i int, want string) {
	code := diag.ArgumentKind
	if _, ok := c.args[i].v.(tensor); ok {
		code = diag.TensorAsConstant
	}
	c.fail(code, c.args[i].at, "%s of %s is %s, and this is %s", c.in.formals[i].name, c.in.name, want, describe(c.args[i].v))
}

func (c *invocation) v(i int) value { return c.args[i].v }

// tensor is argument i as a tensor; constants become float32 scalars.
func (c *invocation) tensor(i int) *ir.Value { return c.tensorArg(c.args[i]) }

func (c *invocation) tensorArg(a argument) *ir.Value {
	switch v := a.v.(type) {
	case tensor:
		return v.v
	case number, dimension, host:
		if x := c.e.tensorOf(a.at, v, dim.Float32); x != nil {
			return x
		}
	case *instance:
		c.fail(diag.LayerAsValue, a.at, "%s is a layer, not a tensor", v.path).HelpText("apply it with `->`")
		return nil
	case bad:
	default:
		c.fail(diag.ArgumentKind, a.at, "%s takes a tensor, and this is %s", c.in.name, describe(v))
	}
	c.ok = false
	return nil
}

func (c *invocation) bool(i int) bool {
	b, ok := c.args[i].v.(boolean)
	if !ok {
		c.wrong(i, "a bool")
	}
	return bool(b)
}

func (c *invocation) text(i int) string {
	t, ok := c.args[i].v.(text)
	if !ok {
		c.wrong(i, "a string")
	}
	return string(t)
}

// int is argument i as a whole number known at compile time.
func (c *invocation) int(i int) int {
	n, ok := c.args[i].v.(number)
	k, whole := n.int64()
	if !ok || !whole || k > 1<<31 || k < -1<<31 {
		c.wrong(i, "a whole number")
		return 0
	}
	return int(k)
}

func (c *invocation) float(i int) float64 {
	n, ok := c.args[i].v.(number)
	if !ok {
		c.wrong(i, "a number")
	}
	return n.value()
}

// ints is argument i as a list of n whole numbers; one number stands for n of it.
func (c *invocation) ints(i, n int) []int {
	items, ok := c.args[i].v.(list)
	if x, isNumber := c.args[i].v.(number); isNumber {
		items, ok = list{}, true
		for range n {
			items = append(items, x)
		}
	}
	if !ok || len(items) != n {
		c.wrong(i, "a whole number or a list of "+itoa(n))
		return make([]int, n)
	}
	out := make([]int, n)
	for k, x := range items {
		m, ok := x.(number)
		v, whole := m.int64()
		if !ok || !whole || v > 1<<31 || v < -1<<31 {
			c.wrong(i, "a whole number or a list of "+itoa(n))
			return make([]int, n)
		}
		out[k] = int(v)
	}
	return out
}

// axis is argument i as an axis of a shape; negative ones count from the end.
func (c *invocation) axis(i, rank int) int {
	n := c.int(i)
	if !c.ok {
		return 0
	}
	a := n
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		c.fail(diag.AxisRange, c.args[i].at, "axis %d of a tensor with %s", n, countDims(rank))
		return 0
	}
	return a
}

// axes is argument i as a sorted list of axes; none means all of them.
func (c *invocation) axes(i, rank int) []int {
	var out []int
	switch v := c.args[i].v.(type) {
	case none:
		for a := range rank {
			out = append(out, a)
		}
	case list:
		for _, x := range v {
			one := &invocation{e: c.e, in: c.in, ok: true, args: slices.Clone(c.args)}
			one.args[i].v = x
			a := one.axis(i, rank)
			if !one.ok {
				c.ok = false
				return nil
			}
			if slices.Contains(out, a) {
				c.fail(diag.AxisRange, c.args[i].at, "axis %d is named twice", a)
				return nil
			}
			out = append(out, a)
		}
		slices.Sort(out)
	default:
		out = append(out, c.axis(i, rank))
	}
	return out
}

// shape is argument i as a list of sizes.
func (c *invocation) shape(i int) []dim.Dim {
	items, ok := c.args[i].v.(list)
	if !ok {
		if d, isDim := asDim(c.args[i].v); isDim {
			return []dim.Dim{d}
		}
		c.wrong(i, "a list of sizes")
		return nil
	}
	out := make([]dim.Dim, len(items))
	for k, x := range items {
		d, ok := c.e.asSize(x, c.args[i].at)
		if !ok {
			c.ok = false
			return nil
		}
		out[k] = d
	}
	t := ir.Type{DType: dim.Float32, Shape: out}
	if tooLarge(t) {
		c.fail(diag.DimensionRange, c.args[i].at, "this would be a tensor %s, which no machine can hold", op.ShapeString(out))
	}
	return out
}

func (c *invocation) dtype(i int) dim.DType {
	t, ok := c.args[i].v.(element)
	if !ok {
		c.wrong(i, "a dtype")
	}
	return dim.DType(t)
}

// emit appends an operation with one result; nil after an error.
func (c *invocation) emit(o ir.Op, args ...*ir.Value) *ir.Value {
	if !c.ok {
		return nil
	}
	for _, a := range args {
		if a == nil {
			c.ok = false
			return nil
		}
	}
	v := one(c.e.emit(c.at, o, args...))
	if v == nil {
		c.ok = false
	}
	return v
}

// emitAll is emit for several results.
func (c *invocation) emitAll(o ir.Op, args ...*ir.Value) value {
	if !c.ok {
		return bad{}
	}
	out := c.e.emit(c.at, o, args...)
	if out == nil {
		c.ok = false
		return bad{}
	}
	t := make(tuple, len(out))
	for i, v := range out {
		t[i] = tensor{v}
	}
	return t
}

// result wraps a value that may be nil.
func (c *invocation) result(v *ir.Value) value {
	if v == nil || !c.ok {
		return bad{}
	}
	return tensor{v}
}

func (c *invocation) reshape(x *ir.Value, shape []dim.Dim) *ir.Value {
	if x == nil || !c.ok || dim.EqualShapes(x.Type.Shape, shape) {
		return x
	}
	return c.emit(op.Reshape{Shape: slices.Clone(shape)}, x)
}

func (c *invocation) transpose(x *ir.Value, perm []int) *ir.Value {
	if x == nil || slices.IsSorted(perm) {
		return x
	}
	return c.emit(op.Transpose{Perm: slices.Clone(perm)}, x)
}
