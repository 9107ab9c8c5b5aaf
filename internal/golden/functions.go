package golden

import (
	"fmt"
	"strings"
)

// activations whose word differs from the case's, or that take arguments in the variant's name.
var activationWords = map[string]string{
	"hardsigmoid": "hard_sigmoid", "hardswish": "hard_swish", "hardtanh": "hard_tanh",
	"logsigmoid": "log_sigmoid", "logsoftmax": "log_softmax", "leakyrelu": "leaky_relu",
	"swish": "silu",
}

// variantArgs reads the arguments in a variant's name: NAME_1_.5, gelu_tanh,
// softplus_beta2_thr5.
func variantArgs(variant string) string {
	var s strings.Builder
	_, rest, _ := strings.Cut(variant, "_")
	for _, v := range strings.Split(rest, "_") {
		if v == "" || v == "exact" || v == "none" || v == "default" {
			continue
		}
		name := ""
		for _, n := range [][2]string{{"beta", "beta"}, {"thr", "threshold"}, {"alpha", "alpha"}} {
			if digits, ok := strings.CutPrefix(v, n[0]); ok {
				name, v = n[1]+" = ", digits
			}
		}
		if v == "tanh" {
			name, v = "approximate = ", `"tanh"`
		} else if sign, digits, ok := strings.Cut(v, "."); ok && (sign == "" || sign == "-") {
			v = sign + "0." + digits
		}
		s.WriteString(", " + name + v)
	}
	return s.String()
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
	if c.has("dim") {
		args = ", axis = " + lit(c.Args["dim"])
	} else {
		args = variantArgs(c.str("variant", ""))
	}
	b.finish(nil, "y", word+"("+x+args+")")
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
		y = "triplet_margin_loss(" + b.mustInput("a") + ", " + b.mustInput("p") + ", " + b.mustInput("n") + c.pass("margin", "p", "eps", "swap") + reduction + ")"
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
