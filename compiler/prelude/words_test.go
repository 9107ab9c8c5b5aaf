package prelude_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/pass"
	"github.com/mlc-go/mlc/dsl/diag"
)

// compile builds a model from text and returns the float64 evaluator of it, with
// all tensors at their initial values.
func compile(t *testing.T, text string) *eval.Reference {
	t.Helper()
	r, diags, err := compiler.Build(compiler.Options{File: "net.ml", Overlay: map[string][]byte{"net.ml": []byte(text)}, FS: os.DirFS(".")})
	if err != nil {
		t.Fatal(err)
	}
	if diags.HasErrors() {
		var s strings.Builder
		if err := diag.Render(&s, "text", diags, r.Info.Sources, diag.RenderOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("%s\n%s", s.String(), text)
	}
	if err := pass.RunTensor(r.IR, pass.Options{Check: true}); err != nil {
		t.Fatal(err)
	}
	m := eval.NewReference(r.IR)
	if err := m.Initialize(); err != nil {
		t.Fatal(err)
	}
	return m
}

const capture = `edition 1

optimizer capture() {
    input p [...]
    input grad [...]
    state g [...] = zeros
    update g = grad
}

`

// word is an expression of the inputs x, y and z, and what it must give.
type word struct {
	expr string
	in   [][]int // shapes of x, y, z
	// want computes the result from the inputs' elements.
	want func(in ...[]float64) []float64
}

// each applies a function of one number.
func each(f func(float64) float64) func(in ...[]float64) []float64 {
	return func(in ...[]float64) []float64 {
		out := make([]float64, len(in[0]))
		for i, x := range in[0] {
			out[i] = f(x)
		}
		return out
	}
}

// mean2 is the mean over elements of a function of two inputs.
func mean2(f func(x, y float64) float64) func(in ...[]float64) []float64 {
	return func(in ...[]float64) []float64 {
		s := 0.0
		for i, x := range in[0] {
			s += f(x, in[1][i])
		}
		return []float64{s / float64(len(in[0]))}
	}
}

func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sgn(y float64) float64 { return math.Copysign(1, y) }

var words = []word{
	{expr: "relu6(4 * x)", want: each(func(x float64) float64 { return min(max(4*x, 0), 6) })},
	{expr: "elu(x, alpha = 0.7)", want: each(func(x float64) float64 {
		if x > 0 {
			return x
		}
		return 0.7 * math.Expm1(x)
	})},
	{expr: "selu(x)", want: each(func(x float64) float64 {
		if x > 0 {
			return 1.0507009873554805 * x
		}
		return 1.0507009873554805 * 1.6732632423543772 * math.Expm1(x)
	})},
	{expr: "mish(x)", want: each(func(x float64) float64 { return x * math.Tanh(softplus(x)) })},
	{expr: "softplus(x)", want: each(softplus)},
	{expr: "softsign(x)", want: each(func(x float64) float64 { return x / (1 + math.Abs(x)) })},
	{expr: "log_sigmoid(9 * x)", want: each(func(x float64) float64 { return -softplus(-9 * x) })},
	{expr: "hard_tanh(x, -0.3, 0.4)", want: each(func(x float64) float64 { return min(max(x, -0.3), 0.4) })},
	{expr: "tanhshrink(x)", want: each(func(x float64) float64 { return x - math.Tanh(x) })},
	{expr: "x -> prelu(init = 0.2)", want: each(func(x float64) float64 {
		if x > 0 {
			return x
		}
		return 0.2 * x
	})},
	{expr: "softshrink(x, 0.3)", want: each(func(x float64) float64 { return math.Copysign(max(math.Abs(x)-0.3, 0), x) })},
	{expr: "hardshrink(x)", want: each(func(x float64) float64 {
		if math.Abs(x) > 0.5 {
			return x
		}
		return 0
	})},
	{expr: "softmin(x)", in: [][]int{{2}}, want: func(in ...[]float64) []float64 {
		p := 1 / (1 + math.Exp(in[0][0]-in[0][1]))
		return []float64{p, 1 - p}
	}},
	{expr: "lp_pool2d(x * x, 1, 2, stride = 1, ceil_mode = true)", in: [][]int{{1, 1, 2, 2}}, want: func(in ...[]float64) []float64 {
		return []float64{sum(in[0], func(x float64) float64 { return x * x })}
	}},
	{expr: "avg_pool2d(x, 2, divisor_override = 3)", in: [][]int{{1, 1, 2, 2}}, want: func(in ...[]float64) []float64 {
		return []float64{sum(in[0], func(x float64) float64 { return x }) / 3}
	}},
	{expr: "interpolate(x, scale_factor = 1.5, mode = \"linear\")", in: [][]int{{1, 1, 3}}, want: func(in ...[]float64) []float64 {
		a, b, c := in[0][0], in[0][1], in[0][2] // centres at (i + 0.5) / 1.5 - 0.5
		return []float64{a, a/2 + b/2, b*5/6 + c/6, b/6 + c*5/6}
	}},
	{expr: "clamp(x, min = -0.2)", want: each(func(x float64) float64 { return max(x, -0.2) })},
	{expr: "flush(1e-36 * x)", want: each(func(x float64) float64 {
		if math.Abs(1e-36*x) < 0x1p-119 {
			return 0
		}
		return 1e-36 * x
	})},
	{expr: "lerp(x, y, 0.25)", in: [][]int{{3, 4}, {3, 4}}, want: func(in ...[]float64) []float64 {
		out := slices.Clone(in[0])
		for i := range out {
			out[i] += 0.25 * (in[1][i] - in[0][i])
		}
		return out
	}},
	{expr: "norm(x, p = 3, axis = 1)", want: func(in ...[]float64) []float64 {
		out := make([]float64, 3)
		for i := range out {
			for _, x := range in[0][4*i : 4*i+4] {
				out[i] += math.Abs(x * x * x)
			}
			out[i] = math.Cbrt(out[i])
		}
		return out
	}},
	{expr: "norm(x, p = 1)", want: func(in ...[]float64) []float64 { return []float64{sum(in[0], math.Abs)} }},
	{expr: "norm(0 * x)", want: func(in ...[]float64) []float64 { return []float64{0} }},
	{expr: "norm(x, p = inf)", want: func(in ...[]float64) []float64 {
		m := 0.0
		for _, x := range in[0] {
			m = max(m, math.Abs(x))
		}
		return []float64{m}
	}},
	{expr: "logsumexp(1000 * x)", in: [][]int{{2}}, want: func(in ...[]float64) []float64 {
		a, b := 1000*in[0][0], 1000*in[0][1]
		return []float64{max(a, b) + math.Log1p(math.Exp(-math.Abs(a-b)))}
	}},
	{expr: "roll(x, 1, axis = 1)", want: func(in ...[]float64) []float64 {
		out := make([]float64, 12)
		for i := range out {
			out[i] = in[0][i/4*4+(i+3)%4]
		}
		return out
	}},
	{expr: "tril(x)", in: [][]int{{2, 3}}, want: func(in ...[]float64) []float64 {
		x := in[0]
		return []float64{x[0], 0, 0, x[3], x[4], 0}
	}},
	{expr: "triu(x, 1)", in: [][]int{{2, 3}}, want: func(in ...[]float64) []float64 {
		x := in[0]
		return []float64{0, x[1], x[2], 0, 0, x[5]}
	}},
	{expr: "one_hot(arange(3), 4) + x", want: func(in ...[]float64) []float64 {
		out := slices.Clone(in[0])
		out[0], out[5], out[10] = out[0]+1, out[5]+1, out[10]+1
		return out
	}},
	{expr: "global_max_pool2d(x)", in: [][]int{{1, 2, 2, 2}}, want: func(in ...[]float64) []float64 {
		return []float64{slices.Max(in[0][:4]), slices.Max(in[0][4:])}
	}},
	{expr: "max_pool1d(x, 2, stride = 1)", in: [][]int{{1, 1, 4}}, want: func(in ...[]float64) []float64 {
		x := in[0]
		return []float64{max(x[0], x[1]), max(x[1], x[2]), max(x[2], x[3])}
	}},
	{expr: "avg_pool1d(x, 2)", in: [][]int{{1, 1, 4}}, want: func(in ...[]float64) []float64 {
		x := in[0]
		return []float64{(x[0] + x[1]) / 2, (x[2] + x[3]) / 2}
	}},
	{expr: "interpolate(x, size = 4, mode = \"linear\")", in: [][]int{{1, 1, 2}}, want: func(in ...[]float64) []float64 {
		a, b := in[0][0], in[0][1]
		return []float64{a, 0.75*a + 0.25*b, 0.25*a + 0.75*b, b}
	}},
	{expr: "interpolate(x, size = 3, mode = \"linear\", align_corners = true)", in: [][]int{{1, 1, 2}}, want: func(in ...[]float64) []float64 {
		a, b := in[0][0], in[0][1]
		return []float64{a, (a + b) / 2, b}
	}},
	{expr: "interpolate(x, scale_factor = 2, mode = \"nearest\")", in: [][]int{{1, 1, 2}}, want: func(in ...[]float64) []float64 {
		a, b := in[0][0], in[0][1]
		return []float64{a, a, b, b}
	}},
	{expr: "interpolate(x, size = 5, mode = \"bicubic\")", in: [][]int{{1, 1, 4}}, want: cubic},
	{expr: "interpolate(x, size = [1, 1], mode = \"area\")", in: [][]int{{1, 1, 2, 2}}, want: func(in ...[]float64) []float64 {
		return []float64{sum(in[0], func(x float64) float64 { return x }) / 4}
	}},
	{expr: "alibi(6, 2)[:, 1, 0] + x", in: [][]int{{6}}, want: func(in ...[]float64) []float64 {
		out := slices.Clone(in[0])
		for i, s := range []float64{-0.25, -0.0625, -1. / 64, -1. / 256, -0.5, -0.125} { // of four heads, then odd ones of eight
			out[i] += s
		}
		return out
	}},
	{expr: "positional_encoding(x)", in: [][]int{{2, 4}}, want: func(in ...[]float64) []float64 {
		out := slices.Clone(in[0])
		for i, p := range []float64{0, 1, 0, 1, math.Sin(1), math.Cos(1), math.Sin(0.01), math.Cos(0.01)} {
			out[i] += p
		}
		return out
	}},
	{expr: "x -> rms_norm(eps = 0.5)", in: [][]int{{1, 3}}, want: func(in ...[]float64) []float64 {
		r := math.Sqrt(sum(in[0], func(x float64) float64 { return x * x })/3 + 0.5)
		return each(func(x float64) float64 { return x / r })(in[0])
	}},
	{expr: "x -> conv1d(1, kernel = 4, padding = \"same\", dilation = 2, bias = false, init = 1.0)", in: [][]int{{1, 1, 5}}, want: func(in ...[]float64) []float64 {
		out := make([]float64, 5) // six more elements: three at each end
		for i := range out {
			for k := range 4 {
				if at := i + 2*k - 3; at >= 0 && at < 5 {
					out[i] += in[0][at]
				}
			}
		}
		return out
	}},
	{expr: "x -> conv3d(1, kernel = [1, 1, 2], bias = false, init = 1.0)", in: [][]int{{1, 1, 1, 1, 3}}, want: func(in ...[]float64) []float64 {
		return []float64{in[0][0] + in[0][1], in[0][1] + in[0][2]}
	}},
	{expr: "x -> conv_transpose1d(1, kernel = 2, stride = 2, bias = false, init = 1.0)", in: [][]int{{1, 1, 2}}, want: func(in ...[]float64) []float64 {
		a, b := in[0][0], in[0][1]
		return []float64{a, a, b, b}
	}},
	{expr: "x -> group_norm(2, eps = 0.5)", in: [][]int{{1, 4, 1}}, want: func(in ...[]float64) []float64 {
		out := make([]float64, 4)
		for i := 0; i < 4; i += 2 {
			half := (in[0][i] - in[0][i+1]) / 2
			out[i] = half / math.Sqrt(half*half+0.5)
			out[i+1] = -out[i]
		}
		return out
	}},
	{expr: "dice_loss(x, arange(2))", in: [][]int{{2, 2}}, want: func(in ...[]float64) []float64 {
		x := in[0]
		p, q := 1/(1+math.Exp(x[1]-x[0])), 1/(1+math.Exp(x[2]-x[3])) // of the right classes
		first := (2*p + 1) / (p + (1 - q) + 1 + 1)
		return []float64{1 - (first+(2*q+1)/(q+(1-p)+1+1))/2}
	}},
	{expr: "rope(x, theta = 100)", in: [][]int{{2, 4}}, want: func(in ...[]float64) []float64 {
		out := slices.Clone(in[0])
		for k, angle := range []float64{1, 0.1} { // of position 1
			a, b := out[4+k], out[6+k]
			out[4+k], out[6+k] = a*math.Cos(angle)-b*math.Sin(angle), b*math.Cos(angle)+a*math.Sin(angle)
		}
		return out
	}},
	{expr: "masked_mean(x, arange(2))", in: [][]int{{2, 2, 2}}, want: func(in ...[]float64) []float64 {
		return []float64{0, 0, in[0][4], in[0][5]}
	}},
	{expr: "hinge_loss(x, sign(y))", in: pairs, want: mean2(func(x, y float64) float64 { return max(0, 1-sgn(y)*x) })},
	{expr: "huber_loss(x, y, delta = 0.5)", in: pairs, want: mean2(func(x, y float64) float64 {
		if d := math.Abs(x - y); d < 0.5 {
			return d * d / 2
		} else {
			return 0.5 * (d - 0.25)
		}
	})},
	{expr: "soft_margin_loss(9 * x, sign(y))", in: pairs, want: mean2(func(x, y float64) float64 { return softplus(-9 * sgn(y) * x) })},
	{expr: "hinge_embedding_loss(x, sign(y))", in: pairs, want: mean2(func(x, y float64) float64 {
		if y > 0 {
			return x
		}
		return max(0, 1-x)
	})},
	{expr: "poisson_nll_loss(x, 3 * y * y, full = true)", in: pairs, want: mean2(func(x, y float64) float64 {
		t, v := 3*y*y, math.Exp(x)-3*y*y*x
		if t > 1 {
			v += t*math.Log(t) - t + 0.5*math.Log(2*math.Pi*t)
		}
		return v
	})},
	{expr: "gaussian_nll_loss(x, y, 1 + z * z, full = true)", in: [][]int{{3, 4}, {3, 4}, {3, 4}}, want: func(in ...[]float64) []float64 {
		s := 0.0
		for i, x := range in[0] {
			v := 1 + in[2][i]*in[2][i]
			s += 0.5 * (math.Log(2*math.Pi*v) + (x-in[1][i])*(x-in[1][i])/v)
		}
		return []float64{s / 12}
	}},
	{expr: "kl_div(x, y * y)", in: pairs, want: mean2(func(x, y float64) float64 { return y * y * (math.Log(y*y) - x) })},
	{expr: "focal_loss(x, cast(y > 0, float32))", in: pairs, want: mean2(func(x, y float64) float64 {
		p, a := 1/(1+math.Exp(-x)), 0.25
		if y <= 0 {
			p, a = 1-p, 0.75
		}
		return -a * (1 - p) * (1 - p) * math.Log(p)
	})},
	{expr: "info_nce(x, y, temperature = 0.5)", in: [][]int{{2, 3}, {2, 3}}, want: infoNCE},
	{expr: "nll_loss(log_softmax(x, axis = -1), arange(2))", in: [][]int{{2, 2}}, want: func(in ...[]float64) []float64 {
		x := in[0]
		return []float64{(softplus(x[1]-x[0]) + softplus(x[2]-x[3])) / 2}
	}},
	{expr: "triplet_margin_loss(x, y, z, swap = true, margin = 2)", in: [][]int{{2}, {2}, {2}}, want: func(in ...[]float64) []float64 {
		d := func(a, b []float64) float64 { return math.Hypot(a[0]-b[0]+1e-6, a[1]-b[1]+1e-6) }
		return []float64{max(0, 2+d(in[0], in[1])-min(d(in[0], in[2]), d(in[1], in[2])))}
	}},
}

var pairs = [][]int{{3, 4}, {3, 4}}

func sum(x []float64, f func(float64) float64) float64 {
	s := 0.0
	for _, v := range x {
		s += f(v)
	}
	return s
}

// cubic is the convolution kernel of Keys with a = -0.75, in its textbook form.
func cubic(in ...[]float64) []float64 {
	w := func(d float64) float64 {
		d = math.Abs(d)
		switch {
		case d <= 1:
			return 1.25*d*d*d - 2.25*d*d + 1
		case d < 2:
			return -0.75*d*d*d + 3.75*d*d - 6*d + 3
		}
		return 0
	}
	out := make([]float64, 5)
	for i := range out {
		at := (float64(i)+0.5)*4/5 - 0.5
		for k := -2; k < 7; k++ {
			out[i] += w(at-float64(k)) * in[0][min(max(k, 0), 3)]
		}
	}
	return out
}

func infoNCE(in ...[]float64) []float64 {
	unit := func(v []float64) []float64 {
		n := math.Sqrt(sum(v, func(x float64) float64 { return x * x }))
		return []float64{v[0] / n, v[1] / n, v[2] / n}
	}
	dot := func(a, b []float64) float64 { return 2 * (a[0]*b[0] + a[1]*b[1] + a[2]*b[2]) }
	q, k := [][]float64{unit(in[0][:3]), unit(in[0][3:])}, [][]float64{unit(in[1][:3]), unit(in[1][3:])}
	return []float64{(softplus(dot(q[0], k[1])-dot(q[0], k[0])) + softplus(dot(q[1], k[0])-dot(q[1], k[1]))) / 2}
}

// number gives element i of an input, none of them near a kink of a word.
func number(which, i int) float64 { return 1.3*math.Sin(float64(5*i+7*which+1)) + 0.05 }

// TestWords compares words that PyTorch's cases leave out with their formulas, and
// their gradients with central differences.
func TestWords(t *testing.T) {
	for _, w := range words {
		t.Run(w.expr, func(t *testing.T) { w.check(t) })
	}
}

func (w *word) check(t *testing.T) {
	if w.in == nil {
		w.in = [][]int{{3, 4}}
	}
	var text, in strings.Builder
	var args []ir.Dense
	var data [][]float64
	for k, shape := range w.in {
		name := string("xyz"[k])
		dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
		fmt.Fprintf(&in, "    input in_%s float32[%s]\n    param d%s [%s] = zeros\n    %s = in_%s + d%s\n", name, dims, name, dims, name, name, name)
		d := ir.NewDense(0, shape...)
		for i := range d.Data {
			d.Data[i] = number(k, i)
		}
		args, data = append(args, d), append(data, d.Data)
	}
	fmt.Fprintf(&text, "%smodel W() {\n%s    y_ = %s\n    output y_\n    train {\n"+
		"        loss sum(reshape(y_, [-1]) * cos(cast(arange(size(y_)), float32) + 1))\n        optimizer capture() on \"d?\"\n    }\n}\n", capture, in.String(), w.expr)
	m := compile(t, text.String())
	forward := m.Entry(ir.Forward, "forward")
	out := func() []float64 {
		o, err := m.Run(forward, args...)
		if err != nil {
			t.Fatal(err)
		}
		return o[0].Data
	}
	near(t, "result", out(), w.want(data...), 1e-12)
	scale := func() float64 {
		s := 0.0
		for i, v := range out() {
			s += v * math.Cos(float64(i)+1)
		}
		return s
	}
	var want [][]float64
	for k := range args {
		g := make([]float64, len(args[k].Data))
		for i := range g {
			const h = 1e-5
			x := args[k].Data[i]
			args[k].Data[i] = x + h
			up := scale()
			args[k].Data[i] = x - h
			g[i] = (up - scale()) / (2 * h)
			args[k].Data[i] = x
		}
		want = append(want, g)
	}
	if _, err := m.Run(m.Entry(ir.Train, "train"), args...); err != nil {
		t.Fatal(err)
	}
	for k := range args {
		g := stored(m, "optimizer/train/d"+string("xyz"[k])+"/g")
		if g == nil { // the loss does not depend on it smoothly
			g = make([]float64, len(want[k]))
		}
		near(t, "gradient by "+string("xyz"[k]), g, want[k], 1e-8)
	}
}

// stored is the content of a stored tensor, nil when there is none of that name.
func stored(m *eval.Reference, name string) []float64 {
	for _, v := range m.Prog.Vars {
		if v.Name == name {
			return m.Vars[v].Data
		}
	}
	return nil
}

// set gives a stored tensor its elements. Equal initial values may share memory, so
// they are replaced.
func set(m *eval.Reference, name string, f func(i int) float64) {
	for _, v := range m.Prog.Vars {
		if v.Name == name {
			d := ir.NewDense(v.Type.DType, m.Vars[v].Shape...)
			for i := range d.Data {
				d.Data[i] = f(i)
			}
			m.Vars[v] = d
		}
	}
}

// near compares elements within tol (1 + |want|).
func near(t *testing.T, what string, have, want []float64, tol float64) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(have), len(want))
	}
	for i, w := range want {
		if !(math.Abs(have[i]-w) <= tol*(1+math.Abs(w))) {
			t.Errorf("%s: element %d is %.12g, want %.12g", what, i, have[i], w)
			return
		}
	}
}
