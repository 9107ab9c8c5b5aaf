package golden

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// opText gives the expression of an op case; X, Y, I and S stand for its inputs.
// Where the case computes more than its name says (a divisor is kept from zero),
// the expression is the one that its arrays hold.
var opText = map[string]string{
	"add": "X + Y", "sub": "X - Y", "mul": "X * Y", "div": "X / (Y * Y + 1)", "pow": "pow(X, Y)", "where": "where(X > Y, 2 * X, 3 * Y)",
	"maximum": "max(X, Y)", "minimum": "min(X, Y)", "neg": "-X", "square": "X * X", "reciprocal": "1 / X", "clamp": "clamp(X, -0.5, 0.7)",
	"clamp_min": "clamp(X, min = 0.1)", "clamp_max": "clamp(X, max = 0.1)", "lerp": "lerp(X, Y, 0.3)", "addcmul": "X + 0.5 * Y * S",
	"exp2": "exp(0.6931471805599453 * X)", "log2": "log(X) / 0.6931471805599453", "log10": "log(X) / 2.302585092994046",
	"sinh": "0.5 * (exp(X) - exp(-X))", "cosh": "0.5 * (exp(X) + exp(-X))", "erfc": "1 - erf(X)", "trunc": "sign(X) * floor(abs(X))",
	"frac": "X - sign(X) * floor(abs(X))", "bmm": "matmul(X, Y)", "matvec": "matmul(X, Y)", "mv": "matmul(X, Y)", "vecmat": "matmul(X, Y)",
	"dot": "sum(X * Y)", "outer": `einsum("i,j->ij", X, Y)`, "t": "transpose(X)", "transpose": "transpose(X)", "flatten": "flatten(X)",
	"repeat": "concat(concat(X, X, axis = 0), concat(X, X, axis = 0), concat(X, X, axis = 0), axis = 1)",
	"tile":   "concat(concat(X, X, axis = 0), concat(X, X, axis = 0), concat(X, X, axis = 0), axis = 1)",
	"gather": "gather(X, I, axis = AXIS)", "index_select": "index_select(X, I, axis = AXIS)", "scatter_add": "scatter_add(X, I, S, axis = AXIS)",
	"slice_step2": "X[1:, ::2]", "slice": "X[1:, 1:3]", "tril": "tril(X)", "triu": "triu(X)", "trace": `sum(where(reshape(arange(shape(X)[0]), [-1, 1]) == arange(shape(X)[0]), X, 0))`, "diag": `sum(where(reshape(arange(shape(X)[0]), [-1, 1]) == arange(shape(X)[0]), X, 0), axis = 1)`,
	"pad": "pad(X, [1, 2])", "cat": "concat(X, Y, axis = AXIS)", "concat": "concat(X, Y, axis = AXIS)", "stack": "stack(X, Y, axis = AXIS)",
	"flip": "flip(X, axis = AXIS)", "roll": "roll(X, 1, axis = AXIS)", "cumsum": "cumsum(X, axis = AXIS)", "sort": "sort(X, axis = AXIS)[0]",
	"median": "sort(X, axis = AXIS)[0][:, 2]", "masked_fill": "where(X > 0, X, -1.5)",
}

// reductions of op cases: NAME_all, NAME_dimD, NAME_dimD_keepdim.
var reductionText = map[string]string{
	"sum": "sum", "mean": "mean", "max": "max", "min": "min", "amax": "max", "amin": "min", "prod": "prod", "logsumexp": "logsumexp", "norm": "norm",
	"var": "variance", "std": "std",
}

// scalarWords are op cases whose name is the language's word for a function of X.
var scalarWords = []string{"exp", "log", "sqrt", "rsqrt", "sin", "cos", "tan", "abs", "erf", "log1p", "expm1", "tanh", "sign", "floor", "ceil", "round",
	"sigmoid", "relu", "softplus", "silu", "gelu"}

var (
	opName   = regexp.MustCompile(`^(.+?)(?:_dim(-?\d+(?:_\d+)*|\d+))?(_unbiased0|_biased)?(_keepdims?)?(_desc(?:ending)?)?$`)
	opDigits = regexp.MustCompile(`^(transpose|permute)_(\d+)$`)
	opPower  = regexp.MustCompile(`^pow(?:er)?_?(-?[\d.]+)$`)
	opTopK   = regexp.MustCompile(`^topk_?(\d+)$`)
	opPair   = regexp.MustCompile(`(?:sort|topk)\([^()]*\)\[0\]`)
	opShape  = []string{"reshape", "view", "squeeze", "unsqueeze"}
)

