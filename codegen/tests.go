package codegen

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// printTests writes the example and the test that lie beside the package.
func (g *gen) printTests() {
	tag := ""
	if len(g.trains) > 0 {
		tag = "!mlc_infer"
	}
	if len(g.entries) > 0 {
		g.printExample(g.open("_example_test", ""))
	}
	s := g.open("_test", tag)
	s.fn("noise returns n numbers between -1 and 1, the same each time.", "noise", []field{{name: "n", typ: "int"}}, []string{"[]float32"}, func(b *body) {
		b.define("r", call(rt2("rand", "New"), call(rt2("rand", "NewPCG"), num(1), num(2))))
		b.define("v", call(id("make"), primary(typeCode("[]float32")), id("n")))
		b.forRange("i", id("v"), func(b *body) {
			b.set(index(id("v"), id("i")), binRaw("-", binRaw("*", num(2), call(id("r.Float32"))), num(1)))
		})
		b.ret(id("v"))
	})
	g.printFileTest(s)
	for _, e := range g.entries {
		g.printEntryTest(s, e)
	}
	for _, t := range g.trains {
		g.printTrainTest(s, t)
	}
}

// rt2 is a name of a package that generated files import.
func rt2(pkg, name string) expr { return primary(typeCode(pkg + "." + name)) }

// sample are sizes at which a function can be called: small ones that its checks
// allow.
func sample(f *loop.Func) map[string]int64 {
	env := map[string]int64{}
	for _, first := range []int64{2, 4, 8, 16, 32, 1} {
		for _, other := range []int64{3, 4, 8, 16, 32, 64, 2, 1} {
			for i, d := range f.Dims {
				env[d] = other
				if i == 0 {
					env[d] = first
				}
			}
			if allowed(f, env) {
				return env
			}
		}
	}
	return env
}

func allowed(f *loop.Func, env map[string]int64) bool {
	for _, c := range f.Checks {
		v, err := c.Cond.Eval(scalar.Env{Dims: env, Step: 1})
		if err != nil || v == 0 {
			return false
		}
	}
	for _, b := range f.Inputs {
		if n, err := b.Size().Eval(env); err != nil || n <= 0 {
			return false
		}
	}
	return true
}

// sampleArgs are the arguments of a typed call at sample sizes. Integers are 0,
// which is a class and a row of every table.
func sampleArgs(c *typedCall, floats func(n int64) expr) []expr {
	env := sample(c.r.f)
	var args []expr
	for _, s := range c.sizes {
		if s.given {
			args = append(args, num(env[s.name]))
		}
	}
	for _, b := range c.r.f.Inputs {
		n, _ := b.Size().Eval(env)
		if b.DType == dim.Float32 {
			args = append(args, floats(n))
		} else {
			args = append(args, zeros(b.DType, n))
		}
	}
	return args
}

func zeros(t dim.DType, n int64) expr {
	return call(id("make"), primary(typeCode("[]"+goTypes[t])), num(n))
}

func noiseOf(n int64) expr { return call(id("noise"), num(n)) }

// printExample writes an example with a checked output.
func (g *gen) printExample(s *source) {
	if len(g.entries) == 0 {
		return
	}
	e := g.entries[0]
	for _, other := range g.entries {
		if other.f.Name == "forward" {
			e = other
		}
	}
	c := newTypedCall(e.run, newNames(g.pkg))
	env := sample(e.f)
	s.fn("The example runs "+e.method+" with zeros on a model that was just initialised.", "Example", nil, nil, func(b *body) {
		b.define("m", call(id("New"), num(1)))
		b.define("s", call(id("m.NewSession"), num(0)))
		b.deferred(call(id("s.Close")))
		var names []string
		scope := newNames(g.pkg)
		scope.used["m"], scope.used["s"] = "m", "s"
		args := sampleArgs(c, func(n int64) expr { return zeros(dim.Float32, n) })
		out := ""
		var prints []expr
		for _, o := range e.f.Outputs {
			n := scope.local(o.Name)
			names = append(names, n)
			size, _ := o.Buffer.Size().Eval(env)
			prints = append(prints, call(rt2("fmt", "Println"), text(o.Name+":"), call(id("len"), id(n)), text("elements")))
			out += fmt.Sprintf("%s: %d elements\n", oneLine(o.Name), size)
		}
		b.multi(append(names, "err"), ":=", call(id("s."+e.method), args...))
		b.when(binRaw("!=", id("err"), id("nil")), func(b *body) {
			b.do(call(rt2("fmt", "Println"), id("err")))
			b.ret()
		})
		for _, p := range prints {
			b.do(p)
		}
		if g.numParams() <= largeModel {
			b.comment("Output:", out)
		}
	})
}

