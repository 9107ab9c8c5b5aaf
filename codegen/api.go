package codegen

import (
	"fmt"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// print writes all files.
func (g *gen) print() error {
	trainTag := ""
	if len(g.trains) > 0 {
		trainTag = "!mlc_infer"
	}
	model := g.open("", "")
	g.printPackageDoc(model)
	g.printModel(model)
	g.printForward(g.open("_forward", ""))
	if len(g.trains) > 0 {
		g.printTrainer(g.open("_train", trainTag))
		g.printUntypedTrainer(g.open("_train_untyped", trainTag))
		g.printNoTrainer(g.open("_notrain", "mlc_infer"))
	}
	if err := g.printKernels(trainTag); err != nil {
		return err
	}
	g.printTests()
	return g.err
}

func (g *gen) open(suffix, tags string) *source {
	s := newSource(g.base+suffix+".go", g.name, g.prog.File, tags)
	g.files = append(g.files, s)
	return s
}

// printPackageDoc writes the package's comment.
func (g *gen) printPackageDoc(s *source) {
	var b strings.Builder
	fmt.Fprintf(&b, "Package %s is the model %s", g.name, oneLine(g.prog.Name))
	if d := strings.TrimSpace(g.prog.Doc); d != "" {
		b.WriteString(".\n\n" + d + "\n")
	} else {
		b.WriteString(", compiled from " + oneLine(g.prog.File) + ".\n")
	}
	if len(g.prog.Args) > 0 {
		b.WriteString("\nIt was compiled with\n\n")
		for _, a := range g.prog.Args {
			fmt.Fprintf(&b, "\t%s = %s\n", oneLine(a.Name), oneLine(a.Text))
		}
	}
	b.WriteString("\nA Model holds weights and may be shared by goroutines. A Session runs it with\nmemory of its own.")
	if len(g.trains) > 0 {
		b.WriteString(" A Trainer works on a copy of the weights.")
	}
	s.packageDoc(b.String())
}

// printKernels writes the kernels: those that only training needs apart, so that
// a build without training leaves them out.
func (g *gen) printKernels(trainTag string) error {
	inference := map[*loop.Kernel]bool{}
	mark := func(r *run) {
		if r != nil {
			r.eachCall(r.steps, func(c *loop.Call) { eachKernel(c.Kernel, func(k *loop.Kernel) { inference[k] = true }) })
		}
	}
	for _, e := range g.entries {
		mark(e.run)
	}
	mark(g.modelInit)
	training := map[*loop.Kernel]bool{}
	trainMark := func(r *run) {
		if r != nil {
			r.eachCall(r.steps, func(c *loop.Call) { eachKernel(c.Kernel, func(k *loop.Kernel) { training[k] = true }) })
		}
	}
	for _, t := range g.trains {
		trainMark(t.step)
		trainMark(t.eval)
		for _, m := range t.metrics {
			trainMark(m.finish)
		}
	}
	trainMark(g.trainInit)
	done := map[*kernelPlan]bool{}
	for _, part := range []struct {
		suffix, tag string
		in          func(*loop.Kernel) bool
	}{
		{"_kernels", "", func(k *loop.Kernel) bool { return inference[k] }},
		{"_train_kernels", trainTag, func(k *loop.Kernel) bool { return training[k] && !inference[k] }},
	} {
		var s *source
		var kernels []*loop.Kernel
		for _, k := range g.prog.Kernels {
			if !part.in(k) {
				continue
			}
			if s == nil {
				s = g.open(part.suffix, part.tag)
			}
			kernels = append(kernels, k)
		}
		if err := g.printKernelsOf(s, kernels, done); err != nil {
			return err
		}
		g.printAssembly(strings.TrimSuffix(part.suffix, "_kernels"), part.tag, kernels)
	}
	for _, b := range g.tabled {
		g.files[0].variable(fmt.Sprintf("%s is constant data of the model: %s.", g.tables[b], shapeText(b.Shape, nil)), g.tables[b], tableLiteral(b))
	}
	return nil
}

// tableLiteral prints constant data, eight numbers a line.
func tableLiteral(b *loop.Buffer) expr {
	var list []fieldValue
	for _, bits := range b.Data {
		e := &loop.Expr{Op: loop.Const, Type: b.DType, Bits: uint64(bits)}
		list = append(list, fieldValue{value: constant64(e)})
	}
	return composite("[...]"+goTypes[b.DType], list...)
}

// printModel writes the model's type and how it is made, read and written.
func (g *gen) printModel(s *source) {
	s.consts("The generator and the runtime must fit together, or the build fails.", []constant{{name: "_", value: rt("ABI1")}})
	s.consts("NumParams is the number of learnable values.", []constant{{name: "NumParams", value: num(g.numParams())}})
	g.printInfo(s)
	g.printParams(s)
	var fields []field
	if len(g.params.vars) > 0 {
		fields = append(fields, field{typ: "params"})
	}
	fields = append(fields, g.buffers.fields...)
	fields = append(fields, field{name: "weights", typ: "mlrt.Weights", comment: "the same memory by number"},
		field{name: "sessions", typ: "sync.Pool", comment: "of Predict"})
	s.structType("Model holds the weights. Several goroutines may use it at once, as long as none\nwrites to it.", "Model", fields)
	g.printNew(s)
	g.printLoad(s)
	g.printPredict(s)
	g.printUntypedModel(s)
}

// printInfo writes what programs that know models only by contract read.
func (g *gen) printInfo(s *source) {
	var entries, trains, args []expr
	for _, a := range g.prog.Args {
		args = append(args, text(a.Name+"="+a.Text))
	}
	for _, e := range g.entries {
		entries = append(entries, funcInfo(e.f, nil))
	}
	for _, t := range g.trains {
		trains = append(trains, funcInfo(t.step.f, t.metrics))
	}
	s.variable("modelInfo describes the model.", "modelInfo", composite("mlrt.Info", elemsNamed(
		"Name", text(g.prog.Name), "Package", text(g.name), "File", text(g.prog.File), "Hash", text(g.hash()),
		"Args", composite("[]string", elems(args...)...),
		"Vars", call(id("modelVars")), "Entries", rows("[]mlrt.FuncInfo", entries...), "Trains", rows("[]mlrt.FuncInfo", trains...))...))
	g.printVars(s)
}

// printParams writes the struct of the learnable tensors.
func (g *gen) printParams(s *source) {
	if len(g.params.vars) == 0 {
		return
	}
	doc := "params are the learnable tensors"
	if len(g.states) > 0 {
		doc += ", or what an optimizer keeps for each of them"
	}
	s.structType(doc+".", "params", g.params.fields)
	printTensors(s, "tensors lists the addresses of the tensors in their order.", "p", "params", "tensors", expr{}, g.params.vars)
}

func elemsNamed(pairs ...any) []fieldValue {
	var out []fieldValue
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, fieldValue{pairs[i].(string), pairs[i+1].(expr)})
	}
	return out
}

