package codegen

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// printTrainer writes the trainer and its train blocks.
func (g *gen) printTrainer(s *source) {
	s.alias("TrainOptions say how to train; the zero value is usable.", "TrainOptions", "mlrt.Options")
	var fields []field
	fields = append(fields, field{name: "model", typ: "*Model", comment: "its own copy"}, field{name: "pool", typ: "*mlrt.Pool"},
		field{name: "weights", typ: "mlrt.Weights", comment: "the model's and the trainer's tensors by number"})
	seen := map[string]bool{}
	for _, st := range g.states {
		for i, f := range st.fields {
			if !seen[f] {
				seen[f] = true
				fields = append(fields, field{name: f, typ: "params", comment: "state " + st.names[i] + " of the optimizer"})
			}
		}
	}
	fields = append(append(fields, g.others.fields...), g.metrics.fields...)
	for _, n := range g.inOrder {
		fields = append(fields, field{name: g.inputs[n], typ: "float64", comment: "the run-time setting " + n})
	}
	for _, t := range g.trains {
		fields = append(fields, field{name: t.stepsField(), typ: "int64", comment: "updates made"}, field{name: t.field, typ: t.step.typ},
			field{name: t.field + "Eval", typ: t.eval.typ})
		for _, m := range t.metrics {
			typ := "mlrt.Mean"
			if m.finish != nil {
				typ = m.finish.typ
			}
			fields = append(fields, field{name: t.metricField(m), typ: typ})
		}
	}
	s.structType("Trainer trains a copy of a model's weights. One goroutine at a time may use it.", "Trainer", fields)
	g.printNewTrainer(s)
	g.printTrainerTensors(s)
	g.printClone(s)
	for i, t := range g.trains {
		g.printBlock(s, t)
		info := index(id("modelInfo.Trains"), num(int64(i)))
		t.step.print(s)
		t.step.printBind(s, info, nil)
		t.step.printDiagnosis(s)
		t.eval.print(s)
		t.eval.printBind(s, info, nil)
		for _, m := range t.metrics {
			if m.finish != nil {
				m.finish.print(s)
			}
		}
	}
	if g.trainInit != nil {
		g.trainInit.print(s)
	}
}

func (t *trainGen) stepsField() string { return t.field + "Steps" }

func (t *trainGen) metricField(m *metricGen) string { return t.field + "Metric" + m.field }

func (g *gen) printNewTrainer(s *source) {
	s.method("NewTrainer returns a trainer that starts from m's weights. Close gives its\nworkers back.", "m", "*Model", "NewTrainer",
		[]field{{name: "o", typ: "TrainOptions"}}, []string{"*Trainer"}, func(b *body) {
			b.define("t", unary("&", flat("Trainer", elemsNamed("model", call(id("m.clone")), "pool", call(rt("NewPool"), id("o.Threads")))...)))
			b.set(id("t.weights"), call(rt("NewWeights"), unary("&", id("modelInfo")), g.trainerTensors("t")))
			for _, sv := range g.metrics.vars {
				b.set(sv.place.in("t").expr(), call(id("make"), primary(typeCode("[]"+goTypes[sv.DType])), dimExpr(loop.PhysicalSize(sv.Shape, sv.Layout), nil)))
			}
			for _, n := range g.inOrder {
				b.set(id("t."+g.inputs[n]), num(1))
			}
			runs := map[string]*run{}
			for _, t := range g.trains {
				b.set(id("t."+t.field), flat(t.step.typ, t.step.startFields("t", id("t.model"))...))
				b.set(id("t."+t.field+"Eval"), flat(t.eval.typ, t.eval.startFields("t", id("t.model"))...))
				runs[t.field], runs[t.field+"Eval"] = t.step, t.eval
				for _, m := range t.metrics {
					if m.finish != nil {
						b.set(id("t."+t.metricField(m)), flat(m.finish.typ, m.finish.startFields("t", id("t.model"))...))
						if m.finish.sized() {
							b.add(ifErrPanic(call(id("t." + t.metricField(m) + ".resize"))))
						}
					}
				}
			}
			if g.trainInit != nil {
				b.do(call(id("t.init"), id("o.Seed")))
			}
			g.presize(b, "t", runs)
			b.ret(id("t"))
		})
	if g.trainInit != nil {
		s.method("init computes the initial values of the trainer's own tensors.", "t", "*Trainer", "init",
			[]field{{name: "seed", typ: "uint64"}}, nil, func(b *body) {
				if !g.trainInit.random() {
					b.set(id("_"), id("seed"))
				}
				g.trainInit.start(b, "pool", elemsNamed("model", id("t.model"), "trainer", id("t")))
			})
	}
	s.method("Close gives the trainer's workers back. The trainer must not be used afterwards.", "t", "*Trainer", "Close", nil, nil,
		func(b *body) { b.do(call(id("t.pool.Close"))) })
	s.method("Snapshot returns a copy of the weights as they are now, which nothing changes.", "t", "*Trainer", "Snapshot", nil, []string{"*Model"},
		func(b *body) { b.ret(call(id("t.model.clone"))) })
	for _, t := range g.trains {
		g.printAveraged(s, t)
	}
}