func (b *builder) op(c *Case) string {
	in := map[string]string{}
	for _, n := range []string{"x", "y", "i", "s"} {
		in[n], _ = b.input(n)
	}
	text := c.opExpression()
	if text == "" {
		return "no expression is known for op " + c.Op
	}
	text = strings.NewReplacer("X", in["x"], "Y", in["y"], "I", in["i"], "S", in["s"]).Replace(text)
	text = opPair.ReplaceAllStringFunc(text, func(call string) string { // the first of two results
		b.train("%[1]s_values, %[1]s_where = %[2]s", b.f.ID, strings.TrimSuffix(call, "[0]"))
		return b.f.ID + "_values"
	})
	b.finish(nil, "y", text)
	return ""
}

// opExpression finds the expression by the op's name and the shapes of its arrays.
func (c *Case) opExpression() string {
	x, _ := c.Array("in.x")
	out, _ := c.Array("out.y")
	m := opName.FindStringSubmatch(c.Op)
	if m == nil {
		return ""
	}
	name, axis, biased, keep, descending := strings.TrimSuffix(m[1], "_bcast"), m[2], m[3], m[4], m[5]
	whole := strings.TrimSuffix(c.Op, "_bcast")
	switch {
	case reductionText[strings.TrimSuffix(name, "_all")] != "" && !strings.HasSuffix(c.Op, "_bcast"):
		return reduction(strings.TrimSuffix(name, "_all"), axis, biased, keep)
	case slices.Contains(opShape, name):
		return "reshape(X, " + dims(out.Shape) + ")"
	case name == "expand" || name == "broadcast_to":
		return "expand(X, " + dims(out.Shape) + ")"
	case name == "split_mul" || name == "chunk_mul":
		half := x.Shape[1] / 2
		return fmt.Sprintf("X[:, 0:%d] * X[:, %d:%d]", half, half, 2*half)
	case name == "max" || name == "min":
		return name + "(X, Y)"
	case strings.HasPrefix(c.Op, "matmul"):
		return "matmul(X, Y)"
	case strings.HasPrefix(c.Op, "einsum_"):
		return fmt.Sprintf("einsum(%q, X, Y)", strings.TrimPrefix(c.Op, "einsum_"))
	case slices.Contains(scalarWords, name):
		return name + "(X)"
	case name == "gather":
		return c.gather(axis)
	case name == "sort" && descending != "":
		return fmt.Sprintf("flip(sort(X, axis = %s)[0], axis = %s)", axis, axis)
	}
	if m := opPower.FindStringSubmatch(whole); m != nil {
		return "pow(X, " + m[1] + ")"
	}
	if m := opTopK.FindStringSubmatch(name); m != nil {
		return fmt.Sprintf("topk(X, %s, axis = %s)[0]", m[1], axis)
	}
	if m := opDigits.FindStringSubmatch(c.Op); m != nil {
		return permutation(m[2], len(x.Shape))
	}
	text, ok := opText[whole]
	if !ok {
		text, ok = opText[name]
	}
	if !ok {
		return ""
	}
	if axis == "" {
		axis = "0"
	}
	return strings.ReplaceAll(text, "AXIS", axis)
}

// reduction writes NAME_dimD with its options; two digits are two axes.
func reduction(name, axis, biased, keep string) string {
	args := ""
	if len(axis) == 2 && axis[0] != '-' {
		args = fmt.Sprintf(", axis = [%c, %c]", axis[0], axis[1])
	} else if axis != "" {
		args = ", axis = " + axis
	}
	if keep != "" {
		args += ", keepdims = true"
	}
	if (name == "var" || name == "std") && biased == "" {
		args += ", correction = 1"
	}
	return reductionText[name] + "(X" + args + ")"
}

// permutation of axes; two digits swap two axes.
func permutation(digits string, rank int) string {
	order := make([]string, rank)
	for i := range order {
		order[i] = strconv.Itoa(i)
	}
	if len(digits) == rank && !(rank == 2 && digits == "01") {
		for i, d := range digits {
			order[i] = string(d)
		}
	} else if len(digits) == 2 {
		i, j := int(digits[0]-'0'), int(digits[1]-'0')
		order[i], order[j] = order[j], order[i]
	} else {
		return ""
	}
	return "transpose(X, [" + strings.Join(order, ", ") + "])"
}

// gather cuts x to the index along the other axes, as PyTorch's gather does by itself.
func (c *Case) gather(axis string) string {
	x, _ := c.Array("in.x")
	index, _ := c.Array("in.i")
	var cut []string
	for k := range x.Shape {
		if strconv.Itoa(k) == axis || k >= len(index.Shape) {
			cut = append(cut, ":")
		} else {
			cut = append(cut, "0:"+strconv.Itoa(index.Shape[k]))
		}
	}
	return "gather(X[" + strings.Join(cut, ", ") + "], I, axis = " + axis + ")"
}
