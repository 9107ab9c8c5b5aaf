package dsl

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlc-go/mlc/dsl/diag"
	"github.com/mlc-go/mlc/internal/refdata"
)

// parsed parses a text that must be right.
func parsed(t *testing.T, src string) *File {
	t.Helper()
	f, l := Parse("x.ml", []byte(src))
	if len(l) > 0 {
		t.Fatal(render(l, "x.ml", []byte(src)))
	}
	return f
}

// source returns the text under a node.
func source(src string, n interface{ Span() diag.Span }) string {
	s := n.Span()
	return src[s.Start:s.End]
}

func TestSpansCoverTheNodesText(t *testing.T) {
	const src = "edition 1\n\nimport g \"a/b.ml\"\n" + `
@init(normal(std = 0.02))
model M(n = 2 * 3) { // comment
    input x float32[batch, n + 1] = zeros // comment
    @frozen layer h[i].q = Q(n) // comment
    y, s[i] = (x, x) -> a.b[0]: lib.Linear(n, bias = false) -> relu // comment
    z = -x[..., 1:n, :, ::2] * f(3)
    update h[i].q = lerp(x, y, 0.5)
}
`
	f := parsed(t, src)
	body := f.Decls[0].Unit.Body
	tensor, layer, assign := body[0].Input.Tensor, body[1], body[2].Assign
	product := body[3].Assign.Value.Head.Terms[0].Terms[0].Left.First
	index := product.First.Operand.Postfix.Suffixes[0]
	for _, tc := range []struct {
		node interface{ Span() diag.Span }
		want string
	}{
		{f, strings.TrimSpace(src)},
		{f.Imports[0], `import g "a/b.ml"`},
		{f.Imports[0].Alias, "g"},
		{f.Imports[0].Path, `"a/b.ml"`},
		{f.Decls[0].Annots[0], "@init(normal(std = 0.02))"},
		{f.Decls[0].Name(), "M"},
		{f.Decls[0].Unit.Formals[0], "n = 2 * 3"},
		{body[0], "input x float32[batch, n + 1] = zeros"},
		{tensor.DType, "float32"},
		{tensor.Shape, "[batch, n + 1]"},
		{tensor.Shape.Dims[1], "n + 1"},
		{tensor.Init, "zeros"},
		{layer, "@frozen layer h[i].q = Q(n)"},
		{layer.Layer, "layer h[i].q = Q(n)"},
		{layer.Layer.Ref, "h[i].q"},
		{layer.Layer.Ref.Parts[0].Index, "i"},
		{assign.Targets[1], "s[i]"},
		{assign.Value.Head, "(x, x)"},
		{assign.Value.Stages[0], "a.b[0]: lib.Linear(n, bias = false)"},
		{assign.Value.Stages[0].Op, "lib.Linear"},
		{assign.Value.Stages[0].Args.List[1], "bias = false"},
		{assign.Value.Stages[1].Ref, "relu"},
		{product, "-x[..., 1:n, :, ::2] * f(3)"},
		{product.First, "-x[..., 1:n, :, ::2]"},
		{product.Rest[0], "f(3)"},
		{index, "[..., 1:n, :, ::2]"},
		{index.Index[1], "1:n"},
		{index.Index[1].Range.Stop, "n"},
		{index.Index[3].Range.Step, "2"},
	} {
		if got := source(src, tc.node); got != tc.want {
			t.Errorf("%T: %q, want %q", tc.node, got, tc.want)
		}
	}
	if i := index.Index; !i[0].Ellipsis || i[2].Start != nil || i[2].Range == nil || i[3].Range.Stop != nil {
		t.Errorf("index %+v", i)
	}
	if op := assign.Value.Stages[0].Op.String(); op != "lib.Linear" {
		t.Error(op)
	}
	if path := f.Imports[0].Path.Value(); path != "a/b.ml" {
		t.Error(path)
	}
}