// averages reports whether a train block keeps moving averages of parameters.
func (g *gen) averages(t *trainGen) bool {
	return slices.ContainsFunc(g.infos, func(sv *storedVar) bool {
		return strings.HasPrefix(sv.Name, "optimizer/"+t.step.f.Name+"/") && strings.HasSuffix(sv.Name, "/ema")
	})
}

// printAveraged writes the snapshot of a train block that keeps moving averages.
func (g *gen) printAveraged(s *source, t *trainGen) {
	if !g.averages(t) {
		return
	}
	name := "Averaged" + t.suffix
	s.method(name+" is Snapshot with the moving averages that Train"+t.suffix+" keeps of parameters in\ntheir places.", "t", "*Trainer", name, nil,
		[]string{"*Model"}, func(b *body) {
			b.define("m", call(id("t.model.clone")))
			b.add(ifErrPanic(call(id("t.weights.CopyAverages"), unary("&", id("m.weights")), text(t.step.f.Name))))
			b.ret(id("m"))
		})
}

// ownTensors reports whether the trainer has tensors of its own to save.
func (g *gen) ownTensors() bool { return len(g.states) > 0 || len(g.others.vars) > 0 }

// trainerTensors lists the addresses of a trainer's tensors and of its model's.
func (g *gen) trainerTensors(t string) expr {
	if !g.ownTensors() {
		return g.modelTensors(t + ".model")
	}
	return call(id(t + ".tensors"))
}

// printTrainerTensors writes the method that lists them.
func (g *gen) printTrainerTensors(s *source) {
	if !g.ownTensors() {
		return
	}
	var states []expr
	for _, st := range g.states {
		var lists []expr
		for _, f := range st.fields {
			l := call(id("t." + f + ".tensors"))
			if first, after := num(int64(st.first)), num(int64(st.last+1)); st.first > 0 || st.last+1 < len(g.params.vars) {
				l = slice(l, &first, &after)
			}
			lists = append(lists, l)
		}
		if len(lists) == 1 {
			states = append(states, lists[0])
			continue
		}
		states = append(states, call(rt("Interleave"), lists...))
	}
	printTensors(s, "tensors lists the addresses of the stored tensors in the order of their numbers.", "t", "Trainer", "tensors",
		g.modelTensors("t.model"), g.others.vars, states...)
}

func (g *gen) printClone(s *source) {
	s.method("clone returns a copy of the model.", "m", "*Model", "clone", nil, []string{"*Model"}, func(b *body) {
		b.define("c", call(id("newModel")))
		b.do(call(id("c.weights.Copy"), unary("&", id("m.weights"))))
		b.ret(id("c"))
	})
}

