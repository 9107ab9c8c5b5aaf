package codegen

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// callArgs are the typed parameters of an entry or a step: the sizes that the
// inputs' lengths do not tell, then the inputs. Other sizes are computed.
type typedCall struct {
	r      *run
	params []field
	sizes  []size
	inputs []expr
	dims   []expr
}

// size is a run-time size: a parameter, or what the length of an input gives.
type size struct {
	name  string
	input expr
	per   dim.Dim // elements of the input for each unit
	given bool
}

// newTypedCall finds out which sizes follow from lengths. Each input may tell one
// that is still unknown; where none does, the next size becomes a parameter.
func newTypedCall(r *run, scope *names) *typedCall {
	c := &typedCall{r: r}
	env := map[string]expr{}
	inputNames := make([]string, len(r.f.Inputs))
	for i, b := range r.f.Inputs {
		inputNames[i] = scope.local(b.Name)
	}
	known := map[string]bool{}
	locals := map[string]string{}
	for _, d := range r.f.Dims {
		locals[d] = scope.local(d)
		env[d] = id(locals[d])
	}
	for len(c.sizes) < len(r.f.Dims) {
		if s, ok := c.infer(known, inputNames); ok {
			known[s.name] = true
			c.sizes = append(c.sizes, s)
			continue
		}
		for _, d := range r.f.Dims {
			if !known[d] {
				known[d] = true
				c.sizes = append(c.sizes, size{name: d, given: true})
				c.params = append(c.params, field{name: locals[d], typ: "int"})
				break
			}
		}
	}
	for i, b := range r.f.Inputs {
		c.params = append(c.params, field{name: inputNames[i], typ: "[]" + goTypes[b.DType]})
		c.inputs = append(c.inputs, id(inputNames[i]))
	}
	for _, d := range r.f.Dims {
		c.dims = append(c.dims, env[d])
	}
	return c
}

// infer finds an input whose length tells a size that is still unknown.
func (c *typedCall) infer(known map[string]bool, inputNames []string) (size, bool) {
	for _, d := range c.r.f.Dims {
		if known[d] {
			continue
		}
		for i, b := range c.r.f.Inputs {
			per, ok := dim.Product(b.Shape).Div(dim.Sym(d))
			if !ok || per.Is(0) {
				continue
			}
			for _, s := range per.Symbols() {
				ok = ok && known[s]
			}
			if low, positive := per.Min(); ok && positive && low > 0 {
				return size{name: d, input: id(inputNames[i]), per: per}, true
			}
		}
	}
	return size{}, false
}

// bind computes the sizes and binds the run; fail are the results of an error.
func (c *typedCall) bind(b *body, r expr, fail ...expr) {
	env := map[string]expr{}
	for i, d := range c.r.f.Dims {
		env[d] = c.dims[i]
	}
	for _, s := range c.sizes {
		if s.given {
			continue
		}
		length := call(id("len"), s.input)
		per := dimExpr(s.per, env)
		if !per.isInt { // a parameter may be 0
			per = call(id("max"), num(1), per)
		}
		b.define(env[s.name].path(), bin("/", length, per))
	}
	b.whenErr(call(dot(r, "bind"), append(append([]expr(nil), c.inputs...), c.dims...)...), fail...)
}

// printBind writes the methods that check and take a call's inputs, typed and by
// contract. info is the expression of the call's mlrt.FuncInfo.
func (r *run) printBind(s *source, info expr, states []*storedVar) {
	scope := newNames(r.g.pkg)
	var params []field
	env := map[string]expr{}
	var inputs []expr
	for _, b := range r.f.Inputs {
		n := scope.local(b.Name)
		params = append(params, field{name: n, typ: "[]" + goTypes[b.DType]})
		inputs = append(inputs, id(n))
	}
	for _, d := range r.f.Dims {
		n := scope.local(d)
		params = append(params, field{name: n, typ: "int"})
		env[d] = id(n)
	}
	s.method("bind takes the inputs of a call of the given sizes.", "r", "*"+r.typ, "bind", params, []string{"error"}, func(b *body) {
		for i, in := range r.f.Inputs {
			want := dimExpr(in.Size(), env)
			length := call(id("len"), inputs[i])
			b.when(binRaw("!=", length, want), func(b *body) { b.ret(call(rt("WrongLength"), text(in.Name), length, want)) })
		}
		if r.sized() {
			var dims []expr
			for _, d := range r.f.Dims {
				dims = append(dims, env[d])
			}
			b.whenErr(call(id("r.resize"), dims...), id("err"))
		}
		for _, sv := range states {
			f := sv.place.in("r.session").expr()
			b.set(f, call(rt("Sized"), f, dimExpr(loop.PhysicalSize(sv.Shape, sv.Layout), env)))
		}
		for i, in := range r.f.Inputs {
			b.set(r.mem(in), inputs[i])
		}
		b.ret(id("nil"))
	})
	s.method("bindTensors is bind for inputs by contract.", "r", "*"+r.typ, "bindTensors", []field{{name: "in", typ: "[]mlrt.Tensor"}}, []string{"error"}, func(b *body) {
		var args []expr
		for i, in := range r.f.Inputs {
			args = append(args, assert(dot(index(id("in"), num(int64(i))), "Data"), "[]"+goTypes[in.DType]))
		}
		dims := id("nil")
		var dimNames []expr
		if len(r.f.Dims) > 0 {
			b.declare("dims", fmt.Sprintf("[%d]int", len(r.f.Dims)))
			dims = slice(id("dims"), nil, nil)
		}
		for i, d := range r.f.Dims {
			dimNames = append(dimNames, text(d))
			args = append(args, index(id("dims"), num(int64(i))))
		}
		b.whenErr(call(rt("BindSizes"), unary("&", info), composite("[]string", elems(dimNames...)...), id("in"), dims), id("err"))
		b.ret(call(id("r.bind"), args...))
	})
}
