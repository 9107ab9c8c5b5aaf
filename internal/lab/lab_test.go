package lab

import (
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// keepers are expressions of x that give a NaN for a NaN, as PyTorch's do.
var keepers = []string{"relu(x)", "relu6(x)", "leaky_relu(x)", "elu(x)", "selu(x)", "celu(x)", "gelu(x)", "silu(x)", "mish(x)", "tanh(x)", "sigmoid(x)", "softplus(x)",
	"softsign(x)", "hard_sigmoid(x)", "hard_swish(x)", "hard_tanh(x)", "tanhshrink(x)", "threshold(x, 0.1, 0.2)", "log_sigmoid(x)", "softshrink(x)", "hardshrink(x)",
	"clamp(x, -1, 1)", "clamp(x, max = 1)", "exp(x)", "log(x)", "sqrt(x)", "rsqrt(x)", "sin(x)", "erf(x)", "abs(x)", "floor(x)", "round(x)", "pow(x, 2)", "log1p(x)", "expm1(x)",
	"softmax(x) + 0", "max(x, axis = -1, keepdims = true) + 0 * x", "min(x, axis = -1, keepdims = true) + 0 * x",
	"reshape(max_pool1d(reshape(x, [1, 2, 4]), 2), [2, 2]) -> pad([0, 2])", "cumsum(x)"}

// TestNaN runs each with a NaN first in a row: on every path the evaluator and the
// generated code keep it, and agree on the other elements.
func TestNaN(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text := "edition 1\n\nmodel NaN() {\n    param w [1] = ones\n    train {\n        loss sum(w)\n        optimizer sgd()\n    }\n    entry e {\n        input x float32[2, 4]\n        output " + strings.Join(keepers, ",\n            ") + "\n    }\n}\n"
	p, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(t.TempDir(), root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Add(p); err != nil {
		t.Fatal(err)
	}
	if err := l.Build(); err != nil {
		t.Fatal(err)
	}
	ref, err := NewReference(text)
	if err != nil {
		t.Fatal(err)
	}
	feed := map[string]Values{"x": {Shape: []int{2, 4}, Data: []float64{math.NaN(), -1.5, 0.25, 7, 0.5, -0.75, 2, 1}}}
	want, err := ref.Run("e", feed)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range want {
		if !math.IsNaN(v.Data[0]) || math.IsNaN(v.Data[4]) {
			t.Errorf("evaluator: %s of NaN is %v, of 0.5 %v", keepers[i], v.Data[0], v.Data[4])
		}
	}
	targets := []string{"go"}
	if runtime.GOARCH == "amd64" {
		targets = append(targets, "avx2", "")
	}
	for _, target := range targets {
		r, err := l.Start(target)
		if err != nil {
			t.Fatal(err)
		}
		have, err := r.Model(0).Run("e", feed)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range have {
			for k, x := range v.Data {
				w := want[i].Data[k]
				if math.IsNaN(x) != math.IsNaN(w) || math.Abs(x-w) > 1e-5*(1+math.Abs(w)) {
					t.Errorf("target %q: %s: element %d is %v, the evaluator has %v", target, keepers[i], k, x, w)
				}
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// edges are expressions of x [batch, 3, 4]: of an empty axis, of one element, and of
// values that are equal.
var edges = []string{"sum(x[:, 0:0], axis = 1)", "prod(x[:, 0:0], axis = 1)", "mean(x[:, 0:0], axis = 1)", "sum(x[:, 0:0])", "any(x[:, 0:0] > 0, axis = 1) -> cast(float32)",
	"concat(x[:, 0:0], x, axis = 1)", "pad(x[:, 0:0], [0, 0, 1, 1])", "cumsum(x[:, 0:0], axis = 1)", "relu(x[:, 0:0])", "softmax(x[..., 0:0])", "flip(x[:, 0:0], axis = 1)", "transpose(x[:, 0:0], [2, 0, 1])",
	"matmul(x[..., 0:0], transpose(x[..., 0:0], [0, 2, 1]))", "mse_loss(x[:, 0:0], x[:, 0:0], reduction = \"sum\")", "x[:, 0:0] -> z: linear(2)", "norm(x[:, 0:0], axis = 1)", "norm(x[:, 0:0], p = 1, axis = 1)",
	"softmax(x[..., 0:1])", "log_softmax(x[:, 0:1], axis = 1)", "variance(x[:, 0:1], axis = 1)", "x[..., 0:1] -> b: layer_norm", "sort(x[:, 0:1], axis = 1)[0]", "max_pool1d(x[..., 0:1], 1)", "x[:, 0:1] -> e: lstm(1)",
	"cross_entropy(x[..., 0:1], 0 * argmax(x, axis = -1), reduction = \"none\")", "logsumexp(x[:, :, 0:1], axis = 2)", "cumsum(x[:, 0:1], axis = 1)", "x[:, 0:1] -> f: multi_head_attention(2)",
	"cast(argmax(0 * x, axis = 1), float32)", "cast(argmin(0 * x + 2, axis = -1), float32)", "max(0 * x, axis = 1)", "topk(0 * x, 2)[0]", "softmax(0 * x)", "softmax(1e30 * x)", "log_softmax(-1e30 * x)", "logsumexp(1e30 * x, axis = 1)",
	"sigmoid(1e4 * x)", "softplus(1e4 * x)", "log_sigmoid(1e4 * x)", "tanh(1e30 * x)", "gelu(1e10 * x)", "silu(-1e4 * x)", "mish(1e4 * x)", "cross_entropy(1e20 * x, argmin(x, axis = -1), reduction = \"none\")",
	"binary_cross_entropy_with_logits(1e4 * x, sigmoid(x), reduction = \"none\")", "roll(x, 5)", "gather(x, argmax(x, axis = 1), axis = 1)", "einsum(\"bij,bkj->ik\", x, x)", "x -> c: batch_norm", "x[:, 1:]"}

// TestEdges runs them with one sample and two: shapes and values are the evaluator's on
// every path, and an empty batch is refused.
func TestEdges(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("edition 1\n\nmodel Edges() {\n    param w [1] = ones\n    train {\n        loss sum(w)\n        optimizer sgd()\n    }\n")
	for i, e := range edges {
		e, pair := strings.CutSuffix(e, "[0]")
		left := "y"
		if pair {
			left = "y, where_"
		}
		text.WriteString("    entry e" + strconv.Itoa(i) + " {\n        input x float32[batch, 3, 4]\n        " + left + " = " + e + "\n        output y\n    }\n")
	}
	text.WriteString("}\n")
	p, err := Compile(text.String())
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(t.TempDir(), root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Add(p); err != nil {
		t.Fatal(err)
	}
	if err := l.Build(); err != nil {
		t.Fatal(err)
	}
	ref, err := NewReference(text.String())
	if err != nil {
		t.Fatal(err)
	}
	targets := []string{"go"}
	if runtime.GOARCH == "amd64" {
		targets = append(targets, "avx2", "")
	}
	for _, target := range targets {
		r, err := l.Start(target)
		if err != nil {
			t.Fatal(err)
		}
		m := r.Model(0)
		for _, v := range ref.Vars() { // the same weights on both sides
			x, err := m.Get(v.Name)
			if err == nil {
				err = ref.Set(v.Name, x)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Run("e0", map[string]Values{"x": {Shape: []int{0, 3, 4}}}); err == nil {
			t.Errorf("target %q: an empty batch is not refused", target)
		}
		for batch := 1; batch <= 2; batch++ {
			x := Values{Shape: []int{batch, 3, 4}}
			for i := range batch * 12 {
				x.Data = append(x.Data, float64(i%5)-1.75)
			}
			for i, e := range edges {
				feed := map[string]Values{"x": x}
				want, err := ref.Run("e"+strconv.Itoa(i), feed)
				if err != nil {
					t.Fatal(e, err)
				}
				have, err := m.Run("e"+strconv.Itoa(i), feed)
				if err != nil {
					t.Errorf("target %q, batch %d: %s: %v", target, batch, e, err)
					continue
				}
				if !slices.Equal(have[0].Shape, want[0].Shape) || len(have[0].Data) != len(want[0].Data) {
					t.Errorf("target %q, batch %d: %s has the shape %v, want %v", target, batch, e, have[0].Shape, want[0].Shape)
					continue
				}
				for k, x := range have[0].Data {
					if w := want[0].Data[k]; x != w && !(math.IsNaN(x) && math.IsNaN(w)) && !(math.Abs(x-w) <= 1e-5*(1+math.Abs(w))) {
						t.Errorf("target %q, batch %d: %s: element %d is %v, want %v", target, batch, e, k, x, w)
					}
				}
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPaddingModes compiles convolutions over padded inputs for training.
func TestPaddingModes(t *testing.T) {
	for word, shape := range map[string]string{"conv1d": "2, 4, 9", "conv2d": "2, 4, 7, 6", "conv3d": "2, 4, 5, 6, 5"} {
		for _, mode := range []string{"zeros", "reflect", "replicate", "circular"} {
			text := "edition 1\n\nmodel P() {\n    param x [" + shape + "] = zeros\n    layer c = " + word + "(4, kernel = 3, padding = 1, padding_mode = \"" + mode + "\")\n" +
				"    train {\n        y = x -> c\n        loss sum(y * y)\n        optimizer sgd()\n    }\n}\n"
			if _, err := Compile(text); err != nil {
				t.Errorf("%s, %s: %v", word, mode, err)
			}
		}
	}
}
