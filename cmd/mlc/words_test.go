package main

import (
	"slices"
	"strings"
	"testing"
)

// edition1 is the vocabulary that edition 1 promises.
const edition1 = `
linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d embedding layer_norm rms_norm batch_norm group_norm instance_norm rnn lstm gru
multi_head_attention transformer_encoder_layer transformer_decoder_layer dropout dropout2d drop_path positional_encoding
relu relu6 leaky_relu prelu elu selu celu gelu silu mish tanh sigmoid softplus softsign hard_sigmoid hard_swish hard_tanh tanhshrink threshold glu softmax log_softmax log_sigmoid
flatten reshape rearrange transpose concat stack split unstack expand pad gather scatter_add roll flip index_select arange zeros ones full zeros_like ones_like one_hot tril
exp log log1p expm1 sqrt rsqrt sin cos tan erf abs sign floor ceil round min max pow clamp lerp where matmul einsum sum mean variance std prod
logsumexp norm l2_normalize argmax argmin topk sort cumsum floor_divide stop_gradient
max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d lp_pool2d global_avg_pool2d global_max_pool2d masked_mean interpolate pixel_shuffle
scaled_dot_product_attention rope alibi rand rand_like randn randn_like bernoulli
cross_entropy nll_loss binary_cross_entropy binary_cross_entropy_with_logits mse_loss l1_loss smooth_l1_loss huber_loss kl_div hinge_loss
cosine_embedding_loss triplet_margin_loss margin_ranking_loss poisson_nll_loss gaussian_nll_loss hinge_embedding_loss soft_margin_loss focal_loss dice_loss ctc_loss info_nce
accuracy precision recall f1 auc mean_absolute_error r2 mean_iou perplexity char_error_rate confusion
sgd adam adamw adamax nadam radam rmsprop adagrad adadelta lion lamb lars adafactor muon
step_decay multi_step exponential cosine cosine_restarts cyclic linear_decay polynomial one_cycle warmup noam
constant normal trunc_normal uniform xavier_uniform xavier_normal kaiming_uniform kaiming_normal lecun_normal orthogonal
range select rank shape dtype fan_in fan_out cast`

// TestVocabulary requires every word of edition 1, each of which `mlc doc` explains.
func TestVocabulary(t *testing.T) {
	have := vocabulary()
	for _, w := range strings.Fields(edition1) {
		if !slices.Contains(have, w) {
			t.Errorf("there is no word %s", w)
		}
	}
	var out strings.Builder
	a := &app{stdout: &out}
	for _, w := range have {
		out.Reset()
		c := newDoc(a)
		c.SetArgs([]string{w})
		if err := c.Execute(); err != nil || !strings.Contains(out.String(), w) || len(out.String()) < len(w)+20 {
			t.Errorf("mlc doc %s: %v\n%s", w, err, out.String())
		}
	}
}
