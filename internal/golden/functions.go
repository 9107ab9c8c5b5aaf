package golden

import (
	"fmt"
	"strings"
)

// activations whose word differs from the case's, or that take arguments in the variant's name.
var activationWords = map[string]string{
	"hardsigmoid": "hard_sigmoid", "hardswish": "hard_swish", "hardtanh": "hard_tanh",
	"logsigmoid": "log_sigmoid", "logsoftmax": "log_softmax", "leakyrelu": "leaky_relu",
}

func (b *builder) activation(c *Case) string {
	x := b.mustInput("x")
	word := c.Op
	if w, ok := activationWords[word]; ok {
		word = w
	}
	if c.Op == "prelu" {
		b.body("layer %s = prelu(%s)", b.f.ID, number(c.num("num_parameters", 1)))
		b.layerParams(b.f.ID)
		b.finish([]string{b.f.ID}, "y", x+" -> "+b.f.ID)
		return ""
	}
	args := ""
	_, variant, _ := strings.Cut(c.str("variant", ""), "_")
	switch {
	case c.has("dim"):
		args = ", axis = " + lit(c.Args["dim"])
	case variant == "" || variant == "exact":
	case variant == "tanh":
		args = `, approximate = "tanh"`
	case strings.HasPrefix(variant, "beta"):
		beta, thr, _ := strings.Cut(variant[4:], "_thr")
		args = fmt.Sprintf(", beta = %s, threshold = %s", beta, thr)
	default:
		for _, v := range strings.Split(variant, "_") {
			if sign, digits, ok := strings.Cut(v, "."); ok && (sign == "" || sign == "-") {
				v = sign + "0." + digits
			}
			args += ", " + v
		}
	}
	b.finish(nil, "y", word+"("+x+args+")")
	return ""
}

// opText gives the expression of an op case; X, Y, I and S stand for its inputs.
// Where the case computes more than its name says (a divisor is kept from zero),
// the expression is the one that its arrays hold.
var opText = map[string]string{
	"add_bcast": "X + Y", "sub_bcast": "X - Y", "mul_bcast": "X * Y", "div_bcast": "X / (Y * Y + 1)",
	"pow_bcast": "pow(X, Y)", "where": "where(X > Y, 2 * X, 3 * Y)", "maximum": "max(X, Y)", "minimum": "min(X, Y)",
	"exp": "exp(X)", "log": "log(X)", "sqrt": "sqrt(X)", "rsqrt": "rsqrt(X)", "sin": "sin(X)", "cos": "cos(X)",
	"abs": "abs(X)", "neg": "-X", "erf": "erf(X)", "log1p": "log1p(X)", "expm1": "expm1(X)", "tanh": "tanh(X)",
	"square": "X * X", "reciprocal": "1 / X", "pow2.5": "pow(X, 2.5)", "pow3": "pow(X, 3)", "sign": "sign(X)",
	"clamp": "clamp(X, -0.5, 0.7)", "matmul_2d": "matmul(X, Y)", "matmul_bcast": "matmul(X, Y)",
	"bmm": "matmul(X, Y)", "matvec": "matmul(X, Y)", "dot": "sum(X * Y)", "outer": `einsum("i,j->ij", X, Y)`,
	"sum_all": "sum(X)", "sum_dim0": "sum(X, axis = 0)", "sum_dim1": "sum(X, axis = 1)",
	"sum_dim1_keepdim": "sum(X, axis = 1, keepdims = true)", "mean_all": "mean(X)", "mean_dim0": "mean(X, axis = 0)",
	"mean_dim1": "mean(X, axis = 1)", "mean_dim1_keepdim": "mean(X, axis = 1, keepdims = true)",
	"max_dim1": "max(X, axis = 1)", "min_dim1": "min(X, axis = 1)", "max_all": "max(X)", "min_all": "min(X)",
	"prod_dim1": "prod(X, axis = 1)", "logsumexp_dim1": "logsumexp(X, axis = 1)", "cumsum_dim1": "cumsum(X, axis = 1)",
	"var_dim1": "variance(X, axis = 1, correction = 1)", "var_dim1_unbiased0": "variance(X, axis = 1)",
	"std_dim1": "std(X, axis = 1, correction = 1)", "norm_dim1": "norm(X, axis = 1)", "norm": "norm(X)",
	"transpose_021": "transpose(X, [0, 2, 1])", "transpose": "transpose(X)", "reshape": "reshape(X, [2, 6])",
	"cat_dim1": "concat(X, Y, axis = 1)", "cat_dim0": "concat(X, Y, axis = 0)", "stack_dim1": "stack(X, Y, axis = 1)",
	"flip_dim1": "flip(X, axis = 1)", "expand": "expand(X, [4, 3, 5])", "roll": "roll(X, 1, axis = 1)",
	"gather_dim1": "gather(X, I, axis = 1)", "index_select": "index_select(X, I, axis = 0)",
	"scatter_add": "scatter_add(X, I, S, axis = 0)", "tril": "tril(X)", "slice_step2": "X[1:, ::2]", "triu": "triu(X)",
}

