package diag

// lintInfo are the codes of lints and of numerics.
var lintInfo = []CodeInfo{
	{UnusedValue, Warning, "a value is never used",
		"The value is computed and read by nothing. A name that starts with `_` is left alone.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x + 1
    output x
}
`},
	{UnusedLayer, Warning, "a layer is never used",
		"The layer is declared but never applied, so it has no shape and no parameters.",
		`edition 1
model M() {
    input x float32[batch, 4]
    layer fc = linear(4)
    output x
}
`},
	{NearDimension, Warning, "a dimension name is one edit away from another",
		"A dimension name that is used once and looks like another one is usually a slip, and would be a new free dimension.",
		`edition 1
model M() {
    input x float32[batch, 4]
    input y float32[bacth, 4]
    output x, y
}
`},
	{UnusedArgument, Warning, "an argument is never used",
		"The unit takes an argument that nothing in it reads.",
		`edition 1
model M(n = 4) {
    input x float32[batch, 4]
    output x
}
`},
	{UnusedImport, Warning, "an import is never used",
		"Nothing of the imported file is used.",
		""},
	{DecayedBias, Info, "weight decay also acts on biases and norms",
		"Decay of biases and of normalisation weights is PyTorch's default and rarely wanted. `group bias, norm { weight_decay = 0 }` turns it off. `mlc lint` says so; other commands do not.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output y = x -> norm: layer_norm -> fc: linear(1)
    train {
        input target float32[batch, 1]
        loss mse_loss(y, target)
        optimizer adamw(lr = 1e-3, weight_decay = 0.1)
    }
}
`},
	{UnusedParameter, Warning, "a parameter is never read",
		"The parameter is stored and trained but no output and no loss depends on it.",
		""},
	{UnusedInput, Warning, "an input is never read",
		"The caller must give this input, but nothing depends on it.",
		`edition 1
model M() {
    input x float32[batch, 4]
    input y float32[batch, 4]
    output x
}
`},
	{SoftmaxTwice, Warning, "a softmax before cross_entropy",
		"`cross_entropy` takes logits and applies log-softmax itself. A softmax before it is applied twice: training still runs, but slowly and to a worse optimum.",
		`edition 1
model M() {
    input x float32[batch, 4]
    p = x -> linear(3) -> softmax(axis = -1)
    output p
    train {
        input t int32[batch]
        loss cross_entropy(p, t)
        optimizer sgd(lr = 0.1)
    }
}
`},
	{SigmoidTwice, Warning, "a sigmoid before a loss that takes logits",
		"`binary_cross_entropy_with_logits` applies the sigmoid itself. Give it the logits, or use `binary_cross_entropy`.",
		`edition 1
model M() {
    input x float32[batch, 4]
    p = x -> linear(1) -> sigmoid
    output p
    train {
        input t float32[batch, 1]
        loss binary_cross_entropy_with_logits(p, t)
        optimizer sgd(lr = 0.1)
    }
}
`},
	{LogOfSoftmax, Warning, "the logarithm of a softmax",
		"`log(softmax(x))` loses small probabilities to underflow. `log_softmax(x)` does not.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output log(softmax(x, axis = -1))
}
`},
	{NotFinite, Error, "a value is not finite",
		"A loss or tensor became NaN or infinite while training. The message names the first such tensor and its line.",
		""},
}

// generationInfo are the codes of generation and its budgets.
var generationInfo = []CodeInfo{
	{ExpansionTooLarge, Error, "the model expands to too many operations",
		"A model expands to at most 1,000,000 operations. Loops of `for` run when the model is compiled.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x
    for i in range(10000000) {
        y = y + i
    }
    output y
}
`},
	{MemoryTooLarge, Error, "the model needs too much memory",
		"The parameters and buffers of a model take at most 64 GiB in all. A size is wrong, or the model is none for one machine.",
		`edition 1
model M() {
    input x float32[batch, 1000000]
    output y = x -> fc: linear(1000000)
}
`},
	{GoNameCollision, Error, "two names become one in Go",
		"Two names of the model give the same Go identifier. Rename one of them.",
		""},
	{StaleCode, Error, "generated code is stale",
		"The files on disk are not what the model would give. Run `mlc build`.",
		""},
	{ForeignFile, Error, "a file that mlc did not write is in the way",
		"mlc overwrites only files that carry its header.",
		""},
}

// dataInfo are the codes of data sets, weights files and checkpoints, and of
// bugs.
var dataInfo = []CodeInfo{
	{DataNeeded, Error, "data is needed",
		"The model was given no data. The message says what its train block needs.",
		""},
	{DataMismatch, Error, "the data does not fit the model",
		"A column, image size, number of classes or dtype of the data differs from the inputs of the train block.",
		""},
	{DataDamaged, Error, "a data file is damaged",
		"The file is truncated, fails its checksum or breaks its format. The message gives the place.",
		""},
	{LabelRange, Error, "a label out of range",
		"A class label is negative or not below the number of classes.",
		""},
	{WeightsDamaged, Error, "a weights file is damaged",
		"The safetensors file is truncated, its header breaks the format, or its checksum does not match.",
		""},
	{WeightsMismatch, Error, "a weights file does not fit the model",
		"A tensor is missing, is not known to the model, or has another shape or dtype. The message names the first one.",
		""},
	{BadCheckpoint, Error, "a checkpoint cannot be used",
		"The checkpoint is damaged, was written by another format version, or belongs to another model.",
		""},
	{CannotRead, Error, "a file cannot be read",
		"The file does not exist, is not a regular file, or may not be read.",
		""},
	{Internal, Error, "a bug in mlc",
		"The compiler broke one of its own rules. Please report the message together with the model and the output of `mlc version`.",
		""},
}
