package golden

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// optimizerText is the statement's constructor for an optimizer of the manifest.
func optimizerText(op string, c *Case) (string, bool) {
	args := strings.TrimPrefix(c.pass("lr", "momentum", "dampening", "betas", "alpha", "rho", "lr_decay", "initial_accumulator_value", "eps", "centered",
		"momentum_decay", "weight_decay", "nesterov", "amsgrad", "maximize"), ", ")
	words := map[string]string{"SGD": "sgd", "Adam": "adam", "AdamW": "adamw", "Adamax": "adamax", "NAdam": "nadam",
		"RAdam": "radam", "RMSprop": "rmsprop", "Adagrad": "adagrad", "Adadelta": "adadelta"}
	word, ok := words[op]
	if op == "NAdam" { // the reference is PyTorch 1.13
		args += ", torch_1 = true"
	}
	return word + "(" + args + ")", ok
}

func (b *builder) optimizer(c *Case) string {
	text, ok := optimizerText(c.Op, c)
	if !ok {
		return "no word is known for optimizer " + c.Op
	}
	var terms, on []string
	for _, a := range c.Arrays {
		p, ok := strings.CutPrefix(a.Name, "param.")
		if !ok {
			continue
		}
		id, g := b.f.ID+"_"+p, b.f.ID+"_grad_"+p
		b.body("param %s float32%s = zeros", id, dims(a.Shape))
		b.f.Set[id] = a.Name
		b.train("input %s float32%s", g, dims(a.Shape))
		b.f.Feed[g] = "grad." + p
		b.f.After[id] = "after." + p
		terms, on = append(terms, fmt.Sprintf("sum(%s * %s)", id, g)), append(on, id)
		if after, ok := c.Array("after." + p); ok {
			b.f.Steps, b.f.Stepped = after.Shape[0], true
		}
	}
	b.train("loss %s", strings.Join(terms, " + "))
	b.train("optimizer %s on %s", text, strings.Join(on, ", "))
	return ""
}

