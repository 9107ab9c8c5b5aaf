package codegen

import (
	"fmt"
	"sort"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// printBuffers writes the method that visits the scratch tensors. Its sizes are
// wide, so that those in bytes do not overflow.
func (r *run) printBuffers(s *source) {
	const doc = "buffers visits the scratch tensors in order of first use: where the slice is\nkept, its line in the model, its slot and its size. Tensors that are never needed\ntogether share a slot."
	var params []field
	wide := map[string]expr{}
	scope := newNames(r.g.pkg)
	scope.used["r"], scope.used["v"] = "r", "v"
	for _, d := range r.f.Dims {
		wide[d] = id(scope.local(d))
		params = append(params, field{name: wide[d].path(), typ: "int64"})
	}
	params = append(params, field{name: "v", typ: "mlrt.Visitor"})
	s.method(doc, "r", "*"+r.typ, "buffers", params, nil, func(b *body) {
		visit := func(b *body, buf *loop.Buffer, mem, slot expr) {
			b.do(call(id("v.Visit"), unary("&", mem), num(int64(buf.Origin.Line)), slot, dimExpr(buf.Size(), wide)))
		}
		reps := r.repeatedBuffers()
		for _, sp := range reps.split() {
			if !sp.loops() {
				for _, buf := range r.own[sp.start:sp.end()] {
					visit(b, buf, r.memory[buf].expr(), num(int64(r.slots[buf])))
				}
				continue
			}
			first, step := r.memory[r.own[sp.start]].at, r.memory[r.own[sp.at(1, 0)]].at-r.memory[r.own[sp.start]].at
			b.forLayers("i", first, step, sp, func(b *body, from, to int) {
				for k := from; k < to; k++ {
					buf := r.own[sp.at(0, k)]
					mem := r.memory[buf].expr()
					if sp.times(k) > 1 {
						mem = index(id(r.memory[buf].field), counterPlus(r.memory[buf].at-first, 1))
					}
					visit(b, buf, mem, r.slotOf(sp, k, first, step))
				}
			})
		}
	})
}

// visitBuffers visits the scratch tensors at the run's sizes.
func (r *run) visitBuffers(b *body, dims map[string]expr, visitor expr) {
	var args []expr
	for _, d := range r.f.Dims {
		args = append(args, convert("int64", dims[d]))
	}
	b.do(call(id("r.buffers"), append(args, visitor)...))
}

// repeatedBuffers finds loops in the visit of scratch tensors.
func (r *run) repeatedBuffers() *repeats {
	keys := numbering[string]{}
	reps := &repeats{gain: 3}
	for _, b := range r.own {
		reps.keys = append(reps.keys, keys.of(fmt.Sprint(r.memory[b].field, " ", b.Origin.Line)))
	}
	reps.fit = func(sp span) int {
		step := r.memory[r.own[sp.at(1, 0)]].at - r.memory[r.own[sp.start]].at
		if step != 1 && step != -1 {
			return sp.period
		}
		for i := sp.period; i < sp.items(); i++ {
			n, k := i/sp.period, i%sp.period
			if a := r.memory[r.own[sp.at(0, k)]].at; a < 0 || r.memory[r.own[sp.start+i]].at != a+n*step {
				return i
			}
		}
		return sp.items()
	}
	return reps
}

// slotOf is the slot of the k-th buffer in each repetition of a loop: a table
// where it does not go in even steps.
func (r *run) slotOf(sp span, k, first, step int) expr {
	slots := make([]int, sp.times(k))
	even := true
	for n := range slots {
		slots[n] = r.slots[r.own[sp.at(n, k)]]
		even = even && slots[n]-slots[0] == n*(slots[min(1, n)]-slots[0])
	}
	switch {
	case len(slots) == 1:
		return num(int64(slots[0]))
	case even:
		by := (slots[1] - slots[0]) * step
		return bin("+", bin("*", id("i"), num(int64(by))), num(int64(slots[0]-by*first)))
	}
	var list []expr
	for _, s := range slots {
		list = append(list, num(int64(s)))
	}
	return index(composite("[...]int", elems(list...)...), counterPlus(-first*step, step))
}

// watch collects what a diagnosis looks at in a list of the runtime.
func (r *run) watch(b *body) expr {
	labels := map[int]string{}
	var lines []int
	for _, buf := range r.own {
		o := buf.Origin
		if _, ok := labels[o.Line]; !ok && o.Line > 0 {
			labels[o.Line] = oneLine(o.Label)
			lines = append(lines, o.Line)
		}
	}
	sort.Ints(lines)
	var stages []fieldValue
	for _, l := range lines {
		stages = append(stages, fieldValue{fmt.Sprint(l), text(labels[l])})
	}
	b.define("w", flat("mlrt.Watch", fieldValue{"Of", id("r")}, fieldValue{"Lines", composite("map[int]string", stages...)}))
	var inputs []expr
	for _, in := range r.f.Inputs {
		if in.DType == dim.Float32 || in.DType == dim.Float64 {
			inputs = append(inputs, flat("", elemsNamed("Name", text("input "+in.Name), "Data", r.mem(in))...))
		}
	}
	if len(inputs) > 0 {
		b.set(id("w.List"), rows("[]mlrt.Watched", inputs...))
	}
	for _, o := range r.owners() {
		if o == "model" {
			b.do(call(id("w.Weights"), unary("&", id("r.model.weights"))))
		}
	}
	if len(r.own) > 0 {
		r.visitBuffers(b, r.dims, unary("&", id("w")))
	}
	return id("w.List")
}
