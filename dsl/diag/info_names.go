package diag

// nameInfo are the codes of names, kinds and arguments.
var nameInfo = []CodeInfo{
	{UnknownName, Error, "unknown name",
		"Every name is declared before it is used. Values, arguments and dimension names of the unit are visible, and entries and train blocks see those of the model's body.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output y
}
`},
	{UnknownLayer, Error, "unknown layer or function",
		"No block, function or labelled layer of the file, its imports or the library has this name. `mlc doc` lists the library's words.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> dense(2)
}
`},
	{UnknownArgument, Error, "unknown argument",
		"The callee has no argument of this name. An unknown argument is never ignored.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear(2, biass = false)
}
`},
	{MissingArgument, Error, "an argument without a default is missing",
		"An argument that has no default must be given by the caller.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear
}
`},
	{TooManyArguments, Error, "too many arguments",
		"The call gives more positional values than the callee has inputs and arguments.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> relu(1, 2, 3)
}
`},
	{ArgumentKind, Error, "an argument of the wrong kind",
		"The callee needs another kind of value: a number, bool, string, list, dimension, tensor, layer, initializer or schedule.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear("8")
}
`},
	{ArgumentTwice, Error, "an argument is given twice",
		"One argument has two values: two by name, or one by position and one by name.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear(2, bias = true, bias = false)
}
`},
	{UnknownAnnotation, Error, "unknown annotation",
		"The annotations are @remat, @frozen, @dtype, @quantize, @init, @role and @name.",
		`edition 1
@fast
model M() {
    input x float32[batch, 4]
    output x
}
`},
	{BadAnnotation, Error, "an annotation that does not fit",
		"The annotation exists, but not on this declaration or statement, or not with these arguments.",
		`edition 1
model M() {
    input x float32[batch, 4]
    @dtype(3) param w [4] = ones
    output x * w
}
`},
	{UnknownDType, Error, "unknown dtype",
		"The dtypes are float64, float32, bfloat16, float16, int64, int32, int16, int8, uint8 and bool.",
		`edition 1
model M() {
    input x float[batch, 4]
    output x
}
`},
	{DuplicateName, Error, "a name is declared twice",
		"Two declarations, arguments, inputs, parameters, entries or train blocks of one scope have the same name.",
		`edition 1
model M(n = 4, n = 5) {
    input x float32[batch, n]
    output x
}
`},
	{DuplicateLabel, Error, "a label is used twice",
		"A label names parameters, so it can stand for one layer only. To share weights, declare the layer with `layer` and use its name twice.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> fc: linear(4)
    output y -> fc: linear(4)
}
`},
	{LabelNeeded, Error, "a second layer needs a label",
		"A single unlabelled layer takes its operator's name. A second one in the same unit needs a label, because a counter would rename weights when the model changes.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear(8) -> linear(2)
}
`},
	{TensorAsConstant, Error, "a tensor where a compile-time value is needed",
		"Compile-time values (numbers, strings, lists, dimensions) and tensors are two worlds. A size, a condition of `if` or a bound of `for` must be known when the model is compiled.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> linear(sum(x))
}
`},
	{Recursion, Error, "a unit uses itself",
		"Blocks and functions may not use themselves, directly or through others. The message shows the circle.",
		`edition 1
block B() {
    input x [batch, d]
    output x -> b: B
}
model M() {
    input x float32[batch, 4]
    output x -> b: B
}
`},
	{StatementPlace, Error, "a statement that may not stand here",
		"`loss`, `metric`, `optimizer` and `freeze` stand in train blocks; `param`, `buffer` and `layer` in models and blocks; `state` in entries, optimizers and metrics; `entry` and `train` in models.",
		`edition 1
model M() {
    input x float32[batch, 4]
    loss sum(x)
    output x
}
`},
	{YieldPlace, Error, "a yield outside of scan",
		"`yield` gives one element of a scan's result and stands in the body of a `scan` only.",
		`edition 1
model M() {
    input x float32[batch, 4]
    yield x
    output x
}
`},
	{UpdateTarget, Error, "an update of something that is not stored here",
		"`update` assigns to a stored tensor: state in entries, buffers and frozen tensors in train blocks, the parameter and state of an optimizer, the state of a metric.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x
    train {
        input t float32[batch, 4]
        y = x -> fc: linear(4)
        loss mse_loss(y, t)
        optimizer sgd(lr = 0.1)
        update y = t
    }
}
`},
	{ArityMismatch, Error, "the number of values differs",
		"The left side names another number of values than the right side gives.",
		`edition 1