// printFileTest checks that weights survive a file.
func (g *gen) printFileTest(s *source) {
	s.fn("TestSaveLoad checks that a model read from a file writes the same file.", "TestSaveLoad", testParam(), nil, func(b *body) {
		g.skipLarge(b)
		b.add(varDecl("first, second", "bytes.Buffer"))
		fatal(b, call(dot(call(id("New"), num(1)), "Save"), unary("&", id("first"))))
		b.multi([]string{"m", "err"}, ":=", call(id("Load"), call(rt2("bytes", "NewReader"), call(id("first.Bytes")))))
		fatalIf(b)
		fatal(b, call(id("m.Save"), unary("&", id("second"))))
		b.when(unary("!", call(rt2("bytes", "Equal"), call(id("first.Bytes")), call(id("second.Bytes")))), func(b *body) {
			b.do(call(id("t.Error"), text("the second file differs from the first")))
		})
	})
}

// Models with more values than this have tests that run only on demand, and an
// example that is compiled but not run.
const largeModel = 20_000_000

// skipLarge leaves a test of a large model unless it is asked for.
func (g *gen) skipLarge(b *body) {
	if g.numParams() <= largeModel {
		return
	}
	b.when(binRaw("==", call(rt2("os", "Getenv"), text("MLC_LARGE")), text("")), func(b *body) {
		b.do(call(id("t.Skip"), text("a model of this size is tested when MLC_LARGE is set")))
	})
}

func testParam() []field { return []field{{name: "t", typ: "*testing.T"}} }

// fatal fails the test when e, an error, is not nil.
func fatal(b *body, e expr) {
	b.whenErrDo(e, func(b *body) { b.do(call(id("t.Fatal"), id("err"))) })
}

func fatalIf(b *body) {
	b.when(binRaw("!=", id("err"), id("nil")), func(b *body) { b.do(call(id("t.Fatal"), id("err"))) })
}

// printEntryTest checks an entry: nothing is allocated once memory is there, and
// wrong lengths are refused.
func (g *gen) printEntryTest(s *source, e *entryGen) {
	scope := newNames(g.pkg)
	for _, n := range []string{"t", "s", "run"} {
		scope.used[n] = n
	}
	c := newTypedCall(e.run, scope)
	s.fn("Test"+e.method+" calls "+e.method+" with random numbers.", "Test"+e.method, testParam(), nil, func(b *body) {
		g.skipLarge(b)
		b.define("s", call(dot(call(id("New"), num(1)), "NewSession"), num(0)))
		b.deferred(call(id("s.Close")))
		args := sampleArgs(c, noiseOf)
		b.define("run", inputsClosure(b, c, args, func(b *body, args []expr) {
			var blank []string
			for range e.f.Outputs {
				blank = append(blank, "_")
			}
			b.multi(append(blank, "err"), ":=", call(id("s."+e.method), args...))
			fatalIf(b)
		}))
		b.do(call(id("run")))
		checkAllocs(b)
		if len(c.inputs) > 0 && len(e.f.Dims) > 0 && len(e.f.Inputs[0].Shape) > 0 {
			wrong := append([]expr(nil), args...)
			for i := range wrong {
				if i >= len(wrong)-len(c.inputs) {
					wrong[i] = id("nil")
				} else {
					wrong[i] = num(1)
				}
			}
			var blank []string
			for range e.f.Outputs {
				blank = append(blank, "_")
			}
			b.add(assignCall(append(blank, "err"), call(id("s."+e.method), wrong...), func(b *body) {
				b.do(call(id("t.Errorf"), text("no inputs: error %v, want one that wraps mlrt.ErrShape"), id("err")))
			}, unary("!", call(rt2("errors", "Is"), id("err"), rt("ErrShape")))))
		}
	})
}

