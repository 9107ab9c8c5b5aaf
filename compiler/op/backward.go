package op

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/ir"
)

// Backward emits, behind the instructions of b.Func, the adjoints of xs: for
// each of them the sum, over roots, of the root's derivative times its seed.
// The result holds nil for an x that no root depends on.
//
// Contributions to one value are added in the order of the program, first use
// first. Adjoints take their place and label from the instruction that they
// belong to; b's own are restored.
func Backward(b *ir.Builder, roots, seeds, xs []*ir.Value) []*ir.Value {
	s := &sweep{b: b, active: map[*ir.Value]bool{}, parts: map[*ir.Value][]*ir.Value{}, total: map[*ir.Value]*ir.Value{}}
	for _, x := range xs {
		s.active[x] = true
	}
	instrs := slices.Clone(b.Func.Instrs)
	for _, i := range instrs {
		s.mark(i)
	}
	for k, r := range roots {
		if seeds[k] != nil && s.active[r] {
			s.parts[r] = append(s.parts[r], seeds[k])
		}
	}
	pos, label, path, metric, remat := b.Pos, b.Label, b.Path, b.Metric, b.Remat
	for _, i := range slices.Backward(instrs) {
		s.step(i)
	}
	b.Pos, b.Label, b.Path, b.Metric, b.Remat = pos, label, path, metric, remat
	out := make([]*ir.Value, len(xs))
	for k, x := range xs {
		out[k] = s.adjoint(x)
	}
	return out
}

// sweep is one reverse pass over a function.
type sweep struct {
	b      *ir.Builder
	active map[*ir.Value]bool        // depends on one of the xs
	parts  map[*ir.Value][]*ir.Value // contributions, last use first
	total  map[*ir.Value]*ir.Value   // their sum, once taken
}

// mark makes the float results of i active when one of its arguments is.
func (s *sweep) mark(i *ir.Instr) {
	if _, stops := i.Op.(StopGradient); stops || !slices.ContainsFunc(i.Args, func(a *ir.Value) bool { return s.active[a] }) {
		return
	}
	for _, r := range i.Results {
		if r.Type.DType.IsFloat() {
			s.active[r] = true
		}
	}
}

// adjoint sums the contributions to v, first use first; nil without any.
func (s *sweep) adjoint(v *ir.Value) *ir.Value {
	if t := s.total[v]; t != nil {
		return t
	}
	var sum *ir.Value
	for _, p := range slices.Backward(s.parts[v]) {
		if sum == nil {
			sum = p
		} else {
			sum = Apply(s.b, "add", sum, p)
		}
	}
	s.total[v] = sum
	return sum
}

// step carries the adjoints of i's results to its arguments.
func (s *sweep) step(i *ir.Instr) {
	wanted := false
	for _, r := range i.Results {
		wanted = wanted || len(s.parts[r]) > 0
	}
	if !wanted || !slices.ContainsFunc(i.Args, func(a *ir.Value) bool { return s.active[a] }) {
		return
	}
	s.b.Pos, s.b.Label, s.b.Path = i.Pos, i.Label, i.Path
	dy := make([]*ir.Value, len(i.Results))
	for k, r := range i.Results {
		dy[k] = s.adjoint(r)
	}
	d, ok := i.Op.(Differentiable)
	if !ok {
		panic("op: " + i.Op.Name() + " has no gradient rule")
	}
	args := slices.Clone(i.Args)
	grads := d.Grad(s.b, i, dy)
	for k, a := range slices.Backward(args) {
		if grads[k] != nil && s.active[a] {
			s.parts[a] = append(s.parts[a], grads[k])
		}
	}
}