model M() {
    input x float32[batch, 4]
    a, b = relu(x)
    output a, b
}
`},
	{MissingDefault, Error, "a model argument without a default",
		"Every argument of a model has a default, so that a model can be checked on its own.",
		`edition 1
model M(n) {
    input x float32[batch, n]
    output x
}
`},
	{BadOverride, Error, "--set does not fit the model",
		"`--set name=value` overrides a declared argument of the model with a value of the same kind.",
		""},
	{ShadowedBuiltin, Error, "a value hides a library word",
		"A block or function may take the name of a library word; a value may not, because a later call of the word would mean something else.",
		`edition 1
model M() {
    input x float32[batch, 4]
    relu = x + 1
    output relu
}
`},
	{OperandKind, Error, "an operator does not take this kind of value",
		"Arithmetic takes numbers, dimensions and tensors, `&&`, `||` and `!` take bools and bool tensors.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x + "1"
}
`},
	{TuplePlace, Error, "several values where one is needed",
		"A tuple may be the source of `->`, the right side of an assignment, and stand after `yield` and `output`.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output (x, x) + 1
}
`},
	{IndexRange, Error, "an index out of range",
		"The index of a list or of an indexed name is outside of what it holds.",
		`edition 1
model M() {
    input x float32[batch, 4]
    widths = [4, 8]
    output x -> linear(widths[2])
}
`},
	{UnknownModel, Error, "there is no such model",
		"The file has no model, entry or train block of the name that was asked for.",
		""},
	{MissingModel, Error, "the file has no model",
		"Only a model can be compiled. A file of blocks and functions is there to be imported.",
		""},
	{ConstantDivision, Error, "a division by zero",
		"The divisor of constants is zero.",
		`edition 1
model M(n = 0) {
    input x float32[batch, 4]
    output x -> linear(8 / n)
}
`},
	{ArgumentRange, Error, "an argument out of range",
		"The value has the right kind but is outside of what the callee takes, such as a kernel of 0 or a rate above 1.",
		`edition 1
model M() {
    input x float32[batch, 1, 8, 8]
    output x -> conv2d(4, kernel = 0)
}
`},
	{UnknownMember, Error, "there is no such part",
		"A layer's tensors and inner layers are reached by `.`; this one has no part of that name.",
		`edition 1
model M() {
    input x float32[batch, 4]
    layer fc = linear(4)
    output (x -> fc) * fc.wait
}
`},
	{LayerAsValue, Error, "a layer where a tensor is needed",
		"A layer is applied with `->`; it is not itself a tensor. Its tensors are reached by `.`, such as `fc.weight`.",
		`edition 1
model M() {
    input x float32[batch, 4]
    layer fc = linear(4)
    output x + fc
}
`},
}

// importInfo are the codes of imports.
var importInfo = []CodeInfo{
	{ImportMissing, Error, "an imported file cannot be read",
		"The path is relative to the importing file. The file must exist, be a regular file and lie within the module.",
		`edition 1
import "missing.ml"
model M() {
    input x float32[batch, 4]
    output x
}
`},
	{ImportCycle, Error, "files import each other in a circle",
		"The message shows the circle. Move what both files need to a third one.",
		`edition 1
import self "net.ml"
model M() {
    input x float32[batch, 4]
    output x
}
`},
	{ImportOutside, Error, "an import leaves the module",
		"Imports are relative paths of files below the module's root. Absolute paths, URLs and paths that climb out of the module are refused.",
		`edition 1
import "../../../../../../../../../../../../etc/other.ml"
model M() {
    input x float32[batch, 4]
    output x
}
`},
	{TooManyImports, Error, "too many imported files",
		"A model is built from at most 64 imported files, counted over all of them.",
		""},
	{ImportedDeclaration, Error, "the imported file has no such declaration",
		"The import exists, but declares no block, model or function of this name.",
		""},
}
