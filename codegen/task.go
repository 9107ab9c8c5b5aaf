package codegen

import (
	"github.com/mlc-go/mlc/codegen/simd"
	"github.com/mlc-go/mlc/compiler/loop"
)

// kernelTask is the Go type of a kernel's calls: its fields are the arguments of
// the last call and its items are what workers take. A run holds one of each
// kernel that it calls, so that a call is a line and allocates nothing.
type kernelTask struct {
	typ   string  // the Go type
	named []field // the kernel's parameters, its range of items left out
}

// task returns the kernel's task type and names it at the first use.
func (g *gen) task(k *loop.Kernel) *kernelTask {
	if t := g.tasks[k]; t != nil {
		return t
	}
	scope := newNames(g.pkg)
	for _, n := range []string{"t", "i", "pool", "target", "run", "items"} {
		scope.used[n] = n
	}
	t := &kernelTask{typ: g.pkg.local(g.plans[k].name + "Task"), named: g.plans[k].signature(scope)}
	t.named = t.named[:len(k.Params)+len(k.Dims)+len(k.Scalars)+len(k.Counters)]
	g.tasks[k] = t
	return t
}

// sizes are the kernel's run-time sizes as a method of the task sees them.
func (t *kernelTask) sizes(k *loop.Kernel) map[string]expr {
	env := map[string]expr{}
	for i, d := range k.Dims {
		env[d] = id("t." + t.named[len(k.Params)+i].name)
	}
	return env
}

// args are the kernel's arguments as a method of the task sees them.
func (t *kernelTask) args() []expr {
	var list []expr
	for _, f := range t.named {
		list = append(list, id("t."+f.name))
	}
	return list
}

// printTask writes the task type of a kernel that has one, and how it runs.
func (g *gen) printTask(s *source, k *loop.Kernel) {
	t, pl := g.tasks[k], g.plans[k]
	if t == nil {
		return
	}
	var given []field
	if g.asm[k] != nil {
		given = append(given, field{name: "target", typ: "mlrt.Target"})
	}
	given = append(given, t.named...)
	s.structType(t.typ+" is a call of "+pl.name+".", t.typ, given)
	s.method("run makes a call with the help of workers.", "t", "*"+t.typ, "run", append([]field{{name: "pool", typ: "*mlrt.Pool"}}, given...), nil, func(b *body) {
		var values []expr
		for _, f := range given {
			values = append(values, id(f.name))
		}
		b.set(unary("*", id("t")), composite(t.typ, elems(values...)...))
		items := call(id("t.items"))
		if g.asm[k] == nil {
			items = pl.items(t.sizes(k))
		}
		b.do(call(id("pool.Run"), items, id("t")))
	})
	if g.asm[k] == nil {
		s.method("Item runs item i.", "t", "*"+t.typ, "Item", []field{{name: "i", typ: "int"}}, nil, func(b *body) {
			b.do(t.plain(pl))
		})
	}
}

// plain calls the kernel in plain Go for item i.
func (t *kernelTask) plain(pl *kernelPlan) expr {
	args := t.args()
	if !pl.single() {
		args = append(args, id("i"), bin("+", id("i"), num(1)))
	}
	return call(id(pl.name), args...)
}

// printDispatch writes the methods of a task that run an item on the target of
// the call and count the items.
func (g *gen) printDispatch(s *source, k *loop.Kernel, functions []*simd.Function) {
	t, pl := g.tasks[k], g.plans[k]
	s.method("Item runs item i.", "t", "*"+t.typ, "Item", []field{{name: "i", typ: "int"}}, nil, func(b *body) {
		var cases []switchCase
		for _, f := range functions {
			cases = append(cases, switchCase{goTarget(f.Target), func(b *body) { b.do(t.assembly(k, f)) }})
		}
		b.choose(id("t.target"), cases, func(b *body) { b.do(t.plain(pl)) })
	})
	s.method("items counts the items of the call.", "t", "*"+t.typ, "items", nil, []string{"int"}, func(b *body) {
		var cases []switchCase
		for _, f := range functions {
			cases = append(cases, switchCase{goTarget(f.Target), func(b *body) { b.ret(dimExpr(groups(f), t.sizes(k))) }})
		}
		b.choose(id("t.target"), cases, func(b *body) { b.ret(pl.items(t.sizes(k))) })
	})
}

// assembly calls an assembly function for item i, which is a group of its items.
func (t *kernelTask) assembly(k *loop.Kernel, f *simd.Function) expr {
	var args []expr
	for i, a := range t.args() {
		if i < len(k.Params) {
			a = call(rt("First"), a)
		}
		args = append(args, a)
	}
	from, to := id("i"), bin("+", id("i"), num(1))
	if f.Grain > 1 {
		from = bin("*", from, num(f.Grain))
		to = call(id("min"), bin("+", from, num(f.Grain)), dimExpr(f.Items, t.sizes(k)))
	}
	return call(id(f.Name), append(args, from, to)...)
}
