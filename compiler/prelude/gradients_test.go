package prelude_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/prelude"
)

// smooth is an expression of x, y and z, of the shapes given; a statement before it
// ends in a semicolon.
type smooth struct {
	expr string
	in   [][]int
}

var (
	matrix = [][]int{{3, 4}}
	two    = [][]int{{3, 4}, {3, 4}}
	series = [][]int{{2, 3, 4}}
	image  = [][]int{{2, 2, 5, 4}}
)

// smooths holds every word that has a derivative, at arguments away from its kinks.
var smooths = []smooth{
	{"relu(x)", matrix}, {"relu6(2 * x)", matrix}, {"leaky_relu(x, 0.2)", matrix}, {"elu(x, alpha = 0.7)", matrix}, {"selu(x)", matrix}, {"celu(x, 0.6)", matrix},
	{"gelu(x)", matrix}, {"gelu(x, approximate = \"tanh\")", matrix}, {"silu(x)", matrix}, {"mish(x)", matrix}, {"softplus(x, beta = 2)", matrix}, {"softsign(x)", matrix},
	{"hard_sigmoid(3 * x)", matrix}, {"hard_swish(3 * x)", matrix}, {"hard_tanh(x)", matrix}, {"tanhshrink(x)", matrix}, {"threshold(x, 0.1, 2)", matrix}, {"glu(x)", matrix},
	{"softmax(x)", matrix}, {"softmax(x, axis = 0)", matrix}, {"log_softmax(x)", matrix}, {"softmin(x)", matrix}, {"log_sigmoid(x)", matrix}, {"softshrink(x)", matrix}, {"hardshrink(x)", matrix},
	{"x -> prelu(4)", [][]int{{3, 4}}},
	{"clamp(x, -0.6, 0.8)", matrix}, {"lerp(x, y, 0.3)", two}, {"flush(x)", matrix}, {"l2_normalize(x)", matrix}, {"logsumexp(x, axis = 0)", matrix}, {"mean(x, axis = 1)", matrix}, {"norm(x, axis = 1)", matrix},
	{"norm(x, p = 3)", matrix}, {"variance(x, axis = 0, correction = 1)", matrix}, {"std(x, axis = 1)", matrix},
	{"rope(x)", series}, {"x + alibi(2, 3)[:, :, 0:1]", [][]int{{2, 3, 1}}}, {"scaled_dot_product_attention(x, y, z, is_causal = true)", [][]int{{2, 3, 4}, {2, 3, 4}, {2, 3, 2}}},
	{"scaled_dot_product_attention(x, y, z, attn_mask = z[0, :, 0:1] * y[0, :, 0:1])", [][]int{{2, 3, 4}, {2, 3, 4}, {2, 3, 2}}},
	{"scaled_dot_product_attention(x, y, y, enable_gqa = true)", [][]int{{1, 4, 2, 2}, {1, 2, 3, 2}}},
	{"x -> linear(3)", matrix}, {"x -> conv1d(4, kernel = 2, stride = 2, padding = 1, groups = 2)", [][]int{{2, 2, 5}}}, {"x -> conv2d(2, kernel = [2, 3], padding = 1, dilation = 2)", image},
	{"x -> conv2d(2, kernel = 3, padding = 1, padding_mode = \"reflect\")", image}, {"x -> conv3d(2, kernel = 2)", [][]int{{1, 2, 2, 3, 3}}}, {"x -> conv3d(2, kernel = 2, padding = 1, padding_mode = \"circular\")", [][]int{{1, 2, 2, 2, 3}}},
	{"x -> conv_transpose1d(2, kernel = 3, stride = 2, output_padding = 1)", [][]int{{2, 2, 3}}}, {"x -> conv_transpose2d(2, kernel = 3, stride = 2, padding = 1, groups = 2)", [][]int{{1, 2, 3, 2}}},
	{"arange(6) % 4 -> embedding(5, 3)", nil}, {"x -> layer_norm(eps = 0.01)", matrix}, {"x -> rms_norm(eps = 0.01)", matrix}, {"x -> batch_norm(eps = 0.01)", [][]int{{3, 2, 2}}},
	{"x -> group_norm(2, eps = 0.01)", [][]int{{2, 4, 2}}}, {"x -> instance_norm(affine = true, eps = 0.01)", [][]int{{2, 2, 4}}},
	{"x -> rnn(2, nonlinearity = \"relu\", bidirectional = true)", series}, {"x -> gru(2, layers = 2)", series}, {"(x, arange(2) + 1) -> gru(2, bidirectional = true)", series},
	{"s, h, c = x -> lstm(3, bidirectional = true, return_state = true); concat(s[:, :, 0:3], transpose(h, [1, 0, 2]), transpose(c, [1, 0, 2]), axis = 1)", series},
	{"x -> lstm(3, proj_size = 2, layers = 2)", series}, {"(x, arange(2) + 2) -> lstm(2)", series},
	{"x -> multi_head_attention(2)", series}, {"layer a = multi_head_attention(2); a(x, key = y, value = y)", [][]int{{2, 3, 4}, {2, 2, 3}}},
	{"x -> transformer_encoder_layer(2, 5, dropout = 0.0)", series}, {"layer d = transformer_decoder_layer(2, 5, dropout = 0.0, norm_first = true); d(x, memory = y)", [][]int{{1, 2, 4}, {1, 3, 4}}},
	{"x -> dropout(0.4)", matrix}, {"x -> dropout2d(0.4)", image}, {"x -> drop_path(0.4)", matrix}, {"positional_encoding(x)", matrix},
	{"flatten(x)", series}, {"roll(x, 2)", matrix}, {"tril(x)", matrix}, {"triu(x)", matrix},
	{"max_pool1d(x, 2)", series}, {"max_pool2d(x, 3, stride = 2, padding = 1)", image}, {"avg_pool1d(x, 2)", series}, {"avg_pool2d(x, 2, ceil_mode = true)", image}, {"adaptive_avg_pool2d(x, [2, 3])", image},
	{"adaptive_max_pool2d(x, [2, 3])", image}, {"lp_pool2d(x * x + 1, 3, 2)", image}, {"global_avg_pool2d(x)", image}, {"global_max_pool2d(x)", image}, {"masked_mean(x, arange(2) + 1)", series},
	{"interpolate(x, scale_factor = 2, mode = \"bilinear\")", image}, {"interpolate(x, size = [3, 7], mode = \"bicubic\")", image}, {"pixel_shuffle(x, 2)", [][]int{{1, 4, 2, 2}}},
	{"cross_entropy(x, arange(3), weight = 0.5 + cast(arange(4), float32), label_smoothing = 0.1, ignore_index = 1)", matrix}, {"cross_entropy(30 * x, softmax(y))", two}, {"nll_loss(log_softmax(x), arange(3), reduction = \"sum\")", matrix},
	{"binary_cross_entropy(sigmoid(x), sigmoid(y))", two}, {"binary_cross_entropy_with_logits(20 * x, sigmoid(y), pos_weight = 1 + cast(arange(4), float32))", two}, {"mse_loss(x, y)", two}, {"l1_loss(x, y)", two},
	{"smooth_l1_loss(x, y, beta = 0.4)", two}, {"huber_loss(x, y, delta = 0.4)", two}, {"kl_div(log_softmax(x), softmax(y), reduction = \"batchmean\")", two}, {"hinge_loss(x, sign(y))", two},
	{"cosine_embedding_loss(x, y, cast(arange(3) % 2 * 2 - 1, float32), margin = -0.9)", two}, {"triplet_margin_loss(x, y, z, swap = true)", [][]int{{3, 4}, {3, 4}, {3, 4}}}, {"margin_ranking_loss(x, y, sign(z), margin = 0.2)", [][]int{{4}, {4}, {4}}},
	{"poisson_nll_loss(x, y * y, full = true)", two}, {"gaussian_nll_loss(x, y, z * z + 0.1)", [][]int{{3, 4}, {3, 4}, {3, 1}}}, {"hinge_embedding_loss(x, cast(reshape(arange(12), [3, 4]) % 2 * 2 - 1, float32))", matrix}, {"soft_margin_loss(x, sign(y))", two},
	{"focal_loss(x, sigmoid(y))", two}, {"dice_loss(x, arange(3))", [][]int{{3, 4}}}, {"info_nce(x, y)", two}, {"reduce_loss(x, \"sum\")", matrix},
	{"ctc_loss(log_softmax(x), reshape(arange(4) % 2 + 1, [2, 2]), arange(2) + 4, arange(2) + 1)", [][]int{{2, 5, 3}}},
	{"zeros_like(x) + ones_like(x) * x + zeros([3, 4]) + ones([3, 4])", matrix}, {"rand_like(x) * x + randn_like(x) * x", matrix}, {"where(bernoulli(0 * x + 0.5) > 0, x, 2 * x)", matrix},
}