// scheduler checks a rate through sgd on one scalar with gradient one: the
// parameter starts each step at zero and ends it at the negated rate.
func (b *builder) scheduler(c *Case) string {
	n := func(name string) string { return number(c.num(name, 0)) }
	base := n("base_lr")
	text := ""
	switch c.Op {
	case "StepLR":
		text = fmt.Sprintf("step_decay(%s, every = %s, gamma = %s)", base, n("step_size"), n("gamma"))
	case "MultiStepLR":
		text = fmt.Sprintf("multi_step(%s, milestones = %s, gamma = %s)", base, lit(c.Args["milestones"]), n("gamma"))
	case "ExponentialLR":
		text = fmt.Sprintf("exponential(%s, gamma = %s)", base, n("gamma"))
	case "CosineAnnealingLR":
		text = fmt.Sprintf("cosine(%s, steps = %s, end = %s, periodic = true)", base, n("T_max"), n("eta_min"))
	case "CosineAnnealingWarmRestarts":
		text = fmt.Sprintf("cosine_restarts(%s, period = %s, mult = %s, end = %s)", base, n("T_0"), number(c.num("T_mult", 1)), n("eta_min"))
	case "LinearLR":
		text = fmt.Sprintf("warmup(%s, steps = %s, start = %s)", base, n("total_iters"), n("start_factor"))
		if c.num("end_factor", 1) != 1 {
			text = fmt.Sprintf("linear_decay(%s, steps = %s, start = %s, end = %s)", base, n("total_iters"), n("start_factor"), n("end_factor"))
		}
	case "ConstantLR":
		n, factor := int(c.num("total_iters", 5)), c.num("factor", 1./3)
		text = fmt.Sprintf("multi_step(%s * %s, milestones = [%d], gamma = 1 / %s)", base, number(factor), n, number(factor))
	case "PolynomialLR":
		text = fmt.Sprintf("polynomial(%s, steps = %s, power = %s)", base, n("total_iters"), n("power"))
	case "CyclicLR":
		text = fmt.Sprintf("cyclic(%s, %s, step_size_up = %s, mode = %q%s)", n("base"), n("max"), n("step_size_up"), c.str("mode", "triangular"), c.pass("step_size_down", "gamma"))
	case "OneCycleLR":
		text = fmt.Sprintf("one_cycle(%s, steps = %s%s)", n("max_lr"), n("total_steps"), c.pass("pct_start", "anneal_strategy", "three_phase", "div_factor", "final_div_factor"))
	case "MultiplicativeLR":
		text = fmt.Sprintf("exponential(%s, gamma = %s)", base, n("factor"))
	case "LambdaLR":
		e, ok := c.lambda()
		if !ok {
			return "a LambdaLR whose function is unknown"
		}
		text = base + " * (" + e + ")"
	case "SequentialLR":
		return "the language has no chain of schedules: warmup is an argument of cosine, any other is an expression of step"
	case "ReduceLROnPlateau":
		return "depends on a validation metric, which the training loop has and the model has not"
	default:
		return "no word is known for schedule " + c.Op
	}
	id := b.f.ID + "_p"
	b.body("param %s float32[1] = zeros", id)
	b.train("loss sum(%s)", id)
	b.train("optimizer sgd(lr = %s) on %s", text, id)
	b.f.Rates[id] = "lr"
	if _, ok := c.Array("momentum"); ok && c.Op == "OneCycleLR" {
		// The momentum runs through the same phases, from its largest to its smallest value.
		low, high := number(c.num("base_momentum", 0.85)), number(c.num("max_momentum", 0.95))
		b.body("param %s_m float32[1] = zeros", id)
		b.f.Train[len(b.f.Train)-2] = fmt.Sprintf("loss sum(%s) + sum(%s_m)", id, id)
		b.train("optimizer sgd(lr = one_cycle(%s, steps = %s%s, div_factor = %s / %s, final_div_factor = 1)) on %s_m", low, n("total_steps"),
			c.pass("pct_start", "anneal_strategy", "three_phase"), low, high, id)
		b.f.Rates[id+"_m"] = "momentum"
	}
	b.f.Steps = int(c.num("steps", 1))
	return ""
}

var (
	lambdaPower = regexp.MustCompile(`([\w.]+) ?\*\* ?(\w+)`)
	lambdaWord  = regexp.MustCompile(`\b(epoch|step|e|s|t|i|n)\b`)
)

// lambda turns the text of a LambdaLR's function, such as "0.95 ** epoch", into an
// expression of step.
func (c *Case) lambda() (string, bool) {
	for _, name := range []string{"lambda", "lr_lambda", "formula", "fn"} {
		if text := c.str(name, ""); text != "" {
			if _, after, ok := strings.Cut(text, ":"); ok {
				text = after
			}
			text = lambdaPower.ReplaceAllString(text, "pow($1, $2)")
			return strings.TrimSpace(lambdaWord.ReplaceAllString(text, "(step - 1)")), true
		}
	}
	return "", false
}

func (b *builder) clip(c *Case) string {
	var terms, on, norms []string
	for _, a := range c.Arrays {
		g, ok := strings.CutPrefix(a.Name, "in.")
		if !ok {
			continue
		}
		id, feed := b.f.ID+"_"+g, b.f.ID+"_in_"+g
		b.body("param %s float32%s = zeros", id, dims(a.Shape))
		b.train("input %s float32%s", feed, dims(a.Shape))
		b.f.Feed[feed] = a.Name
		b.f.Grad[id] = "out." + g
		terms, on, norms = append(terms, fmt.Sprintf("sum(%s * %s)", id, feed)), append(on, id), append(norms, feed)
	}
	arg := "clip_value = " + number(c.num("clip_value", 0))
	if c.Op == "norm" {
		arg = "clip_norm = " + number(c.num("max_norm", 0))
		if t := c.str("norm_type", "2.0"); t != "2.0" {
			arg += ", norm_type = " + strings.TrimSuffix(t, ".0")
		}
		p := strings.TrimSuffix(c.str("norm_type", "2"), ".0")
		for i, g := range norms {
			norms[i] = fmt.Sprintf("norm(%s, p = %s)", g, p)
		}
		total := b.f.ID + "_total"
		b.body("buffer %s float32[] = zeros", total)
		b.train("update %s = norm(stack(%s, axis = 0), p = %s)", total, strings.Join(norms, ", "), p)
		b.f.Out[total] = "out.total_norm"
	}
	b.train("loss %s", strings.Join(terms, " + "))
	b.train("optimizer capture(%s) on %s", arg, strings.Join(on, ", "))
	return ""
}

