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
	g       *gen
	f       *loop.Func
	typ     string      // the struct's name
	steps   []loop.Step // the function's body, or a part of it
	before  []stage     // the steps as they are written
	after   []stage     // those that a loss must be finite for
	names   *names      // fields of the struct
	memory  map[*loop.Buffer]place
	dims    map[string]expr
	loops   map[*loop.For]expr
	args    map[*loop.Scalar]expr
	scalars []*loop.Scalar       // that calls take, in order
	slots   map[*loop.Buffer]int // of scratch buffers
	own     []*loop.Buffer       // scratch buffers in order of first use
	arrays  map[*loop.Buffer]*array
	doc     string
	tasks   []*loop.Kernel        // of parts, in order of first use
	runs    map[*loop.Kernel]expr // their fields
}

const maxParts = 120 // steps in one method

// newRun names everything that the function's memory consists of. The owner
// says where stored tensors live: it maps them to fields, or refuses.
func (g *gen) newRun(f *loop.Func, typ, doc string, steps []loop.Step) *run {
	r := &run{
		g: g, f: f, typ: g.pkg.local(typ), doc: doc, steps: steps, names: newNames(nil),
		memory: map[*loop.Buffer]place{}, dims: map[string]expr{}, loops: map[*loop.For]expr{}, args: map[*loop.Scalar]expr{},
		slots: map[*loop.Buffer]int{}, arrays: map[*loop.Buffer]*array{}, runs: map[*loop.Kernel]expr{},
	}
	for _, n := range []string{"cores", "arena", "plan", "model", "trainer", "session", "seed", "step", "report", "tensors"} {
		r.names.used[n] = n
	}
	for _, d := range f.Dims {
		r.dims[d] = id("r." + r.names.local(d))
	}
	for _, b := range f.Inputs {
		r.memory[b] = place{"r." + r.names.local(b.Name), -1}
	}
	r.nameScalars()
	r.findBuffers()
	before, after := steps, []loop.Step(nil)
	if f.Kind == "train" {
		before, after = splitAfterLoss(steps)
	}
	ro := &roller{r: r, spots: map[*loop.Buffer]spot{}, calls: map[loop.Step][]*loop.Call{}}
	r.before, r.after = ro.roll(before), ro.roll(after)
	r.nameScratch(ro)
	r.eachCall(steps, func(c *loop.Call) {
		if r.shared(c) {
			r.g.use(c.Kernel)
		}
		if _, ok := r.runs[c.Kernel]; !ok && len(c.Kernel.Parts) > 0 {
			r.tasks = append(r.tasks, c.Kernel)
			r.runs[c.Kernel] = id("r." + r.names.local(r.g.tasks[c.Kernel].name))
		}
	})
	return r
}

// nameScalars finds the host scalars that calls take. Constant words stand in
// the calls; others are fields.
func (r *run) nameScalars() {
	used := map[*loop.Scalar]bool{}
	r.eachCall(r.steps, func(c *loop.Call) {
		for _, s := range c.Scalars {
			used[s] = true
		}
	})
	for i := range r.f.Scalars {
		s := &r.f.Scalars[i]
		switch {
		case !used[s]:
		case isWord(s):
			r.args[s] = num(int64(uint32(s.Expr.Value)))
		case s.DType == dim.Float32 && s.Expr != nil && s.Expr.IsConst():
			r.args[s] = float(dim.Float32, uint64(math.Float32bits(float32(s.Expr.Value))))
		default:
			r.args[s] = id("r." + r.names.local(s.Name))
			r.scalars = append(r.scalars, s)
		}
	}
}

