package ir

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// lexer splits IR text into words, numbers, quoted strings and single signs,
// and reads the leaves that attributes are made of.
type lexer struct {
	text string
	pos  int
	line int
	tok  string // "" at the end; a string keeps its quotes
}

func (l *lexer) fail(format string, args ...any) {
	panic(syntaxError{l.line, fmt.Sprintf(format, args...)})
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// next moves to the next token, past spaces and comments from // to the line's end.
func (l *lexer) next() {
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		switch {
		case c == '\n':
			l.line++
		case c == ' ' || c == '\t' || c == '\r':
		case strings.HasPrefix(l.text[l.pos:], "//"):
			for l.pos < len(l.text) && l.text[l.pos] != '\n' {
				l.pos++
			}
			continue
		default:
			l.tok = l.scan()
			return
		}
		l.pos++
	}
	l.tok = ""
}

func (l *lexer) scan() string {
	start := l.pos
	rest := l.text[start:]
	switch c := rest[0]; {
	case c == '"':
		q, err := strconv.QuotedPrefix(rest)
		if err != nil {
			l.fail("bad string")
		}
		l.pos += len(q)
	case isWord(c):
		digit := c >= '0' && c <= '9'
		for l.pos < len(l.text) {
			c := l.text[l.pos]
			exponent := (c == '+' || c == '-') && (l.text[l.pos-1] == 'e' || l.text[l.pos-1] == 'E')
			if !isWord(c) && !(digit && (c == '.' || exponent)) {
				break
			}
			l.pos++
		}
	default:
		l.pos++
	}
	return l.text[start:l.pos]
}

func (l *lexer) accept(tok string) bool {
	if l.tok != tok {
		return false
	}
	l.next()
	return true
}

func (l *lexer) expect(tok string) {
	if !l.accept(tok) {
		l.fail("want %q, have %q", tok, l.tok)
	}
}

func (l *lexer) word() string {
	w := l.tok
	if w == "" || !isWord(w[0]) {
		l.fail("want a word, have %q", w)
	}
	l.next()
	return w
}

func (l *lexer) isString() bool { return strings.HasPrefix(l.tok, `"`) }

func (l *lexer) str() string {
	s, err := strconv.Unquote(l.tok)
	if err != nil || !l.isString() {
		l.fail("want a quoted string, have %q", l.tok)
	}
	l.next()
	return s
}

// int reads a whole number, which may be negative.
func (l *lexer) int() int {
	neg := l.accept("-")
	n, err := strconv.Atoi(l.tok)
	if err != nil {
		l.fail("want a whole number, have %q", l.tok)
	}
	l.next()
	if neg {
		return -n
	}
	return n
}

// float reads a number, +Inf, -Inf or NaN.
func (l *lexer) float() float64 {
	sign := ""
	if l.tok == "-" || l.tok == "+" {
		sign = l.tok
		l.next()
	}
	v, err := strconv.ParseFloat(sign+l.tok, 64)
	if err != nil {
		l.fail("want a number, have %q", sign+l.tok)
	}
	l.next()
	return v
}

// id reads a value's number: %12.
func (l *lexer) id() int {
	l.expect("%")
	return l.int()
}

// list reads "(" item {"," item} ")".
func (l *lexer) list(item func()) {
	l.expect("(")
	for l.tok != ")" {
		item()
		if !l.accept(",") {
			break
		}
	}
	l.expect(")")
}

// dim reads a polynomial: sums of products of numbers, symbols and floor(a / b).
func (l *lexer) dim() dim.Dim {
	var sum dim.Dim
	neg := l.accept("-")
	for {
		t := l.dimAtom()
		for l.accept("*") {
			t = t.Mul(l.dimAtom())
		}
		if neg {
			t = t.Neg()
		}
		sum = sum.Add(t)
		switch {
		case l.accept("+"):
			neg = false
		case l.accept("-"):
			neg = true
		default:
			return sum
		}
	}
}

func (l *lexer) dimAtom() dim.Dim {
	w := l.word()
	if n, err := strconv.ParseInt(w, 10, 64); err == nil {
		return dim.Const(n)
	}
	if w != "floor" || l.tok != "(" {
		return dim.Sym(w)
	}
	l.expect("(")
	num := l.dim()
	l.expect("/")
	den := l.dim()
	l.expect(")")
	return num.FloorDiv(den)
}

// scalar reads a host scalar in prefix form.
func (l *lexer) scalar() *scalar.Expr {
	if l.tok == "" || !isWord(l.tok[0]) || l.tok[0] >= '0' && l.tok[0] <= '9' || l.tok == "NaN" || l.tok == "Inf" {
		return scalar.Num(l.float())
	}
	w := l.word()
	if w == "step" {
		return scalar.StepNumber()
	}
	op, ok := scalar.ParseOp(w)
	if !ok {
		l.fail("unknown host operation %q", w)
	}
	e := &scalar.Expr{Op: op}
	l.list(func() {
		switch op {
		case scalar.Dim:
			e.Dim = l.dim()
		case scalar.Input:
			e.Name = l.word()
		default:
			e.Args = append(e.Args, l.scalar())
		}
	})
	return e
}

// attributes reads an operation's attributes into a copy of op.
func (l *lexer) attributes(op Op) Op {
	v := reflect.New(reflect.TypeOf(op)).Elem()
	v.Set(reflect.ValueOf(op))
	if l.accept("[") {
		for l.tok != "]" {
			name := l.word()
			l.expect("=")
			l.attribute(l.field(v, name))
			if !l.accept(",") {
				break
			}
		}
		l.expect("]")
	}
	return v.Interface().(Op)
}

func (l *lexer) field(v reflect.Value, name string) reflect.Value {
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !hidden(f) && attrName(f.Name) == name {
				return v.Field(i)
			}
		}
	}
	l.fail("%s has no attribute %q", v.Type().Name(), name)
	return reflect.Value{}
}

func (l *lexer) attribute(v reflect.Value) {
	switch v.Interface().(type) {
	case dim.Dim:
		v.Set(reflect.ValueOf(l.dim()))
		return
	case dim.DType:
		name := l.word()
		t, ok := dim.ParseDType(name)
		if !ok {
			l.fail("unknown element type %q", name)
		}
		v.Set(reflect.ValueOf(t))
		return
	case *scalar.Expr:
		v.Set(reflect.ValueOf(l.scalar()))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(l.word() == "true")
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(l.int()))
	case reflect.Float64:
		v.SetFloat(l.float())
	case reflect.String:
		v.SetString(l.str())
	case reflect.Slice:
		s := reflect.MakeSlice(v.Type(), 0, 4)
		l.list(func() {
			e := reflect.New(v.Type().Elem()).Elem()
			l.attribute(e)
			s = reflect.Append(s, e)
		})
		v.Set(s)
	default:
		l.fail("an attribute of type %s has no text form", v.Type())
	}
}