// withoutDerivative are the words that have none, and why.
var withoutDerivative = map[string]string{"one_hot": "integers"}

// groups whose words must have a derivative that is checked.
var differentiable = []string{"activations", "attention", "layers", "losses", "math", "pooling", "random", "shape"}

// TestEveryWordIsTested finds words of the library without a spec: those with a
// derivative have central differences, all stand in a test of this folder or among
// PyTorch's cases.
func TestEveryWordIsTested(t *testing.T) {
	tests := ""
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests += string(src)
	}
	compared, err := os.ReadFile("../../internal/golden/training.go")
	if err != nil {
		t.Fatal(err)
	}
	tests += string(compared)
	derived := ""
	for _, s := range smooths {
		derived += s.expr + "\n"
	}
	for _, w := range words {
		derived += w.expr + "\n"
	}
	for _, w := range prelude.Words() {
		group := prelude.Word(w).Group
		stands := regexp.MustCompile(`\b` + w + `\b`).MatchString
		if !stands(tests) {
			t.Errorf("%s/%s has no test", group, w)
		}
		if slices.Contains(differentiable, group) && withoutDerivative[w] == "" && !stands(derived) {
			t.Errorf("%s/%s has no central differences", group, w)
		}
	}
	for _, w := range slices.Sorted(maps.Keys(withoutDerivative)) {
		if prelude.Word(w) == nil {
			t.Errorf("there is no word %s", w)
		}
	}
}