// printBlock writes the types and typed methods of a train block.
func (g *gen) printBlock(s *source, t *trainGen) {
	result := t.suffix + "StepResult"
	fields := []field{{name: "Loss", typ: "float32"}}
	for _, m := range t.metrics {
		fields = append(fields, field{name: m.field, typ: "float64"})
	}
	s.structType(result+" is what a step tells about its batch.", result, fields)
	step, batch := "Step"+t.suffix, "Batch"+t.suffix
	s.structType(step+" is a step of Train"+t.suffix+".", step, []field{{name: "Number", typ: "int64", comment: "from 1"}, {typ: result}})
	scope := newNames(g.pkg)
	for _, n := range []string{"t", "r", "loss"} {
		scope.used[n] = n
	}
	c := newTypedCall(t.step, scope)
	var args []expr
	var batchFields []field
	for _, p := range c.params {
		batchFields = append(batchFields, field{name: exported(p.name), typ: p.typ})
		args = append(args, id("b."+exported(p.name)))
	}
	var shapes []string
	for _, b := range t.step.f.Inputs {
		shapes = append(shapes, b.Name+" "+shapeText(b.Shape, nil))
	}
	s.structType(batch+" holds the inputs of a step: "+strings.Join(shapes, ", ")+".", batch, batchFields)
	doc := step + " makes one update from a batch: forward, backward and optimizer fused. Its\nmetrics are those of the batch. It does not allocate after the first call of a\n" +
		"size. A loss that is not finite is an error that wraps mlrt.ErrNotFinite and\nchanges no weight."
	s.method(doc, "t", "*Trainer", step, c.params, []string{result, "error"}, func(b *body) {
		b.define("r", unary("&", id("t."+t.field)))
		c.bind(b, id("r"), composite(result), id("err"))
		b.do(call(id("t.reset" + t.suffix)))
		b.multi([]string{"loss", "err"}, ":=", call(id("t.step"+t.suffix), id("true")))
		b.ret(call(id("t.result"+t.suffix), id("loss")), id("err"))
	})
	evalScope := newNames(g.pkg)
	for _, n := range []string{"t", "r", "loss"} {
		evalScope.used[n] = n
	}
	ec := newTypedCall(t.eval, evalScope)
	s.method("Evaluate"+t.suffix+" computes loss and metrics of a batch in inference form.", "t", "*Trainer", "Evaluate"+t.suffix,
		ec.params, []string{result, "error"}, func(b *body) {
			b.define("r", unary("&", id("t."+t.field+"Eval")))
			ec.bind(b, id("r"), composite(result), id("err"))
			b.do(call(id("t.reset" + t.suffix)))
			b.ret(call(id("t.result"+t.suffix), call(id("t.evaluate"+t.suffix))), id("nil"))
		})
	g.printTrainLoop(s, t, step, batch, args)
	g.printSteps(s, t, result)
}

// printTrainLoop writes the iterator over steps.
func (g *gen) printTrainLoop(s *source, t *trainGen, step, batch string, args []expr) {
	doc := "Train" + t.suffix + " makes a step for each batch of data and yields it, until data ends, ctx is\n" +
		"cancelled, the loop is left or something fails: then the last pair holds the error."
	s.method(doc, "t", "*Trainer", "Train"+t.suffix, []field{{name: "ctx", typ: "context.Context"}, {name: "data", typ: "iter.Seq2<" + batch + ", error>"}},
		[]string{"iter.Seq2<" + step + ", error>"}, func(b *body) {
			b.ret(funcLit([]field{{name: "yield", typ: "func(" + step + ", error) bool"}}, nil, func(b *body) {
				names := "b, err"
				if len(args) == 0 { // a train block without inputs
					names = "_, err"
				}
				b.forEach(names, id("data"), func(b *body) {
					b.when(binRaw("==", id("err"), id("nil")), func(b *body) { b.set(id("err"), call(id("ctx.Err"))) })
					b.declare("s", step)
					b.when(binRaw("==", id("err"), id("nil")), func(b *body) {
						b.multi([]string{"s." + t.suffix + "StepResult", "err"}, "=", call(id("t."+step), args...))
						b.set(id("s.Number"), id("t."+t.stepsField()))
					})
					b.when(binRaw("||", unary("!", call(id("yield"), id("s"), id("err"))), binRaw("!=", id("err"), id("nil"))), func(b *body) { b.ret() })
				})
			}))
		})
}

