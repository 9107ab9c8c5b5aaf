package pass

import (
	"fmt"
	"slices"
	"sort"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Bounds of what split does: a piece of fewer elements than leastPiece is not worth a
// loop, and each piece is a copy of the code. A point with more than mostElements
// should be the work of several threads.
const (
	leastPiece   = 32
	mostPieces   = 8
	mostElements = 8192
)

// split cuts an axis of a map where conditions on its position change, such as where
// the parts of a joined tensor meet. In each piece the conditions are decided, so
// nothing is computed for other parts and then dropped.
func split(p *loop.Program) error {
	for _, k := range p.Kernels {
		if len(k.Phases) == 1 && k.Phases[0].Kind == loop.Map {
			splitKernel(k, k.Phases[0])
		}
	}
	return nil
}

// splitKernel cuts the innermost axis that it can. The axes around it are the kernel's
// space, the pieces its phases.
func splitKernel(k *loop.Kernel, ph *loop.Phase) {
	all := append(slices.Clone(k.Space), ph.Axes...)
	inner := int64(1) // elements at a position of the axis
	for at := len(all) - 1; at >= 0; at-- {
		axis := all[at]
		n, known := axis.Extent.Int()
		if !known || slices.ContainsFunc(ph.Stores, func(s *loop.Store) bool { return !loop.Consecutive(s.Param, s.Index, all[len(all)-1]) }) {
			return
		}
		space := len(k.Space)
		if len(ph.Axes) == 0 {
			space = at
		}
		if space > 0 && at >= space && splitAxis(k, ph, all, at, space, n, inner) {
			return
		}
		inner *= n
	}
}

// splitAxis cuts an axis of extent n, the one at a place of all axes, of which so many
// are to be the kernel's space. It reports whether that made sense.
func splitAxis(k *loop.Kernel, ph *loop.Phase, all []*loop.Axis, at, space int, n, inner int64) bool {
	axis := all[at]
	ends := append(cutsOf(k, axis, n), n)
	if len(ends) == 1 || len(ends) > mostPieces || inner > 1 && n*inner > mostElements {
		return false
	}
	var pieces []*loop.Phase
	b := loop.NewBuilder()
	from := int64(0)
	for _, end := range ends {
		if (end-from)*inner < leastPiece || inner > 1 && (end-from)*mostPieces < n {
			return false
		}
		part := &loop.Axis{Name: fmt.Sprintf("%s%d", axis.Name, from), Extent: dim.Const(end - from)}
		sub := loop.NewSubstitution(b, map[*loop.Axis]*loop.Expr{axis: b.Add(b.Axis(part), b.Int(from))})
		piece := &loop.Phase{Kind: loop.Map, Axes: slices.Concat(all[space:at], []*loop.Axis{part}, all[at+1:])}
		if end-from == 1 && len(piece.Axes) > 1 {
			piece.Axes = slices.Concat(all[space:at], all[at+1:])
		}
		for _, s := range ph.Stores {
			piece.Stores = append(piece.Stores, sub.Store(s))
		}
		pieces = append(pieces, piece)
		from = end
	}
	k.Space, k.Phases = all[:space], pieces
	return true
}

// cutsOf lists the positions on an axis of extent n at which a comparison with a
// constant turns from false to true or back, in order.
func cutsOf(k *loop.Kernel, axis *loop.Axis, n int64) (cuts []int64) {
	eachExpr(k, func(e *loop.Expr) {
		if c, ok := turn(e, axis, n); ok {
			cuts = append(cuts, c)
		}
	})
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// turn returns the first position at which a comparison of the axis's position, plus or
// minus a constant, with a constant has another value than at 0; false if there is none.
func turn(e *loop.Expr, axis *loop.Axis, n int64) (at int64, ok bool) {
	if (e.Op != loop.Lt && e.Op != loop.Le) || e.Args[0].Type != dim.Int64 {
		return 0, false
	}
	for _, x := range e.Args {
		if _, linear := loop.Coefficient(x, axis); !linear {
			return 0, false
		}
	}
	known := true
	holds := func(i int64) bool {
		b := loop.NewBuilder()
		v := loop.NewSubstitution(b, map[*loop.Axis]*loop.Expr{axis: b.Int(i)}).Expr(e)
		known = known && v.Op == loop.Const
		return v.Bits != 0
	}
	first := holds(0)
	if !known || holds(n-1) == first || !known {
		return 0, false
	}
	at = int64(sort.Search(int(n), func(i int) bool { return holds(int64(i)) != first }))
	return at, known
}
