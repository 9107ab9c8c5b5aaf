package main

import (
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

// indexLimits returns, for each integer input of a train block that looks up
// places of a tensor, how many there are: kernels take any other index for the
// nearest, so what the data holds must be checked before.
func (m *model) indexLimits(block int) map[string]int {
	limits := map[string]int{}
	for _, e := range m.ir.Entries {
		if e.Kind != ir.Train || e.Name != m.info.Trains[block].Name {
			continue
		}
		inputs := map[*ir.Value]string{}
		for _, in := range e.Inputs {
			inputs[in.Value] = in.Name
		}
		for _, i := range e.Func.Instrs {
			axis := -1
			switch o := i.Op.(type) {
			case op.Take:
				axis = o.Axis
			case op.Gather:
				axis = o.Axis
			}
			if axis < 0 {
				continue
			}
			name, ok := inputs[indexOrigin(i.Args[1])]
			n, fixed := i.Args[0].Type.Shape[axis].Int()
			if ok && fixed && (limits[name] == 0 || int(n) < limits[name]) {
				limits[name] = int(n)
			}
		}
	}
	return limits
}

// indexOrigin is the value whose elements an index tensor repeats.
func indexOrigin(v *ir.Value) *ir.Value {
	for v.Def != nil && len(v.Def.Args) == 1 {
		switch v.Def.Op.(type) {
		case op.Reshape, op.Broadcast, op.Cast:
			v = v.Def.Args[0]
		default:
			return v
		}
	}
	return v
}