func funcInfo(f *loop.Func, metrics []*metricGen) expr {
	name := f.Name
	var in, out, ms []expr
	for _, b := range f.Inputs {
		in = append(in, fieldInfo(b.Name, b))
	}
	e := elemsNamed("Name", text(name), "Inputs", rows("[]mlrt.Field", in...))
	if f.Kind == "forward" {
		for _, o := range f.Outputs {
			out = append(out, fieldInfo(o.Name, o.Buffer))
		}
		e = append(e, fieldValue{"Outputs", rows("[]mlrt.Field", out...)})
	}
	for _, m := range metrics {
		ms = append(ms, text(m.Name))
	}
	if len(ms) > 0 {
		e = append(e, fieldValue{"Metrics", composite("[]string", elems(ms...)...)})
	}
	return composite("", e...)
}

func fieldInfo(name string, b *loop.Buffer) expr {
	var dims []expr
	for _, d := range b.Shape {
		if n, ok := d.Int(); ok {
			dims = append(dims, flat("", fieldValue{"Size", num(n)}))
		} else {
			dims = append(dims, flat("", fieldValue{"Name", text(d.String())}))
		}
	}
	return flat("", elemsNamed("Name", text(name), "DType", rt(rtType(b.DType)), "Shape", composite("[]mlrt.Dim", elems(dims...)...))...)
}

