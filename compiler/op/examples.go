package op

import (
	"math"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// Example is an operation with attributes and argument types it accepts, all
// dimensions constant: what tests, generators of random models and documents start from.
type Example struct {
	Op ir.Op
	In []ir.Type
	// Low and High bound the elements of float arguments, away from where the
	// operation or its derivative jumps. Both zero: from -2 to 2.
	Low, High float64
	// Index is the extent that integer arguments point into: they run from 0 to Index-1.
	Index int
}

// Examples returns at least one example of every operation, in the order of All.
func Examples() []Example {
	var out []Example
	for _, r := range Rows() {
		out = append(out, rowExamples(r)...)
	}
	for _, list := range [][]Example{
		viewExamples(), joinExamples(), reduceExamples(), indexExamples(), convExamples(), randomExamples(), regionExamples(),
	} {
		out = append(out, list...)
	}
	return out
}

// tensor is a type of constant extents.
func tensor(t dim.DType, shape ...int) ir.Type { return ir.Type{DType: t, Shape: constDims(shape)} }

func floats(shape ...int) ir.Type { return tensor(dim.Float32, shape...) }
func ints(shape ...int) ir.Type   { return tensor(dim.Int32, shape...) }

func sizes(n ...int) []dim.Dim { return constDims(n) }

// rowRange keeps arguments inside a function's domain.
var rowRange = map[string][2]float64{
	"sqrt": {0.1, 3}, "rsqrt": {0.1, 3}, "log": {0.1, 3}, "log1p": {-0.8, 3}, "pow": {0.2, 2}, "div": {0.3, 2}, "tan": {-1.2, 1.2},
}

func rowExamples(r *Row) []Example {
	var out []Example
	for _, shape := range [][]int{{2, 3}, {}, {1}, {0, 3}, {7}} {
		ex := Example{Op: Elementwise{r.Name}, Low: rowRange[r.Name][0], High: rowRange[r.Name][1], Index: 5}
		for k := range r.Arity {
			t := floats(shape...)
			switch {
			case r.Kind == Logic, r.Kind == Choice && k == 0:
				t.DType = dim.Bool
			case r.Kind == Integer:
				t.DType = dim.Int32
			}
			ex.In = append(ex.In, t)
		}
		out = append(out, ex)
	}
	return out
}

func viewExamples() []Example {
	three := scalar.New(scalar.Add, scalar.StepNumber(), scalar.Num(2))
	return []Example{
		{Op: HostScalar{Expr: scalar.Num(0.5), DType: dim.Float32}},
		{Op: HostScalar{Expr: three, DType: dim.Float32}},
		{Op: Cast{dim.Float64}, In: []ir.Type{floats(2, 3)}},
		{Op: Cast{dim.Int32}, In: []ir.Type{floats(5)}, Low: -7, High: 7},
		{Op: Cast{dim.Float32}, In: []ir.Type{ints(2, 2)}, Index: 9},
		{Op: Cast{dim.Bool}, In: []ir.Type{ints(4)}, Index: 2},
		{Op: Iota{Shape: sizes(2, 3), Axis: 1, DType: dim.Int32}},
		{Op: Iota{Shape: sizes(5), Axis: 0, DType: dim.Float32}},
		{Op: Reshape{sizes(3, 4)}, In: []ir.Type{floats(2, 6)}},
		{Op: Reshape{sizes(2, 3, 1, 5)}, In: []ir.Type{floats(6, 5)}},
		{Op: Reshape{sizes()}, In: []ir.Type{floats(1, 1)}},
		{Op: Reshape{sizes(0, 2)}, In: []ir.Type{floats(3, 0)}},
		{Op: Transpose{[]int{1, 0}}, In: []ir.Type{floats(2, 5)}},
		{Op: Transpose{[]int{2, 0, 1}}, In: []ir.Type{floats(2, 3, 4)}},
		{Op: Broadcast{sizes(2, 3, 4)}, In: []ir.Type{floats(3, 1)}},
		{Op: Broadcast{sizes(2, 3)}, In: []ir.Type{floats()}},
		{Op: Broadcast{sizes(2, 0)}, In: []ir.Type{floats(1)}},
	}
}

func joinExamples() []Example {
	step := func(start, stop, by int) Slice {
		return Slice{Axis: 1, Start: dim.Const(int64(start)), Stop: dim.Const(int64(stop)), Step: int64(by)}
	}
	out := []Example{
		{Op: Concat{1}, In: []ir.Type{floats(2, 3), floats(2, 1), floats(2, 4)}},
		{Op: Concat{0}, In: []ir.Type{floats(2), floats(0)}},
	}
	for _, s := range []Slice{step(1, 4, 1), step(0, 7, 2), step(1, 6, -1), step(0, 7, -3), step(2, 2, 1)} {
		n := s.Stop.Sub(s.Start).CeilDiv(dim.Const(max(s.Step, -s.Step)))
		out = append(out, Example{Op: s, In: []ir.Type{floats(2, 7)}},
			Example{Op: Unslice{s.Axis, s.Start, s.Stop, s.Step, dim.Const(7)}, In: []ir.Type{{DType: dim.Float32, Shape: []dim.Dim{dim.Const(2), n}}}})
	}
	for _, mode := range []string{"constant", "reflect", "replicate", "circular"} {
		out = append(out, Example{Op: Pad{Low: sizes(0, 2), High: sizes(1, 3), Mode: mode, Value: 1.5}, In: []ir.Type{floats(3, 4)}})
		if mode != "constant" {
			out = append(out, Example{Op: UnpadAxis{Axis: 1, Low: dim.Const(2), High: dim.Const(3), Mode: mode}, In: []ir.Type{floats(2, 9)}})
		}
	}
	return append(out,
		Example{Op: UnpadAxis{Axis: 0, Low: dim.Const(3), High: dim.Const(1), Mode: "replicate"}, In: []ir.Type{floats(5, 2)}})
}

func reduceExamples() []Example {
	var out []Example
	for _, o := range []string{"sum", "prod", "max", "min"} {
		for _, axes := range [][]int{{1}, {0}, {0, 2}, {1, 2}, {0, 1, 2}} {
			out = append(out, Example{Op: Reduce{o, axes}, In: []ir.Type{floats(3, 2, 5)}})
		}
		out = append(out, Example{Op: Reduce{o, []int{0}}, In: []ir.Type{floats(1, 3)}},
			Example{Op: Cumulative{o, 1, false}, In: []ir.Type{floats(2, 5)}, Low: 0.3, High: 2},
			Example{Op: Cumulative{o, 0, true}, In: []ir.Type{floats(3, 2)}, Low: 0.3, High: 2})
	}
	for _, o := range []string{"any", "all"} {
		out = append(out, Example{Op: Reduce{o, []int{1}}, In: []ir.Type{tensor(dim.Bool, 3, 4)}})
	}
	return append(out,
		Example{Op: Reduce{"sum", []int{1}}, In: []ir.Type{floats(2, 0)}},
		Example{Op: Reduce{"sum", []int{0}}, In: []ir.Type{ints(7)}, Index: 9},
		Example{Op: ArgReduce{"max", 1}, In: []ir.Type{floats(3, 5)}},
		Example{Op: ArgReduce{"min", 0}, In: []ir.Type{floats(4, 2)}})
}

func indexExamples() []Example {
	return []Example{
		{Op: Gather{1}, In: []ir.Type{floats(3, 5), ints(3, 1)}, Index: 5},
		{Op: Gather{0}, In: []ir.Type{floats(4, 2), ints(7, 2)}, Index: 4},
		{Op: ScatterAdd{0}, In: []ir.Type{floats(4, 2), ints(7, 2), floats(7, 2)}, Index: 4},
		{Op: ScatterAdd{1}, In: []ir.Type{floats(2, 3), ints(2, 0), floats(2, 0)}, Index: 3},
		{Op: Take{0}, In: []ir.Type{floats(5, 3), ints(2, 4)}, Index: 5},
		{Op: Take{1}, In: []ir.Type{floats(2, 5), ints(3)}, Index: 5},
		{Op: ScatterTake{0, dim.Const(5)}, In: []ir.Type{ints(2, 4), floats(2, 4, 3)}, Index: 5},
		{Op: ScatterTake{1, dim.Const(4)}, In: []ir.Type{ints(3), floats(2, 3)}, Index: 4},
		{Op: Sort{Axis: 1}, In: []ir.Type{floats(2, 5)}},
		{Op: Sort{Axis: 0, Descending: true}, In: []ir.Type{floats(7, 2)}},
		{Op: TopK{Axis: 1, K: 2}, In: []ir.Type{floats(3, 5)}},
		{Op: TopK{Axis: 0, K: 3, Smallest: true}, In: []ir.Type{floats(5)}},
		{Op: DynamicSlice{Axis: 1, Size: dim.Const(2)}, In: []ir.Type{floats(2, 5), ints()}, Index: 4},
		{Op: UpdateSlice{Axis: 0}, In: []ir.Type{floats(5, 2), floats(2, 2), ints()}, Index: 4},
	}
}

func convExamples() []Example {
	var out []Example
	for _, spec := range []struct {
		spec string
		a, b []int
	}{
		{"mk,nk->mn", []int{3, 5}, []int{2, 5}}, {"mk,kn->mn", []int{1, 4}, []int{4, 7}}, {"bik,bjk->bij", []int{2, 3, 2}, []int{2, 4, 2}},
		{"i,i->", []int{5}, []int{5}}, {"i,j->ij", []int{3}, []int{2}}, {"nck,ock->no", []int{2, 3, 2}, []int{4, 3, 2}}, {"ij,ij->ij", []int{2, 3}, []int{2, 3}},
		{"mk,nk->mn", []int{2, 0}, []int{3, 0}},
	} {
		out = append(out, Example{Op: Einsum{spec.spec}, In: []ir.Type{floats(spec.a...), floats(spec.b...)}})
	}
	for _, c := range []struct {
		conv Conv
		x, w []int
	}{
		{Conv{[]int{1}, []int{1}, []int{1}, []int{1}, 1}, []int{2, 3, 5}, []int{2, 3, 3}},
		{Conv{[]int{2}, []int{2}, []int{0}, []int{2}, 1}, []int{1, 1, 7}, []int{1, 1, 2}},
		{Conv{[]int{1, 2}, []int{0, 1}, []int{1, 1}, []int{1, 1}, 2}, []int{1, 4, 4, 5}, []int{4, 2, 2, 3}},
		{Conv{[]int{2, 2, 1}, []int{0, 1, 0}, []int{0, 0, 1}, []int{1, 1, 1}, 1}, []int{1, 1, 3, 3, 2}, []int{2, 1, 2, 2, 1}},
	} {
		x, w := floats(c.x...), floats(c.w...)
		y, err := c.conv.Infer([]ir.Type{x, w})
		if err != nil {
			panic("op: bad example: " + err.Error())
		}
		v := c.conv
		out = append(out, Example{Op: v, In: []ir.Type{x, w}},
			Example{Op: ConvInputGrad{v.Stride, v.Low, v.High, v.Dilation, v.Groups, x.Shape[2:]}, In: []ir.Type{y[0], w}},
			Example{Op: ConvWeightGrad{v.Stride, v.Low, v.High, v.Dilation, v.Groups, c.w[2:]}, In: []ir.Type{x, y[0]}})
	}
	two := []int{2, 2}
	pool := Unfold{Kernel: []int{3, 2}, Stride: two, Low: []int{1, 0}, High: []int{1, 1}, Dilation: []int{1, 1}}
	line := Unfold{Kernel: []int{2}, Stride: []int{1}, Low: []int{0}, High: []int{0}, Dilation: []int{3}, Value: math.Inf(-1)}
	return append(out,
		Example{Op: pool, In: []ir.Type{floats(2, 1, 5, 4)}},
		Example{Op: line, In: []ir.Type{floats(3, 7)}},
		Example{Op: Fold{pool.Kernel, pool.Stride, pool.Low, pool.High, pool.Dilation, sizes(5, 4)}, In: []ir.Type{floats(2, 3, 2, 3, 2)}},
		Example{Op: Fold{line.Kernel, line.Stride, line.Low, line.High, line.Dilation, sizes(7)}, In: []ir.Type{floats(3, 4, 2)}})
}

func randomExamples() []Example {
	return []Example{
		{Op: Random{Kind: "bits", Shape: sizes(2, 5), DType: dim.Uint32, Key: "mask", Draw: 1}},
		{Op: Random{Kind: "uniform", Shape: sizes(3, 3), DType: dim.Float32, Key: "dropout"}},
		{Op: Random{Kind: "normal", Shape: sizes(13), DType: dim.Float32, Key: "noise", Draw: 2}},
	}
}

// regionExamples are a recurrent cell over three steps, forward and reversed.
func regionExamples() []Example {
	var out []Example
	for _, reverse := range []bool{false, true} {
		out = append(out, Example{
			Op: Scan{Body: exampleCell(), Xs: 1, Carries: 1, Reverse: reverse, Length: dim.Const(3)},
			In: []ir.Type{floats(3, 2, 4), floats(2, 5), floats(5, 4), floats(5, 5), floats(5)},
		})
	}
	out = append(out, scanExamples()...)
	return append(out,
		Example{Op: StopGradient{}, In: []ir.Type{floats(2, 3)}},
		Example{Op: Gradient{}, In: []ir.Type{floats(), floats(2, 3)}})
}

// exampleCell is h' = tanh(x wx^T + h wh^T + bias), yielding h' * h'.
func exampleCell() *ir.Func {
	f := ir.NewFunc("cell")
	x, h := f.AddParam(floats(2, 4), "x"), f.AddParam(floats(2, 5), "h")
	wx, wh, bias := f.AddParam(floats(5, 4), "wx"), f.AddParam(floats(5, 5), "wh"), f.AddParam(floats(5), "bias")
	b := &ir.Builder{Func: f}
	sum := Apply(b, "add", b.Emit1(Einsum{"mk,nk->mn"}, x, wx), b.Emit1(Einsum{"mk,nk->mn"}, h, wh))
	next := Apply(b, "tanh", Apply(b, "add", sum, BroadcastTo(b, bias, sum.Type.Shape)))
	f.Results = []*ir.Value{Apply(b, "mul", next, next), next}
	return f
}
