package diag

// shapeInfo are the codes of shapes, dtypes and sizes.
var shapeInfo = []CodeInfo{
	{ShapeMismatch, Error, "shapes do not fit",
		"Two tensors must agree in a dimension and do not. The message shows both shapes and where each comes from.",
		`edition 1
model M() {
    input x float32[batch, 4]
    input y float32[batch, 5]
    output concat(x, y, axis = 0)
}
`},
	{RankMismatch, Error, "a tensor has the wrong number of dimensions",
		"The callee needs a tensor of another rank. `flatten` and `rearrange` change the rank.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> conv2d(4, kernel = 3)
}
`},
	{BroadcastMismatch, Error, "shapes do not broadcast",
		"Operands of an elementwise operator are aligned from the right; two dimensions fit when they are equal or one of them is 1.",
		`edition 1
model M() {
    input x float32[batch, 4]
    input y float32[batch, 5]
    output x + y
}
`},
	{DTypeMismatch, Error, "dtypes differ",
		"There is no implicit conversion between tensors. Write `cast(x, float32)`.",
		`edition 1
model M() {
    input x float32[batch, 4]
    input n int32[batch, 4]
    output x + n
}
`},
	{NotWhole, Error, "a dimension is not whole",
		"A division in a shape must come out whole. `floor_divide` says that the remainder may be dropped.",
		`edition 1
model M(d = 500, heads = 12) {
    input x float32[batch, d]
    output x -> linear(d / heads)
}
`},
	{DimensionRange, Error, "a dimension is out of range",
		"A dimension is at least 0 and a tensor has at most as many bytes as one machine can address.",
		`edition 1
model M() {
    input x float32[batch, 4611686018427387904]
    output x
}
`},
	{IntegerOverflow, Error, "a number is too large",
		"Integer constants are exact up to 512 bits; a size must fit in 63 bits.",
		`edition 1
model M() {
    input x float32[batch, 99999999999999999999999]
    output x
}
`},
	{AxisRange, Error, "an axis out of range",
		"An axis is a number from 0 to rank - 1, or counted from the end from -1 to -rank.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output softmax(x, axis = 2)
}
`},
	{BadPattern, Error, "a pattern is not valid",
		"The pattern of `einsum` or `rearrange` is not well formed, or names an axis on one side only.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x -> rearrange("b d -> b c")
}
`},
	{UnboundDimension, Error, "a dimension name is used before it is bound",
		"A new name may stand alone in an input's shape, where it binds a dimension. Arithmetic may use only names that are already bound.",
		`edition 1
model M() {
    input x float32[batch, 2 * n]
    output x
}
`},
	{IntegerDivision, Error, "a division of integer tensors",
		"`/` on integers would have to round. Write `floor_divide(a, b)`, or cast to a float dtype first.",
		`edition 1
model M() {
    input n int32[batch]
    output n / 2
}
`},
	{SymbolicParameter, Error, "a parameter's size is not fixed",
		"The shape of a parameter may not depend on a dimension that is known only at run time, such as the batch size.",
		`edition 1
model M() {
    input x float32[batch, time]
    output x -> linear(2)
}
`},
	{InexactDimension, Error, "an inexact number in a shape",
		"`sqrt`, `exp`, `log` and the like give rounded numbers, which may not be a size.",
		`edition 1
