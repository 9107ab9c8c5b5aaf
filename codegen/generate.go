package codegen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/token"
	"slices"
	"sort"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Options say what to generate.
type Options struct {
	// Package is the name of the Go package; empty for one made from the model's name.
	Package string
	// ForwardOnly leaves training out.
	ForwardOnly bool
	// Embed adds the function Embedded, which loads the weights file that lies
	// beside the package under the name WeightsFile gives.
	Embed bool
	// NoAssembly leaves the kernels in plain Go alone.
	NoAssembly bool
	// RuntimePath is the import path of a copy of the runtime; empty for the
	// runtime of this module.
	RuntimePath string
}

// File is a generated file.
type File struct {
	Name string
	Data []byte
}

// PackageName returns the package name that a model's name gives.
func PackageName(model string) string {
	s := strings.ToLower(camel(model))
	if token.IsKeyword(s) || reserved[s] {
		s += "net"
	}
	return s
}

// baseName turns the spec's base name into that of the files: "net.ml" gives "net_ml".
func baseName(file string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, file)
	if s == "" {
		return "net_ml"
	}
	return s
}

// WeightsFile returns the name of the weights file that Embed expects beside the
// generated files of a spec with the given base name.
func WeightsFile(spec string) string { return strings.TrimSuffix(spec, ".ml") + ".safetensors" }

