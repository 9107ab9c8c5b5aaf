package codegen

import (
	"fmt"
	"strings"

	"github.com/mlc-go/mlc/compiler/loop"
)

// printForward writes sessions and the entries that they run.
func (g *gen) printForward(s *source) {
	g.printSession(s)
	for i, e := range g.entries {
		g.printEntry(s, e)
		e.run.print(s)
		e.run.printBind(s, index(id("modelInfo.Entries"), num(int64(i))), e.states)
		e.run.printOutputs(s)
	}
	g.printUntypedSession(s)
}

// runField is the name of the session's field for an entry.
func (e *entryGen) runField() string { return private(e.f.Name) }

func (g *gen) printSession(s *source) {
	fields := []field{{name: "model", typ: "*Model"}, {name: "pool", typ: "*mlrt.Pool"}}
	stateful := false
	for _, e := range g.entries {
		stateful = stateful || len(e.states) > 0
	}
	if g.countsCalls() {
		fields = append(fields, field{name: "calls", typ: "int64", comment: "made so far: each draws its own random numbers"})
	}
	for _, e := range g.entries {
		fields = append(fields, field{name: e.runField(), typ: e.run.typ})
	}
	for _, f := range g.carried.fields {
		f.comment = "state " + f.comment
		fields = append(fields, f)
	}
	about := "Session runs a model with memory of its own. One goroutine at a time may use it."
	if stateful {
		about += "\nIts states start at zero, and again when a call has other sizes."
	}
	s.structType(about, "Session", fields)
	doc := "NewSession returns a session. Memory for batches of up to batch samples is made\nat once; 0 makes it at the first call. Close gives its workers back."
	s.method(doc, "m", "*Model", "NewSession", []field{{name: "batch", typ: "int"}}, []string{"*Session"}, func(b *body) {
		b.ret(call(id("m.openSession"), flat("mlrt.Options", fieldValue{"Batch", id("batch")})))
	})
	s.method("openSession is NewSession with all options.", "m", "*Model", "openSession", []field{{name: "o", typ: "mlrt.Options"}}, []string{"*Session"}, func(b *body) {
		b.define("s", unary("&", flat("Session", elemsNamed("model", id("m"), "pool", call(rt("NewPool"), id("o.Threads")))...)))
		for _, e := range g.entries {
			b.set(id("s."+e.runField()), flat(e.run.typ, e.run.startFields("s", id("m"))...))
		}
		g.presize(b, "s", g.entryRuns())
		b.ret(id("s"))
	})
	s.method("Use makes the session run m, which is a model of the same package with other\nweights, from the next call on.", "s", "*Session", "Use",
		[]field{{name: "m", typ: "*Model"}}, nil, func(b *body) {
			b.set(id("s.model"), id("m"))
			for _, e := range g.entries {
				for _, o := range e.run.owners() {
					if o == "model" {
						b.set(id("s."+e.runField()+".model"), id("m"))
					}
				}
			}
		})
	if stateful {
		s.method("Reset sets the states that the session keeps from call to call to zero.", "s", "*Session", "Reset", nil, nil, func(b *body) {
			for _, sv := range g.carried.vars {
				b.do(call(id("clear"), sv.place.in("s").expr()))
			}
		})
	}
	s.method("Close gives the session's workers back. The session must not be used afterwards.", "s", "*Session", "Close", nil, nil,
		func(b *body) { b.do(call(id("s.pool.Close"))) })
}

func (g *gen) entryRuns() map[string]*run {
	m := map[string]*run{}
	for _, e := range g.entries {
		m[e.runField()] = e.run
	}
	return m
}

// coresOf is the workers of a pool for the target of a name.
func coresOf(pool, target expr) expr {
	return call(rt("NewCores"), pool, target)
}