func TestPrimaries(t *testing.T) {
	f := parsed(t, "edition 1\nfunc f(x) = [1, 2.5e-3, \"s\", true, none, x, (x), (x, x), [], [x -> g]]\n")
	list := f.Decls[0].Func.Body.Primary()
	if list == nil || !list.IsList || len(list.List) != 10 {
		t.Fatalf("%+v", list)
	}
	at := func(i int) *Primary { return list.List[i].Primary() }
	if at(0).Int != "1" || at(1).Float != "2.5e-3" || at(2).Text.Value() != "s" || at(3).Bool != "true" || !at(4).None {
		t.Error("literals")
	}
	if list.List[5].Name().Name != "x" || len(at(6).Tuple) != 1 || len(at(7).Tuple) != 2 || !at(8).IsList || len(at(8).List) != 0 {
		t.Error("names, tuples, lists")
	}
	inner := at(9).List[0]
	if inner.Primary() != nil || inner.Name() != nil || inner.Postfix() != nil || len(inner.Stages) != 1 {
		t.Error("a pipe passes for a plain operand")
	}
	for _, e := range []string{"a + b", "a * b", "-a", "a && b", "a || b", "a < b", "a(b)", "a.b", "a[0]"} {
		if x := parsed(t, "edition 1\nfunc f(a) = "+e+"\n").Decls[0].Func.Body; x.Name() != nil || x.Primary() != nil {
			t.Errorf("%s passes for a plain name", e)
		}
	}
}

func TestOperatorsKeepTheirOrder(t *testing.T) {
	f := parsed(t, "edition 1\nfunc f(a) = a - b + c * d / e % g == - ! h && i || j\n")
	or := f.Decls[0].Func.Body.Head
	cmp := or.Terms[0].Terms[0]
	if len(or.Terms) != 2 || len(or.Terms[0].Terms) != 2 || cmp.Op != "==" {
		t.Fatalf("%+v", or)
	}
	if ops := strings.Join(cmp.Left.Ops, ""); ops != "-+" || len(cmp.Left.Rest) != 2 {
		t.Error(ops)
	}
	if ops := strings.Join(cmp.Left.Rest[1].Ops, ""); ops != "*/%" {
		t.Error(ops)
	}
	if u := cmp.Right.First.First; u.Op != "-" || u.Operand.Op != "!" || u.Operand.Operand.Postfix.Primary.Name.Name != "h" {
		t.Errorf("%+v", u)
	}
}

func TestStatementWordsAreNamesElsewhere(t *testing.T) {
	body := parsed(t, `edition 1
model M(layers = 2, metric = 1) {
    input state float32[batch, input]
    loss = 3
    output, update = f(state)
    group[0] = x -> block[0].layer[1]: lib.in
    x = y -> if -> z.none
    optimizer = x
    train = 1
    train {
        loss loss
        metric metric
        optimizer sgd on on
        update update = update
    }
}
`).Decls[0].Unit.Body
	for i := 1; i < len(body)-1; i++ {
		if body[i].Assign == nil {
			t.Errorf("statement %d is no assignment: %+v", i, body[i])
		}
	}
	train := body[len(body)-1].Train.Body.Stmts
	if body[0].Input == nil || train[0].Loss == nil || train[1].Metric == nil || train[2].Optimizer.On == nil || train[3].Update == nil {
		t.Error("statements are not seen as such")
	}
}

func TestTrailingElseAndScan(t *testing.T) {
	body := parsed(t, `edition 1
block B {
    if a { x = 1 } else if b { x = 2 y = 3 } else if c { } else { z = 4 }
    ys, h, c = scan x, m in xs, mask over 0 carry h = a, c = b { yield h }
}
`).Decls[0].Unit.Body
	if n := body[0].If; len(n.Then.Stmts) != 1 || len(n.ElseIf) != 2 || len(n.ElseIf[0].Then.Stmts) != 2 || len(n.Else.Stmts) != 1 {
		t.Errorf("%+v", n)
	}
	if s := body[1].Assign.Scan; len(s.Vars) != 2 || len(s.In) != 2 || len(s.Carries) != 2 || s.Carries[1].Name.Name != "c" || s.Body.Stmts[0].Yield == nil {
		t.Errorf("%+v", s)
	}
	if n := len(body[0].Bodies()); n != 4 {
		t.Errorf("%d bodies of an if", n)
	}
}

func TestDocsAreTheCommentsDirectlyAbove(t *testing.T) {
	f := parsed(t, `// head

edition 1
// not a doc, a line is free below

// M is a model.
//
//   indented
@remat
model M {
    // x is the input.
    input x float32[n] // trailing
    output x
    // Encode encodes.
    entry encode {
        // y is one.
        y = 1
        output y
    }
}
func f(x) = x // trailing
block B {}
`)
	body := f.Decls[0].Unit.Body
	for want, got := range map[string]string{
		"M is a model.\n\n  indented": f.Decls[0].Doc,
		"x is the input.":             body[0].Doc,
		"Encode encodes.":             body[2].Doc,
		"y is one.":                   body[2].Entry.Body.Stmts[0].Doc,
		"":                            body[1].Doc + f.Decls[1].Doc + f.Decls[2].Doc,
	} {
		if got != want {
			t.Errorf("doc %q, want %q", got, want)
		}
	}
}