// printSteps writes what the typed methods and the contract share.
func (g *gen) printSteps(s *source, t *trainGen, result string) {
	lossOf := func(r *run) expr { return index(r.mem(r.f.Outputs[0].Buffer), num(0)) }
	s.method("step"+t.suffix+" makes an update from the inputs that were bound.", "t", "*Trainer", "step"+t.suffix,
		[]field{{name: "report", typ: "bool"}}, []string{"float32", "error"}, func(b *body) {
			b.define("r", unary("&", id("t."+t.field)))
			if t.step.stepped() {
				b.set(id("r.step"), bin("+", id("t."+t.stepsField()), num(1)))
			}
			if t.step.reports() {
				b.set(id("r.report"), id("report"))
			}
			b.when(unary("!", call(id("r.run"))), func(b *body) { b.ret(lossOf(t.step), call(id("r.diagnose"))) })
			b.inc(id("t." + t.stepsField()))
			if t.bare() {
				b.when(id("report"), func(b *body) { g.addMeans(b, t, t.step) })
			} else if !t.step.reports() {
				b.set(id("_"), id("report"))
			}
			b.ret(lossOf(t.step), id("nil"))
		})
	s.method("evaluate"+t.suffix+" computes loss and metrics of the inputs that were bound.", "t", "*Trainer", "evaluate"+t.suffix, nil,
		[]string{"float32"}, func(b *body) {
			b.define("r", unary("&", id("t."+t.field+"Eval")))
			if t.eval.stepped() {
				b.set(id("r.step"), id("t."+t.stepsField()))
			}
			if t.eval.reports() {
				b.set(id("r.report"), id("true"))
			}
			b.do(call(id("r.run")))
			g.addMeans(b, t, t.eval)
			b.ret(lossOf(t.eval))
		})
	s.method("reset"+t.suffix+" forgets what the metrics counted.", "t", "*Trainer", "reset"+t.suffix, nil, nil, func(b *body) {
		for _, m := range t.metrics {
			if m.finish == nil && m.Output >= 0 {
				b.do(call(id("t." + t.metricField(m) + ".Reset")))
			}
			for _, v := range m.States {
				b.do(call(id("clear"), g.byVar[v].place.in("t").expr()))
			}
		}
	})
	s.method("result"+t.suffix+" adds the metrics to a loss.", "t", "*Trainer", "result"+t.suffix, []field{{name: "loss", typ: "float32"}}, []string{result}, func(b *body) {
		values := elemsNamed("Loss", id("loss"))
		for _, m := range t.metrics {
			values = append(values, fieldValue{m.field, t.metricValue(b, m)})
		}
		if len(t.metrics) > 1 {
			b.ret(composite(result, values...))
			return
		}
		b.ret(flat(result, values...))
	})
}

func (t *trainGen) bare() bool {
	for _, m := range t.metrics {
		if m.finish == nil && m.Output >= 0 {
			return true
		}
	}
	return false
}

// addMeans adds the batch's plain figures, weighted by the batch's size.
func (g *gen) addMeans(b *body, t *trainGen, r *run) {
	for i, m := range t.metrics {
		if m.finish != nil || i >= len(r.f.Metrics) || r.f.Metrics[i].Output < 0 {
			continue
		}
		weight := num(1)
		if len(r.f.Dims) > 0 {
			weight = convert("float64", id("r."+strings.TrimPrefix(r.dims[r.f.Dims[0]].path(), "r.")))
		}
		out := r.f.Outputs[r.f.Metrics[i].Output].Buffer
		b.do(call(id("t."+t.metricField(m)+".Add"), convert("float64", index(r.mem(out), num(0))), weight))
	}
}

// metricValue computes a metric.
func (t *trainGen) metricValue(b *body, m *metricGen) expr {
	f := "t." + t.metricField(m)
	if m.finish == nil {
		return call(id(f + ".Value"))
	}
	b.do(call(id(f + ".run")))
	out := m.finish.memory[m.finish.f.Outputs[0].Buffer].field
	v := index(id(f+strings.TrimPrefix(out, "r")), num(0))
	if m.finish.f.Outputs[0].Buffer.DType == dim.Float64 {
		return v
	}
	return convert("float64", v)
}

// printDiagnosis writes the method that finds out where a loss went wrong.
func (r *run) printDiagnosis(s *source) {
	s.method("diagnose names the first tensor that is not finite. It computes the loss once\nmore with memory that nothing shares, so that every tensor is still there to see.",
		"r", "*"+r.typ, "diagnose", nil, []string{"error"}, func(b *body) {
			b.define("loss", index(r.mem(r.f.Outputs[0].Buffer), num(0)))
			if len(r.own) > 0 {
				r.visitBuffers(b, r.dims, composite("mlrt.Apart"))
			}
			if r.reports() {
				b.set(id("r.report"), id("false"))
			}
			b.do(call(id("r.compute")))
			if len(r.own) > 0 {
				b.set(id("r.arena"), id("nil"))
			}
			b.ret(call(rt("FirstNotFinite"), text(r.g.prog.File), id("loss"), r.watch(b)))
		})
}