// startFields are the values that a run in struct owner starts with.
func (r *run) startFields(owner string, model expr) []fieldValue {
	list := elemsNamed("cores", coresOf(id(owner+".pool"), id("o.Target")))
	for _, o := range r.owners() {
		v := id(owner)
		if o == "model" {
			v = model
		}
		list = append(list, fieldValue{o, v})
	}
	if r.random() {
		list = append(list, fieldValue{"seed", id("o.Seed")})
	}
	return list
}

// presize makes memory for the batch of the options where that is the only size.
func (g *gen) presize(b *body, owner string, runs map[string]*run) {
	var sized []string
	for _, e := range g.entries {
		if r := runs[e.runField()]; r != nil && len(r.f.Dims) == 1 && r.sized() {
			sized = append(sized, e.runField())
		}
	}
	for _, t := range g.trains {
		for _, f := range []string{t.field, t.field + "Eval"} {
			if r := runs[f]; r != nil && len(r.f.Dims) == 1 && r.sized() {
				sized = append(sized, f)
			}
		}
	}
	if len(sized) == 0 {
		return
	}
	b.when(binRaw(">", id("o.Batch"), num(0)), func(b *body) {
		b.comment("A batch that is too large is an error of the call that uses it.")
		for _, f := range sized {
			b.set(id("_"), call(id(owner+"."+f+".resize"), id("o.Batch")))
		}
	})
}

// resultTypes are the Go types of an entry's outputs.
func resultTypes(f *loop.Func) (list []string, described []string) {
	for _, o := range f.Outputs {
		list = append(list, "[]"+goTypes[o.Buffer.DType])
		described = append(described, o.Name+" "+shapeText(o.Buffer.Shape, nil))
	}
	return append(list, "error"), described
}

// printEntry writes the typed method of an entry.
func (g *gen) printEntry(s *source, e *entryGen) {
	scope := newNames(g.pkg)
	scope.used["s"], scope.used["r"] = "s", "r"
	c := newTypedCall(e.run, scope)
	types, described := resultTypes(e.f)
	doc := e.method + " computes " + strings.Join(described, ", ") + "."
	if e.f.Doc != "" {
		doc = e.method + ": " + strings.TrimSpace(e.f.Doc) + "\n\nIt returns " + strings.Join(described, ", ") + "."
	}
	for _, b := range e.f.Inputs {
		doc += fmt.Sprintf(" %s is %s.", b.Name, shapeText(b.Shape, nil))
	}
	doc += "\nThe results stay valid until the next call. Inputs of the wrong length are an\nerror that wraps mlrt.ErrShape."
	s.method(doc, "s", "*Session", e.method, c.params, types, func(b *body) {
		fail := make([]expr, 0, len(types))
		results := make([]expr, 0, len(types))
		for _, o := range e.f.Outputs {
			fail = append(fail, id("nil"))
			results = append(results, e.run.mem(o.Buffer))
		}
		b.define("r", unary("&", id("s."+e.runField())))
		c.bind(b, id("r"), append(fail, id("err"))...)
		e.run.count(b, "s")
		b.do(call(id("r.run")))
		b.ret(append(results, id("nil"))...)
	})
}

// countsCalls reports whether sessions number their calls, because an entry draws
// random numbers or reads the number.
func (g *gen) countsCalls() bool {
	for _, e := range g.entries {
		if e.run.stepped() {
			return true
		}
	}
	return false
}

// count numbers the call of a session.
func (r *run) count(b *body, owner string) {
	if r.g.countsCalls() {
		b.inc(id(owner + ".calls"))
	}
	if r.stepped() {
		b.set(id("r.step"), id(owner+".calls"))
	}
}

// printOutputs writes the outputs by contract. They are made again only when
// sizes change.
func (r *run) printOutputs(s *source) {
	s.method("outputs returns the results by contract.", "r", "*"+r.typ, "outputs", nil, []string{"[]mlrt.Tensor"}, func(b *body) {
		var list []expr
		for _, o := range r.f.Outputs {
			var dims []expr
			for _, d := range o.Buffer.Shape {
				dims = append(dims, dimExpr(d, r.dims))
			}
			list = append(list, flat("", elemsNamed("Shape", composite("[]int", elems(dims...)...), "Data", r.mem(o.Buffer))...))
		}
		b.when(binRaw("==", id("r.tensors"), id("nil")), func(b *body) {
			b.set(id("r.tensors"), rows("[]mlrt.Tensor", list...))
		})
		b.ret(id("r.tensors"))
	})
}

