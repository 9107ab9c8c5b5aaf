package codegen

// printUntypedTrainer writes the trainer by contract.
func (g *gen) printUntypedTrainer(s *source) {
	s.fn("openTrainer returns a trainer by contract.", "openTrainer", []field{{name: "m", typ: "*Model"}, {name: "o", typ: "mlrt.Options"}},
		[]string{"mlrt.Trainer"}, func(b *body) { b.ret(unary("&", composite("anyTrainer", elems(call(id("m.NewTrainer"), id("o")))...))) })
	s.structType("anyTrainer is a Trainer by contract.", "anyTrainer", []field{{typ: "*Trainer"}})
	i := field{name: "i", typ: "int"}
	in := field{name: "inputs", typ: "[]mlrt.Tensor"}
	m := func(doc, name string, params []field, results []string, f func(*body)) {
		s.method(name+" "+doc, "t", "*anyTrainer", name, params, results, f)
	}
	m("describes the model.", "Info", nil, []string{"*mlrt.Info"}, func(b *body) { b.ret(unary("&", id("modelInfo"))) })
	m("copies stored tensor i into dst.", "ReadVar", []field{i, {name: "dst", typ: "any"}}, []string{"error"},
		func(b *body) { b.ret(call(id("t.weights.Read"), id("i"), id("dst"))) })
	m("sets stored tensor i from src.", "WriteVar", []field{i, {name: "src", typ: "any"}}, []string{"error"},
		func(b *body) { b.ret(call(id("t.weights.Write"), id("i"), id("src"))) })
	o := []field{{name: "o", typ: "mlrt.Options"}}
	m("returns a session on the weights that are being trained.", "OpenSession", o, []string{"mlrt.Session"},
		func(b *body) {
			b.ret(unary("&", composite("anySession", elems(call(id("t.model.openSession"), id("o")))...)))
		})
	m("returns a second trainer that starts from the present weights.", "OpenTrainer", o, []string{"mlrt.Trainer"},
		func(b *body) { b.ret(call(id("openTrainer"), id("t.model"), id("o"))) })
	m("returns an immutable copy of the weights.", "Snapshot", nil, []string{"mlrt.Model"},
		func(b *body) { b.ret(composite("anyModel", elems(call(id("t.Trainer.Snapshot")))...)) })
	m("gives the trainer's workers back.", "Close", nil, []string{"error"}, func(b *body) {
		b.do(call(id("t.Trainer.Close")))
		b.ret(id("nil"))
	})
	none := call(rt("WrongShape"), text("the model has no such train block"))
	m("makes one update with train block i.", "Step", []field{i, in, {name: "report", typ: "bool"}}, []string{"float32", "error"}, func(b *body) {
		g.blocks(b, func(b *body, t *trainGen) {
			b.whenErr(call(id("t."+t.field+".bindTensors"), id("inputs")), num(0), id("err"))
			b.ret(call(id("t.Trainer.step"+t.suffix), id("report")))
		})
		b.ret(num(0), none)
	})
	m("computes loss and metrics of block i in inference form.", "Evaluate", []field{i, in}, []string{"float32", "error"}, func(b *body) {
		g.blocks(b, func(b *body, t *trainGen) {
			b.whenErr(call(id("t."+t.field+"Eval.bindTensors"), id("inputs")), num(0), id("err"))
			b.ret(call(id("t.evaluate"+t.suffix)), id("nil"))
		})
		b.ret(num(0), none)
	})
	m("appends the metrics of block i to dst.", "Metrics", []field{i, {name: "dst", typ: "[]float64"}}, []string{"[]float64"}, func(b *body) {
		g.blocks(b, func(b *body, t *trainGen) {
			for _, mg := range t.metrics {
				b.set(id("dst"), call(id("append"), id("dst"), t.metricValue(b, mg)))
			}
		})
		b.ret(id("dst"))
	})
	m("zeroes the metrics of block i.", "ResetMetrics", []field{i}, nil, func(b *body) {
		g.blocks(b, func(b *body, t *trainGen) { b.do(call(id("t.reset" + t.suffix))) })
	})
	m("returns the number of updates made by block i.", "Steps", []field{i}, []string{"int64"}, func(b *body) {
		g.blocks(b, func(b *body, t *trainGen) { b.ret(id("t." + t.stepsField())) })
		b.ret(num(0))
	})
	m("restores the number of updates made by block i.", "SetSteps", []field{i, {name: "n", typ: "int64"}}, nil, func(b *body) {
		g.blocks(b, func(b *body, t *trainGen) { b.set(id("t."+t.stepsField()), id("n")) })
	})
	if len(g.inOrder) == 0 {
		m("sets a run-time setting; this model has none.", "SetInput", []field{{name: "_", typ: "string"}, {name: "_", typ: "float64"}}, nil, func(*body) {})
		return
	}
	m("sets a run-time setting; those that the model does not read are ignored.", "SetInput",
		[]field{{name: "name", typ: "string"}, {name: "v", typ: "float64"}}, nil, func(b *body) {
			var cases []switchCase
			for _, n := range g.inOrder {
				cases = append(cases, switchCase{text(n), func(b *body) { b.set(id("t."+g.inputs[n]), id("v")) }})
			}
			b.choice(id("name"), cases, nil)
		})
}

// blocks switches on the number of a train block.
func (g *gen) blocks(b *body, f func(*body, *trainGen)) {
	var cases []switchCase
	for i, t := range g.trains {
		cases = append(cases, switchCase{num(int64(i)), func(b *body) { f(b, t) }})
	}
	b.choice(id("i"), cases, nil)
}
