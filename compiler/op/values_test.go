package op_test

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// dense is a tensor of the given elements.
func dense(t dim.DType, shape []int, data ...float64) ir.Dense {
	return ir.Dense{DType: t, Shape: shape, Data: data}
}

func f32(shape []int, data ...float64) ir.Dense { return dense(dim.Float32, shape, data...) }
func i32(shape []int, data ...float64) ir.Dense { return dense(dim.Int32, shape, data...) }

func dims(n ...int64) []dim.Dim {
	var out []dim.Dim
	for _, d := range n {
		out = append(out, dim.Const(d))
	}
	return out
}

// apply evaluates one operation.
func apply(t *testing.T, o ir.Op, in ...ir.Dense) []ir.Dense {
	t.Helper()
	f := ir.NewFunc("f")
	b := &ir.Builder{Func: f}
	var args []*ir.Value
	for _, d := range in {
		typ := ir.Type{DType: d.DType}
		for _, n := range d.Shape {
			typ.Shape = append(typ.Shape, dim.Const(int64(n)))
		}
		args = append(args, f.AddParam(typ, ""))
	}
	f.Results = b.Emit(o, args...)
	if err := b.Err(); err != nil {
		t.Fatalf("%s: %v", o.Name(), err)
	}
	m := &eval.Reference{Prog: &ir.Program{}, Step: 3, Seed: 0x123456789abcdef0}
	out, err := m.Call(f, nil, in...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestValues compares results with numbers worked out by hand.
func TestValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	six := f32([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	line := f32([]int{5}, 1, 2, 3, 4, 5)
	slice := func(start, stop, step int64) op.Slice {
		return op.Slice{Start: dim.Const(start), Stop: dim.Const(stop), Step: step}
	}
	pad := func(mode string) op.Pad { return op.Pad{Low: dims(2), High: dims(1), Mode: mode, Value: 9} }
	window := op.Unfold{Kernel: []int{2}, Stride: []int{2}, Low: []int{1}, High: []int{0}, Dilation: []int{1}, Value: -7}
	for _, c := range []struct {
		name string
		op   ir.Op
		in   []ir.Dense
		want []float64
	}{
		{"scalar of the step", op.HostScalar{Expr: scalar.New(scalar.Mul, scalar.StepNumber(), scalar.Num(2)), DType: dim.Float32}, nil, []float64{6}},
		{"cast truncates, saturates, NaN gives 0", op.Cast{DType: dim.Int8}, []ir.Dense{f32([]int{6}, -1.9, 1.9, 300, -300, nan, inf)}, []float64{-1, 1, 127, -128, 0, 127}},
		{"cast to bool", op.Cast{DType: dim.Bool}, []ir.Dense{i32([]int{3}, 0, 2, -1)}, []float64{0, 1, 1}},
		{"iota", op.Iota{Shape: dims(2, 3), Axis: 1, DType: dim.Int32}, nil, []float64{0, 1, 2, 0, 1, 2}},
		{"reshape", op.Reshape{Shape: dims(3, 2)}, []ir.Dense{six}, []float64{1, 2, 3, 4, 5, 6}},
		{"transpose", op.Transpose{Perm: []int{1, 0}}, []ir.Dense{six}, []float64{1, 4, 2, 5, 3, 6}},
		{"broadcast", op.Broadcast{Shape: dims(2, 2, 2)}, []ir.Dense{f32([]int{2, 1}, 1, 2)}, []float64{1, 1, 2, 2, 1, 1, 2, 2}},
		{"slice by two", slice(1, 5, 2), []ir.Dense{line}, []float64{2, 4}},
		{"slice backwards", slice(1, 5, -2), []ir.Dense{line}, []float64{5, 3}},
		{"empty slice", slice(2, 2, 1), []ir.Dense{line}, nil},
		{"unslice", op.Unslice{Start: dim.Const(1), Stop: dim.Const(5), Step: -2, Extent: dim.Const(5)}, []ir.Dense{f32([]int{2}, 7, 8)}, []float64{0, 0, 8, 0, 7}},
		{"concat", op.Concat{Axis: 1}, []ir.Dense{six, f32([]int{2, 1}, 8, 9)}, []float64{1, 2, 3, 8, 4, 5, 6, 9}},
		{"pad constant", pad("constant"), []ir.Dense{line}, []float64{9, 9, 1, 2, 3, 4, 5, 9}},
		{"pad reflect", pad("reflect"), []ir.Dense{line}, []float64{3, 2, 1, 2, 3, 4, 5, 4}},
		{"pad replicate", pad("replicate"), []ir.Dense{line}, []float64{1, 1, 1, 2, 3, 4, 5, 5}},
		{"pad circular", pad("circular"), []ir.Dense{line}, []float64{4, 5, 1, 2, 3, 4, 5, 1}},
		{"unpad reflect", op.UnpadAxis{Low: dim.Const(1), High: dim.Const(1), Mode: "reflect"}, []ir.Dense{line}, []float64{2, 9, 4}},
		{"sum of rows", op.Reduce{Op: "sum", Axes: []int{1}}, []ir.Dense{six}, []float64{6, 15}},
		{"product of all", op.Reduce{Op: "prod", Axes: []int{0, 1}}, []ir.Dense{six}, []float64{720}},
		{"maximum with NaN", op.Reduce{Op: "max", Axes: []int{0}}, []ir.Dense{f32([]int{2, 2}, 1, nan, 3, 4)}, []float64{3, nan}},
		{"sum over nothing", op.Reduce{Op: "sum", Axes: []int{1}}, []ir.Dense{f32([]int{2, 0})}, []float64{0, 0}},
		{"maximum over nothing", op.Reduce{Op: "max", Axes: []int{1}}, []ir.Dense{f32([]int{1, 0})}, []float64{-inf}},
		{"any", op.Reduce{Op: "any", Axes: []int{1}}, []ir.Dense{dense(dim.Bool, []int{2, 2}, 0, 1, 0, 0)}, []float64{1, 0}},
		{"all", op.Reduce{Op: "all", Axes: []int{1}}, []ir.Dense{dense(dim.Bool, []int{2, 2}, 1, 1, 0, 1)}, []float64{1, 0}},
		{"argmax of ties", op.ArgReduce{Op: "max", Axis: 0}, []ir.Dense{f32([]int{4}, 1, 3, 3, 2)}, []float64{1}},
		{"argmin with NaN", op.ArgReduce{Op: "min", Axis: 0}, []ir.Dense{f32([]int{4}, 1, nan, -3, nan)}, []float64{1}},
		{"running sum", op.Cumulative{Op: "sum"}, []ir.Dense{line}, []float64{1, 3, 6, 10, 15}},
		{"running sum from the end", op.Cumulative{Op: "sum", Reverse: true}, []ir.Dense{line}, []float64{15, 14, 12, 9, 5}},
		{"running maximum", op.Cumulative{Op: "max"}, []ir.Dense{f32([]int{4}, 2, 1, 3, 2)}, []float64{2, 2, 3, 3}},
		{"gather", op.Gather{Axis: 1}, []ir.Dense{six, i32([]int{2, 2}, 2, 0, 1, 1)}, []float64{3, 1, 5, 5}},
		{"take", op.Take{Axis: 0}, []ir.Dense{six, i32([]int{3}, 1, 0, 1)}, []float64{4, 5, 6, 1, 2, 3, 4, 5, 6}},
		{"scatter_add", op.ScatterAdd{Axis: 0}, []ir.Dense{line, i32([]int{3}, 4, 0, 4), f32([]int{3}, 10, 20, 30)}, []float64{21, 2, 3, 4, 45}},
		{"scatter_take", op.ScatterTake{Axis: 0, Size: dim.Const(3)}, []ir.Dense{i32([]int{2}, 2, 2), f32([]int{2, 2}, 1, 2, 3, 4)}, []float64{0, 0, 0, 0, 4, 6}},
		{"windows", window, []ir.Dense{line}, []float64{-7, 1, 2, 3, 4, 5}},
		{"windows folded", op.Fold{Kernel: []int{2}, Stride: []int{1}, Low: []int{0}, High: []int{0}, Dilation: []int{1}, Size: dims(3)},
			[]ir.Dense{f32([]int{2, 2}, 1, 2, 3, 4)}, []float64{1, 5, 4}},
		{"convolution", op.Conv{Stride: []int{1}, Low: []int{1}, High: []int{0}, Dilation: []int{2}, Groups: 1},
			[]ir.Dense{f32([]int{1, 1, 4}, 1, 2, 3, 4), f32([]int{1, 1, 2}, 10, 1)}, []float64{2, 13, 24}},
		{"grouped convolution", op.Conv{Stride: []int{1}, Low: []int{0}, High: []int{0}, Dilation: []int{1}, Groups: 2},
			[]ir.Dense{f32([]int{1, 2, 2}, 1, 2, 3, 4), f32([]int{2, 1, 1}, 10, 100)}, []float64{10, 20, 300, 400}},
		{"transposed convolution", op.ConvInputGrad{Stride: []int{2}, Low: []int{0}, High: []int{0}, Dilation: []int{1}, Groups: 1, Size: dims(5)},
			[]ir.Dense{f32([]int{1, 1, 2}, 1, 2), f32([]int{1, 1, 3}, 1, 10, 100)}, []float64{1, 10, 102, 20, 200}},
		{"weight gradient", op.ConvWeightGrad{Stride: []int{1}, Low: []int{0}, High: []int{0}, Dilation: []int{1}, Groups: 1, Kernel: []int{2}},
			[]ir.Dense{f32([]int{1, 1, 3}, 1, 2, 3), f32([]int{1, 1, 2}, 10, 100)}, []float64{210, 320}},
		{"stable descending sort", op.Sort{Descending: true}, []ir.Dense{f32([]int{5}, 1, nan, 3, 2, 3)}, []float64{3, 3, 2, 1, nan}},
		{"the two largest", op.TopK{K: 2}, []ir.Dense{line}, []float64{5, 4}},
		{"the two smallest", op.TopK{K: 2, Smallest: true}, []ir.Dense{line}, []float64{1, 2}},
		{"dynamic slice", op.DynamicSlice{Size: dim.Const(2)}, []ir.Dense{line, i32(nil, 1)}, []float64{2, 3}},
		{"dynamic slice moved inside", op.DynamicSlice{Size: dim.Const(2)}, []ir.Dense{line, i32(nil, 9)}, []float64{4, 5}},
		{"update slice", op.UpdateSlice{}, []ir.Dense{line, f32([]int{2}, 8, 9), i32(nil, 2)}, []float64{1, 2, 8, 9, 5}},
		{"stop_gradient", op.StopGradient{}, []ir.Dense{line}, line.Data},
		{"max takes the second of a tie", op.Elementwise{Fn: "max"}, []ir.Dense{f32([]int{2}, 0, nan), f32([]int{2}, math.Copysign(0, -1), 1)}, []float64{math.Copysign(0, -1), 1}},
		{"round to even", op.Elementwise{Fn: "round"}, []ir.Dense{f32([]int{3}, 0.5, 1.5, -2.5)}, []float64{0, 2, -2}},
		{"floor_divide", op.Elementwise{Fn: "floor_divide"}, []ir.Dense{i32([]int{3}, -7, 7, 7), i32([]int{3}, 2, -2, 0)}, []float64{-4, -4, 0}},
		{"mod", op.Elementwise{Fn: "mod"}, []ir.Dense{i32([]int{3}, -7, 7, 7), i32([]int{3}, 3, -3, 0)}, []float64{2, -2, 0}},
		{"is_nan", op.Elementwise{Fn: "is_nan"}, []ir.Dense{f32([]int{2}, nan, inf)}, []float64{1, 0}},
		{"select", op.Elementwise{Fn: "select"}, []ir.Dense{dense(dim.Bool, []int{2}, 1, 0), f32([]int{2}, 1, 2), f32([]int{2}, 3, 4)}, []float64{1, 4}},
	} {
		got := apply(t, c.op, c.in...)[0].Data
		same := slices.EqualFunc(got, c.want, func(a, b float64) bool {
			return a == b && math.Signbit(a) == math.Signbit(b) || a != a && b != b
		})
		if !same {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestPositionsOfSort(t *testing.T) {
	got := apply(t, op.Sort{Descending: true}, f32([]int{5}, 1, math.NaN(), 3, 2, 3))[1].Data
	if want := []float64{2, 4, 3, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("positions %v, want %v", got, want)
	}
}

// TestEinsumAgainstGonum multiplies matrices with gonum.
func TestEinsumAgainstGonum(t *testing.T) {
	a, b := make([]float64, 12), make([]float64, 20)
	for i := range a {
		a[i] = math.Sin(float64(i))
	}
	for i := range b {
		b[i] = math.Cos(float64(i))
	}
	var want mat.Dense
	want.Mul(mat.NewDense(3, 4, a), mat.NewDense(4, 5, b))
	got := apply(t, op.Einsum{Spec: "mk,kn->mn"}, f32([]int{3, 4}, a...), f32([]int{4, 5}, b...))[0]
	if !mat.EqualApprox(mat.NewDense(3, 5, got.Data), &want, 1e-14) {
		t.Errorf("got %v, want %v", got.Data, mat.Formatted(&want))
	}
}

// TestPhilox compares with the known answers of the generator's authors
// (Random123, kat_vectors: philox4x32, 10 rounds, counter and key all zero).
func TestPhilox(t *testing.T) {
	f := ir.NewFunc("f")
	b := &ir.Builder{Func: f}
	const emptyKeyHash = 14695981039346656037 // FNV-1a of nothing, so that this seed gives key zero
	f.Results = b.Emit(op.Random{Kind: "bits", Shape: dims(4), DType: dim.Uint32})
	m := &eval.Reference{Prog: &ir.Program{}, Step: 0, Seed: emptyKeyHash}
	out, err := m.Call(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}; !slices.Equal(out[0].Data, want) {
		t.Errorf("words %x, want %x", out[0].Data, want)
	}
}

// TestRandomMoments draws many numbers and looks at their mean and variance,
// which lie within five standard errors of the distribution's.
func TestRandomMoments(t *testing.T) {
	const n = 40000
	for _, c := range []struct {
		kind             string
		mean, var_, var4 float64 // var4: variance of the squared deviation
	}{{"uniform", 0.5, 1.0 / 12, 1.0/80 - 1.0/144}, {"normal", 0, 1, 2}} {
		x := apply(t, op.Random{Kind: c.kind, Shape: dims(n), DType: dim.Float32, Key: c.kind})[0].Data
		mean, variance := 0.0, 0.0
		for _, v := range x {
			mean += v / n
		}
		for _, v := range x {
			variance += (v - c.mean) * (v - c.mean) / n
		}
		if d := math.Abs(mean - c.mean); d > 5*math.Sqrt(c.var_/n) {
			t.Errorf("%s: mean %g", c.kind, mean)
		}
		if d := math.Abs(variance - c.var_); d > 5*math.Sqrt(c.var4/n) {
			t.Errorf("%s: variance %g", c.kind, variance)
		}
	}
}

// TestScan runs a recurrence by hand: h' = h + x, yielding h', in both directions.
func TestScan(t *testing.T) {
	for _, c := range []struct {
		reverse bool
		ys      []float64
	}{{false, []float64{11, 13, 16}}, {true, []float64{16, 15, 13}}} {
		f := ir.NewFunc("body")
		typ := ir.Type{DType: dim.Float32}
		x, h := f.AddParam(typ, "x"), f.AddParam(typ, "h")
		sum := op.Apply(&ir.Builder{Func: f}, "add", h, x)
		f.Results = []*ir.Value{sum, sum}
		out := apply(t, op.Scan{Body: f, Xs: 1, Carries: 1, Reverse: c.reverse, Length: dim.Const(3)}, f32([]int{3}, 1, 2, 3), f32(nil, 10))
		if !slices.Equal(out[0].Data, c.ys) || out[1].Data[0] != 16 {
			t.Errorf("reverse %v: %v, %v", c.reverse, out[0].Data, out[1].Data)
		}
	}
}

// TestConventions fixes derivatives where systems differ; they are PyTorch's.
func TestConventions(t *testing.T) {
	zero := f32([]int{1}, 0)
	for _, c := range []struct {
		name string
		op   ir.Op
		in   []ir.Dense
		want []float64
	}{
		{"max(x, 0) at 0", op.Elementwise{Fn: "max"}, []ir.Dense{zero, zero}, []float64{0}},
		{"abs at 0", op.Elementwise{Fn: "abs"}, []ir.Dense{zero}, []float64{0}},
		{"sqrt at 0", op.Elementwise{Fn: "sqrt"}, []ir.Dense{zero}, []float64{math.Inf(1)}},
		{"pow(0, 2)", op.Elementwise{Fn: "pow"}, []ir.Dense{zero, f32([]int{1}, 2)}, []float64{0}},
		{"pow(0, 0)", op.Elementwise{Fn: "pow"}, []ir.Dense{zero, zero}, []float64{0}},
		{"ties of a maximum", op.Reduce{Op: "max", Axes: []int{0}}, []ir.Dense{f32([]int{3}, 1, 2, 2)}, []float64{0, 1, 0}},
		{"product with a zero", op.Reduce{Op: "prod", Axes: []int{0}}, []ir.Dense{f32([]int{3}, 2, 0, 3)}, []float64{0, 6, 0}},
		{"product with two zeros", op.Reduce{Op: "prod", Axes: []int{0}}, []ir.Dense{f32([]int{3}, 0, 0, 3)}, []float64{0, 0, 0}},
		{"ties of a running maximum", op.Cumulative{Op: "max"}, []ir.Dense{f32([]int{3}, 2, 2, 1)}, []float64{1, 2, 0}},
	} {
		f := ir.NewFunc("f")
		b := &ir.Builder{Func: f}
		var args []*ir.Value
		for _, d := range c.in {
			args = append(args, f.AddParam(ir.Type{DType: d.DType, Shape: dims(int64(d.Shape[0]))}, ""))
		}
		y := b.Emit1(c.op, args...)
		f.Results = op.Backward(b, []*ir.Value{y}, []*ir.Value{op.Full(b, y.Type, 1)}, args[:1])
		if err := b.Err(); err != nil {
			t.Fatal(err)
		}
		m := &eval.Reference{Prog: &ir.Program{}, Step: 1}
		out, err := m.Call(f, nil, c.in...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out[0].Data, c.want) {
			t.Errorf("%s: derivative %v, want %v", c.name, out[0].Data, c.want)
		}
	}
}
