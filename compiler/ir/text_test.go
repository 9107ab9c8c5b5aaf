package ir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
)

// parse reads and verifies a program.
func parse(t *testing.T, text string) *ir.Program {
	t.Helper()
	p, err := ir.Parse(text, op.Lookup)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := ir.Verify(p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTextRoundTrip reads programs and prints them: the text must come back.
func TestTextRoundTrip(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ir")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test programs: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := ir.Print(parse(t, string(text))); got != string(text) {
			t.Errorf("%s: printed as\n%s", file, got)
		}
	}
}

// TestEveryOperationRoundTrips prints a program of every example.
func TestEveryOperationRoundTrips(t *testing.T) {
	for n, ex := range op.Examples() {
		f := ir.NewFunc("f")
		b := &ir.Builder{Func: f, Label: "stage \"x\"", Path: "h.0", Pos: diag.Span{File: "net.ml", Start: n, End: n + 3}, Metric: n%2 == 0, Remat: n % 3}
		e := &ir.Entry{Name: "forward", Func: f}
		var args []*ir.Value
		for _, in := range ex.In {
			args = append(args, f.AddParam(in, "x"))
			e.Inputs = append(e.Inputs, ir.Input{Name: "x", Doc: "an input", Value: args[len(args)-1]})
		}
		for _, v := range b.Emit(ex.Op, args...) {
			e.Outputs = append(e.Outputs, ir.Output{Name: "y", Value: v})
		}
		f.Instrs[0].Group = n % 4
		text := ir.Print(&ir.Program{Name: "P", File: "net.ml", Entries: []*ir.Entry{e}})
		if again := ir.Print(parse(t, text)); again != text {
			t.Errorf("%s prints as\n%s\nand after reading it as\n%s", ex.Op.Name(), text, again)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	head := "program \"P\" \"net.ml\"\nentry \"f\" forward {\n  input \"x\" %1\n"
	for _, c := range []struct{ name, text, want string }{
		{"no header", "model P", `line 1: want "program"`},
		{"unknown operation", head + "func \"f\"(%1 f32[2]) {\n%2 = soften %1 : f32[2]\n}\n}\n", `line 5: unknown operation "soften"`},
		{"undefined value", head + "func \"f\"(%1 f32[2]) {\n%2 = exp %3 : f32[2]\n}\n}\n", "line 5: %3 is not defined here"},
		{"defined twice", head + "func \"f\"(%1 f32[2]) {\n%1 = exp %1 : f32[2]\n}\n}\n", "line 5: %1 is defined twice"},
		{"unknown attribute", head + "func \"f\"(%1 f32[2]) {\n%2 = cast[to=f64] %1 : f64[2]\n}\n}\n", `no attribute "to"`},
		{"unknown type", head + "func \"f\"(%1 f99[2]) {\n}\n}\n", `unknown element type "f99"`},
		{"unknown var", "program \"P\" \"net.ml\"\nentry \"f\" forward {\n read \"w\" %1\n", `no var "w"`},
		{"unfinished string", "program \"P", "bad string"},
		{"unfinished", head + "func \"f\"(%1 f32[2]) {\n", `want "%", have ""`},
		{"trailing text", "program \"P\" \"net.ml\"\n}", `want an entry, have "}"`},
		{"missing value", head + "func \"f\"(%2 f32[2]) {\n}\n}\n", "no value %1 in entry f"},
	} {
		_, err := ir.Parse(c.text, op.Lookup)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// program returns a small valid program, for tests that break it.
func program() (*ir.Program, *ir.Entry) {
	f := ir.NewFunc("train")
	b := &ir.Builder{Func: f}
	typ := ir.Type{DType: dim.Float32, Shape: []dim.Dim{dim.Const(3)}}
	x, w := f.AddParam(typ, "x"), f.AddParam(typ, "w")
	y := op.Apply(b, "mul", x, w)
	v := &ir.Var{Name: "w", Type: typ}
	e := &ir.Entry{Name: "train", Kind: ir.Train, Func: f,
		Inputs:  []ir.Input{{Name: "x", Value: x}},
		Reads:   []ir.Read{{Var: v, Value: w}},
		Stores:  []ir.Store{{Var: v, Value: y}},
		Outputs: []ir.Output{{Name: "loss", Value: y}}}
	return &ir.Program{Name: "P", Vars: []*ir.Var{v}, Entries: []*ir.Entry{e}}, e
}

func TestVerifyRefuses(t *testing.T) {
	other := ir.Type{DType: dim.Float32, Shape: []dim.Dim{dim.Const(4)}}
	for _, c := range []struct {
		name   string
		damage func(p *ir.Program, e *ir.Entry)
		want   string
	}{
		{"sound", func(*ir.Program, *ir.Entry) {}, ""},
		{"twin vars", func(p *ir.Program, _ *ir.Entry) { p.Vars = append(p.Vars, p.Vars[0]) }, `var "w" is declared twice`},
		{"twin entries", func(p *ir.Program, e *ir.Entry) { p.Entries = append(p.Entries, e) }, "stands twice"},
		{"unbound parameter", func(_ *ir.Program, e *ir.Entry) { e.Reads = nil }, "1 of 2 parameters are bound"},
		{"bound twice", func(_ *ir.Program, e *ir.Entry) { e.Inputs[0].Value = e.Reads[0].Value }, "bound already"},
		{"input of no parameter", func(_ *ir.Program, e *ir.Entry) { e.Inputs[0].Value = e.Outputs[0].Value }, "not bound to a parameter"},
		{"stored twice", func(_ *ir.Program, e *ir.Entry) { e.Stores = append(e.Stores, e.Stores[0]) }, "stored twice"},
		{"stored type", func(p *ir.Program, _ *ir.Entry) { p.Vars[0].Type = other }, "has type f32[4], %2 has f32[3]"},
		{"foreign var", func(p *ir.Program, _ *ir.Entry) { p.Vars = nil }, "is not the program's"},
		{"foreign output", func(_ *ir.Program, e *ir.Entry) { e.Outputs[0].Value = &ir.Value{ID: 9} }, "takes a value of no instruction"},
		{"wrong type", func(_ *ir.Program, e *ir.Entry) { e.Func.Instrs[0].Results[0].Type = other }, "its type rule gives f32[3]"},
		{"use before definition", func(_ *ir.Program, e *ir.Entry) { i := e.Func.Instrs[0]; i.Args[0] = i.Results[0] }, "used before it is defined"},
		{"operands do not fit", func(_ *ir.Program, e *ir.Entry) { e.Func.Params[0].Type = other }, "shapes [4] and [3] differ"},
		{"result of another", func(_ *ir.Program, e *ir.Entry) { e.Func.Instrs[0].Results[0].Def = nil }, "does not know its instruction"},
		{"parameter order", func(_ *ir.Program, e *ir.Entry) {
			e.Func.Params[0], e.Func.Params[1] = e.Func.Params[1], e.Func.Params[0]
		}, "is not parameter 0"},
		{"metric's output", func(_ *ir.Program, e *ir.Entry) { e.Metrics = []ir.Metric{{Name: "m", Output: 7}} }, "output 7 of 1"},
	} {
		p, e := program()
		c.damage(p, e)
		err := ir.Verify(p)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	_, e := program()
	c := e.Func.Clone()
	if c.String() != e.Func.String() {
		t.Errorf("the copy reads\n%s\nwant\n%s", c, e.Func)
	}
	c.Params[0].Name, c.Instrs[0].Args[0] = "changed", c.Params[1]
	if e.Func.Params[0].Name != "x" || e.Func.Instrs[0].Args[0] != e.Func.Params[0] {
		t.Error("changing the copy changed the original")
	}
}
