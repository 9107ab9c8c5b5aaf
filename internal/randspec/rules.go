package randspec

import "slices"

// rule is a statement with holes (see fill), for values of min to max axes. Most give
// one expression; those with several lines, or with a tuple on the left, are whole
// statements. Words without a bound on their result are bounded here.
type rule struct {
	text     string
	min, max int
}

var rules = slices.Concat(elementwise, reducing, shaping, layers, attention, losses)

var elementwise = []rule{
	{"relu($x)", 0, 5}, {"relu6(3 * $x)", 0, 5}, {"leaky_relu($x, 0.2)", 0, 5}, {"elu($x)", 0, 5}, {"selu($x)", 0, 5}, {"celu($x, 0.7)", 0, 5}, {"gelu($x)", 0, 5},
	{"gelu($x, approximate = \"tanh\")", 0, 5}, {"silu($x)", 0, 5}, {"mish($x)", 0, 5}, {"tanh($x)", 0, 5}, {"sigmoid($x)", 0, 5}, {"softplus($x)", 0, 5},
	{"softsign($x)", 0, 5}, {"hard_sigmoid($x)", 0, 5}, {"hard_swish($x)", 0, 5}, {"hard_tanh($x)", 0, 5}, {"tanhshrink($x)", 0, 5}, {"log_sigmoid($x)", 0, 5},
	{"threshold($x, 0.1, -0.5)", 0, 5}, {"sin($x)", 0, 5}, {"cos($x)", 0, 5}, {"tan(0.5 * tanh($x))", 0, 5}, {"abs($x)", 0, 5}, {"-$x", 0, 5}, {"exp(tanh($x))", 0, 5},
	{"log($x * $x + 0.5)", 0, 5}, {"log1p($x * $x)", 0, 5}, {"expm1(tanh($x))", 0, 5}, {"sqrt($x * $x + 0.5)", 0, 5}, {"rsqrt($x * $x + 0.5)", 0, 5}, {"erf($x)", 0, 5},
	{"clamp($x, -0.6, 0.7)", 0, 5}, {"pow(abs($x) + 0.5, 1.5)", 0, 5}, {"pow(tanh($x), 3)", 0, 5}, {"sign($x) * tanh($x)", 0, 5}, {"1 / ($x * $x + 1)", 0, 5},
	{"stop_gradient($x) * sin($x)", 0, 5}, {"cast(cast(4 * tanh($x) + 0.037, int32), float32) * 0.1 + $x", 0, 5},
	{"$x + $y", 0, 5}, {"$x - 0.5 * $y", 0, 5}, {"tanh($x) * $y", 0, 5}, {"$x / (abs($y) + 1)", 0, 5}, {"max($x, $y)", 0, 5}, {"min($x, -$y)", 0, 5},
	{"where($x > $y, sin($x), $y)", 0, 5}, {"lerp($x, $y, 0.3)", 0, 5}, {"pow(abs($x) + 0.5, tanh($y))", 0, 5}, {"where($x > 0.1 && $y < 0.3, $x, 0.5)", 0, 5},
	{"hardshrink($x, 0.3)", 0, 5}, {"softshrink($x, 0.3)", 0, 5}, {"softplus($x, beta = 2)", 0, 5},
	{"zeros_like($x) - $x", 0, 5}, {"$x * ones_like($y)", 0, 5}, {"if training {\n    $v = $x + 0.1 * randn_like($x)\n} else {\n    $v = $x\n}", 0, 5},
	{"if training {\n    $v = $x * rand_like($x)\n} else {\n    $v = 0.5 * $x\n}", 0, 5}, {"if training {\n    $v = $x * cast(bernoulli(0.6 * ones_like($x)), float32)\n} else {\n    $v = $x\n}", 0, 5},
	// The evaluator does not round to halves.
	{"2 + tanh($x) + 0.04 * cast(cast(tanh($y), bfloat16), float32)", 0, 5}, {"2 + tanh($y) + 0.3 * cast(cast(tanh($x), float16), float32)", 0, 5},
	{"x + $x", 0, 5}, {"$x * seq", 0, 5}, {"tanh($x + image)", 0, 5},
}

