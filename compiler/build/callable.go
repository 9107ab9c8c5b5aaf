package build

import (
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// callable is something that can be applied: a unit or func of a file, or an
// intrinsic of the compiler.
type callable struct {
	name string
	src  *source
	decl *dsl.Decl  // nil for an intrinsic
	intr *intrinsic // nil for a declaration

	inputs []*dsl.Input // of a unit, in order
}

func (c *callable) kind() string {
	if c.decl == nil || c.decl.Func != nil {
		return "a function"
	}
	return map[string]string{"model": "a model", "block": "a block", "optimizer": "an optimizer", "metric": "a metric"}[c.decl.Kind]
}

// isUnit reports whether c has a body of statements.
func (c *callable) isUnit() bool { return c.decl != nil && c.decl.Unit != nil }

// isLayer reports whether applying c makes an instance.
func (c *callable) isLayer() bool {
	return c.isUnit() && (c.decl.Kind == "block" || c.decl.Kind == "model")
}

// formals are the arguments of a unit or func.
func (c *callable) formals() []*dsl.Formal {
	switch {
	case c.decl == nil:
		return nil
	case c.decl.Func != nil:
		return c.decl.Func.Formals
	}
	return c.decl.Unit.Formals
}

// isInitializer reports whether c is a function of a shape.
func (c *callable) isInitializer() bool {
	if c.intr != nil {
		return len(c.intr.formals) > 0 && c.intr.formals[0].name == "shape"
	}
	f := c.formals()
	return c.decl.Func != nil && len(f) > 0 && f[0].Name.Name == "shape"
}

func (c *callable) inPrelude() bool { return c.src == nil || c.src.prelude }

// declared is the place of the declaration, zero for an intrinsic.
func (c *callable) declared() diag.Span {
	if c.decl == nil {
		return diag.Span{}
	}
	return c.decl.Name().Span()
}

func newCallable(s *source, d *dsl.Decl) *callable {
	c := &callable{name: d.Name().Name, src: s, decl: d}
	if d.Unit != nil {
		c.inputs = inputsOf(d.Unit.Body, nil)
	}
	return c
}

// inputsOf collects the input statements of a body, also those in for and if.
func inputsOf(body []*dsl.Stmt, in []*dsl.Input) []*dsl.Input {
	for _, s := range body {
		switch {
		case s.Input != nil:
			in = append(in, s.Input)
		case s.For != nil:
			in = inputsOf(s.For.Body.Stmts, in)
		case s.If != nil:
			in = inputsOf(s.If.Then.Stmts, in)
		}
	}
	return in
}

// find looks a callable up by name: the file's declarations, then the library.
func (e *evaluator) find(src *source, name string) *callable {
	if c, ok := src.decls[name]; ok {
		return c
	}
	if i, ok := intrinsicTable()[name]; ok {
		return i.callable
	}
	return e.word(name)
}

// callableNames lists what find can find, for suggestions.
func (e *evaluator) callableNames(src *source) []string {
	return append(sortedKeys(src.decls), Words()...)
}

// foreignNames maps words of other systems to the library's.
var foreignNames = map[string]string{
	"dense": "linear", "Dense": "linear", "gemm": "linear", "Gemm": "linear", "fully_connected": "linear", "fc": "linear", "Linear": "linear",
	"MatMul": "matmul", "mm": "matmul", "bmm": "matmul", "dot": "matmul",
	"conv": "conv2d", "Conv": "conv2d", "Convolution": "conv2d", "Conv2DTranspose": "conv_transpose2d", "ConvTranspose": "conv_transpose2d",
	"deconv": "conv_transpose2d", "Conv2D": "conv2d", "Conv2d": "conv2d", "Conv1D": "conv1d", "Conv3D": "conv3d",
	"cat": "concat", "concatenate": "concat", "Concat": "concat", "permute": "transpose", "Transpose": "transpose",
	"batchnorm": "batch_norm", "BatchNormalization": "batch_norm", "BatchNorm2d": "batch_norm", "batch_norm2d": "batch_norm",
	"batch_normalization": "batch_norm", "layernorm": "layer_norm", "LayerNorm": "layer_norm", "LayerNormalization": "layer_norm",
	"rmsnorm": "rms_norm", "groupnorm": "group_norm", "Dropout": "dropout", "Embedding": "embedding", "Flatten": "flatten",
	"ReLU": "relu", "Relu": "relu", "LeakyRelu": "leaky_relu", "LeakyReLU": "leaky_relu", "GELU": "gelu", "swish": "silu", "SiLU": "silu",
	"maxpool": "max_pool2d", "MaxPool": "max_pool2d", "MaxPooling2D": "max_pool2d", "maxpool2d": "max_pool2d", "max_pool": "max_pool2d",
	"avgpool": "avg_pool2d", "AveragePool": "avg_pool2d", "AveragePooling2D": "avg_pool2d", "avg_pool": "avg_pool2d",
	"GlobalAveragePooling2D": "global_avg_pool2d", "GlobalAveragePool": "global_avg_pool2d", "LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn",
	"attention": "scaled_dot_product_attention", "MultiHeadAttention": "multi_head_attention", "multihead_attention": "multi_head_attention",
	"categorical_crossentropy": "cross_entropy", "sparse_categorical_crossentropy": "cross_entropy", "CrossEntropyLoss": "cross_entropy",
	"binary_crossentropy": "binary_cross_entropy", "bce": "binary_cross_entropy", "bce_with_logits": "binary_cross_entropy_with_logits",
	"mse": "mse_loss", "mean_squared_error": "mse_loss", "MSELoss": "mse_loss", "mae": "l1_loss", "l1": "l1_loss", "nll": "nll_loss",
	"Adam": "adam", "SGD": "sgd", "AdamW": "adamw", "maximum": "max", "minimum": "min", "amax": "max", "amin": "min", "clip": "clamp",
	"unsqueeze": "reshape", "squeeze": "reshape", "view": "reshape", "Reshape": "reshape", "permute_dims": "transpose",
	"reduce_sum": "sum", "reduce_mean": "mean", "ReduceMean": "mean", "ReduceSum": "sum", "var": "variance", "power": "pow", "Gather": "gather",
	"broadcast_to": "expand", "identity": "linear", "detach": "stop_gradient", "no_grad": "stop_gradient", "Softmax": "softmax", "one_hot_encoding": "one_hot",
	"upsample": "interpolate", "Upsample": "interpolate", "glorot_uniform": "xavier_uniform", "glorot_normal": "xavier_normal",
	"he_normal": "kaiming_normal", "he_uniform": "kaiming_uniform", "truncated_normal": "trunc_normal", "square": "pow",
}