func TestPartialFileHoldsWhatParsed(t *testing.T) {
	f, l := Parse("x.ml", []byte("edition 1\nblock A { x = }\nblock B {}\noptimizer o {\n p q }\nmetric m {}\nfunc g(x) = (\nmodel M {}\n"))
	var names []string
	for _, d := range f.Decls {
		names = append(names, d.Name().Name)
	}
	if want := []string{"B", "m", "M"}; !reflect.DeepEqual(names, want) || len(l) != 3 {
		t.Errorf("parsed %v, want %v; %v", names, want, l)
	}
}

func TestParseIsSafeAndDoesNotKeepTheSource(t *testing.T) {
	src := []byte("edition 1\nfunc f(x) = x\n")
	f, _ := Parse("x.ml", src)
	clear(src)
	if f.Decls[0].Func.Name.Name != "f" {
		t.Error("the tree shares memory with the caller's bytes")
	}
}

func TestLexerNeverFails(t *testing.T) {
	lex, err := Lexer.Lex("x.ml", strings.NewReader("a 010 \"open\n $ → &"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 20 {
		tok, err := lex.Next()
		if err != nil {
			t.Fatal(err)
		}
		if tok.EOF() {
			break
		}
		got = append(got, tok.Value)
	}
	if want := []string{"a", "010", "\"open", "&&"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestPositionsCountRunes(t *testing.T) {
	l := lex("x.ml", "a \"é\" b\n  c")
	last := l.tokens[len(l.tokens)-2]
	if b := l.tokens[2].Pos; b != (lexer.Position{Filename: "x.ml", Offset: 7, Line: 1, Column: 7}) || last.Pos.Line != 2 || last.Pos.Column != 3 {
		t.Errorf("%+v %+v", b, last.Pos)
	}
}

// TestCodeExamples checks the examples of the codes: those of syntax give
// exactly their code, all others are well-formed text.
func TestCodeExamples(t *testing.T) {
	for _, info := range diag.Codes() {
		if info.Example == "" {
			continue
		}
		_, l := Parse("net.ml", []byte(info.Example))
		if syntax := info.Code < "ML0100"; syntax && (len(l) != 1 || l[0].Code != info.Code) || !syntax && len(l) > 0 {
			t.Errorf("the example of %s gives\n%s", info.Code, render(l, "net.ml", []byte(info.Example)))
		}
	}
}

// shortest runs f again while it takes longer than it may, up to n times: a busy
// machine is not to fail a test.
func shortest(n int, may time.Duration, f func()) time.Duration {
	best := time.Duration(1 << 62)
	for ; n > 0 && best > may; n-- {
		started := time.Now()
		f()
		best = min(best, time.Since(started))
	}
	return best
}

func TestTimesOfParsing(t *testing.T) {
	refdata.Long(t)
	src := specs(t)["../specs/gpt/net.ml"]
	if d := shortest(20, 5*time.Millisecond, func() { Parse("net.ml", src) }); d > 5*time.Millisecond {
		t.Errorf("the GPT example takes %v to parse", d)
	}
}

// TestHostileFilesEndSoon parses and formats files at the limits of what is accepted.
func TestHostileFilesEndSoon(t *testing.T) {
	for name, src := range map[string]string{
		"flat sum":      "edition 1\nfunc f(x) = x" + strings.Repeat("+x", 30000),
		"broken sum":    "edition 1\nfunc f(x) = x" + strings.Repeat("+x", 30000) + " y",
		"statements":    "edition 1\nmodel M {" + strings.Repeat("x=x\n", 12000) + "x",
		"deep":          "edition 1\nfunc f(x) = x" + strings.Repeat("+"+strings.Repeat("(", 60)+"x"+strings.Repeat(")", 60), 400),
		"models":        "edition 1\n" + strings.Repeat("model\n", 20000),
		"annotations":   "edition 1\n" + strings.Repeat("@a ", 20000) + "model M {}",
		"else if":       "edition 1\nmodel M { if x {} " + strings.Repeat("else if x {} ", 9000),
		"open brackets": "edition 1\n" + strings.Repeat("(", 200000),
		"aligned":       "edition 1\nmodel M {" + strings.Repeat("\n"+strings.Repeat("x  = x ", 1000), 12) + "}",
	} {
		parse := func() { Format(name, []byte(src)) } // which parses
		if d := shortest(3, 10*time.Second, parse); d > 10*time.Second {
			t.Errorf("%s takes %v", name, d)
		}
	}
}