var reducing = []rule{
	{"0.3 * sum($x, axis = $a)", 1, 5}, {"mean($x, axis = $a, keepdims = true)", 1, 5}, {"mean($x, axis = [$a, $b])", 2, 5}, {"max($x, axis = $a)", 1, 5},
	{"min($x, axis = $a, keepdims = true)", 1, 5}, {"prod(tanh($x) + 0.5, axis = $a)", 1, 5}, {"logsumexp($x, axis = $a)", 1, 5}, {"variance($x, axis = $a)", 1, 5},
	{"sqrt(variance($x, axis = $a, keepdims = true) + 0.1)", 1, 5}, {"std($x + 0.1 * cast(arange($n), float32), axis = -1, correction = 1)", 1, 5}, {"norm($x + 0.1, axis = $a)", 1, 5}, {"norm(abs($x) + 0.2, p = 3, axis = $a)", 1, 5},
	{"0.1 * sum($x)", 0, 5}, {"mean($x)", 1, 5}, {"softmax($x, axis = $a)", 1, 5}, {"0.3 * log_softmax($x, axis = $a)", 1, 5}, {"softmin($x)", 1, 5},
	{"l2_normalize($x + 0.2, axis = $a)", 1, 5}, {"0.3 * cumsum($x, axis = $a)", 1, 5}, {"0.3 * cumsum($x, axis = $a, reverse = true)", 1, 5},
	{"gather($x, argmax($x, axis = $a), axis = $a)", 1, 4}, {"$v, where_$v = sort($x, axis = $a)", 1, 4}, {"$v, where_$v = topk($x, 2, axis = $a)", 1, 4},
	{"($x, arange(shape($x)[0]) % 3 + 1) -> masked_mean(axis = 1)", 3, 3},
}

var shaping = []rule{
	{"transpose($x)", 2, 4}, {"flatten($x)", 2, 5}, {"reshape($x, shape($x)[0:1] + [-1])", 2, 5}, {"reshape($x, shape($x)[0:1] + [2, -1])", 2, 3},
	{"reshape($x, shape($x)[0:1] + [1] + shape($x)[1:])", 2, 4}, {"rearrange($x, \"a b c -> a c b\")", 3, 3}, {"rearrange($x, \"a (b c) -> a b c\", b = 2)", 2, 2},
	{"rearrange($x, \"a b (c d) -> a c b d\", c = 2)", 3, 3}, {"rearrange($x, \"a b c d -> a (b c) d\")", 4, 4}, {"rearrange($x, \"a b c d -> a (c d) b\")", 4, 4},
	{"stack($x, cos($x), axis = $a)", 1, 4}, {"concat($x, sin($x), axis = $a)", 1, 5}, {"concat($x, $y, axis = $a)", 1, 5}, {"flip($x, axis = $a)", 1, 5}, {"roll($x, 1, axis = $a)", 1, 5},
	{"$x[:, 1:]", 2, 5}, {"$x[..., ::2]", 2, 5}, {"$x[:, -1]", 2, 5}, {"$x[..., 0:2]", 2, 5}, {"$x[:, 0] - $x[:, -1]", 2, 5}, {"pad($x, [1, 2])", 1, 5}, {"pad($x, [2, 1], mode = \"circular\")", 2, 4},
	{"pad($x, [1, 1], mode = \"reflect\")", 2, 4}, {"pad($x, [1, 2], mode = \"replicate\")", 2, 4}, {"pad($x, [-1, 1])", 2, 4}, {"tril($x)", 2, 4}, {"triu($x)", 2, 4},
	{"index_select($x, arange(2), axis = $a)", 2, 5}, {"index_select($x, (arange($n) * 5 + 1) % $n, axis = -1)", 2, 4}, {"expand(reshape($x, shape($x) + [1]), shape($x) + [2])", 1, 3},
	{"0.3 * scatter_add(0 * $x, expand((arange($n) * 3) % $n, shape($x)), $x, axis = -1)", 1, 4}, {"glu($x)", 1, 5}, {"one_hot(argmax($x, axis = -1), $n) * $x", 1, 4},
	{"0.4 * matmul($x, transpose($y))", 2, 2}, {"0.3 * einsum(\"...ij,...kj->...ik\", $x, $x)", 2, 4}, {"0.3 * einsum(\"abc,abd->acd\", $x, $y)", 3, 3}, {"0.3 * einsum(\"...c,...c->...\", $x, $y)", 1, 4},
	{"0.3 * einsum(\"ab,cb->ac\", $x, $y)", 2, 2}, {"0.3 * einsum(\"abcd,abce->abde\", $x, $y)", 4, 4},
	{"part_$v, $v = split($x, 2, axis = -1)\n$v = $v * tanh(part_$v)", 1, 4},
}

