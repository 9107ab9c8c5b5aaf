package codegen

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/loop"
)

// kernelTask is how workers run a kernel: a struct of its arguments, and a
// variable with its forms. A kernel of parts has a type of its own, of which each
// run that calls it has one.
type kernelTask struct {
	name   string  // of the kernel, which may share its function
	args   string  // the struct of the arguments
	kernel string  // the variable
	typ    string  // of a kernel of parts
	named  []field // the arguments
	params int
	dims   []string
	used   bool // by workers
}

// makeTask names what belongs to a kernel.
func (g *gen) makeTask(k *loop.Kernel, name string) {
	pl := g.plans[k]
	if pl.fields == nil {
		scope := newNames(g.pkg)
		for _, n := range []string{"t", "a", "i", "n", "lo", "hi", "local", "cores", "run"} {
			scope.used[n] = n
		}
		for _, s := range pl.sizes {
			scope.used[s.name] = s.name
		}
		pl.fields = pl.signature(scope)
		if len(k.Parts) == 0 {
			pl.args = g.pkg.local(pl.name + "Args")
		}
		if len(pl.sizes) > 0 {
			pl.typ = g.pkg.local(pl.name + "Sizes")
		}
	}
	t := &kernelTask{name: name, named: pl.fields, args: pl.args, params: len(k.Params), dims: k.Dims}
	if len(k.Parts) > 0 {
		t.typ = g.pkg.local(t.name + "Task")
	} else {
		t.kernel = t.name
	}
	g.tasks[k] = t
}

// use notes that workers run a kernel.
func (g *gen) use(k *loop.Kernel) {
	g.tasks[k].used = true
	for _, p := range k.Parts {
		if g.plans[p.Kernel].worker {
			g.tasks[p.Kernel].used = true
		}
	}
}

// sizes are the kernel's run-time sizes as fields of a local.
func (t *kernelTask) sizes(local string) map[string]expr {
	env := map[string]expr{}
	for i, d := range t.dims {
		env[d] = id(local + "." + t.named[t.params+i].name)
	}
	return env
}

// counter is a function that counts the items of a call.
func (t *kernelTask) counter(items expr) expr {
	return shortFunc(field{name: "a", typ: "*" + t.args}, []string{"int"}, items)
}

// printFamily writes the function of a kernel and its like, with the structs of its
// arguments and of its sizes.
func (g *gen) printFamily(s *source, pl *kernelPlan) error {
	if err := printKernel(s, pl, g.pkg); err != nil {
		return err
	}
	if !pl.worker {
		return nil
	}
	s.structType("", pl.args, joined(pl.fields))
	if len(pl.sizes) > 0 {
		s.structType("", pl.typ, joined(pl.sizes))
		env := pl.bind(g.tasks[pl.members[0]].sizes("a"), "n")
		s.method("Items counts the items of a call.", "n", pl.typ, "Items", []field{{name: "a", typ: "*" + pl.args}}, []string{"int"}, func(b *body) {
			b.ret(pl.items(env))
		})
	}
	return nil
}

// printForms writes the variables of the kernels of a family.
func (g *gen) printForms(s *source, pl *kernelPlan, kernels []*loop.Kernel) {
	var list []constant
	for _, k := range kernels {
		t := g.tasks[k]
		if !t.used {
			continue
		}
		// The plan counts items with the sizes of its first kernel.
		v := expr{}
		switch items := pl.items(g.tasks[pl.members[0]].sizes("a")); {
		case len(pl.sizes) > 0:
			v = call(rt("NewSized"), id(pl.function), composite(pl.typ, elems(pl.values[k]...)...))
		case items.isInt:
			v = call(rt("NewFixed"), id(pl.function), items)
		default:
			v = call(rt("NewKernel"), id(pl.function), t.counter(items))
		}
		list = append(list, constant{name: t.kernel, value: v})
	}
	if len(list) > 0 {
		s.variables(list)
	}
}

// printKernelsOf writes the kernels of a file: those that share a function stand
// together. done has the functions that are written.
func (g *gen) printKernelsOf(s *source, kernels []*loop.Kernel, done map[*kernelPlan]bool) error {
	here := map[*kernelPlan]bool{}
	for _, k := range kernels {
		pl := g.plans[k]
		if len(k.Parts) > 0 {
			g.printParts(s, k)
			continue
		}
		if !done[pl] {
			done[pl] = true
			if err := g.printFamily(s, pl); err != nil {
				return err
			}
		}
		if pl.worker && !here[pl] {
			here[pl] = true
			g.printForms(s, pl, slices.DeleteFunc(slices.Clone(pl.members), func(m *loop.Kernel) bool { return !slices.Contains(kernels, m) }))
		}
	}
	return nil
}

// joined puts neighbours of one type on one line of a struct. Where their names would
// push the types of the other lines far to the right, these stand apart.
func joined(fields []field) []field {
	var list []field
	for _, f := range fields {
		if n := len(list); n > 0 && list[n-1].typ == f.typ {
			list[n-1].name += ", " + f.name
			continue
		}
		list = append(list, f)
	}
	for i := 1; i < len(list); i++ {
		const far = 12
		if a, b := len(list[i-1].name), len(list[i].name); max(a, b)-min(a, b) > far {
			list[i].apart = true
		}
	}
	return list
}