// findBuffers finds out which buffers are somebody else's memory, and which are
// scratch in what slot.
func (r *run) findBuffers() {
	seen := map[*loop.Buffer]bool{}
	slots, count := map[int]int{}, 0
	find := func(b *loop.Buffer) {
		if _, ok := r.memory[b]; ok || seen[b] {
			return
		}
		seen[b] = true
		switch b.Kind {
		case loop.Table:
			r.memory[b] = place{r.g.table(b), -1}
			return
		case loop.Stored:
			sv := r.g.byVar[b.Var]
			r.memory[b] = sv.place.in("r." + sv.owner)
			return
		}
		r.own = append(r.own, b)
		n, ok := slots[b.Slot]
		if !ok {
			n = count
			count++
		}
		if b.Slot >= 0 {
			slots[b.Slot] = n
		}
		r.slots[b] = n
	}
	r.eachCall(r.steps, func(c *loop.Call) {
		for _, a := range c.Args {
			find(a.Buffer)
		}
	})
	for _, o := range r.f.Outputs {
		find(o.Buffer)
	}
}

// nameScratch names the fields of scratch buffers. Those in arrays are named
// after the one with the shortest name.
func (r *run) nameScratch(ro *roller) {
	for _, b := range r.own {
		s, ok := ro.spots[b]
		if !ok {
			r.memory[b] = place{"r." + r.names.local(b.Name), -1}
			continue
		}
		if s.arr.field == "" {
			name := b.Name
			for _, o := range s.arr.at { // a set
				if len(o.Name) < len(name) || len(o.Name) == len(name) && o.Name < name {
					name = o.Name
				}
			}
			s.arr.field = "r." + r.names.local(name)
		}
		r.arrays[b] = s.arr
		r.memory[b] = place{s.arr.field, s.at - s.arr.low}
	}
}

