package codegen

import (
	"fmt"
	"math"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// run is a function of the program in Go: a struct that holds the arguments,
// sizes and scratch memory of a call, and methods that prepare and run it. What
// workers need lies in the struct, so a call allocates nothing.
type run struct {
	g      *gen
	f      *loop.Func
	typ    string      // the struct's name
	steps  []loop.Step // the function's body, or a part of it
	names  *names      // fields of the struct
	memory map[*loop.Buffer]expr
	dims   map[string]expr
	loops  map[*loop.For]expr
	args   map[*loop.Scalar]expr
	extra  map[*loop.Buffer]int // slots of buffers that the plan gave none
	slots  int
	own    []*loop.Buffer // scratch buffers in order of first use
	doc    string
	tasks  []*loop.Kernel        // that workers share, in order of first use
	runs   map[*loop.Kernel]expr // their tasks
	init   bool                  // stored tensors of others are scratch
}

const maxParts = 120 // steps in one method

// newRun names everything that the function's memory consists of. The owner
// says where stored tensors live: it maps them to fields, or refuses.
func (g *gen) newRun(f *loop.Func, typ, doc string, steps []loop.Step) *run {
	r := &run{
		g: g, f: f, typ: g.pkg.local(typ), doc: doc, steps: steps, names: newNames(nil),
		memory: map[*loop.Buffer]expr{}, dims: map[string]expr{}, loops: map[*loop.For]expr{}, args: map[*loop.Scalar]expr{},
		extra: map[*loop.Buffer]int{}, runs: map[*loop.Kernel]expr{}, slots: len(f.Slots), init: f.Kind == "init",
	}
	for _, n := range []string{"pool", "target", "arena", "model", "trainer", "session", "seed", "step", "report", "tensors"} {
		r.names.used[n] = n
	}
	for _, d := range f.Dims {
		r.dims[d] = id("r." + r.names.local(d))
	}
	for _, b := range f.Inputs {
		r.memory[b] = id("r." + r.names.local(b.Name))
	}
	for i := range f.Scalars {
		r.args[&f.Scalars[i]] = id("r." + r.names.local(f.Scalars[i].Name))
	}
	for _, b := range f.Buffers {
		r.place(b)
	}
	r.eachCall(steps, func(c *loop.Call) {
		for _, a := range c.Args {
			r.place(a.Buffer)
		}
	})
	r.nameLoops(steps)
	r.eachCall(steps, func(c *loop.Call) {
		if _, ok := r.runs[c.Kernel]; !ok && r.shared(c) {
			r.g.task(c.Kernel)
			r.tasks = append(r.tasks, c.Kernel)
			r.runs[c.Kernel] = id("r." + r.names.local(r.g.plans[c.Kernel].name))
		}
	})
	return r
}

// place gives a buffer its Go expression.
func (r *run) place(b *loop.Buffer) {
	if _, ok := r.memory[b]; ok {
		return
	}
	switch b.Kind {
	case loop.Table:
		r.memory[b] = slice(id(r.g.table(b)), nil, nil)
		return
	case loop.Stored:
		if e, ok := r.g.stored(r, b.Var); ok {
			r.memory[b] = e
			return
		}
	}
	r.memory[b] = id("r." + r.names.local(b.Name))
	r.own = append(r.own, b)
	if b.Slot < 0 {
		r.extra[b] = r.slots
		r.slots++
	}
}

func (r *run) slot(b *loop.Buffer) int {
	if n, ok := r.extra[b]; ok {
		return n
	}
	return b.Slot
}

func (r *run) eachCall(steps []loop.Step, f func(*loop.Call)) {
	for _, s := range steps {
		switch s := s.(type) {
		case *loop.Call:
			f(s)
		case *loop.For:
			r.eachCall(s.Body, f)
		}
	}
}

func (r *run) nameLoops(steps []loop.Step) {
	for _, s := range steps {
		if l, ok := s.(*loop.For); ok {
			name := l.Name
			if name == "" {
				name = "t"
			}
			r.loops[l] = id("r." + r.names.local(name))
			r.nameLoops(l.Body)
		}
	}
}

// sized reports whether the call has memory to make.
func (r *run) sized() bool { return len(r.own) > 0 || len(r.f.Dims) > 0 }

// structFields are the fields of the run's struct.
func (r *run) structFields() []field {
	var list []field
	add := func(e expr, typ, comment string) {
		list = append(list, field{name: strings.TrimPrefix(e.path(), "r."), typ: typ, comment: comment})
	}
	list = append(list, field{name: "pool", typ: "*mlrt.Pool"}, field{name: "target", typ: "mlrt.Target"})
	if len(r.own) > 0 {
		list = append(list, field{name: "arena", typ: "*mlrt.Arena"})
	}
	for _, o := range r.owners() {
		list = append(list, field{name: o, typ: "*" + exported(o)})
	}
	if r.random() {
		list = append(list, field{name: "seed", typ: "uint64"})
	}
	if r.stepped() {
		list = append(list, field{name: "step", typ: "int64", comment: "number of the update or call, from 1"})
	}
	if r.reports() {
		list = append(list, field{name: "report", typ: "bool", comment: "whether metrics are wanted"})
	}
	for _, d := range r.f.Dims {
		add(r.dims[d], "int", "")
	}
	for i := range r.f.Scalars {
		s := &r.f.Scalars[i]
		add(r.args[s], goTypes[s.DType], "")
	}
	for _, b := range r.f.Inputs {
		add(r.memory[b], "[]"+goTypes[b.DType], shapeText(b.Shape, b.Layout))
	}
	for _, b := range r.own {
		add(r.memory[b], "[]"+goTypes[b.DType], shapeText(b.Shape, b.Layout))
	}
	if r.f.Kind == "forward" {
		list = append(list, field{name: "tensors", typ: "[]mlrt.Tensor", comment: "the results by contract"})
	}
	for _, k := range r.tasks {
		add(r.runs[k], r.g.task(k).typ, "")
	}
	for _, l := range r.loopList(r.steps) {
		add(r.loops[l], "int", "counts "+l.Extent.String())
	}
	return list
}

func (r *run) loopList(steps []loop.Step) (list []*loop.For) {
	for _, s := range steps {
		if l, ok := s.(*loop.For); ok {
			list = append(append(list, l), r.loopList(l.Body)...)
		}
	}
	return list
}

// owners are the structs whose stored tensors the call uses.
func (r *run) owners() []string {
	used := map[string]bool{}
	for _, e := range r.memory { // a set
		if o, _, ok := strings.Cut(strings.TrimPrefix(e.path(), "r."), "."); ok {
			used[o] = true
		}
	}
	if len(r.inputs()) > 0 && (r.f.Kind == "train" || r.f.Kind == "eval") {
		used["trainer"] = true
	}
	var list []string
	for _, o := range []string{"model", "trainer", "session"} {
		if used[o] {
			list = append(list, o)
		}
	}
	return list
}

func (r *run) inputs() (names []string) {
	for _, s := range r.f.Scalars {
		names = inputNames(names, s.Expr)
	}
	return names
}

func (r *run) random() bool { return r.hasScalar("seed0") || r.hasScalar("seed1") }

func (r *run) hasScalar(name string) bool {
	for _, s := range r.f.Scalars {
		if s.Name == name && s.DType == dim.Uint32 {
			return true
		}
	}
	return false
}

func (r *run) stepped() bool {
	for _, s := range r.f.Scalars {
		if s.Expr != nil && s.Expr.UsesStep() {
			return true
		}
	}
	return r.hasScalar("step")
}

func (r *run) reports() bool {
	found := false
	r.eachCall(r.steps, func(c *loop.Call) { found = found || c.Metric })
	return found
}

// print writes the struct and its methods.
func (r *run) print(s *source) {
	s.structType(r.doc, r.typ, r.structFields())
	if r.sized() {
		r.printResize(s)
	}
	r.printRun(s)
}

// maxSize is the largest power of two, less one, that all sizes may have at once
// without an overflow of what is computed from them.
func (r *run) maxSize() int64 {
	for bits := 31; bits > 8; bits-- {
		env := map[string]int64{}
		for _, d := range r.f.Dims {
			env[d] = 1 << bits
		}
		fits := true
		check := func(d dim.Dim, size int) {
			n, err := d.Eval(env)
			fits = fits && err == nil && n <= math.MaxInt64/int64(16*size)
		}
		for _, b := range append(append([]*loop.Buffer(nil), r.own...), r.f.Inputs...) {
			check(b.Size(), b.DType.Size())
		}
		for _, slot := range r.f.Slots {
			for _, z := range slot.Sizes {
				check(z.Elements, z.DType.Size())
			}
		}
		if fits {
			return 1<<bits - 1
		}
	}
	return 255
}

// printResize writes the method that fits the memory to the call's sizes.
func (r *run) printResize(s *source) {
	var params []field
	local := map[string]expr{}
	scope := newNames(r.g.pkg)
	for _, d := range r.f.Dims {
		n := scope.local(d)
		params = append(params, field{name: n, typ: "int"})
		local[d] = id(n)
	}
	doc := "resize makes memory for a call of the given sizes. It allocates only when what\nthere is does not suffice."
	if len(params) == 0 {
		doc = "resize makes the memory of the call."
	}
	s.method(doc, "r", "*"+r.typ, "resize", params, []string{"error"}, func(b *body) {
		same := id("true")
		if len(r.own) > 0 {
			same = binRaw("!=", id("r.arena"), id("nil"))
		}
		for _, d := range r.f.Dims {
			eq := binRaw("==", r.dims[d], local[d])
			if same.prec == precPrimary {
				same = eq
			} else {
				same = binRaw("&&", same, eq)
			}
		}
		b.when(same, func(b *body) { b.ret(id("nil")) })
		r.checkSizes(b, local)
		if len(r.own) > 0 {
			r.growArena(b, local, scope)
		}
		for _, d := range r.f.Dims {
			b.set(r.dims[d], local[d])
		}
		if r.f.Kind == "forward" {
			b.set(id("r.tensors"), id("nil"))
		}
		for _, buf := range r.own {
			b.set(r.memory[buf], call(rt("Slice<"+goTypes[buf.DType]+">"), id("r.arena"), num(int64(r.slot(buf))), dimExpr(buf.Size(), local)))
		}
		b.ret(id("nil"))
	})
}

// checkSizes refuses sizes that the model does not allow.
func (r *run) checkSizes(b *body, local map[string]expr) {
	limit := r.maxSize()
	for _, d := range r.f.Dims {
		b.when(binRaw("||", binRaw("<", local[d], num(1)), binRaw(">", local[d], num(limit))), func(b *body) {
			b.ret(call(rt("WrongSize"), text(d), local[d]))
		})
	}
	h := &hostEnv{dims: local, step: num(1), input: func(string) expr { return hostConst(1) }}
	for _, c := range r.f.Checks {
		b.when(unary("!", parens(h.truth(c.Cond))), func(b *body) { b.ret(call(rt("WrongShape"), text(c.Message))) })
	}
}

// growArena asks for an arena with the slots' sizes in bytes.
func (r *run) growArena(b *body, local map[string]expr, scope *names) {
	wide := map[string]expr{}
	for _, d := range r.f.Dims {
		wide[d] = convert("int64", local[d])
	}
	args := make([]expr, r.slots)
	for i, slot := range r.f.Slots {
		args[i] = slotSize(slot, wide)
	}
	for _, buf := range r.own {
		if n, ok := r.extra[buf]; ok {
			args[n] = dimExpr(buf.Size().Mul(dim.Const(int64(buf.DType.Size()))), wide)
		}
	}
	arena := scope.local("arena")
	b.comment("Sizes in bytes. Buffers that are never needed together share a slot.")
	b.multi([]string{arena, "err"}, ":=", lineCall(dot(id("r.arena"), "Grow"), args...))
	b.when(binRaw("!=", id("err"), id("nil")), func(b *body) { b.ret(id("err")) })
	b.set(id("r.arena"), id(arena))
}

func slotSize(slot loop.Slot, env map[string]expr) expr {
	var seen []string
	var list []expr
	for _, z := range slot.Sizes {
		d := z.Elements.Mul(dim.Const(int64(z.DType.Size())))
		known := false
		for _, s := range seen {
			known = known || s == d.String()
		}
		if known {
			continue
		}
		seen = append(seen, d.String())
		list = append(list, dimExpr(d, env))
	}
	if len(list) == 1 {
		return list[0]
	}
	if len(list) == 0 {
		return num(0)
	}
	return call(id("max"), list...)
}

// printRun writes the methods that run the call.
func (r *run) printRun(s *source) {
	if r.f.Kind != "train" {
		b1 := r.parts(s, r.steps, "compute")
		s.method("run runs the kernels in order.", "r", "*"+r.typ, "run", nil, nil, func(b *body) {
			r.setScalars(b)
			b.list = append(b.list, b1.list...)
		})
		return
	}
	before, after := splitAfterLoss(r.steps)
	b1, b2 := r.parts(s, before, "compute"), r.parts(s, after, "update")
	s.method("compute runs the kernels that the loss needs.", "r", "*"+r.typ, "compute", nil, nil, func(b *body) {
		r.setScalars(b)
		b.list = append(b.list, b1.list...)
	})
	loss := index(r.memory[r.f.Outputs[0].Buffer], num(0))
	s.method("run makes one update. When the loss is not finite it reports so and leaves every\nstored tensor as it was.",
		"r", "*"+r.typ, "run", nil, []string{"bool"}, func(b *body) {
			b.do(call(id("r.compute")))
			b.when(unary("!", call(rt("Finite"), loss)), func(b *body) { b.ret(id("false")) })
			b.list = append(b.list, b2.list...)
			b.ret(id("true"))
		})
}

// splitAfterLoss returns the steps before the check of the loss, and the others.
func splitAfterLoss(steps []loop.Step) (before, after []loop.Step) {
	for i, s := range steps {
		if updates(s) {
			return steps[:i], steps[i:]
		}
	}
	return steps, nil
}

func updates(s loop.Step) bool {
	switch s := s.(type) {
	case *loop.Call:
		return s.AfterLoss
	case *loop.For:
		for _, inner := range s.Body {
			if updates(inner) {
				return true
			}
		}
	}
	return false
}

// parts writes steps into a body; very many go into methods of their own.
func (r *run) parts(s *source, steps []loop.Step, name string) *body {
	b := &body{}
	if len(steps) <= maxParts {
		r.printSteps(b, steps)
		return b
	}
	for i := 0; i < len(steps); i += maxParts {
		part := fmt.Sprintf("%s%d", name, i/maxParts+1)
		s.method(part+" is a part of run.", "r", "*"+r.typ, part, nil, nil, func(b *body) {
			r.printSteps(b, steps[i:min(i+maxParts, len(steps))])
		})
		b.do(call(id("r." + part)))
	}
	return b
}

// setScalars computes the host scalars of the call.
func (r *run) setScalars(b *body) {
	h := &hostEnv{dims: r.dims, step: id("r.step"), input: func(name string) expr {
		if r.f.Kind == "train" || r.f.Kind == "eval" {
			return id("r.trainer." + r.g.inputs[name])
		}
		return hostConst(1)
	}}
	for i := range r.f.Scalars {
		sc := &r.f.Scalars[i]
		b.set(r.args[sc], r.scalar(h, sc))
	}
}

func (r *run) scalar(h *hostEnv, sc *loop.Scalar) expr {
	if sc.DType == dim.Uint32 {
		switch sc.Name {
		case "seed0":
			return convert("uint32", id("r.seed"))
		case "seed1":
			return convert("uint32", binRaw(">>", id("r.seed"), num(32)))
		case "step":
			return convert("uint32", id("r.step"))
		}
	}
	v := h.number(sc.Expr)
	switch {
	case sc.DType == dim.Float64:
		return v
	case sc.DType == dim.Bool:
		return h.truth(sc.Expr)
	case sc.DType.IsFloat():
		return narrow(sc.DType, h.typed(sc.Expr))
	}
	return call(rt(exported("to "+goTypes[sc.DType])), v)
}

// printSteps writes calls and loops, each under the model line that it begins.
func (r *run) printSteps(b *body, steps []loop.Step) {
	var last loop.Origin
	for i := 0; i < len(steps); i++ {
		switch s := steps[i].(type) {
		case *loop.Call:
			if !s.Metric {
				r.note(b, s.Origin, &last)
				r.printCall(b, s)
				continue
			}
			j := i
			for j < len(steps) && isMetric(steps[j]) {
				j++
			}
			b.when(id("r.report"), func(b *body) {
				for _, m := range steps[i:j] {
					r.printCall(b, m.(*loop.Call))
				}
			})
			i = j - 1
		case *loop.For:
			r.note(b, s.Origin, &last)
			inner := b.inner(func(b *body) { r.printSteps(b, s.Body) })
			b.forField(r.loops[s], dimExpr(s.Extent, r.dims), inner)
		}
	}
}

func isMetric(s loop.Step) bool {
	c, ok := s.(*loop.Call)
	return ok && c.Metric
}

func (r *run) note(b *body, o loop.Origin, last *loop.Origin) {
	if o.Line == 0 || o == *last {
		return
	}
	*last = o
	b.comment(fmt.Sprintf("%s:%d  %s", oneLine(o.File), o.Line, oneLine(o.Label)))
}

// shared reports whether workers share the items of a call.
func (r *run) shared(c *loop.Call) bool {
	return r.g.asm[c.Kernel] != nil || !r.g.plans[c.Kernel].single() && !r.oneItem(c)
}

// oneItem reports whether the plain kernel makes a single item of a call.
func (r *run) oneItem(c *loop.Call) bool {
	env := map[string]expr{}
	for i, d := range c.Kernel.Dims {
		env[d] = dimExpr(c.Dims[i], r.dims)
	}
	items := r.g.plans[c.Kernel].items(env)
	return items.isInt && items.number == 1
}

// printCall runs a kernel: as items for the workers, or at once when it is one.
func (r *run) printCall(b *body, c *loop.Call) {
	pl, args := r.g.plans[c.Kernel], r.callArgs(c)
	if r.shared(c) {
		given := []expr{id("r.pool")}
		if r.g.asm[c.Kernel] != nil {
			given = append(given, id("r.target"))
		}
		b.do(call(id(r.runs[c.Kernel].path()+".run"), append(given, args...)...))
		return
	}
	if !pl.single() {
		args = append(args, num(0), num(1))
	}
	b.do(call(id(pl.name), args...))
}

// callArgs are a call's arguments in the order of the kernel's signature.
func (r *run) callArgs(c *loop.Call) []expr {
	var args []expr
	for _, a := range c.Args {
		args = append(args, r.view(a))
	}
	for _, d := range c.Dims {
		args = append(args, dimExpr(d, r.dims))
	}
	for _, sc := range c.Scalars {
		args = append(args, r.args[sc])
	}
	for _, l := range c.Counters {
		args = append(args, r.loops[l])
	}
	return args
}

// view is a buffer, or its slice at a position of the first axis.
func (r *run) view(a loop.Arg) expr {
	mem := r.memory[a.Buffer]
	if a.At == nil {
		return mem
	}
	stride := dimExpr(dim.Product(a.Buffer.Shape[1:]), r.dims)
	at := r.loops[a.At.Loop]
	if a.At.Reverse {
		at = bin("-", bin("-", dimExpr(a.At.Loop.Extent, r.dims), num(1)), at)
	}
	at = bin("*", bin("+", at, num(a.At.Offset)), stride)
	return slice(slice(mem, &at, nil), nil, &stride)
}
