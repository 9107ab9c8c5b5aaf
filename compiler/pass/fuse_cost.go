package pass

import (
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// What may be computed where it is read.
const (
	costOfCall   = 20 // exp and its like
	costOfDraw   = 40 // a random number
	costOfLookup = 5  // a load at a position that was loaded
	costOfChoice = 2  // a select between operands
	cheap        = 4  // at most this much is computed again in each of several groups
	largestGroup = 96 // instructions in one kernel, so that code stays readable and compiles fast
)

// cost estimates the work of computing i where it is read.
func (u *fuser) cost(i *ir.Instr) int {
	total := 0
	seen := map[*ir.Instr]bool{}
	var visit func(i *ir.Instr)
	visit = func(i *ir.Instr) {
		seen[i] = true
		total += ownCost(i)
		for _, a := range i.Args {
			if a.Def != nil && a.Def.Group <= noGroup && !seen[a.Def] {
				visit(a.Def)
			}
		}
	}
	visit(i)
	return total
}

func ownCost(i *ir.Instr) int {
	switch o := i.Op.(type) {
	case op.HostScalar, op.Iota:
		return 0
	case op.Elementwise:
		if o.Row().Costly {
			return costOfCall
		}
		return 1
	case op.Cast:
		return 1
	case op.Gather, op.Take:
		return costOfLookup
	}
	switch {
	case isView(i):
		return 0
	case len(i.Args) == 0:
		return costOfDraw
	}
	return costOfChoice
}

// isView reports whether an instruction only renames the positions of its operand.
func isView(i *ir.Instr) bool {
	switch i.Op.(type) {
	case op.Reshape, op.Transpose, op.Broadcast, op.Slice, op.StopGradient:
		return true
	}
	return false
}

func isReshape(i *ir.Instr) bool {
	_, ok := i.Op.(op.Reshape)
	return ok
}

func isConstant(i *ir.Instr) bool {
	switch i.Op.(type) {
	case op.HostScalar, op.Iota:
		return true
	}
	return false
}
