package golden

import (
	"fmt"
	"strconv"
	"strings"
)

// lit prints a JSON value as an expression: numbers, lists, booleans.
func lit(v any) string {
	switch v := v.(type) {
	case float64:
		return number(v)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = lit(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprintf("%q", v)
}

// number prints a float in the language's own form: an int, or digits around a point.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	s = strings.Replace(s, "e-0", "e-", 1)
	return strings.Replace(s, "e+", "e", 1)
}

// pass prints arguments NAME=AS present in the case, as named arguments.
func (c *Case) pass(names ...string) string {
	var s strings.Builder
	for _, n := range names {
		from, to, ok := strings.Cut(n, "=")
		if !ok {
			to = from
		}
		if v, ok := c.Args[from]; ok && v != nil {
			if text, isText := v.(string); isText {
				fmt.Fprintf(&s, ", %s = %q", to, text)
			} else {
				fmt.Fprintf(&s, ", %s = %s", to, lit(v))
			}
		}
	}
	return s.String()
}

// functional layers: no parameters, x -> y.
func (c *Case) functional(x string) string {
	call := func(word, args string) string { return word + "(" + x + args + ")" }
	switch c.Op {
	case "MaxPool1d", "MaxPool2d":
		return call(poolWord("max_pool", c.Op), c.pass("kernel_size=kernel", "stride", "padding", "dilation", "ceil_mode"))
	case "AvgPool1d", "AvgPool2d":
		return call(poolWord("avg_pool", c.Op), c.pass("kernel_size=kernel", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"))
	case "AdaptiveAvgPool2d":
		return call("adaptive_avg_pool2d", c.pass("output_size=size"))
	case "AdaptiveMaxPool2d":
		return call("adaptive_max_pool2d", c.pass("output_size=size"))
	case "LPPool2d":
		return call("lp_pool2d", c.pass("norm_type=p", "kernel_size=kernel", "stride", "ceil_mode"))
	case "AdaptiveAvgPool1d", "AdaptiveMaxPool1d", "LPPool1d":
		return c.oneAxis(x)
	case "PixelUnshuffle":
		r := number(c.num("downscale_factor", 1))
		return fmt.Sprintf("rearrange(%s, \"n c (h r) (w s) -> n (c r s) h w\", r = %s, s = %s)", x, r, r)
	case "Upsample", "Interpolate":
		return call("interpolate", c.pass("size", "scale_factor", "mode", "align_corners"))
	case "Pad":
		return call("pad", c.pass("pad=padding", "mode", "value"))
	case "PixelShuffle":
		return call("pixel_shuffle", c.pass("upscale_factor"))
	case "Normalize":
		if p := c.num("p", 2); p != 2 {
			return fmt.Sprintf("%s / max(norm(%s, p = %s%s, keepdims = true), %s)", x, x, number(p), c.pass("dim=axis"), number(c.num("eps", 1e-12)))
		}
		return call("l2_normalize", c.pass("dim=axis", "eps"))
	}
	return ""
}

// oneAxis writes a pooling over one axis, for which there is no word, as the one over
// two of which the first has a single element.
func (c *Case) oneAxis(x string) string {
	out, _ := c.Array("out.y")
	flat := fmt.Sprintf("reshape(%s, [%d, %d, 1, -1])", x, out.Shape[0], out.Shape[1])
	var y string
	if c.Op == "LPPool1d" {
		k := number(c.num("kernel_size", 1))
		s := k
		if c.has("stride") {
			s = number(c.num("stride", 1))
		}
		y = fmt.Sprintf("lp_pool2d(%s%s, kernel = [1, %s], stride = [1, %s]%s)", flat, c.pass("norm_type=p"), k, s, c.pass("ceil_mode"))
	} else {
		word := map[string]string{"AdaptiveAvgPool1d": "adaptive_avg_pool2d", "AdaptiveMaxPool1d": "adaptive_max_pool2d"}[c.Op]
		y = fmt.Sprintf("%s(%s, size = [1, %d])", word, flat, out.Shape[2])
	}
	return fmt.Sprintf("reshape(%s, %s)", y, dims(out.Shape))
}

func poolWord(stem, op string) string { return stem + op[len(op)-2:] }

func (b *builder) layer(c *Case) string {
	switch c.Op {
	case "RNN", "LSTM", "GRU":
		return b.recurrent(c)
	case "MultiheadAttention":
		return b.attention(c)
	case "ScaledDotProductAttention":
		return b.scaledDotProduct(c)
	case "TransformerDecoderLayer":
		return b.decoderLayer(c)
	case "RNNCell", "LSTMCell", "GRUCell":
		return b.cell(c)
	case "RMSNorm":
		x, w := b.mustInput("x"), b.mustInput("weight")
		b.body("layer %s = rms_norm(eps = %s, weight = %s)", b.f.ID, number(c.num("eps", 1e-5)), w)
		b.finish(nil, "y", x+" -> "+b.f.ID)
		return ""
	}
	x, ok := b.input("x")
	if !ok {
		return "a layer without input x: " + c.Op
	}
	if y := c.functional(x); y != "" {
		b.finish(nil, "y", y)
		return ""
	}
	word, reason := c.layerWord()
	if reason != "" {
		return reason
	}
	b.body("layer %s = %s", b.f.ID, word)
	y := x + " -> " + b.f.ID
	if strings.HasPrefix(c.Op, "BatchNorm") && !c.flag("train", true) {
		// Inference form: an entry called from a train block would be compiled for
		// training, so the layer is told.
		b.f.Body[len(b.f.Body)-1] = fmt.Sprintf("layer %s = %s", b.f.ID, strings.TrimSuffix(word, ")")+", training = false)")
	}
	b.layerParams(b.f.ID)
	var layers []string
	if c.hasParams() {
		layers = []string{b.f.ID}
	}
	b.finish(layers, "y", y)
	return ""
}

func (c *Case) hasParams() bool {
	for _, a := range c.Arrays {
		if strings.HasPrefix(a.Name, "param.") {
			return true
		}
	}
	return false
}

// layerWord is the constructor of a layer with parameters.
func (c *Case) layerWord() (word, reason string) {
	n := func(name string) string { return number(c.num(name, 0)) }
	switch c.Op {
	case "Linear":
		return fmt.Sprintf("linear(%s%s)", n("out_features"), c.pass("bias")), ""
	case "Conv1d", "Conv2d", "Conv3d":
		word := "conv" + c.Op[4:]
		return fmt.Sprintf("%s(%s%s)", word, n("out_channels"), c.pass("kernel", "kernel_size=kernel", "stride", "padding", "dilation", "groups", "bias", "padding_mode")), ""
	case "ConvTranspose1d", "ConvTranspose2d":
		word := "conv_transpose" + c.Op[13:]
		return fmt.Sprintf("%s(%s%s)", word, n("out_channels"), c.pass("kernel", "kernel_size=kernel", "stride", "padding", "output_padding", "dilation", "groups", "bias")), ""
	case "BatchNorm1d", "BatchNorm2d", "BatchNorm3d":
		return fmt.Sprintf("batch_norm(momentum = %s, eps = %s%s)", number(c.num("momentum", 0.1)), number(c.num("eps", 1e-5)), c.pass("affine")), ""
	case "LayerNorm":
		shape := 1
		if w, ok := c.Array("param.weight"); ok {
			shape = len(w.Shape)
		} else if l, ok := c.Args["normalized_shape"].([]any); ok {
			shape = len(l)
		}
		if shape != 1 {
			return fmt.Sprintf("layer_norm(axes = %d%s)", shape, c.pass("eps", "elementwise_affine", "bias")), ""
		}
		return fmt.Sprintf("layer_norm(%s)", strings.TrimPrefix(c.pass("eps", "elementwise_affine", "bias"), ", ")), ""
	case "GroupNorm":
		return fmt.Sprintf("group_norm(%s%s)", n("num_groups"), c.pass("eps", "affine")), ""
	case "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d":
		return fmt.Sprintf("instance_norm(%s)", strings.TrimPrefix(c.pass("affine", "eps"), ", ")), ""
	case "Embedding":
		return fmt.Sprintf("embedding(%s, %s%s)", n("num"), n("dim"), c.pass("padding_idx")), ""
	case "TransformerEncoderLayer":
		return fmt.Sprintf("transformer_encoder_layer(%s, %s%s)", n("nhead"), n("dim_feedforward"), c.pass("dropout", "activation", "norm_first")), ""
	}
	return "", "no layer for " + c.Op
}

// recurrent writes RNN, LSTM and GRU. The words are batch-first; a time-first
// case is transposed around the layer.
func (b *builder) recurrent(c *Case) string {
	x := b.mustInput("x")
	args := []string{number(c.num("hidden_size", 0)), "return_state = true"}
	if c.has("num_layers") {
		args = append(args, "layers = "+number(c.num("num_layers", 1)))
	}
	if c.flag("bidirectional", false) {
		args = append(args, "bidirectional = true")
	}
	if c.has("nonlinearity") {
		args = append(args, fmt.Sprintf("nonlinearity = %q", c.str("nonlinearity", "tanh")))
	}
	if c.has("bias") {
		args = append(args, "bias = "+lit(c.Args["bias"]))
	}
	if c.has("proj_size") {
		args = append(args, "proj_size = "+number(c.num("proj_size", 0)))
	}
	b.body("layer %s = %s(%s)", b.f.ID, strings.ToLower(c.Op), strings.Join(args, ", "))
	batchFirst := c.flag("batch_first", false)
	in := x
	if !batchFirst {
		in = fmt.Sprintf("transpose(%s, [1, 0, 2])", x)
	}
	call := b.f.ID + "(" + in
	if h0, ok := b.input("h0"); ok {
		call += ", h0 = " + h0
	}
	if c0, ok := b.input("c0"); ok {
		call += ", c0 = " + c0
	}
	call += ")"
	seq, h, cell := b.f.ID+"_seq", b.f.ID+"_h", b.f.ID+"_c"
	outs := []string{"y", seq, "hn", h}
	if c.Op == "LSTM" {
		b.train("%s, %s, %s = %s", seq, h, cell, call)
		outs = append(outs, "cn", cell)
	} else {
		b.train("%s, %s = %s", seq, h, call)
	}
	if !batchFirst {
		outs[1] = fmt.Sprintf("transpose(%s, [1, 0, 2])", seq)
	}
	b.layerParams(b.f.ID)
	b.finish([]string{b.f.ID}, outs...)
	return ""
}

func (b *builder) attention(c *Case) string {
	q := b.mustInput("q")
	b.body("layer %s = multi_head_attention(%s%s, return_weights = true, average_attn_weights = %v)", b.f.ID, number(c.num("num_heads", 1)),
		c.pass("causal=is_causal", "bias"), c.flag("average_attn_weights", false))
	call := b.f.ID + "(" + q
	if !c.flag("self_attention", true) {
		call += ", key = " + b.mustInput("k") + ", value = " + b.mustInput("v")
	}
	for _, mask := range []string{"key_padding_mask", "attn_mask"} {
		if m, ok := b.input(mask); ok {
			call += ", " + mask + " = " + m
		}
	}
	y, w := b.f.ID+"_y", b.f.ID+"_w"
	b.train("%s, %s = %s)", y, w, call)
	b.layerParams(b.f.ID)
	b.finish([]string{b.f.ID}, "y", y, "attn", w)
	return ""
}

func (b *builder) scaledDotProduct(c *Case) string {
	call := fmt.Sprintf("scaled_dot_product_attention(%s, %s, %s", b.mustInput("q"), b.mustInput("k"), b.mustInput("v"))
	for _, name := range []string{"mask", "attn_mask"} {
		if m, ok := b.input(name); ok {
			call += ", attn_mask = " + m
		}
	}
	b.finish(nil, "y", call+c.pass("causal=is_causal", "scale")+")")
	return ""
}

// decoderLayer compares without masks, as the cases do.
func (b *builder) decoderLayer(c *Case) string {
	x, memory := b.mustInput("x"), b.mustInput("memory")
	b.body("layer %s = transformer_decoder_layer(%s, %s%s, is_causal = %v)", b.f.ID, number(c.num("nhead", 1)), number(c.num("dim_feedforward", 2048)),
		c.pass("dropout", "activation", "norm_first"), c.flag("causal", false))
	b.layerParams(b.f.ID)
	b.finish([]string{b.f.ID}, "y", b.f.ID+"("+x+", memory = "+memory+")")
	return ""
}

// cell is one step of a recurrence: a sequence of one element.
func (b *builder) cell(c *Case) string {
	x, h, id := b.mustInput("x"), b.mustInput("h0"), b.f.ID
	b.body("layer %s = %s(%s%s, return_state = true)", id, strings.ToLower(strings.TrimSuffix(c.Op, "Cell")), number(c.num("hidden_size", 0)), c.pass("bias", "nonlinearity"))
	shape, _ := c.Array("in.x")
	state, _ := c.Array("in.h0")
	one := func(name string) string {
		return fmt.Sprintf("reshape(%s, [1, %d, %d])", name, state.Shape[0], state.Shape[1])
	}
	call := fmt.Sprintf("%s(reshape(%s, [%d, 1, %d]), h0 = %s", id, x, shape.Shape[0], shape.Shape[1], one(h))
	outs := []string{"hn", id + "_h[0]"}
	if c.Op == "LSTMCell" {
		b.train("%[1]s_seq, %[1]s_h, %[1]s_c = %[2]s, c0 = %[3]s)", id, call, one(b.mustInput("c0")))
		outs = append(outs, "cn", id+"_c[0]")
	} else {
		b.train("%[1]s_seq, %[1]s_h = %[2]s)", id, call)
	}
	for _, a := range c.Arrays {
		if p, ok := strings.CutPrefix(a.Name, "param."); ok {
			b.f.Set[id+"."+p+"_l0"], b.f.Grad[id+"."+p+"_l0"] = a.Name, "grad.param."+p
		}
	}
	b.finish([]string{id}, outs...)
	return ""
}