// inputsClosure defines the inputs as locals and returns a function that uses them.
func inputsClosure(b *body, c *typedCall, args []expr, use func(*body, []expr)) expr {
	values := make([]expr, len(args))
	given := len(args) - len(c.inputs)
	for i, a := range args {
		values[i] = a
		if i >= given {
			values[i] = b.define(c.inputs[i-given].path(), a)
		}
	}
	return funcLit(nil, nil, func(b *body) { use(b, values) })
}

func checkAllocs(b *body) {
	b.define("allocs", call(rt2("testing", "AllocsPerRun"), num(3), id("run")))
	b.when(binRaw("!=", id("allocs"), num(0)), func(b *body) {
		b.do(call(id("t.Errorf"), text("%v allocations a call, want 0"), id("allocs")))
	})
}

// testSteps is the number of further steps that the training test makes.
func (g *gen) testSteps() int64 {
	if g.numParams() > 1_000_000 {
		return 3
	}
	return 10
}

// printTrainTest checks a train block: the loss of a batch falls, the weights do
// not depend on the number of threads, and nothing is allocated.
func (g *gen) printTrainTest(s *source, t *trainGen) {
	step := "Step" + t.suffix
	scope := newNames(g.pkg)
	for _, n := range []string{"t", "trainer", "run", "want", "threads", "first", "last", "file", "i", "step", "err"} {
		scope.used[n] = n
	}
	c := newTypedCall(t.step, scope)
	doc := "Test" + step + " trains on one batch of random numbers: the weights must not depend on\nthe number of threads, and steps must not allocate."
	// Small updates vanish in the rounding of half-precision weights.
	falls := len(g.trains) == 1 && !slices.ContainsFunc(g.vars, func(v *storedVar) bool {
		return v.DType == dim.BFloat16 || v.DType == dim.Float16
	})
	if falls {
		doc = "Test" + step + " trains on one batch of random numbers: the loss must fall, the weights\nmust not depend on the number of threads, and steps must not allocate."
	}
	s.fn(doc, "Test"+step, testParam(), nil, func(b *body) {
		g.skipLarge(b)
		b.declare("want", "[]byte")
		b.forEach("_, threads", composite("[]int", elems(num(1), num(2), num(3))...), func(b *body) {
			b.define("trainer", call(dot(call(id("New"), num(1)), "NewTrainer"), flat("TrainOptions", elemsNamed("Threads", id("threads"), "Seed", num(1))...)))
			args := sampleArgs(c, noiseOf)
			if falls {
				b.add(varDecl("first, last", "float32"))
			}
			b.define("run", inputsClosure(b, c, args, func(b *body, args []expr) {
				if !falls {
					b.multi([]string{"_", "err"}, ":=", call(id("trainer."+step), args...))
					fatalIf(b)
					return
				}
				b.multi([]string{"step", "err"}, ":=", call(id("trainer."+step), args...))
				fatalIf(b)
				b.set(id("last"), id("step.Loss"))
			}))
			b.do(call(id("run")))
			if falls {
				b.set(id("first"), id("last"))
			}
			b.add(rangeOnly(num(g.testSteps()), func(b *body) { b.do(call(id("run"))) }))
			if falls {
				b.when(unary("!", parens(binRaw("<", id("last"), id("first")))), func(b *body) {
					b.do(call(id("t.Errorf"), text("the loss went from %v to %v"), id("first"), id("last")))
				})
			}
			b.declare("file", "bytes.Buffer")
			fatal(b, call(dot(call(id("trainer.Snapshot")), "Save"), unary("&", id("file"))))
			b.when(binRaw("==", id("want"), id("nil")), func(b *body) { b.set(id("want"), call(id("file.Bytes"))) })
			b.when(unary("!", call(rt2("bytes", "Equal"), id("want"), call(id("file.Bytes")))), func(b *body) {
				b.do(call(id("t.Errorf"), text("the weights of %d threads differ from those of one"), id("threads")))
			})
			checkAllocs(b)
			b.do(call(id("trainer.Close")))
		})
	})
}
