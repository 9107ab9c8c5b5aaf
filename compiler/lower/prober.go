package lower

import (
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// Prober answers pass fuse's questions by trying: it evaluates an instruction
// at a group's points, as lowering will, and looks at what that reads.
type Prober struct {
	b       *body
	kernels map[int]*probe
}

// probe is a group's points, and a kernel that never reaches memory.
type probe struct {
	g            *group
	k            *kernel
	outer, inner []dim.Dim
	at, red      []*loop.Expr
}

// NewProber returns a prober for f in which every instruction is computed where
// it is read.
func NewProber(f *ir.Func) *Prober {
	return &Prober{b: newBody(nil, f), kernels: map[int]*probe{}}
}

// Open starts a group whose points are outer and, for rows, outer times inner.
// Opening a group again changes its points and forgets its results.
func (p *Prober) Open(id int, outer, inner []dim.Dim) {
	g := &group{id: id}
	if old := p.kernels[id]; old != nil {
		g = old.g
	}
	k := newKernel(p.b, g)
	k.probing = true
	p.kernels[id] = &probe{g: g, k: k, outer: outer, inner: inner,
		at: k.points(axes(axisNames[:], outer)), red: k.points(axes(innerNames[:], inner))}
}

// Join makes i an instruction of a group. A result that a phase leaves may from
// now on be read only at its own point.
func (p *Prober) Join(id int, i *ir.Instr) {
	pr := p.kernels[id]
	p.b.groupOf[i] = pr.g
	switch kindOf(i) {
	case rowKind, serialKind, contractKind:
		for _, r := range i.Results {
			at := alignIndex(pr.k.x, r.Type.Shape, pr.outer, pr.at)
			pr.k.local[r] = result{pr.k.x.Result(&loop.Result{Name: "r", Type: r.Type.DType}), at}
		}
	}
}

// Leave makes i an instruction that is computed where it is read.
func (p *Prober) Leave(i *ir.Instr) { delete(p.b.groupOf, i) }

// Kind says how a group of i runs: map, row, serial, contract, sequence, whole or scan.
func (p *Prober) Kind(i *ir.Instr) string {
	return [...]string{"map", "row", "serial", "contract", "sequence", "whole", "scan"}[kindOf(i)]
}

// Fits reports whether a group can compute i at its points: the shapes agree,
// and results of the group's phases are read only at their own point.
func (p *Prober) Fits(id int, i *ir.Instr) bool {
	pr := p.kernels[id]
	k := pr.k
	switch kindOf(i) {
	case mapKind:
		whole := slices.Concat(pr.outer, pr.inner)
		for _, r := range i.Results {
			shape := r.Type.Shape
			switch {
			case SameSpace(shape, pr.outer):
				k.at(i, i.Op.(op.Pointwise), alignIndex(k.x, shape, pr.outer, pr.at))
			case pr.inner != nil && SameSpace(shape, whole):
				k.at(i, i.Op.(op.Pointwise), alignIndex(k.x, shape, whole, slices.Concat(pr.at, pr.red)))
			default:
				return false
			}
		}
	case rowKind, serialKind:
		for _, r := range i.Results {
			if !SameSpace(r.Type.Shape, pr.outer) {
				return false
			}
		}
		out := alignIndex(k.x, i.Results[0].Type.Shape, pr.outer, pr.at)
		spec := i.Op.(op.Reducing).Reduce(k.context(i), k.sources(i), out)
		if !SameSpace(extents(spec.Axes), pr.inner) {
			return false
		}
		spec.Value(alignIndex(k.x, extents(spec.Axes), pr.inner, pr.red))
	default:
		return false
	}
	if k.err != nil {
		k.err, k.notAt = nil, false
		k.memo = map[point][]*loop.Expr{}
		return false
	}
	return true
}

// BadOperands lists the operands of a contraction that must be given memory: they
// are computed where they are read, and not by a plain load.
func (p *Prober) BadOperands(i *ir.Instr) []int { return p.b.badOperands(i) }
