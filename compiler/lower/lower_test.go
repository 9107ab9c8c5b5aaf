package lower

import (
	"strings"
	"testing"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

func TestStageNames(t *testing.T) {
	for _, c := range []struct{ label, path, want string }{
		{"fc1: linear(hidden) -> relu", "", "fc1"},
		{"c_attn: linear(3 * dim)", "h.0.attn", "attnCAttn"},
		{"relu", "", "relu"},
		{"loss cross_entropy(logits, labels)", "", "crossEntropy"},
		{"metric accuracy(logits, labels)", "", "accuracy"},
		{"mu = x * 2", "enc.3", "encMu"},
		{"", "enc.layer.11", "encLayer"},
		{"", "", ""},
	} {
		if got := stage(&ir.Instr{Label: c.label, Path: c.path}); got != c.want {
			t.Errorf("stage of %q at %q is %q, want %q", c.label, c.path, got, c.want)
		}
	}
	n := newNamer()
	for _, want := range []string{"x", "x2", "x3"} {
		if got := n.unique("x"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// layers builds an entry of two layers with equal shapes and one of another, a
// group for each layer's product and its activation.
func layers() *ir.Program {
	f := ir.NewFunc("forward")
	b := &ir.Builder{Func: f}
	e := &ir.Entry{Name: "forward", Func: f}
	p := &ir.Program{Name: "P", File: "net.ml", Entries: []*ir.Entry{e}}
	x := f.AddParam(ir.Type{DType: dim.Float32, Shape: []dim.Dim{dim.Sym("batch"), dim.Const(8)}}, "x")
	e.Inputs = []ir.Input{{Name: "x", Value: x}}
	h := x
	for n, size := range []int64{8, 8, 3} {
		name := "fc" + string(rune('1'+n))
		t := ir.Type{DType: dim.Float32, Shape: []dim.Dim{dim.Const(size), dim.Const(8)}}
		w := f.AddParam(t, name)
		v := &ir.Var{Name: name + ".weight", Ident: name + ".weight", Type: t}
		p.Vars = append(p.Vars, v)
		e.Reads = append(e.Reads, ir.Read{Var: v, Value: w})
		b.Label = name + ": linear"
		h = b.Emit1(op.Einsum{Spec: "mk,nk->mn"}, h, w)
		h.Def.Group = n + 1
		h = op.Apply(b, "exp", h)
		h.Def.Group = n + 1
	}
	e.Outputs = []ir.Output{{Name: "y", Value: h}, {Name: "again", Value: h}}
	return p
}

// TestEqualKernelsAreShared lowers three layers, two of them alike.
func TestEqualKernelsAreShared(t *testing.T) {
	l, err := Lower(layers(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := loop.Verify(l); err != nil {
		t.Fatalf("%v\n%s", err, l)
	}
	var calls []string
	for _, c := range loop.Calls(l.Funcs[0]) {
		calls = append(calls, c.Kernel.Name)
	}
	// The second output is a copy: an output has memory of its own.
	if got, want := strings.Join(calls, " "), "fc1Forward fc1Forward fc3Forward copyToAgain"; got != want {
		t.Errorf("calls %s, want %s", got, want)
	}
	if len(l.Kernels) != 3 {
		t.Errorf("%d kernels, want 3", len(l.Kernels))
	}
	if k := l.Kernels[0]; len(k.Origins) != 2 {
		t.Errorf("the shared kernel has %d origins, want both layers", len(k.Origins))
	}
}

// TestGroupsThatWaitForEachOther requires an error, not a wrong schedule.
func TestGroupsThatWaitForEachOther(t *testing.T) {
	f := ir.NewFunc("forward")
	b := &ir.Builder{Func: f}
	x := f.AddParam(ir.Type{DType: dim.Float32, Shape: []dim.Dim{dim.Const(4), dim.Const(4)}}, "x")
	first := op.Apply(b, "exp", x)
	second := b.Emit1(op.Einsum{Spec: "mk,nk->mn"}, first, x)
	third := op.Apply(b, "add", second, first)
	first.Def.Group, second.Def.Group, third.Def.Group = 1, 2, 1
	e := &ir.Entry{Name: "forward", Func: f, Inputs: []ir.Input{{Name: "x", Value: x}},
		Outputs: []ir.Output{{Name: "y", Value: third}}}
	_, err := Lower(&ir.Program{Name: "P", Entries: []*ir.Entry{e}}, nil)
	if err == nil || !strings.Contains(err.Error(), "wait for each other") {
		t.Errorf("got %v", err)
	}
}