// mem is a buffer's slice.
func (r *run) mem(b *loop.Buffer) expr {
	e := r.memory[b].expr()
	if b.Kind == loop.Table {
		return slice(e, nil, nil)
	}
	return e
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

// sized reports whether the call has memory to make.
func (r *run) sized() bool { return len(r.own) > 0 || len(r.f.Dims) > 0 }

// structFields are the fields of the run's struct.
func (r *run) structFields() []field {
	var list []field
	add := func(e expr, typ, comment string) {
		list = append(list, field{name: strings.TrimPrefix(e.path(), "r."), typ: typ, comment: comment})
	}
	list = append(list, field{name: "cores", typ: "*mlrt.Cores"})
	if len(r.own) > 0 {
		list = append(list, field{name: "arena", typ: "*mlrt.Arena"}, field{name: "plan", typ: "mlrt.Plan", comment: "of the arena"})
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
	for _, s := range r.scalars {
		add(r.args[s], goTypes[s.DType], "")
	}
	for _, b := range r.f.Inputs {
		add(r.mem(b), "[]"+goTypes[b.DType], shapeText(b.Shape, b.Layout))
	}
	list = append(list, r.scratchFields()...)
	if r.f.Kind == "forward" {
		list = append(list, field{name: "tensors", typ: "[]mlrt.Tensor", comment: "the results by contract"})
	}
	for _, k := range r.tasks {
		add(r.runs[k], r.g.tasks[k].typ, "")
	}
	return list
}

// scratchFields are the fields of scratch buffers, those of one shape together.
func (r *run) scratchFields() (list []field) {
	type group struct{ shape, typ string }
	members := map[group][]string{}
	types := map[string][]string{} // by shape
	var shapes []string
	done := map[*array]bool{}
	for _, b := range r.own {
		g := group{shapeText(b.Shape, b.Layout), "[]" + goTypes[b.DType]}
		if a := r.arrays[b]; a != nil {
			if done[a] {
				continue
			}
			done[a] = true
			high := 0
			for at := range a.at { // a set
				high = max(high, at)
			}
			g.typ = fmt.Sprintf("[%d]%s", high-a.low+1, g.typ)
		}
		if types[g.shape] == nil {
			shapes = append(shapes, g.shape)
		}
		if members[g] == nil {
			types[g.shape] = append(types[g.shape], g.typ)
		}
		members[g] = append(members[g], strings.TrimPrefix(r.memory[b].field, "r."))
	}
	for _, shape := range shapes {
		above := shape
		for _, typ := range types[shape] {
			for _, names := range wrapped(members[group{shape, typ}]) {
				list = append(list, field{name: names, typ: typ, above: above})
				above = ""
			}
		}
	}
	return list
}

// wrapped joins names to lines of a struct.
func wrapped(names []string) (lines []string) {
	for _, n := range names {
		if i := len(lines) - 1; i >= 0 && len(lines[i])+len(n) < 100 {
			lines[i] += ", " + n
			continue
		}
		lines = append(lines, n)
	}
	return lines
}

// owners are the structs whose stored tensors the call uses.
func (r *run) owners() []string {
	used := map[string]bool{}
	for _, p := range r.memory { // a set
		if o, _, ok := strings.Cut(strings.TrimPrefix(p.field, "r."), "."); ok {
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
	for _, s := range r.scalars {
		names = inputNames(names, s.Expr)
	}
	return names
}

func (r *run) random() bool { return r.hasScalar("seed0") || r.hasScalar("seed1") }

func (r *run) hasScalar(name string) bool {
	for _, s := range r.scalars {
		if s.Name == name && s.DType == dim.Uint32 {
			return true
		}
	}
	return false
}

func (r *run) stepped() bool {
	for _, s := range r.scalars {
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
	if len(r.own) > 0 {
		r.printBuffers(s)
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
		r.eachCall(r.steps, func(c *loop.Call) {
			sizes := map[string]dim.Dim{}
			for i, d := range c.Dims {
				sizes[c.Kernel.Dims[i]] = d
			}
			check(localBytes(c.Kernel).Subst(sizes), 1)
		})
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
	for _, n := range []string{"r", "arena"} {
		scope.used[n] = n
	}
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
			r.visitBuffers(b, local, call(id("r.plan.Begin")))
			b.multi([]string{"arena", "err"}, ":=", call(id("r.arena.Grow"), spread(id("r.plan.Sizes"))))
			b.when(binRaw("!=", id("err"), id("nil")), func(b *body) { b.ret(id("err")) })
			b.set(id("r.arena"), id("arena"))
		}
		for _, d := range r.f.Dims {
			b.set(r.dims[d], local[d])
		}
		if r.f.Kind == "forward" {
			b.set(id("r.tensors"), id("nil"))
		}
		if len(r.own) > 0 {
			r.visitBuffers(b, local, id("arena"))
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

// printRun writes the methods that run the call.
func (r *run) printRun(s *source) {
	if r.f.Kind != "train" {
		b1 := r.parts(s, r.before, "compute")
		s.method("run runs the kernels in order.", "r", "*"+r.typ, "run", nil, nil, func(b *body) {
			r.setScalars(b)
			b.list = append(b.list, b1.list...)
		})
		return
	}
	b1, b2 := r.parts(s, r.before, "compute"), r.parts(s, r.after, "update")
	s.method("compute runs the kernels that the loss needs.", "r", "*"+r.typ, "compute", nil, nil, func(b *body) {
		r.setScalars(b)
		b.list = append(b.list, b1.list...)
	})
	loss := index(r.mem(r.f.Outputs[0].Buffer), num(0))
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

// parts writes stages into a body; very many go into methods of their own.
func (r *run) parts(s *source, list []stage, name string) *body {
	b := &body{}
	if leaves(list) <= maxParts {
		r.printStages(b, list)
		return b
	}
	for part := 1; len(list) > 0; part++ {
		n := 1
		for n < len(list) && leaves(list[:n+1]) <= maxParts {
			n++
		}
		method := fmt.Sprintf("%s%d", name, part)
		s.method(method+" is a part of run.", "r", "*"+r.typ, method, nil, nil, func(b *body) { r.printStages(b, list[:n]) })
		b.do(call(id("r." + method)))
		list = list[n:]
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
	for _, sc := range r.scalars {
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