var layers = []rule{
	{"$x -> $l: linear($k)", 1, 4}, {"$x -> $l: linear($k, bias = false)", 2, 4}, {"$x -> $l: linear($w)", 2, 4}, {"$x -> $l: linear($w) -> gelu -> $l.down: linear($k)", 2, 4},
	{"@frozen layer $l = linear($k)\n$v = $x -> $l", 2, 4}, {"@frozen @dtype(bfloat16) param $l [$n] = ones\n$v = $x * cast($l, float32)", 1, 4}, {"$x -> $l: linear($k) -> relu", 2, 4}, {"$x + ($x -> $l: linear($n))", 2, 4},
	{"$x -> $l: layer_norm(eps = 0.01)", 2, 5}, {"$x -> $l: rms_norm(eps = 0.01)", 2, 5}, {"$x -> $l: batch_norm(eps = 0.01)", 2, 5}, {"$x -> $l: group_norm(2, eps = 0.01)", 2, 5},
	{"$x -> $l: instance_norm(affine = true, eps = 0.01)", 3, 5}, {"$x -> $l: prelu", 2, 4}, {"$x -> $l: dropout(0.3)", 1, 5}, {"$x -> $l: dropout2d(0.3)", 4, 4}, {"$x -> $l: drop_path(0.3)", 2, 4},
	{"$x -> $l: conv1d($k, kernel = 3, padding = 1)", 3, 3}, {"$x -> $l: conv1d($k, kernel = 2, stride = 2)", 3, 3}, {"$x -> $l: conv1d(4, kernel = 3, groups = 2, padding = 2, dilation = 2)", 3, 3},
	{"$x -> $l: conv_transpose1d($k, kernel = 3, stride = 2, padding = 1)", 3, 3}, {"$x -> $l: conv2d($k, kernel = 3, padding = 1) -> relu", 4, 4}, {"$x -> $l: conv2d($k, kernel = [1, 3], stride = [1, 2], bias = false)", 4, 4},
	{"$x -> $l: conv2d(4, kernel = 3, padding = \"same\", groups = 2)", 4, 4}, {"$x -> $l: conv2d($k, kernel = 1)", 4, 4}, {"$x -> $l: conv_transpose2d($k, kernel = 2, stride = 2)", 4, 4},
	{"$x -> $l: conv2d($w, kernel = 3, padding = 1, padding_mode = \"reflect\")", 4, 4}, {"$x -> $l: conv2d($k, kernel = [2, 3], dilation = [1, 2], stride = 2)", 4, 4},
	{"$x -> $l: conv2d(2 * shape($x)[1], kernel = 3, padding = 1, groups = shape($x)[1])", 4, 4}, {"$x -> $l: conv_transpose2d(4, kernel = 3, stride = 2, padding = 1, output_padding = 1, groups = 2)", 4, 4},
	{"$x -> $l: conv_transpose1d($k, kernel = 2, dilation = 2)", 3, 3}, {"$x -> $l: conv1d($w, kernel = 3, stride = 2, padding = 1, padding_mode = \"circular\")", 3, 3},
	{"max_pool2d($x, [1, 2], dilation = [1, 2])", 4, 4}, {"avg_pool2d($x, 3, stride = 2, padding = 1, ceil_mode = true, count_include_pad = false)", 4, 4}, {"max_pool1d($x, 3, stride = 2, ceil_mode = true)", 3, 3},
	{"global_max_pool2d($x)", 4, 4}, {"interpolate($x, scale_factor = 2, mode = \"bilinear\", align_corners = true)", 4, 4},
	{"$x -> $l: conv3d(2, kernel = [1, 2, 2])", 5, 5}, {"max_pool1d($x, 2)", 3, 3}, {"avg_pool1d($x, 3, stride = 1, padding = 1)", 3, 3}, {"max_pool2d($x, 2)", 4, 4}, {"max_pool2d($x, 3, stride = 2, padding = 1)", 4, 4},
	{"avg_pool2d($x, 2, stride = 1)", 4, 4}, {"adaptive_avg_pool2d($x, [2, 1])", 4, 4}, {"adaptive_max_pool2d($x, [2, 3])", 4, 4}, {"global_avg_pool2d($x)", 4, 4}, {"lp_pool2d(abs($x) + 0.1, 2, 2)", 4, 4},
	{"interpolate($x, scale_factor = 2)", 3, 4}, {"interpolate($x, size = [3, 4], mode = \"bilinear\")", 4, 4}, {"pixel_shuffle($x, 2)", 4, 4},
	{"$x -> $l: rnn($k)", 3, 3}, {"$x -> $l: gru($k, bidirectional = true)", 3, 3}, {"$x -> $l: lstm($k)", 3, 3}, {"$x -> $l: lstm($k, layers = 2)", 3, 3}, {"$x -> $l: lstm($w, bidirectional = true, proj_size = 2)", 3, 3}, {"$x -> $l: rnn($w, nonlinearity = \"relu\")", 3, 3}, {"$x -> $l: gru($w)", 3, 3},
	{"$v, last_$v = $x -> $l: gru($k, return_state = true)", 3, 3},
	{"($x, arange(shape($x)[0]) % 3 + 1) -> $l: gru($k)", 3, 3},
	{"@remat\n$v = gelu($x) * tanh($x)", 1, 5}, {"@remat\n$v = $x -> $l: linear($k) -> silu", 2, 4},
	{"0.3 * (arange($n) % 3 -> $l: embedding(3, 2))[:, 0] + $x", 1, 4}, {"if training {\n    $v = 2 * $x\n} else {\n    $v = $x\n}", 1, 5},
	{"$v = $x\nfor i in range(3) {\n    $v = $v + 0.3 * ($v -> $l[i]: linear($n) -> tanh)\n}", 2, 3},
	{"$v = $x\nfor i in range(2) {\n    $v = $v -> $l[i].norm: layer_norm(eps = 0.01) -> $l[i].fc: linear($n) -> gelu\n}", 2, 3},
	{"$v, last_$v = scan e in $x over 1 carry h = zeros(shape($x)[0:1] + shape($x)[2:]) {\n    h = 0.5 * h + tanh(e)\n    yield h * e\n}", 2, 4},
}