var layerLine = regexp.MustCompile(`^(\w+) ?(.*)$`)

// training writes a whole small training run. The manifest describes the model
// in words; layers are called by their position, as in torch.nn.Sequential.
func (b *builder) training(c *Case) string {
	x, _ := c.Array("in.x")
	t, _ := c.Array("in.target")
	b.f.Steps, b.f.Stepped = x.Shape[0], true
	in, target := b.f.ID+"_x", b.f.ID+"_target"
	input := fmt.Sprintf("input %s %s%s", in, dtypeOf(x), dims(x.Shape[1:]))
	b.f.Feed[in], b.f.Feed[target] = "in.x", "in.target"
	var reason string
	switch m := c.Args["model"].(type) {
	case []any:
		reason = b.sequential(m, in)
	case map[string]any:
		reason = b.gpt(m, in, x.Shape[2])
	default:
		reason = "a model of unknown form"
	}
	if reason != "" {
		return reason
	}
	model := b.f.Train
	b.f.Train = append([]string{input, fmt.Sprintf("input %s %s%s", target, dtypeOf(t), dims(t.Shape[1:]))}, model...)
	if reason := b.lossLine(c, target); reason != "" {
		return reason
	}
	b.f.First = append([]string{}, b.f.Train...)
	b.evaluation(c, append([]string{input}, model...))
	o, _ := c.Args["optimizer"].(map[string]any)
	op, _ := o["op"].(string)
	text, ok := optimizerText(op, &Case{Args: o})
	if !ok {
		return "no word is known for optimizer " + op
	}
	capture := "capture()"
	if c.has("clip_grad_norm") {
		clip := "clip_norm = " + lit(c.Args["clip_grad_norm"]) + ")"
		text, capture = strings.TrimSuffix(text, ")")+", "+clip, "capture("+clip
	}
	on := strings.Join(b.params, ", ")
	b.train("optimizer %s on %s", text, on)
	b.f.First = append(b.f.First, fmt.Sprintf("optimizer %s on %s", capture, on))
	if op == "SGD" {
		clear(b.f.Null) // rounding errors stay as small as they are
	}
	b.f.Loss = "out.loss"
	for _, a := range c.Arrays {
		if p, ok := strings.CutPrefix(a.Name, "param."); ok {
			stored := b.stored(p)
			b.f.Set[stored] = a.Name
			b.f.Final[stored] = "after." + p
			if _, ok := c.Array("grad0." + p); ok {
				b.f.Gradients[stored] = "grad0." + p
			}
		}
		if p, ok := strings.CutPrefix(a.Name, "buf."); ok {
			stored := b.stored(p)
			b.f.Set[stored] = a.Name
			b.f.Final[stored] = "bufafter." + p
		}
	}
	return ""
}

