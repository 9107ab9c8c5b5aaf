package op

import (
	"math"
	"slices"
	"sync"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// Elementwise applies a scalar function of the table to tensors of equal shape,
// element by element.
type Elementwise struct {
	Fn string `ir:"-"` // stands as the operation's name
}

// Row is a scalar function: everything that is known of it.
type Row struct {
	Name  string
	Arity int
	Doc   string
	// Kind restricts the arguments' element types and gives the result's.
	Kind RowKind
	// Expr is the value as a loop expression.
	Expr func(b *loop.Builder, x []*loop.Expr) *loop.Expr
	// Eval is the value in float64.
	Eval func(x []float64) float64
	// Grad returns the adjoint of each argument; nil when there is none. y is the
	// function's value.
	Grad func(g *Derivative, x []*ir.Value, y, dy *ir.Value) []*ir.Value
	// Costly marks functions that are not worth computing twice.
	Costly bool
}

// RowKind is the type rule of a row.
type RowKind uint8

// The type rules of rows.
const (
	Float      RowKind = iota // floats of one type give that type
	Numeric                   // floats or integers of one type give that type
	Comparison                // numbers or bools of one type give bool
	Logic                     // bools give bool
	Choice                    // (bool, T, T) gives T
	Integer                   // integers of one type give that type
	Predicate                 // a float gives bool
)

// Name returns the function's word.
func (e Elementwise) Name() string { return e.Fn }

// Row returns the function's row; an unknown name is a bug.
func (e Elementwise) Row() *Row {
	if r := RowByName(e.Fn); r != nil {
		return r
	}
	panic("op: no scalar function " + e.Fn)
}

// The table is built at first use: its derivatives apply its own rows, which a
// package-level initialiser may not.
var (
	rowsOnce sync.Once
	rowTable []Row
	rowIndex map[string]*Row
)

func buildRows() {
	rowTable = slices.Concat(arithmeticRows(), functionRows(), comparisonRows())
	rowIndex = map[string]*Row{}
	for i := range rowTable {
		rowIndex[rowTable[i].Name] = &rowTable[i]
	}
}

// RowByName finds a scalar function; nil for an unknown name.
func RowByName(name string) *Row {
	rowsOnce.Do(buildRows)
	return rowIndex[name]
}

// Rows returns all scalar functions in the table's order.
func Rows() []*Row {
	rowsOnce.Do(buildRows)
	out := make([]*Row, len(rowTable))
	for i := range rowTable {
		out[i] = &rowTable[i]
	}
	return out
}

// Apply emits the scalar function called name.
func Apply(b *ir.Builder, name string, args ...*ir.Value) *ir.Value {
	return b.Emit1(Elementwise{name}, args...)
}

// Infer requires equal shapes and the element types of the row's kind.
func (e Elementwise) Infer(in []ir.Type) ([]ir.Type, error) {
	r := e.Row()
	if err := arity(in, r.Arity); err != nil {
		return nil, err
	}
	for _, t := range in[1:] {
		if !dim.EqualShapes(t.Shape, in[0].Shape) {
			return nil, errf("shapes %s and %s differ", ShapeString(in[0].Shape), ShapeString(t.Shape))
		}
	}
	data := in
	if r.Kind == Choice {
		if in[0].DType != dim.Bool {
			return nil, errf("the condition has element type %s, want bool", in[0].DType)
		}
		data = in[1:]
	}
	for _, t := range data[1:] {
		if t.DType != data[0].DType {
			return nil, errf("element types %s and %s differ; cast one of them", data[0].DType, t.DType)
		}
	}
	out := ir.Type{DType: data[0].DType, Shape: in[0].Shape}
	if err := r.Kind.check(r.Name, data[0].DType); err != nil {
		return nil, err
	}
	if r.Kind == Comparison || r.Kind == Predicate {
		out.DType = dim.Bool
	}
	return []ir.Type{out}, nil
}

func (k RowKind) check(name string, t dim.DType) error {
	switch k {
	case Float, Predicate:
		if !t.IsFloat() {
			return errf("%s works on floats, have %s; cast first", name, t)
		}
	case Numeric:
		if t == dim.Bool {
			return errf("%s works on numbers, have bool; cast first", name)
		}
	case Logic:
		if t != dim.Bool {
			return errf("%s works on bool, have %s; compare first", name, t)
		}
	case Integer:
		if !t.IsInt() {
			return errf("%s works on integers, have %s", name, t)
		}
	}
	return nil
}

// At computes the row's expression. Arguments of 16-bit floats are computed on as
// float32, and the result is rounded once.
func (e Elementwise) At(c *Context, in []Source, idx []*loop.Expr) []*loop.Expr {
	x := make([]*loop.Expr, len(in))
	for i, s := range in {
		x[i] = s(idx)
		if isHalf(c.In[i].DType) {
			x[i] = c.B.Cast(dim.Float32, x[i])
		}
	}
	v := e.Row().Expr(c.B, x)
	if t := c.Out[0].DType; isHalf(t) {
		v = c.B.Cast(t, v)
	}
	return []*loop.Expr{v}
}

func isHalf(t dim.DType) bool { return t == dim.Float16 || t == dim.BFloat16 }

// Eval computes the row's function at every element.
func (e Elementwise) Eval(c *EvalContext, in []ir.Dense) []ir.Dense {
	r, out := e.Row(), c.Result(0)
	x := make([]float64, len(in))
	for i := range out.Data {
		for k := range in {
			x[k] = in[k].Data[i]
		}
		out.Data[i] = r.Eval(x)
	}
	return []ir.Dense{out}
}

// Grad applies the row's derivative. Rows of integers and bools have none.
func (e Elementwise) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	r := e.Row()
	out := make([]*ir.Value, len(i.Args))
	if dy[0] == nil || r.Grad == nil || !i.Results[0].Type.DType.IsFloat() {
		return out
	}
	return r.Grad(&Derivative{b}, i.Args, i.Results[0], dy[0])
}

