package loop

import (
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
)

// expr reads one expression in prefix form.
func (p *parser) expr() *Expr {
	if p.tok == "-" || p.tok != "" && p.tok[0] >= '0' && p.tok[0] <= '9' {
		return p.build.Int(int64(p.int()))
	}
	w := p.word()
	switch p.tok {
	case "[":
		param := p.params[w]
		if param == nil {
			p.fail("unknown parameter %q", w)
		}
		return p.build.intern(&Expr{Op: Load, Type: param.DType, Param: param, Index: p.indices()})
	case "!":
		p.next()
		fn := FnByName(w)
		if fn == nil {
			p.fail("unknown function %q", w)
		}
		return p.build.Call(fn, p.args()...)
	case "(":
		return p.applied(w)
	}
	return p.name(w)
}

func (p *parser) args() (args []*Expr) {
	p.list(func() { args = append(args, p.expr()) })
	return args
}

// name resolves a bare word: a let line, an axis, a result, a scalar or a truth value.
func (p *parser) name(w string) *Expr {
	if e := p.lets[w]; e != nil {
		return e
	}
	if r := p.results[w]; r != nil {
		return p.build.Result(r)
	}
	if a := p.axes[w]; a != nil {
		return p.build.intern(&Expr{Op: AxisVar, Type: dim.Int64, Axis: a})
	}
	if s := p.scalars[w]; s != nil {
		return p.build.Arg(s)
	}
	if w == "true" || w == "false" {
		return p.build.Bool(w == "true")
	}
	p.fail("unknown name %q", w)
	return nil
}

// applied reads what follows a word and an opening parenthesis: the parts of an
// operation, or a constant such as f32(0.5).
func (p *parser) applied(w string) *Expr {
	if base, short, ok := strings.Cut(w, "."); ok {
		t, ok := dim.ParseDType(short)
		if !ok || base != "cast" && base != "bitcast" {
			p.fail("unknown operation %q", w)
		}
		op := Cast
		if base == "bitcast" {
			op = Bitcast
		}
		return p.build.intern(&Expr{Op: op, Type: t, Args: p.args()})
	}
	if t, ok := dim.ParseDType(w); ok {
		return p.constant(t)
	}
	switch w {
	case "dim":
		p.expect("(")
		d := p.dim()
		p.expect(")")
		return p.build.intern(&Expr{Op: DimVar, Type: dim.Int64, Dim: d})
	case "counter":
		p.expect("(")
		name := p.word()
		p.expect(")")
		return p.build.Counter(name)
	case "next":
		p.expect("(")
		c := p.carries[p.tok]
		if c == nil {
			p.fail("unknown carry %q", p.tok)
		}
		p.next()
		p.expect(")")
		return p.build.Next(c)
	case "guard":
		return p.guarded(p.args())
	}
	for op := Add; op <= Select; op++ {
		if opNames[op] == w {
			return p.operation(op, p.args())
		}
	}
	p.fail("unknown operation %q", w)
	return nil
}

// guarded makes a guarded load of its condition, the load, and the other value.
func (p *parser) guarded(args []*Expr) *Expr {
	if len(args) != 3 || args[1].Op != Load {
		p.fail("guard takes a condition, a load and a value")
	}
	ld := args[1]
	return p.build.intern(&Expr{Op: Load, Type: ld.Type, Param: ld.Param, Index: ld.Index, Guard: args[0], Args: args[2:]})
}

// arity is the number of operands of the operations Add to Select.
func arity(op Op) int {
	switch op {
	case Neg, Abs, Sqrt, Floor, Round, Not:
		return 1
	case FMA, Select:
		return 3
	}
	return 2
}

// operation makes op as written, with no simplification. Sums and products of
// indices are known to the builder, as they are when it makes them.
func (p *parser) operation(op Op, args []*Expr) *Expr {
	if len(args) != arity(op) {
		p.fail("%s takes %d operands, have %d", op, arity(op), len(args))
	}
	t := args[len(args)-1].Type
	switch op {
	case Lt, Le, Eq, Ne:
		t = dim.Bool
	case Shl, Shr:
		t = args[0].Type
	}
	return p.build.intern(&Expr{Op: op, Type: t, Args: args})
}

func (p *parser) constant(t dim.DType) *Expr {
	p.expect("(")
	e := &Expr{Op: Const, Type: t}
	switch {
	case t == dim.Float32 || t == dim.Float64:
		e.Bits = floatBits(t, p.float(8*t.Size()))
	case t.IsFloat() || t == dim.Uint32:
		v, err := strconv.ParseUint(p.tok, 0, 64)
		if err != nil {
			p.fail("want bits, have %q", p.tok)
		}
		p.next()
		e.Bits = v
	default:
		e.Bits = wrapInt(t, uint64(p.int()))
	}
	p.expect(")")
	return p.build.intern(e)
}
