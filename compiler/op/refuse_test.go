package op_test

import (
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

func typ(t dim.DType, shape ...dim.Dim) ir.Type { return ir.Type{DType: t, Shape: shape} }

// TestTypeRulesRefuse gives every operation arguments or attributes outside its rule.
func TestTypeRulesRefuse(t *testing.T) {
	batch := dim.Sym("batch")
	n := func(k int64) dim.Dim { return dim.Const(k) }
	x := typ(dim.Float32, batch, n(5))
	label := typ(dim.Int32, batch)
	image := typ(dim.Float32, batch, n(4), n(8), n(8))
	filter := typ(dim.Float32, n(6), n(4), n(3), n(3))
	scalarInt, flag := typ(dim.Int32), typ(dim.Bool, batch, n(5))
	conv := func(stride, pad, dilation, groups int) op.Conv {
		return op.Conv{Stride: []int{stride, stride}, Low: []int{pad, pad}, High: []int{pad, pad}, Dilation: []int{dilation, dilation}, Groups: groups}
	}
	for _, c := range []struct {
		op   ir.Op
		in   []ir.Type
		want string
	}{
		{op.Elementwise{Fn: "add"}, []ir.Type{x, typ(dim.Float32, batch, n(6))}, "shapes [batch, 5] and [batch, 6] differ"},
		{op.Elementwise{Fn: "add"}, []ir.Type{x, typ(dim.Float64, batch, n(5))}, "element types float32 and float64 differ"},
		{op.Elementwise{Fn: "exp"}, []ir.Type{label}, "exp works on floats, have int32"},
		{op.Elementwise{Fn: "neg"}, []ir.Type{flag}, "neg works on numbers, have bool"},
		{op.Elementwise{Fn: "and"}, []ir.Type{x, x}, "and works on bool, have float32"},
		{op.Elementwise{Fn: "select"}, []ir.Type{x, x, x}, "the condition has element type float32"},
		{op.Elementwise{Fn: "mod"}, []ir.Type{x, x}, "mod works on integers, have float32"},
		{op.HostScalar{}, []ir.Type{x}, "takes 0 arguments, have 1"},
		{op.Reshape{Shape: []dim.Dim{batch, n(6)}}, []ir.Type{x}, "cannot give [batch, 5] (5*batch elements) the shape [batch, 6] (6*batch elements)"},
		{op.Transpose{Perm: []int{0, 0}}, []ir.Type{x}, "names axis 0 twice"},
		{op.Transpose{Perm: []int{0}}, []ir.Type{x}, "has 1 axes"},
		{op.Transpose{Perm: []int{0, 2}}, []ir.Type{x}, "axis 2 is not one of the 2 axes"},
		{op.Broadcast{Shape: []dim.Dim{n(5)}}, []ir.Type{x}, "has fewer axes"},
		{op.Broadcast{Shape: []dim.Dim{batch, n(6)}}, []ir.Type{x}, "5 meets 6"},
		{op.Slice{Axis: 1, Start: n(4), Stop: n(3), Step: 1}, []ir.Type{x}, "stop before start"},
		{op.Slice{Axis: 1, Stop: n(6), Step: 1}, []ir.Type{x}, "stop after the end"},
		{op.Slice{Axis: 1, Stop: n(3)}, []ir.Type{x}, "step is 0"},
		{op.Unslice{Axis: 1, Stop: n(3), Step: 1, Extent: n(7)}, []ir.Type{x}, "is not that slice"},
		{op.Pad{Low: []dim.Dim{n(0)}, High: []dim.Dim{n(0)}, Mode: "constant"}, []ir.Type{x}, "amounts for 1 and 1 axes"},
		{op.Pad{Low: []dim.Dim{n(0), n(5)}, High: []dim.Dim{n(0), n(0)}, Mode: "reflect"}, []ir.Type{x}, "needs an extent above that, have 5"},
		{op.Pad{Low: []dim.Dim{n(0), n(6)}, High: []dim.Dim{n(0), n(0)}, Mode: "circular"}, []ir.Type{x}, "at least that extent, have 5"},
		{op.Pad{Low: []dim.Dim{n(0), n(-1)}, High: []dim.Dim{n(0), n(0)}, Mode: "constant"}, []ir.Type{x}, "padded by -1"},
		{op.Pad{Low: []dim.Dim{n(0), n(0)}, High: []dim.Dim{n(0), n(0)}, Mode: "mirror"}, []ir.Type{x}, `no padding mode "mirror"`},
		{op.UnpadAxis{Mode: "constant"}, []ir.Type{x}, "is a slice"},
		{op.Concat{Axis: 0}, nil, "nothing to join"},
		{op.Concat{Axis: 0}, []ir.Type{x, typ(dim.Float32, batch, n(6))}, "differ on axis 1"},
		{op.Concat{Axis: 0}, []ir.Type{x, label}, "element types float32 and int32 differ"},
		{op.Iota{Shape: []dim.Dim{n(3)}, Axis: 1, DType: dim.Int32}, nil, "axis 1 is not one of the 1 axes"},
		{op.Iota{Shape: []dim.Dim{n(3)}, DType: dim.Bool}, nil, "not bool"},
		{op.Reduce{Op: "mean", Axes: []int{0}}, []ir.Type{x}, `no reduction "mean"`},
		{op.Reduce{Op: "sum", Axes: []int{1, 0}}, []ir.Type{x}, "not ascending"},
		{op.Reduce{Op: "sum", Axes: []int{1, 1}}, []ir.Type{x}, "not ascending, each once"},
		{op.Reduce{Op: "any", Axes: []int{1}}, []ir.Type{x}, "any and all work on bool"},
		{op.Reduce{Op: "sum", Axes: []int{2}}, []ir.Type{x}, "axis 2 is not one"},
		{op.ArgReduce{Op: "sum"}, []ir.Type{x}, `no arg-reduction "sum"`},
		{op.ArgReduce{Op: "max"}, []ir.Type{typ(dim.Float32, n(0))}, "empty axis 0"},
		{op.Cumulative{Op: "mean"}, []ir.Type{x}, `no cumulative "mean"`},
		{op.Cumulative{Op: "sum"}, []ir.Type{flag}, "have bool"},
		{op.Einsum{Spec: "mk,kn"}, []ir.Type{x, x}, `bad pattern "mk,kn"`},
		{op.Einsum{Spec: "mk,nk->mn"}, []ir.Type{x, typ(dim.Float32, n(3), n(6))}, "5 in the first operand, 6 in the second"},
		{op.Einsum{Spec: "mk,nj->mn"}, []ir.Type{x, x}, `letter 'k' stands in one place only`},
		{op.Einsum{Spec: "mm,mk->mk"}, []ir.Type{x, x}, "repeats 'm' within one operand"},
		{op.Einsum{Spec: "mk,nk->mno"}, []ir.Type{x, x}, "result letter 'o'"},
		{op.Einsum{Spec: "k,k->"}, []ir.Type{label, label}, "contractions work on floats, have int32"},
		{op.Gather{Axis: 1}, []ir.Type{x, x}, "want an integer type"},
		{op.Gather{Axis: 1}, []ir.Type{x, label}, "different ranks"},
		{op.Gather{Axis: 1}, []ir.Type{x, typ(dim.Int32, n(3), n(1))}, "differ on axis 0"},
		{op.ScatterAdd{Axis: 1}, []ir.Type{x, typ(dim.Int32, batch, n(1)), x}, "does not match positions"},
		{op.Take{Axis: 2}, []ir.Type{x, label}, "axis 2 is not one"},
		{op.Take{}, []ir.Type{x, x}, "want an integer type"},
		{op.ScatterTake{Size: n(3)}, []ir.Type{scalarInt, x, x}, "takes 2 arguments, have 3"},
		{op.ScatterTake{Axis: 1, Size: n(3)}, []ir.Type{label, x}, "do not match axes 1 to 2"},
		{conv(1, 1, 1, 1), []ir.Type{image, typ(dim.Float32, n(6), n(3), n(3), n(3))}, "the input has 4 channels, the weight [6, 3, 3, 3] takes 3"},
		{conv(1, 1, 1, 4), []ir.Type{image, typ(dim.Float32, n(6), n(1), n(3), n(3))}, "6 output channels do not divide into 4 groups"},
		{conv(0, 1, 1, 1), []ir.Type{image, filter}, "stride [0 0] is out of range"},
		{conv(1, -1, 1, 1), []ir.Type{image, filter}, "low padding [-1 -1] is out of range"},
		{conv(1, 0, 4, 1), []ir.Type{image, filter}, "a kernel of 3 (dilation 4) does not fit spatial axis 0: extent 8"},
		{conv(1, 0, 1, 0), []ir.Type{image, filter}, "0 groups"},
		{conv(1, 0, 1, 1), []ir.Type{x, x}, "want batch, channels and one to three spatial axes"},
		{conv(1, 0, 1, 1), []ir.Type{image, typ(dim.Float32, n(6), n(4), n(3))}, "differ in rank"},
		{op.Conv{Groups: 1}, []ir.Type{image, filter}, "has 0 numbers, want 2"},
		{op.ConvInputGrad{Stride: []int{1, 1}, Low: []int{0, 0}, High: []int{0, 0}, Dilation: []int{1, 1}, Groups: 1, Size: []dim.Dim{n(9), n(9)}},
			[]ir.Type{typ(dim.Float32, batch, n(6), n(6), n(6)), filter}, "a convolution of [batch, 4, 9, 9]"},
		{op.ConvWeightGrad{Stride: []int{1, 1}, Low: []int{0, 0}, High: []int{0, 0}, Dilation: []int{1, 1}, Groups: 1, Kernel: []int{2, 2}},
			[]ir.Type{image, typ(dim.Float32, batch, n(6), n(6), n(6))}, "a convolution of [batch, 4, 8, 8]"},
		{op.Unfold{}, []ir.Type{image}, "windows over 0 axes"},
		{op.Unfold{Kernel: []int{9}, Stride: []int{1}, Low: []int{0}, High: []int{0}, Dilation: []int{1}}, []ir.Type{image}, "does not fit spatial axis 0"},
		{op.Fold{Kernel: []int{2}, Stride: []int{1}, Low: []int{0}, High: []int{0}, Dilation: []int{1}, Size: []dim.Dim{n(8)}}, []ir.Type{x}, "windows of [8]"},
		{op.Sort{Axis: 1}, []ir.Type{flag}, "sort works on numbers, have bool"},
		{op.TopK{Axis: 1, K: 6}, []ir.Type{x}, "the largest 6 of axis 1"},
		{op.TopK{Axis: 1}, []ir.Type{x}, "the largest 0"},
		{op.DynamicSlice{Axis: 1, Size: n(6)}, []ir.Type{x, scalarInt}, "6 elements of axis 1"},
		{op.DynamicSlice{Axis: 1, Size: n(2)}, []ir.Type{x, label}, "want an integer of rank 0"},
		{op.UpdateSlice{Axis: 1}, []ir.Type{x, label, scalarInt}, "does not fit"},
		{op.UpdateSlice{Axis: 0}, []ir.Type{x, typ(dim.Float32, batch, n(2)), scalarInt}, "axes other than 0 differ"},
		{op.Random{Kind: "poisson"}, nil, `no random numbers of kind "poisson"`},
		{op.Random{Kind: "bits", DType: dim.Float32}, nil, "random bits are uint32, not float32"},
		{op.Random{Kind: "normal", DType: dim.Int32}, nil, "floats, not int32"},
		{op.Gradient{}, []ir.Type{x, x}, "the loss must be a float of rank 0"},
		{op.Gradient{}, []ir.Type{typ(dim.Float32), label}, "no gradient by int32[batch]"},
		{op.Gradient{}, []ir.Type{typ(dim.Float32)}, "at least one tensor"},
		{op.Cast{DType: dim.Float32}, nil, "takes 1 arguments, have 0"},
		{op.StopGradient{}, nil, "takes 1 arguments, have 0"},
	} {
		_, err := c.op.Infer(c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%s: error %v, want %q", c.op.Name(), ir.Attributes(c.op), err, c.want)
		}
	}
}

func TestScanRefuses(t *testing.T) {
	good := func() (op.Scan, []ir.Type) {
		for _, ex := range op.Examples() {
			if s, ok := ex.Op.(op.Scan); ok {
				return s, ex.In
			}
		}
		t.Fatal("no example of scan")
		return op.Scan{}, nil
	}
	for _, c := range []struct {
		damage func(s *op.Scan, in []ir.Type)
		want   string
	}{
		{func(s *op.Scan, _ []ir.Type) { s.Length = dim.Const(4) }, "want 4 steps on axis 0"},
		{func(s *op.Scan, _ []ir.Type) { s.Carries = 3 }, "3 carries"},
		{func(_ *op.Scan, in []ir.Type) { in[4].DType = dim.Float64 }, "parameter 5 of the body is float32[5]"},
		{func(s *op.Scan, _ []ir.Type) { s.Body.Results[1] = s.Body.Params[0] }, "carry 1 starts as float32[2, 5] and becomes float32[2, 4]"},
	} {
		s, in := good()
		c.damage(&s, in)
		if _, err := s.Infer(in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