func (b *builder) lossLine(c *Case, target string) string {
	loss, _, _ := strings.Cut(c.str("loss", ""), " ")
	words := map[string]string{"CrossEntropyLoss": "cross_entropy", "MSELoss": "mse_loss", "BCELoss": "binary_cross_entropy",
		"BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "L1Loss": "l1_loss", "SmoothL1Loss": "smooth_l1_loss", "HuberLoss": "huber_loss"}
	if words[loss] == "" {
		return "no word is known for loss " + loss
	}
	b.train("loss %s(%s_y, %s)", words[loss], b.f.ID, target)
	return ""
}

// evaluation adds the outputs before the first update and, in inference form, after
// the last one.
func (b *builder) evaluation(c *Case, model []string) {
	if y, ok := c.Array("out.y0"); ok {
		id := b.f.ID + "_y0"
		b.body("buffer %s float32%s = zeros", id, dims(y.Shape))
		b.f.First = append(b.f.First, fmt.Sprintf("update %s = %s_y", id, b.f.ID))
		b.f.Outputs[id] = "out.y0"
	}
	if _, ok := c.Array("out.y_eval"); ok {
		b.f.Entry, b.f.Eval = append(model, "output y = "+b.f.ID+"_y"), "out.y_eval"
	}
}

// stored maps "0.weight", "rnn.weight_ih_l0" or, of a GPT, "fc.0.weight" to the
// fragment's layer labels.
func (b *builder) stored(p string) string {
	layer, rest, _ := strings.Cut(p, ".")
	if i, after, ok := strings.Cut(rest, "."); ok {
		if _, err := strconv.Atoi(i); err == nil {
			return b.f.ID + "_" + layer + "_" + i + "." + after
		}
	}
	return b.f.ID + "_" + layer + "." + rest
}

// stepWords are the layers without parameters of a training run.
var stepWords = map[string]string{"Flatten": "flatten", "flatten": "flatten", "Tanh": "tanh", "ReLU": "relu", "Sigmoid": "sigmoid", "SiLU": "silu", "ELU": "elu",
	"SELU": "selu", "CELU": "celu", "ReLU6": "relu6", "LeakyReLU": "leaky_relu", "Softplus": "softplus", "Mish": "mish", "Hardswish": "hard_swish", "Softmax": "softmax"}

func (b *builder) sequential(lines []any, in string) string {
	expr := in
	for i, l := range lines {
		text, _ := l.(string)
		m := layerLine.FindStringSubmatch(text)
		if m == nil {
			return fmt.Sprintf("layer %v", l)
		}
		label := fmt.Sprintf("%s_%d", b.f.ID, i)
		args := strings.Fields(m[2])
		word, isLayer := "", true
		switch m[1] {
		case "Linear":
			label, word = b.name(label, "fc", i), "linear("+args[1]+")"
		case "Conv2d":
			word = "conv2d(" + args[1] + convArgs(args[2:]) + ")"
		case "ConvTranspose2d":
			word = "conv_transpose2d(" + args[1] + convArgs(args[2:]) + ")"
		case "BatchNorm2d", "BatchNorm1d":
			word = "batch_norm()"
		case "LayerNorm":
			word = "layer_norm()"
		case "Embedding":
			label, word = b.f.ID+"_emb", "embedding("+args[0]+", "+args[1]+")"
		case "LSTM", "GRU", "RNN":
			label, word = b.f.ID+"_rnn", strings.ToLower(m[1])+"("+args[1]+")"
		case "last":
			expr = "(" + expr + ")[:, -1]"
			continue
		case "Conv1d":
			word = "conv1d(" + args[1] + convArgs(args[2:]) + ")"
		case "GroupNorm":
			word = "group_norm(" + args[0] + ")"
		case "MaxPool2d", "AvgPool2d", "MaxPool1d", "AvgPool1d":
			expr, isLayer = expr+" -> "+strings.ToLower(m[1][:3])+"_pool"+m[1][7:]+"("+strings.TrimPrefix(convArgs(args), ", ")+")", false
		case "GELU":
			if slices.Contains(args, "tanh") {
				expr, isLayer = expr+" -> gelu(approximate = \"tanh\")", false
				break
			}
			expr, isLayer = expr+" -> gelu", false
		default:
			word, ok := stepWords[m[1]]
			if !ok {
				return "no word is known for layer " + text
			}
			expr, isLayer = expr+" -> "+word, false
			if len(args) > 0 {
				expr += "(" + strings.Join(args, ", ") + ")"
			}
		}
		if strings.HasPrefix(m[1], "BatchNorm") && i > 0 {
			// Batch norm takes the mean off, and with it the bias before it.
			before := fmt.Sprintf("%s_%d", b.f.ID, i-1)
			if bias, ok := b.f.Case.Array(fmt.Sprintf("param.%d.bias", i-1)); ok {
				b.f.Null[before+".bias"] = [2]int{0, bias.Shape[0]}
				b.f.Null[label+".running_mean"] = [2]int{0, bias.Shape[0]}
			}
		}
		if isLayer {
			b.body("layer %s = %s", label, word)
			b.params = append(b.params, label)
			expr += " -> " + label
		}
	}
	b.train("%s_y = %s", b.f.ID, expr)
	return ""
}

// name gives a linear layer the label that the case's parameters use: its
// position, or "fc" where they are named.
func (b *builder) name(byPosition, word string, i int) string {
	if _, ok := b.f.Case.Array(fmt.Sprintf("param.%d.weight", i)); ok {
		return byPosition
	}
	return b.f.ID + "_" + word
}

// convArgs turns "k3 s2 p1" into named arguments.
func convArgs(args []string) string {
	var s strings.Builder
	for _, a := range args {
		switch a[0] {
		case 'k':
			s.WriteString(", kernel = " + a[1:])
		case 's':
			s.WriteString(", stride = " + a[1:])
		case 'p':
			s.WriteString(", padding = " + a[1:])
		}
	}
	return s.String()
}

// gpt writes the pre-norm GPT of the manifest's words.
func (b *builder) gpt(m map[string]any, in string, ctx int) string {
	num := func(k string) int { v, _ := m[k].(float64); return int(v) }
	id, d := b.f.ID, num("embed")
	layer := func(name, format string, args ...any) {
		b.body("layer %s_%s = %s", id, name, fmt.Sprintf(format, args...))
		b.params = append(b.params, id+"_"+name)
	}
	layer("tok", "embedding(%d, %d)", num("vocab"), d)
	layer("pos", "embedding(%d, %d)", num("ctx"), d)
	b.train("%[1]s_h = (%[2]s -> %[1]s_tok) + (arange(%[3]d) -> %[1]s_pos)", id, in, ctx)
	for i := range num("layers") {
		layer(fmt.Sprintf("ln1_%d", i), "layer_norm()")
		layer(fmt.Sprintf("qkv_%d", i), "linear(%d)", 3*d)
		layer(fmt.Sprintf("proj_%d", i), "linear(%d)", d)
		layer(fmt.Sprintf("ln2_%d", i), "layer_norm()")
		layer(fmt.Sprintf("fc_%d", i), "linear(%d)", 4*d)
		layer(fmt.Sprintf("fc2_%d", i), "linear(%d)", d)
		b.f.Null[fmt.Sprintf("%s_qkv_%d.bias", id, i)] = [2]int{d, 2 * d} // a key's bias adds the same to all scores of a query
		b.train("%[1]s_q, %[1]s_k, %[1]s_v = %[1]s_h -> %[1]s_ln1_%[3]d -> %[1]s_qkv_%[3]d -> rearrange(\"b t (n h d) -> n b h t d\", n = 3, h = %[2]d) -> unstack", id, num("heads"), i)
		b.train("%[1]s_a = scaled_dot_product_attention(%[1]s_q, %[1]s_k, %[1]s_v, is_causal = true)", id)
		b.train("%[1]s_h = %[1]s_h + (%[1]s_a -> rearrange(\"b h t d -> b t (h d)\") -> %[1]s_proj_%[2]d)", id, i)
		b.train("%[1]s_h = %[1]s_h + (%[1]s_h -> %[1]s_ln2_%[2]d -> %[1]s_fc_%[2]d -> gelu(approximate = \"tanh\") -> %[1]s_fc2_%[2]d)", id, i)
	}
	layer("lnf", "layer_norm()")
	layer("head", "linear(%d, bias = false)", num("vocab"))
	b.train("%[1]s_y = %[1]s_h -> %[1]s_lnf -> %[1]s_head", id)
	return ""
}