// TestCentralDifferences checks the derivatives by the inputs and by every parameter,
// in the form that trains.
func TestCentralDifferences(t *testing.T) {
	for _, s := range smooths {
		t.Run(s.expr, func(t *testing.T) { s.check(t) })
	}
}

func (s *smooth) check(t *testing.T) {
	var text strings.Builder
	text.WriteString(capture + "model W() {\n")
	for k, shape := range s.in {
		fmt.Fprintf(&text, "    param %s [%s] = zeros\n", string("xyz"[k]), strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]"))
	}
	parts := strings.Split(s.expr, "; ")
	text.WriteString("    train {\n")
	for _, p := range parts[:len(parts)-1] {
		if strings.HasPrefix(p, "layer ") {
			text.WriteString("    }\n    " + p + "\n    train {\n")
		}
	}
	lines := ""
	for _, p := range parts[:len(parts)-1] {
		if !strings.HasPrefix(p, "layer ") {
			lines += "        " + p + "\n"
		}
	}
	body := strings.ReplaceAll(text.String(), "    train {\n    }\n", "")
	body += lines + "        y_ = " + parts[len(parts)-1] + "\n" +
		"        loss sum(reshape(y_, [-1]) * cos(cast(arange(size(y_)), float32) + 1))\n        optimizer capture()\n    }\n}\n"
	m := compile(t, body)
	train := m.Entry(ir.Train, "train")
	loss := func() float64 {
		out, err := m.Run(train)
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Data[0]
	}
	params := startValues(m)
	loss()
	got := map[string][]float64{}
	for _, v := range m.Prog.Vars {
		if p, ok := strings.CutPrefix(v.Name, "optimizer/train/"); ok {
			got[strings.TrimSuffix(p, "/g")] = slices.Clone(m.Vars[v].Data)
		}
	}
	if len(params) == 0 {
		t.Fatal("nothing to differentiate by")
	}
	for _, v := range params {
		compareDerivative(t, v.Name, m.Vars[v].Data, got[v.Name], loss)
	}
}

// startValues gives every parameter values that are not special, and lists them.
func startValues(m *eval.Reference) []*ir.Var {
	var params []*ir.Var
	for _, v := range m.Prog.Vars {
		if v.Kind != ir.Param {
			continue
		}
		d := m.Vars[v]
		d.Data = make([]float64, len(d.Data))
		for i := range d.Data {
			d.Data[i] = number(len(params), i)
			if len(v.Name) > 1 { // of a layer
				d.Data[i] *= 0.4
			}
		}
		m.Vars[v] = d
		params = append(params, v)
	}
	return params
}

// compareDerivative changes up to 30 elements of x in turn.
func compareDerivative(t *testing.T, name string, x, got []float64, loss func() float64) {
	if len(got) != len(x) {
		t.Fatalf("%s: %d derivatives of %d elements", name, len(got), len(x))
	}
	for i := 0; i < len(x); i += max(1, len(x)/30) {
		const h = 1e-5
		at := x[i]
		x[i] = at + h
		up := loss()
		x[i] = at - h
		down := loss()
		x[i] = at
		if want := (up - down) / (2 * h); !(math.Abs(got[i]-want) <= 1e-7+1e-5*math.Abs(want)) {
			t.Errorf("derivative by element %d of %s is %.10g, central difference %.10g", i, name, got[i], want)
		}
	}
}
