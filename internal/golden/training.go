package golden

import (
	"fmt"
	"regexp"
	"strings"
)

// optimizerText is the statement's constructor for an optimizer of the manifest.
func optimizerText(op string, c *Case) (string, bool) {
	args := strings.TrimPrefix(c.pass("lr", "momentum", "dampening", "betas", "alpha", "rho", "lr_decay", "eps", "centered",
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
	case "ReduceLROnPlateau":
		return "depends on a validation metric, which the training loop has and the model has not"
	default:
		return "no word is known for schedule " + c.Op
	}
	id := b.f.ID + "_p"
	b.body("param %s float32[1] = zeros", id)
	b.train("loss sum(%s)", id)
	b.train("optimizer sgd(lr = %s) on %s", text, id)
	b.f.Rate = id
	b.f.Steps = int(c.num("steps", 1))
	return ""
}

func (b *builder) clip(c *Case) string {
	var terms, on []string
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
		terms, on = append(terms, fmt.Sprintf("sum(%s * %s)", id, feed)), append(on, id)
	}
	arg := "clip_value = " + number(c.num("clip_value", 0))
	if c.Op == "norm" {
		arg = "clip_norm = " + number(c.num("max_norm", 0))
		if t := c.str("norm_type", "2.0"); t != "2.0" {
			arg += ", norm_type = " + strings.TrimSuffix(t, ".0")
		}
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
	b.train("input %s %s%s", in, dtypeOf(x), dims(x.Shape[1:]))
	b.train("input %s %s%s", target, dtypeOf(t), dims(t.Shape[1:]))
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
	loss, _, _ := strings.Cut(c.str("loss", ""), " ")
	words := map[string]string{"CrossEntropyLoss": "cross_entropy", "MSELoss": "mse_loss", "BCELoss": "binary_cross_entropy",
		"BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "L1Loss": "l1_loss", "SmoothL1Loss": "smooth_l1_loss"}
	if words[loss] == "" {
		return "no word is known for loss " + loss
	}
	b.train("loss %s(%s_y, %s)", words[loss], b.f.ID, target)
	o, _ := c.Args["optimizer"].(map[string]any)
	op, _ := o["op"].(string)
	text, ok := optimizerText(op, &Case{Args: o})
	if !ok {
		return "no word is known for optimizer " + op
	}
	if c.has("clip_grad_norm") {
		text = strings.TrimSuffix(text, ")") + ", clip_norm = " + lit(c.Args["clip_grad_norm"]) + ")"
	}
	b.train("optimizer %s on %s", text, strings.Join(b.params, ", "))
	if op == "SGD" {
		clear(b.f.Null) // rounding errors stay as small as they are
	}
	b.f.Loss = "out.loss"
	for _, a := range c.Arrays {
		if p, ok := strings.CutPrefix(a.Name, "param."); ok {
			stored := b.stored(p)
			b.f.Set[stored] = a.Name
			b.f.Final[stored] = "after." + p
		}
		if p, ok := strings.CutPrefix(a.Name, "buf."); ok {
			stored := b.stored(p)
			b.f.Set[stored] = a.Name
			b.f.Final[stored] = "bufafter." + p
		}
	}
	return ""
}

// stored maps "0.weight" or "rnn.weight_ih_l0" to the fragment's layer labels.
func (b *builder) stored(p string) string {
	layer, rest, _ := strings.Cut(p, ".")
	if i, after, ok := strings.Cut(rest, "."); ok && i == "0" { // fc.0.weight of the one-layer GPT
		return b.f.ID + "_" + layer + "_0." + after
	}
	return b.f.ID + "_" + layer + "." + rest
}

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
		case "MaxPool2d":
			expr, isLayer = expr+" -> max_pool2d("+strings.TrimPrefix(convArgs(args), ", kernel = ")+")", false
		case "Flatten", "flatten", "Tanh", "ReLU", "Sigmoid", "GELU", "SiLU":
			expr, isLayer = expr+" -> "+strings.ToLower(m[1]), false
		default:
			return "no word is known for layer " + text
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

// gpt writes the one-layer pre-norm GPT of the manifest's words.
func (b *builder) gpt(m map[string]any, in string, ctx int) string {
	num := func(k string) int { v, _ := m[k].(float64); return int(v) }
	if num("layers") != 1 {
		return "a GPT of more than one layer"
	}
	id, d := b.f.ID, num("embed")
	layers := []struct{ name, word string }{
		{"tok", fmt.Sprintf("embedding(%d, %d)", num("vocab"), d)}, {"pos", fmt.Sprintf("embedding(%d, %d)", num("ctx"), d)},
		{"ln1_0", "layer_norm()"}, {"qkv_0", fmt.Sprintf("linear(%d)", 3*d)}, {"proj_0", fmt.Sprintf("linear(%d)", d)},
		{"ln2_0", "layer_norm()"}, {"fc_0", fmt.Sprintf("linear(%d)", 4*d)}, {"fc2_0", fmt.Sprintf("linear(%d)", d)},
		{"lnf", "layer_norm()"}, {"head", fmt.Sprintf("linear(%d, bias = false)", num("vocab"))},
	}
	for _, l := range layers {
		b.body("layer %s_%s = %s", id, l.name, l.word)
		b.params = append(b.params, id+"_"+l.name)
	}
	b.f.Null[id+"_qkv_0.bias"] = [2]int{d, 2 * d} // a key's bias adds the same to all scores of a query
	b.train("%[1]s_h = (%[2]s -> %[1]s_tok) + (arange(%[3]d) -> %[1]s_pos)", id, in, ctx)
	b.train("%[1]s_q, %[1]s_k, %[1]s_v = %[1]s_h -> %[1]s_ln1_0 -> %[1]s_qkv_0 -> rearrange(\"b t (n h d) -> n b h t d\", n = 3, h = %[2]d) -> unstack", id, num("heads"))
	b.train("%[1]s_a = scaled_dot_product_attention(%[1]s_q, %[1]s_k, %[1]s_v, is_causal = true)", id)
	b.train("%[1]s_h = %[1]s_h + (%[1]s_a -> rearrange(\"b h t d -> b t (h d)\") -> %[1]s_proj_0)", id)
	b.train("%[1]s_h = %[1]s_h + (%[1]s_h -> %[1]s_ln2_0 -> %[1]s_fc_0 -> gelu(approximate = \"tanh\") -> %[1]s_fc2_0)", id)
	b.train("%[1]s_y = %[1]s_h -> %[1]s_lnf -> %[1]s_head", id)
	return ""
}
