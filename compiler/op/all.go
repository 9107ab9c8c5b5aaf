package op

import "github.com/mlc-go/mlc/compiler/ir"

// All returns every operation, without attributes: the scalar functions in their
// table's order, then the others, which are one file each.
func All() []ir.Op {
	var out []ir.Op
	for _, r := range Rows() {
		out = append(out, Elementwise{r.Name})
	}
	return append(out, structural...)
}

var structural = []ir.Op{
	HostScalar{}, Cast{}, Iota{}, Reshape{}, Transpose{}, Broadcast{}, Slice{}, Unslice{}, Concat{},
	Reduce{}, ArgReduce{}, Cumulative{}, Einsum{}, Gather{}, ScatterAdd{}, Take{}, ScatterTake{},
	Pad{}, UnpadAxis{}, Conv{}, ConvInputGrad{}, ConvWeightGrad{}, Unfold{}, Fold{}, Sort{}, TopK{},
	DynamicSlice{}, UpdateSlice{}, Random{}, Scan{}, StopGradient{}, Gradient{},
}

// Lookup finds an operation by its word and gives it without attributes.
func Lookup(name string) (ir.Op, bool) {
	if RowByName(name) != nil {
		return Elementwise{name}, true
	}
	for _, o := range structural {
		if o.Name() == name {
			return o, true
		}
	}
	return nil, false
}