// Generate prints p as a Go package. The files are sorted by name and depend on
// p and opt alone. An error is either one of names that would collide in Go,
// which the model's author can mend, or starts with "internal error".
func Generate(p *loop.Program, opt Options) ([]File, error) {
	g, err := newGen(p, opt)
	if err != nil {
		return nil, err
	}
	if err := g.print(); err != nil {
		return nil, err
	}
	var out []File
	for _, s := range g.files {
		data, err := s.render()
		if err != nil {
			return nil, err
		}
		out = append(out, File{Name: s.name, Data: data})
	}
	for i, s := range g.files {
		if err := checkFile(s, out[i].Data); err != nil {
			return nil, err
		}
		out[i].Data = g.withRuntime(out[i].Data)
	}
	out = append(out, g.raw...)
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// withRuntime replaces the import of the runtime by that of a copy.
func (g *gen) withRuntime(data []byte) []byte {
	if g.opt.RuntimePath == "" {
		return data
	}
	spec := func(path string) string { return fmt.Sprintf("mlrt %q", path) }
	return []byte(strings.Replace(string(data), spec(runtimePath), spec(g.opt.RuntimePath), 1))
}

// gen is a package being generated.
type gen struct {
	prog *loop.Program
	opt  Options
	base string
	name string // of the package
	pkg  *names
	err  error

	vars    []*storedVar // in the program's order
	infos   []*storedVar // those that Info lists, in its order
	byVar   map[*loop.Var]*storedVar
	params  *tensorGroup
	buffers *tensorGroup
	others  *tensorGroup // states of optimizers that states lacks
	metrics *tensorGroup
	carried *tensorGroup // from call to call of a session
	states  []*stateGroup
	plans   map[*loop.Kernel]*kernelPlan
	asm     map[*loop.Kernel]*asmKernel
	tasks   map[*loop.Kernel]*kernelTask
	raw     []File            // that are no Go
	inputs  map[string]string // run-time settings to fields of the trainer
	inOrder []string
	tables  map[*loop.Buffer]string
	tabled  []*loop.Buffer

	entries   []*entryGen
	trains    []*trainGen
	modelInit *run
	trainInit *run

	files []*source
}

// entryGen is an entry of the model.
type entryGen struct {
	f      *loop.Func
	method string // "Forward"
	run    *run
	states []*storedVar
}

// trainGen is a train block.
type trainGen struct {
	name    string // in Info
	suffix  string // of its methods: "" or "Generator"
	step    *run
	eval    *run
	metrics []*metricGen
	field   string // prefix of its fields in the trainer: "train"
}

type metricGen struct {
	loop.Metric
	field  string // of StepResult
	finish *run
}

func newGen(p *loop.Program, opt Options) (*gen, error) {
	g := &gen{
		prog: p, opt: opt, base: baseName(p.File), name: opt.Package, pkg: newNames(nil), byVar: map[*loop.Var]*storedVar{},
		tasks: map[*loop.Kernel]*kernelTask{}, inputs: map[string]string{}, tables: map[*loop.Buffer]string{},
	}
	if g.name == "" {
		g.name = PackageName(p.Name)
	}
	if !token.IsIdentifier(g.name) || g.name == "_" {
		return nil, fmt.Errorf("%q cannot be the name of a Go package", g.name)
	}
	// A local that hides a package-level name or an import would be confusing.
	for name := range reserved { // a set
		g.pkg.used[name] = "the Go name"
	}
	for _, n := range []string{"Model", "Session", "Trainer", "TrainOptions", "New", "Load", "LoadFS", "Embedded", "NumParams", "Generated",
		"params", "modelVars", "anyModel", "anySession", "anyTrainer", "modelInfo", "newModel", "openTrainer"} {
		g.pkg.used[n] = "the generated " + n
	}
	if err := g.nameVars(); err != nil {
		return nil, err
	}
	kernelNames := map[*loop.Kernel]string{}
	for _, k := range p.Kernels {
		kernelNames[k] = g.pkg.local(k.Name)
	}
	g.plans = planKernels(p.Kernels, kernelNames)
	for _, k := range p.Kernels {
		g.makeTask(k, kernelNames[k])
	}
	g.lowerAssembly()
	for k, pl := range g.plans { // a set
		pl.worker = pl.worker || g.asm[k] != nil || !pl.single()
	}
	for _, k := range p.Kernels {
		if pl := g.plans[k]; pl.function == "" {
			pl.function = pl.name
			if pl.worker { // the name is that of the variable
				pl.function = g.pkg.local(pl.name + "Go")
			}
		}
	}
	if err := g.makeRuns(); err != nil {
		return nil, err
	}
	return g, g.err
}

// table returns the name of the package variable with a buffer's constants.
func (g *gen) table(b *loop.Buffer) string {
	if n, ok := g.tables[b]; ok {
		return n
	}
	n := g.pkg.local(b.Name + "Table")
	g.tables[b] = n
	g.tabled = append(g.tabled, b)
	return n
}

// makeRuns names the functions of the program.
func (g *gen) makeRuns() error {
	evals := map[string]*loop.Func{}
	for _, f := range g.prog.Funcs {
		if f.Kind == "eval" {
			evals[f.Name] = f
		}
		for _, s := range f.Scalars {
			for _, n := range inputNames(nil, s.Expr) {
				if _, ok := g.inputs[n]; !ok {
					g.inputs[n] = private("input " + n)
					g.inOrder = append(g.inOrder, n)
				}
			}
		}
	}
	for _, f := range g.prog.Funcs {
		switch f.Kind {
		case "forward":
			if err := g.addEntry(f); err != nil {
				return err
			}
		case "train":
			if !g.opt.ForwardOnly {
				if err := g.addTrain(f, evals[f.Name]); err != nil {
					return err
				}
			}
		case "init":
			g.addInit(f)
		}
	}
	return nil
}

func (g *gen) addEntry(f *loop.Func) error {
	e := &entryGen{f: f, method: exported(f.Name)}
	if err := g.pkg.claim("method Session."+e.method, fmt.Sprintf("the entry %q", f.Name)); err != nil {
		return err
	}
	for _, sv := range g.vars {
		if sv.Kind == "session" && sv.Owner == f.Name {
			sv.entry = e
			e.states = append(e.states, sv)
		}
	}
	e.run = g.newRun(f, f.Name+"Run", "", f.Body)
	e.run.doc = e.run.typ + " is a call of " + e.method + ": its arguments, sizes and memory."
	g.entries = append(g.entries, e)
	return nil
}

func (g *gen) addTrain(f, eval *loop.Func) error {
	t := &trainGen{name: f.Name, field: private(f.Name)}
	if f.Name != "train" {
		t.suffix = exported(f.Name)
	}
	for _, n := range []string{"Step" + t.suffix, "Batch" + t.suffix, t.suffix + "StepResult"} {
		if err := g.pkg.claim(n, fmt.Sprintf("a type of the train block %q", f.Name)); err != nil {
			return err
		}
	}
	t.step = g.newRun(f, t.field+"Run", "", f.Body)
	t.step.doc = t.step.typ + " is a training step: its arguments, sizes and memory."
	if eval == nil {
		return fmt.Errorf("internal error: train block %s has no inference form", f.Name)
	}
	t.eval = g.newRun(eval, t.field+"EvalRun", "", eval.Body)
	t.eval.doc = t.eval.typ + " is an evaluation of the loss: its arguments, sizes and memory."
	fields := newNames(nil)
	fields.used["Loss"] = "Loss"
	for _, m := range f.Metrics {
		mg := &metricGen{Metric: m, field: exported(m.Name)}
		if err := fields.claim(mg.field, fmt.Sprintf("the metric %q", m.Name)); err != nil {
			return err
		}
		if m.Finish != nil {
			mg.finish = g.newRun(m.Finish, t.field+exported(m.Name)+"Run", "", m.Finish.Body)
			mg.finish.doc = mg.finish.typ + " computes " + m.Name + " from what the steps counted."
		}
		t.metrics = append(t.metrics, mg)
	}
	g.trains = append(g.trains, t)
	return nil
}

// addInit adds a computation of initial values: that of a model's tensors, or of
// those that a trainer adds.
func (g *gen) addInit(f *loop.Func) {
	owner := "model"
	if f.Name != "init" {
		owner = "trainer"
	}
	steps := g.notZero(f.Body, owner)
	switch {
	case len(steps) == 0:
	case owner == "model":
		g.modelInit = g.newRun(f, "modelInit", "", steps)
		g.modelInit.doc = g.modelInit.typ + " computes the initial values of a model's tensors."
	case !g.opt.ForwardOnly:
		g.trainInit = g.newRun(f, "trainInit", "", steps)
		g.trainInit.doc = g.trainInit.typ + " computes the initial values of a trainer's own tensors."
	}
}

// notZero leaves out what sets an owner's tensors to zero, directly or as copies
// of one that is zero: new memory is.
func (g *gen) notZero(steps []loop.Step, owner string) (list []loop.Step) {
	written := map[*loop.Var]bool{}
	for _, s := range steps {
		c, ok := s.(*loop.Call)
		if !ok {
			return steps
		}
		zero := func(q *loop.Param) bool {
			b := c.Args[slices.Index(c.Kernel.Params, q)].Buffer
			return b.Kind == loop.Stored && !written[b.Var] && g.byVar[b.Var].owner == owner
		}
		stays := false
		for _, q := range c.Kernel.Params {
			stays = stays || q.Write && !(zero(q) && storesZero(c.Kernel, q, zero))
		}
		if !stays {
			continue
		}
		for i, q := range c.Kernel.Params {
			if q.Write {
				written[c.Args[i].Buffer.Var] = true
			}
		}
		list = append(list, s)
	}
	return list
}

// storesZero reports whether a kernel can only write zeros to q, given that some
// parameters are zero.
func storesZero(k *loop.Kernel, q *loop.Param, zero func(*loop.Param) bool) bool {
	for _, ph := range k.Phases {
		if ph.Kind != loop.Map {
			return false
		}
		for _, s := range ph.Stores {
			v := s.Value
			isZero := v.Op == loop.Const && v.Bits == 0 || v.Op == loop.Load && v.Guard == nil && zero(v.Param)
			if s.Param == q && !isZero {
				return false
			}
		}
	}
	return true
}

// hash identifies the model's stored tensors: two models of one hash load each
// other's files.
func (g *gen) hash() string {
	h := sha256.New()
	for _, sv := range g.infos {
		if sv.Kind != "optimizer" {
			fmt.Fprintf(h, "%q %s %s\n", sv.Name, sv.DType, shapeText(sv.Shape, nil))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// numParams is the number of learnable values.
func (g *gen) numParams() int64 {
	var sum int64
	for _, sv := range g.infos {
		if n, ok := dim.Product(sv.Shape).Int(); ok && sv.Kind == "param" {
			sum += n
		}
	}
	return sum
}
