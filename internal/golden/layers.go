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
		return call(poolWord("avg_pool", c.Op), c.pass("kernel_size=kernel", "stride", "padding", "ceil_mode", "count_include_pad"))
	case "AdaptiveAvgPool2d":
		return call("adaptive_avg_pool2d", c.pass("output_size=size"))
	case "AdaptiveMaxPool2d":
		return call("adaptive_max_pool2d", c.pass("output_size=size"))
	case "LPPool2d":
		return call("lp_pool2d", c.pass("norm_type=p", "kernel_size=kernel", "stride", "ceil_mode"))
	case "Upsample":
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

func poolWord(stem, op string) string { return stem + op[len(op)-2:] }

func (b *builder) layer(c *Case) string {
	switch c.Op {
	case "RNN", "LSTM", "GRU":
		return b.recurrent(c)
	case "MultiheadAttention":
		return b.attention(c)
	case "ScaledDotProductAttention":
		q, k, v := b.mustInput("q"), b.mustInput("k"), b.mustInput("v")
		b.finish(nil, "y", fmt.Sprintf("scaled_dot_product_attention(%s, %s, %s, is_causal = %v)", q, k, v, c.flag("causal", false)))
		return ""
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
		return fmt.Sprintf("%s(%s%s)", word, n("out_channels"), c.pass("kernel", "stride", "padding", "dilation", "groups", "bias", "padding_mode")), ""
	case "ConvTranspose1d", "ConvTranspose2d":
		word := "conv_transpose" + c.Op[13:]
		return fmt.Sprintf("%s(%s%s)", word, n("out_channels"), c.pass("kernel", "stride", "padding", "output_padding", "dilation", "groups", "bias")), ""
	case "BatchNorm1d", "BatchNorm2d":
		return fmt.Sprintf("batch_norm(momentum = %s, eps = %s)", n("momentum"), n("eps")), ""
	case "LayerNorm":
		shape := 1
		if l, ok := c.Args["normalized_shape"].([]any); ok {
			shape = len(l)
		}
		if shape != 1 {
			return fmt.Sprintf("layer_norm(axes = %d%s)", shape, c.pass("eps")), ""
		}
		return fmt.Sprintf("layer_norm(%s)", strings.TrimPrefix(c.pass("eps"), ", ")), ""
	case "GroupNorm":
		return fmt.Sprintf("group_norm(%s%s)", n("num_groups"), c.pass("eps")), ""
	case "InstanceNorm1d", "InstanceNorm2d":
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
	b.body("layer %s = multi_head_attention(%s, return_weights = true, average_attn_weights = false)", b.f.ID, number(c.num("num_heads", 1)))
	call := b.f.ID + "(" + q
	if !c.flag("self_attention", true) {
		call += ", key = " + b.mustInput("k") + ", value = " + b.mustInput("v")
	}
	if m, ok := b.input("key_padding_mask"); ok {
		call += ", key_padding_mask = " + m
	}
	if c.flag("causal", false) {
		b.f.Body[len(b.f.Body)-1] = fmt.Sprintf("layer %s = multi_head_attention(%s, is_causal = true, return_weights = true, average_attn_weights = false)", b.f.ID, number(c.num("num_heads", 1)))
	}
	y, w := b.f.ID+"_y", b.f.ID+"_w"
	b.train("%s, %s = %s)", y, w, call)
	b.layerParams(b.f.ID)
	b.finish([]string{b.f.ID}, "y", y, "attn", w)
	return ""
}
