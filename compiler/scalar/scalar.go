// Package scalar holds host scalars: float64 expressions over the step number,
// dimensions and run-time settings, such as a learning-rate schedule. They are
// computed once a step on the host and rounded once where they meet a tensor.
//
// It is a leaf that knows neither tensors nor kernels. Every operation is one
// that the runtime's host functions compute with the same bits on all machines.
package scalar

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	mlrt "github.com/mlc-go/mlc/runtime"
)

// Op is an operation of a host scalar.
type Op uint8

// Leaves first, then functions of one, two and three arguments. Comparisons give 1 or 0.
const (
	Const Op = iota
	Step     // number of the update being made, from 1
	Dim      // a dimension's run-time value
	Input    // a run-time setting by name, such as lr_scale; 1 unless set
	Neg
	Abs
	Sqrt
	Exp
	Log
	Sin
	Cos
	Floor
	Ceil
	Add
	Sub
	Mul
	Div
	Pow
	Min
	Max
	Lt
	Le
	Eq
	Ne
	And
	Or
	Not
	Select // Args[0] != 0 ? Args[1] : Args[2]
)

var names = [...]string{"const", "step", "dim", "input", "neg", "abs", "sqrt", "exp", "log", "sin", "cos", "floor", "ceil",
	"add", "sub", "mul", "div", "pow", "min", "max", "lt", "le", "eq", "ne", "and", "or", "not", "select"}

// String returns the operation's name in IR text.
func (o Op) String() string { return names[o] }

// ParseOp finds an operation by its name in IR text.
func ParseOp(name string) (Op, bool) {
	for i, n := range names {
		if n == name {
			return Op(i), true
		}
	}
	return 0, false
}

// Expr is an immutable expression tree. Compare expressions by their String.
type Expr struct {
	Op    Op
	Args  []*Expr
	Value float64 // of Const
	Dim   dim.Dim // of Dim
	Name  string  // of Input
}

// Num returns the constant v.
func Num(v float64) *Expr { return &Expr{Op: Const, Value: v} }

// OfDim returns the run-time value of a dimension; a constant one gives a constant.
func OfDim(d dim.Dim) *Expr {
	if n, ok := d.Int(); ok {
		return Num(float64(n))
	}
	return &Expr{Op: Dim, Dim: d}
}

// StepNumber returns the number of the update being made.
func StepNumber() *Expr { return &Expr{Op: Step} }

// New returns op applied to args, folded when all of them are constants.
func New(op Op, args ...*Expr) *Expr {
	e := &Expr{Op: op, Args: args}
	for _, a := range args {
		if a.Op != Const {
			return e
		}
	}
	v, err := e.Eval(Env{})
	if err != nil {
		return e
	}
	return Num(v)
}

// IsConst reports whether e is a constant.
func (e *Expr) IsConst() bool { return e.Op == Const }

// UsesStep reports whether e depends on the step number.
func (e *Expr) UsesStep() bool {
	if e.Op == Step || e.Op == Input {
		return true
	}
	for _, a := range e.Args {
		if a.UsesStep() {
			return true
		}
	}
	return false
}

// Env gives the leaves their values.
type Env struct {
	Step   int64
	Dims   map[string]int64
	Inputs map[string]float64
}

// Eval computes e with the runtime's host functions, as generated code does.
func (e *Expr) Eval(env Env) (float64, error) {
	switch e.Op {
	case Const:
		return e.Value, nil
	case Step:
		return float64(env.Step), nil
	case Dim:
		n, err := e.Dim.Eval(env.Dims)
		return float64(n), err
	case Input:
		if v, ok := env.Inputs[e.Name]; ok {
			return v, nil
		}
		return 1, nil
	}
	var v [3]float64
	for i, a := range e.Args {
		x, err := a.Eval(env)
		if err != nil {
			return 0, err
		}
		v[i] = x
	}
	return apply(e.Op, v), nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func apply(op Op, v [3]float64) float64 {
	switch op {
	case Neg:
		return -v[0]
	case Abs:
		return math.Abs(v[0])
	case Sqrt:
		return math.Sqrt(v[0])
	case Exp:
		return mlrt.Exp64(v[0])
	case Log:
		return mlrt.Log64(v[0])
	case Sin:
		return mlrt.Sin64(v[0])
	case Cos:
		return mlrt.Cos64(v[0])
	case Floor:
		return math.Floor(v[0])
	case Ceil:
		return math.Ceil(v[0])
	case Add:
		return v[0] + v[1]
	case Sub:
		return v[0] - v[1]
	case Mul:
		return v[0] * v[1]
	case Div:
		return v[0] / v[1]
	case Pow:
		return mlrt.Pow64(v[0], v[1])
	case Min:
		return math.Min(v[0], v[1])
	case Max:
		return math.Max(v[0], v[1])
	case Lt:
		return truth(v[0] < v[1])
	case Le:
		return truth(v[0] <= v[1])
	case Eq:
		return truth(v[0] == v[1])
	case Ne:
		return truth(v[0] != v[1])
	case And:
		return truth(v[0] != 0 && v[1] != 0)
	case Or:
		return truth(v[0] != 0 || v[1] != 0)
	case Not:
		return truth(v[0] == 0)
	case Select:
		if v[0] != 0 {
			return v[1]
		}
		return v[2]
	}
	panic("scalar: no rule for " + op.String())
}

// String returns the expression as IR text: prefix form, such as
// "mul(0.1, pow(0.5, floor(div(step, 100))))".
func (e *Expr) String() string {
	switch e.Op {
	case Const:
		return strconv.FormatFloat(e.Value, 'g', -1, 64)
	case Step:
		return "step"
	case Dim:
		return "dim(" + e.Dim.String() + ")"
	case Input:
		return "input(" + e.Name + ")"
	}
	parts := make([]string, len(e.Args))
	for i, a := range e.Args {
		parts[i] = a.String()
	}
	return fmt.Sprintf("%s(%s)", e.Op, strings.Join(parts, ", "))
}