// rtType is the runtime's name of an element type.
func rtType(t dim.DType) string {
	return map[dim.DType]string{dim.Float64: "Float64", dim.Float32: "Float32", dim.BFloat16: "BFloat16", dim.Float16: "Float16",
		dim.Int64: "Int64", dim.Int32: "Int32", dim.Int16: "Int16", dim.Int8: "Int8", dim.Uint8: "Uint8", dim.Bool: "Bool"}[t]
}

func intsLiteral(shape []dim.Dim) expr {
	var list []expr
	for _, d := range shape {
		n, _ := d.Int()
		list = append(list, num(n))
	}
	return composite("[]int", elems(list...)...)
}

// printNew writes New and newModel.
func (g *gen) printNew(s *source) {
	s.fn("newModel returns a model whose weights are all zero.", "newModel", nil, []string{"*Model"}, func(b *body) {
		b.define("m", unary("&", composite("Model")))
		b.set(id("m.weights"), call(rt("NewWeights"), unary("&", id("modelInfo")), g.modelTensors("m")))
		b.ret(id("m"))
	})
	if len(g.buffers.vars) > 0 {
		before := expr{}
		if len(g.params.vars) > 0 {
			before = call(id("m.params.tensors"))
		}
		printTensors(s, "tensors lists the addresses of the stored tensors in the order of their numbers.", "m", "Model", "tensors", before, g.buffers.vars)
	}
	s.fn("New returns a model with the initial weights that seed determines.", "New", []field{{name: "seed", typ: "uint64"}}, []string{"*Model"}, func(b *body) {
		b.define("m", call(id("newModel")))
		if g.modelInit == nil {
			b.ret(id("m"))
			return
		}
		g.modelInit.start(b, "pool", elemsNamed("model", id("m")))
		b.ret(id("m"))
	})
	if g.modelInit != nil {
		g.modelInit.print(s)
	}
}

// modelTensors lists the addresses of a model's tensors.
func (g *gen) modelTensors(m string) expr {
	if len(g.params.vars)+len(g.buffers.vars) == 0 {
		return id("nil")
	}
	return call(id(m + ".tensors"))
}

// start writes a run with a pool of its own, as initial values are computed.
func (r *run) start(b *body, pool string, owner []fieldValue) {
	b.define(pool, call(rt("NewPool"), num(0)))
	b.deferred(call(id(pool + ".Close")))
	f := append(elemsNamed("cores", coresOf(id(pool), text(""))), owner...)
	used := f[:0]
	owners := r.owners()
	for _, v := range f {
		keep := v.name == "cores" || v.name == "seed" && r.random()
		for _, o := range owners {
			keep = keep || v.name == o
		}
		if keep {
			used = append(used, v)
		}
	}
	if r.random() {
		used = append(used, fieldValue{"seed", id("seed")})
	}
	b.define("r", composite(r.typ, distinct(used)...))
	if r.sized() {
		b.comment("Its sizes are constant, so there is enough memory or none for the model itself.")
		b.add(ifErrPanic(call(id("r.resize"))))
	}
	b.do(call(id("r.run")))
}

// distinct drops the fields that the owner and the randomness both name.
func distinct(list []fieldValue) []fieldValue {
	seen := map[string]bool{}
	var out []fieldValue
	for _, v := range list {
		if !seen[v.name] {
			seen[v.name] = true
			out = append(out, v)
		}
	}
	return out
}