var attention = []rule{
	{"$x -> $l: multi_head_attention(2)", 3, 3}, {"$x -> $l: multi_head_attention(2, is_causal = true)", 3, 3}, {"scaled_dot_product_attention($x, $x, $x, is_causal = true)", 3, 4},
	{"scaled_dot_product_attention($x, $x, $y)", 3, 4}, {"rope($x)", 3, 4}, {"positional_encoding($x)", 3, 3}, {"$x -> $l: transformer_encoder_layer(2, 5, dropout = 0.0)", 3, 3},
	{"scaled_dot_product_attention(concat($x, sin($x), axis = 1), $x, tanh($x), is_causal = true, enable_gqa = true)", 4, 4},
	{"scaled_dot_product_attention($x, $x, $x, attn_mask = alibi(1, shape($x)[-2]), is_causal = true, scale = 0.5)", 3, 3},
	{"scaled_dot_product_attention($x, $x, $x, attn_mask = tril(ones([shape($x)[-2], shape($x)[-2]])) > 0, dropout = 0.2)", 3, 4},
	{"$v, weights_$v = $x -> $l: multi_head_attention(1, is_causal = true, return_weights = true, bias = false)", 3, 3},
	{"$x -> $l: transformer_encoder_layer(2, $w, dropout = 0.1, activation = \"gelu\", norm_first = true, is_causal = true)", 3, 3},
	{"($x, $y) -> $l: transformer_decoder_layer(2, 5, dropout = 0.0)", 3, 3}, {"@remat\n$v = $x -> $l: multi_head_attention(2, is_causal = true)", 3, 3},
}