model M(d = 16) {
    input x float32[batch, d]
    output x -> linear(sqrt(d))
}
`},
}

// graphInfo are the codes of training steps, selectors, loops and conditions.
var graphInfo = []CodeInfo{
	{LossNotScalar, Error, "a loss is not a scalar",
		"A loss has rank 0. `mean` or `sum` reduces it.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        loss y * y
        optimizer sgd(lr = 0.1)
    }
}
`},
	{MissingLoss, Error, "a train block has no loss",
		"Each train block has exactly one loss.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        optimizer sgd(lr = 0.1)
    }
}
`},
	{MissingOptimizer, Error, "a train block has no optimizer",
		"Each train block has an optimizer, or several over disjoint parameters.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        loss mean(y * y)
    }
}
`},
	{DuplicateLoss, Error, "a train block has two losses",
		"Each train block has exactly one loss. Add the terms up in it.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        loss mean(y * y)
        loss sum(y * y)
        optimizer sgd(lr = 0.1)
    }
}
`},
	{TwoOptimizers, Error, "two optimizers for one parameter",
		"Several optimizers of a train block must have disjoint parameters. `on` limits an optimizer to some layers.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1)
        optimizer adam(lr = 0.1)
    }
}
`},
	{SelectsNothing, Error, "a selector matches nothing",
		"A selector is a role (bias, norm, embedding), the name of a layer or parameter, or a glob in quotes whose `*` crosses dots. This one matches no parameter.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) {
            group "conv.*" { lr = 0.01 }
        }
    }
}
`},
	{GroupKeyTwice, Error, "two groups set one key for one parameter",
		"Groups merge. Where two groups match one parameter, they may not set the same key.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) {
            group bias { lr = 0.01 }
            group "linear.*" { lr = 0.02 }
        }
    }
}
`},
	{AmbiguousSelector, Error, "a selector is both a role and a name",
		"The word is a role and also the name of a layer or parameter. Write the name as a glob in quotes, or rename the layer.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> norm: linear(4)
    output y
    train {
        loss mean(y * y)
        optimizer sgd(lr = 0.1) {
            group norm { lr = 0.01 }
        }
    }
}
`},
	{AssertFailed, Error, "an assertion does not hold",
		"The condition of an `assert` is false for these arguments.",
		`edition 1
model M(d = 5) {
    input x float32[batch, d]
    assert d % 2 == 0, "d must be even"
    output x
}
`},
	{CarryChanges, Error, "a carry changes its type",
		"The value of a scan's carry at the end of the body must have the shape and dtype it had at the start.",
		`edition 1
model M() {
    input xs float32[batch, time, 4]
    ys, last = scan x in xs over time carry h = zeros([batch, 4]) {
        h = concat(h, x, axis = 1)
        yield x
    }
    output ys, last
}
`},
	{ScanAxis, Error, "a scan's axis is not clear",
		"`over` takes an axis number, or a dimension that exactly one axis of the scanned tensor has.",
		`edition 1
model M() {
    input xs float32[time, time, 4]
    ys, last = scan x in xs over time carry h = zeros([time, 4]) {
        h = h + x
        yield h
    }
    output ys, last
}
`},
	{MissingOutput, Error, "there is no output",
		"A block, an entry, a metric and a model without entries and train blocks need an `output`.",
		`edition 1
model M() {
    input x float32[batch, 4]
}
`},
	{StepCondition, Error, "an if on a value of the running step",
		"`if` is decided when the model is compiled, and `step` is known only while training. Use `where`, `min` or `max`.",
		`edition 1
model M() {
    input x float32[batch, 4]
    y = x -> linear(4)
    output y
    train {
        scale = 1.0
        if step > 100 {
            scale = 0.5
        }
        loss scale * mean(y * y)
        optimizer sgd(lr = 0.1)
    }
}
`},
	{NoGradient, Warning, "a parameter that no gradient reaches",
		"The loss depends on the parameter only through something that has no derivative, such as `argmax` or a comparison, so the optimizer leaves it as it is.",
		`edition 1
model M() {
    input x float32[batch, 4]
    h = x -> gate: linear(4)
    output y = where(h > 0, x, 0) -> fc: linear(1)
    train {
        input target float32[batch, 1]
        loss mse_loss(y, target)
        optimizer sgd(lr = 0.1)
    }
}
`},
	{NothingToTrain, Error, "there is nothing to train",
		"The loss of this train block depends on no parameter that its optimizer may change.",
		`edition 1
model M() {
    input x float32[batch, 4]
    output x
    train {
        loss mean(x * x)
        optimizer sgd(lr = 0.1)
    }
}
`},
}