// Derivative emits the operations of a row's derivative.
type Derivative struct{ b *ir.Builder }

func (g *Derivative) ap(name string, x ...*ir.Value) *ir.Value { return Apply(g.b, name, x...) }
func (g *Derivative) mul(x, y *ir.Value) *ir.Value             { return g.ap("mul", x, y) }
func (g *Derivative) num(like *ir.Value, v float64) *ir.Value  { return Full(g.b, like.Type, v) }

// times returns dy * v for one argument.
func (g *Derivative) times(dy, v *ir.Value) []*ir.Value { return []*ir.Value{g.mul(dy, v)} }

// un and bin build rows from one loop operation.
func un(op loop.Op) func(*loop.Builder, []*loop.Expr) *loop.Expr {
	return func(b *loop.Builder, x []*loop.Expr) *loop.Expr { return b.Un(op, x[0]) }
}

func bin(op loop.Op) func(*loop.Builder, []*loop.Expr) *loop.Expr {
	return func(b *loop.Builder, x []*loop.Expr) *loop.Expr { return b.Bin(op, x[0], x[1]) }
}

// swapped is bin with the arguments exchanged: a > b is b < a.
func swapped(op loop.Op) func(*loop.Builder, []*loop.Expr) *loop.Expr {
	return func(b *loop.Builder, x []*loop.Expr) *loop.Expr { return b.Bin(op, x[1], x[0]) }
}

// call builds a row from a named function of the float contract.
func call(name string) func(*loop.Builder, []*loop.Expr) *loop.Expr {
	return func(b *loop.Builder, x []*loop.Expr) *loop.Expr {
		t := x[0].Type
		args := make([]*loop.Expr, len(x))
		for i := range x {
			args[i] = b.Cast(dim.Float32, x[i])
		}
		return b.Cast(t, b.Call(loop.FnByName(name), args...))
	}
}

func f1(f func(float64) float64) func([]float64) float64 {
	return func(x []float64) float64 { return f(x[0]) }
}

func f2(f func(a, b float64) float64) func([]float64) float64 {
	return func(x []float64) float64 { return f(x[0], x[1]) }
}

func truth(f func(a, b float64) bool) func([]float64) float64 {
	return func(x []float64) float64 {
		if f(x[0], x[1]) {
			return 1
		}
		return 0
	}
}

func floorDiv(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return math.Floor(a / b)
}