// printLoad writes how weights files are read and written.
func (g *gen) printLoad(s *source) {
	s.fn("Load reads a model from a safetensors file. Errors that wrap mlrt.ErrWeights are\nabout the file's content.", "Load",
		[]field{{name: "r", typ: "io.Reader"}}, []string{"*Model", "error"}, func(b *body) {
			b.define("m", call(id("newModel")))
			b.whenErr(call(id("m.weights.Load"), id("r")), id("nil"), id("err"))
			b.ret(id("m"), id("nil"))
		})
	s.fn("LoadFS is Load for a file of fsys.", "LoadFS", []field{{name: "fsys", typ: "fs.FS"}, {name: "name", typ: "string"}},
		[]string{"*Model", "error"}, func(b *body) {
			b.multi([]string{"f", "err"}, ":=", call(id("fsys.Open"), id("name")))
			b.when(binRaw("!=", id("err"), id("nil")), func(b *body) { b.ret(id("nil"), id("err")) })
			b.deferred(call(id("f.Close")))
			b.ret(call(id("Load"), id("f")))
		})
	if g.opt.Embed {
		s.embed("weights is the file that Embedded loads.", "weights", WeightsFile(g.prog.File))
		s.fn("Embedded returns the model whose weights were compiled into the program.", "Embedded", nil, []string{"*Model", "error"},
			func(b *body) { b.ret(call(id("Load"), call(std("bytes", "NewReader"), id("weights")))) })
	}
	s.method("Save writes the weights as a safetensors file, under their names and row-major.", "m", "*Model", "Save",
		[]field{{name: "w", typ: "io.Writer"}}, []string{"error"}, func(b *body) { b.ret(call(id("m.weights.Save"), id("w"))) })
}

// printUntypedModel writes the contract that programs use which know no model.
func (g *gen) printUntypedModel(s *source) {
	s.fn("Generated returns the model for programs that know models only by contract.", "Generated", nil, []string{"*mlrt.Generated"}, func(b *body) {
		fresh := funcLit([]field{{name: "seed", typ: "uint64"}}, []string{"mlrt.Model"}, func(b *body) {
			b.ret(composite("anyModel", elems(call(id("New"), id("seed")))...))
		})
		load := funcLit([]field{{name: "r", typ: "io.Reader"}}, []string{"mlrt.Model", "error"}, func(b *body) {
			b.multi([]string{"m", "err"}, ":=", call(id("Load"), id("r")))
			b.when(binRaw("!=", id("err"), id("nil")), func(b *body) { b.ret(id("nil"), id("err")) })
			b.ret(composite("anyModel", elems(id("m"))...), id("nil"))
		})
		b.ret(unary("&", composite("mlrt.Generated", elemsNamed("Info", unary("&", id("modelInfo")), "New", fresh, "Load", load)...)))
	})
	s.structType("anyModel is a Model by contract.", "anyModel", []field{{typ: "*Model"}})
	s.method("Info describes the model.", "m", "anyModel", "Info", nil, []string{"*mlrt.Info"}, func(b *body) { b.ret(unary("&", id("modelInfo"))) })
	args := []field{{name: "i", typ: "int"}, {name: "dst", typ: "any"}}
	s.method("ReadVar copies stored tensor i into dst.", "m", "anyModel", "ReadVar", args, []string{"error"},
		func(b *body) { b.ret(call(id("m.weights.Read"), id("i"), id("dst"))) })
	args = []field{{name: "i", typ: "int"}, {name: "src", typ: "any"}}
	s.method("WriteVar sets stored tensor i from src.", "m", "anyModel", "WriteVar", args, []string{"error"},
		func(b *body) { b.ret(call(id("m.weights.Write"), id("i"), id("src"))) })
	o := []field{{name: "o", typ: "mlrt.Options"}}
	s.method("OpenSession returns a session.", "m", "anyModel", "OpenSession", o, []string{"mlrt.Session"},
		func(b *body) {
			b.ret(unary("&", composite("anySession", elems(call(id("m.openSession"), id("o")))...)))
		})
	s.method("OpenTrainer returns a trainer, nil when training was left out.", "m", "anyModel", "OpenTrainer", o, []string{"mlrt.Trainer"}, func(b *body) {
		if len(g.trains) == 0 {
			b.ret(id("nil"))
			return
		}
		b.ret(call(id("openTrainer"), id("m.Model"), id("o")))
	})
}

// printNoTrainer writes what stands in for training where it is left out.
func (g *gen) printNoTrainer(s *source) {
	s.fn("openTrainer returns nil: this build leaves training out.", "openTrainer",
		[]field{{name: "_", typ: "*Model"}, {name: "_", typ: "mlrt.Options"}}, []string{"mlrt.Trainer"}, func(b *body) { b.ret(id("nil")) })
}