// printUntypedSession writes a session by contract.
func (g *gen) printUntypedSession(s *source) {
	s.structType("anySession is a Session by contract.", "anySession", []field{{typ: "*Session"}})
	s.method("Run calls entry i.", "s", "*anySession", "Run", []field{{name: "i", typ: "int"}, {name: "inputs", typ: "[]mlrt.Tensor"}},
		[]string{"[]mlrt.Tensor", "error"}, func(b *body) {
			var cases []switchCase
			for i, e := range g.entries {
				cases = append(cases, switchCase{num(int64(i)), func(b *body) {
					b.define("r", unary("&", id("s."+e.runField())))
					b.whenErr(call(id("r.bindTensors"), id("inputs")), id("nil"), id("err"))
					e.run.count(b, "s")
					b.do(call(id("r.run")))
					b.ret(call(id("r.outputs")), id("nil"))
				}})
			}
			b.choice(id("i"), cases, nil)
			b.ret(id("nil"), call(rt("WrongShape"), text("the model has no such entry")))
		})
	s.method("Close gives the session's workers back.", "s", "*anySession", "Close", nil, []string{"error"}, func(b *body) {
		b.do(call(id("s.Session.Close")))
		b.ret(id("nil"))
	})
}

// printPredict writes the method that runs the main entry for many goroutines.
func (g *gen) printPredict(s *source) {
	var main *entryGen
	for _, e := range g.entries {
		if main == nil || e.f.Name == "forward" {
			main = e
		}
	}
	if main == nil || len(main.states) > 0 {
		return
	}
	scope := newNames(g.pkg)
	for _, n := range []string{"m", "s"} {
		scope.used[n] = n
	}
	var params []field
	var outs, got []expr
	for _, o := range main.f.Outputs {
		n := scope.local(o.Name)
		if len(main.f.Outputs) == 1 {
			scope.free(n)
			n = scope.local("dst")
		}
		params = append(params, field{name: n, typ: "[]" + goTypes[o.Buffer.DType]})
		outs = append(outs, id(n))
	}
	c := newTypedCall(main.run, scope)
	var args []expr
	for _, p := range c.params {
		args = append(args, id(p.name))
	}
	names := []string{}
	for range outs {
		n := scope.local("result")
		names = append(names, n)
		got = append(got, id(n))
	}
	doc := "Predict runs " + main.method + " and copies its results into the first slices. Any number of\ngoroutines may call it at once: sessions are kept for the next call."
	s.method(doc, "m", "*Model", "Predict", append(params, c.params...), []string{"error"}, func(b *body) {
		b.multi([]string{"s", "_"}, ":=", assert(call(id("m.sessions.Get")), "*Session"))
		b.when(binRaw("==", id("s"), id("nil")), func(b *body) {
			b.set(id("s"), call(id("m.openSession"), flat("mlrt.Options", fieldValue{"Threads", num(1)})))
		})
		b.deferred(call(id("m.sessions.Put"), id("s")))
		b.multi(append(names, "err"), ":=", call(id("s."+main.method), args...))
		b.when(binRaw("!=", id("err"), id("nil")), func(b *body) { b.ret(id("err")) })
		for i, o := range outs {
			b.when(binRaw("!=", call(id("len"), o), call(id("len"), got[i])), func(b *body) {
				b.ret(call(rt("WrongLength"), text(params[i].name), call(id("len"), o), call(id("len"), got[i])))
			})
		}
		for i, o := range outs {
			b.do(call(id("copy"), o, got[i]))
		}
		b.ret(id("nil"))
	})
}