var losses = []rule{
	{"cross_entropy($x, argmax($y, axis = -1) % $n)", 2, 4}, {"cross_entropy($x, argmax($y, axis = -1) % $n, ignore_index = 1, label_smoothing = 0.1, reduction = \"sum\") * 0.1", 2, 4},
	{"cross_entropy($x, softmax($y))", 2, 4}, {"cross_entropy($x, argmax($y, axis = -1) % $n, weight = 0.5 + 0.1 * cast(arange($n), float32), reduction = \"none\")", 2, 4},
	{"nll_loss(log_softmax($x), argmax($y, axis = -1) % $n)", 2, 4}, {"binary_cross_entropy(0.1 + 0.8 * sigmoid($x), sigmoid($y))", 1, 4},
	{"binary_cross_entropy_with_logits($x, sigmoid($y), pos_weight = 2.0, reduction = \"none\")", 1, 4}, {"mse_loss($x, $y, reduction = \"none\")", 1, 4}, {"l1_loss($x, $y)", 1, 4},
	{"huber_loss($x, $y, delta = 0.5)", 1, 4}, {"smooth_l1_loss($x, $y, beta = 0.3)", 1, 4}, {"focal_loss($x, sigmoid($y))", 1, 4}, {"gaussian_nll_loss($x, $y, 0.5 + sigmoid($x), full = true)", 1, 4},
	{"poisson_nll_loss(tanh($x), $y * $y)", 1, 4}, {"kl_div(log_softmax($x), softmax($y), reduction = \"batchmean\")", 2, 4}, {"kl_div(log_softmax($x), log_softmax($y), log_target = true)", 2, 4},
	{"cosine_embedding_loss($x + 0.1, $y + 0.1, sign($x[:, 0] + 0.05))", 2, 2}, {"hinge_embedding_loss($x, sign($y + 0.05))", 1, 4}, {"hinge_loss($x, sign($y + 0.05))", 1, 4},
	{"margin_ranking_loss($x, $y, sign($x + 0.05), margin = 0.1)", 1, 4}, {"soft_margin_loss($x, sign($y + 0.05))", 1, 4}, {"triplet_margin_loss($x, $y, sin($x + 1), swap = true)", 1, 4},
	{"info_nce($x + 0.1, $y + 0.1, temperature = 0.5)", 2, 2}, {"dice_loss($x, argmax($y, axis = -1) % $n)", 2, 4}, {"accuracy($x, argmax($y, axis = -1) % $n, top = 2) * $x", 2, 4},
	{"ctc_loss(log_softmax($x), expand(reshape(arange(2) % ($n - 1) + 1, [1, 2]), shape($x)[0:1] + [2]), arange(shape($x)[0]) % 2 + 3, arange(shape($x)[0]) % 2 + 1, zero_infinity = true) * 0.1", 3, 3},
}