func (b *builder) op(c *Case) string {
	in := map[string]string{}
	for _, n := range []string{"x", "y", "i", "s"} {
		in[n], _ = b.input(n)
	}
	out, _ := c.Array("out.y")
	text, ok := opText[c.Op]
	switch c.Op {
	case "split_mul":
		x, _ := c.Array("in.x")
		half := x.Shape[1] / 2
		text, ok = fmt.Sprintf("X[:, 0:%d] * X[:, %d:%d]", half, half, 2*half), true
	case "reshape":
		text = "reshape(X, " + dims(out.Shape) + ")"
	case "expand":
		text = "expand(X, " + dims(out.Shape) + ")"
	}
	if !ok {
		return "no expression is known for op " + c.Op
	}
	text = strings.NewReplacer("X", in["x"], "Y", in["y"], "I", in["i"], "S", in["s"]).Replace(text)
	b.finish(nil, "y", text)
	return ""
}

func (b *builder) loss(c *Case) string {
	reduction := fmt.Sprintf(", reduction = %q", c.str("reduction", "mean"))
	y := ""
	two := func(word, args string) string {
		return word + "(" + b.mustInput("x") + ", " + b.mustInput("target") + args + reduction + ")"
	}
	switch c.Op {
	case "MSELoss":
		y = two("mse_loss", "")
	case "L1Loss":
		y = two("l1_loss", "")
	case "SmoothL1Loss":
		y = two("smooth_l1_loss", c.pass("beta"))
	case "HuberLoss":
		y = two("huber_loss", c.pass("delta"))
	case "SoftMarginLoss":
		y = two("soft_margin_loss", "")
	case "HingeEmbeddingLoss":
		y = two("hinge_embedding_loss", c.pass("margin"))
	case "PoissonNLLLoss":
		y = two("poisson_nll_loss", c.pass("log_input", "full", "eps"))
	case "GaussianNLLLoss":
		y = "gaussian_nll_loss(" + b.mustInput("x") + ", " + b.mustInput("target") + ", " + b.mustInput("var") + c.pass("full", "eps") + reduction + ")"
	case "CrossEntropyLoss":
		args := c.pass("ignore_index", "label_smoothing")
		if w, ok := b.input("weight"); ok {
			args += ", weight = " + w
		}
		if c.has("layout") {
			args += ", axis = 1"
		}
		y = two("cross_entropy", args)
	case "NLLLoss":
		args := c.pass("ignore_index")
		if w, ok := b.input("weight"); ok {
			args += ", weight = " + w
		}
		if c.has("layout") {
			args += ", axis = 1"
		}
		y = "nll_loss(log_softmax(" + b.mustInput("x") + ", axis = 1), " + b.mustInput("target") + args + reduction + ")"
	case "BCELoss":
		args := ""
		if w, ok := b.input("weight"); ok {
			args = ", weight = " + w
		}
		y = two("binary_cross_entropy", args)
	case "BCEWithLogitsLoss":
		args := ""
		if w, ok := b.input("weight"); ok {
			args = ", weight = " + w
		}
		if w, ok := b.input("pos_weight"); ok {
			args += ", pos_weight = " + w
		}
		y = two("binary_cross_entropy_with_logits", args)
	case "KLDivLoss":
		x, t := b.mustInput("x"), b.mustInput("target")
		target := t
		if c.flag("log_target", false) {
			target = "log_softmax(" + t + ", axis = 1)"
		}
		y = fmt.Sprintf("kl_div(log_softmax(%s, axis = 1), %s%s%s)", x, target, c.pass("log_target"), reduction)
	case "CTCLoss":
		y = b.ctc(c, reduction)
	case "MarginRankingLoss":
		y = "margin_ranking_loss(" + b.mustInput("a") + ", " + b.mustInput("b") + ", " + b.mustInput("target") + c.pass("margin") + reduction + ")"
	case "CosineEmbeddingLoss":
		y = "cosine_embedding_loss(" + b.mustInput("a") + ", " + b.mustInput("b") + ", " + b.mustInput("target") + c.pass("margin") + reduction + ")"
	case "TripletMarginLoss":
		y = "triplet_margin_loss(" + b.mustInput("a") + ", " + b.mustInput("p") + ", " + b.mustInput("n") + c.pass("margin", "p", "eps") + reduction + ")"
	default:
		return "no word is known for loss " + c.Op
	}
	b.finish(nil, "y", y)
	return ""
}

// ctc turns time-first logits into the batch-first log-probabilities of ctc_loss.
func (b *builder) ctc(c *Case, reduction string) string {
	x := b.mustInput("x")
	return fmt.Sprintf("ctc_loss(log_softmax(transpose(%s, [1, 0, 2])), %s, %s, %s%s%s)", x,
		b.mustInput("target"), b.mustInput("input_lengths"), b.mustInput("target_lengths"),
		c.pass("blank", "zero_infinity"), reduction)
}
