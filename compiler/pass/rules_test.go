package pass

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/eval"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
)

var update = flag.Bool("update", false, "rewrite the dumps in testdata")

// readIR reads and verifies a program.
func readIR(t *testing.T, text string) *ir.Program {
	t.Helper()
	p, err := ir.Parse(text, op.Lookup)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := ir.Verify(p); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// rule is a function of %1 f32[2, 3], %2 f32[2, 3], %3 bool[2, 3] and %4 f32[1, 3],
// in IR text, and the operations that are left of it.
type rule struct{ name, body, result, want string }

var simplifyRules = []rule{
	{"reshape to the same shape", "%5 = reshape[shape=(2, 3)] %1 : f32[2, 3]", "%5", ""},
	{"reshape to another shape", "%5 = reshape[shape=(3, 2)] %1 : f32[3, 2]", "%5", "reshape"},
	{"reshape of a reshape", "%5 = reshape[shape=(6)] %1 : f32[6]\n%6 = reshape[shape=(3, 2)] %5 : f32[3, 2]", "%6", "reshape"},
	{"reshape back", "%5 = reshape[shape=(6)] %1 : f32[6]\n%6 = reshape[shape=(2, 3)] %5 : f32[2, 3]", "%6", ""},
	{"reshape of a transpose", "%5 = transpose[perm=(1, 0)] %1 : f32[3, 2]\n%6 = reshape[shape=(2, 3)] %5 : f32[2, 3]", "%6", "transpose reshape"},
	{"identity transpose", "%5 = transpose[perm=(0, 1)] %1 : f32[2, 3]", "%5", ""},
	{"transpose twice", "%5 = transpose[perm=(1, 0)] %1 : f32[3, 2]\n%6 = transpose[perm=(1, 0)] %5 : f32[2, 3]", "%6", ""},
	{"transpose once", "%5 = transpose[perm=(1, 0)] %1 : f32[3, 2]", "%5", "transpose"},
	{"transposes compose", "%5 = reshape[shape=(1, 2, 3)] %1 : f32[1, 2, 3]\n%6 = transpose[perm=(2, 0, 1)] %5 : f32[3, 1, 2]\n%7 = transpose[perm=(2, 0, 1)] %6 : f32[2, 3, 1]", "%7", "reshape transpose"},
	{"broadcast to the same shape", "%5 = broadcast[shape=(2, 3)] %1 : f32[2, 3]", "%5", ""},
	{"broadcast of a broadcast", "%5 = broadcast[shape=(2, 3)] %4 : f32[2, 3]\n%6 = broadcast[shape=(4, 2, 3)] %5 : f32[4, 2, 3]", "%6", "broadcast"},
	{"broadcast of leading ones", "%5 = reshape[shape=(1, 1, 2, 3)] %1 : f32[1, 1, 2, 3]\n%6 = broadcast[shape=(4, 1, 2, 3)] %5 : f32[4, 1, 2, 3]", "%6", "broadcast"},
	{"broadcast of inner ones", "%5 = reshape[shape=(2, 1, 3)] %1 : f32[2, 1, 3]\n%6 = broadcast[shape=(2, 4, 3)] %5 : f32[2, 4, 3]", "%6", "reshape broadcast"},
	{"cast to the same type", "%5 = cast[dtype=f32] %1 : f32[2, 3]", "%5", ""},
	{"cast to a wider type and back", "%5 = cast[dtype=f64] %1 : f64[2, 3]\n%6 = cast[dtype=f32] %5 : f32[2, 3]", "%6", ""},
	{"cast to a narrower type and back", "%5 = cast[dtype=bf16] %1 : bf16[2, 3]\n%6 = cast[dtype=f32] %5 : f32[2, 3]", "%6", "cast cast"},
	{"whole slice", "%5 = slice[axis=1, stop=3, step=1] %1 : f32[2, 3]", "%5", ""},
	{"part of an axis", "%5 = slice[axis=1, stop=2, step=1] %1 : f32[2, 2]", "%5", "slice"},
	{"flip", "%5 = slice[axis=1, stop=3, step=-1] %1 : f32[2, 3]", "%5", "slice"},
	{"padding by nothing", "%5 = pad[low=(0, 0), high=(0, 0), mode=\"reflect\"] %1 : f32[2, 3]", "%5", ""},
	{"padding", "%5 = pad[low=(0, 0), high=(0, 1), mode=\"reflect\"] %1 : f32[2, 4]", "%5", "pad"},
	{"join of one", "%5 = concat[axis=1] %1 : f32[2, 3]", "%5", ""},
	{"join of two", "%5 = concat[axis=1] %1, %2 : f32[2, 6]", "%5", "concat"},
	{"reduction over nothing", "%5 = reduce[op=\"sum\"] %1 : f32[2, 3]", "%5", ""},
	{"maximum over an extent of one", "%5 = reduce[op=\"max\", axes=(0)] %4 : f32[3]", "%5", "reshape"},
	{"sum over an extent of one", "%5 = reduce[op=\"sum\", axes=(0)] %4 : f32[3]", "%5", "reduce"},
	{"stop_gradient", "%5 = stop_gradient %1 : f32[2, 3]", "%5", ""},
	{"negation twice", "%5 = neg %1 : f32[2, 3]\n%6 = neg %5 : f32[2, 3]", "%6", ""},
	{"negation of an absolute value", "%5 = abs %1 : f32[2, 3]\n%6 = neg %5 : f32[2, 3]", "%6", "abs neg"},
	{"not twice", "%5 = not %3 : bool[2, 3]\n%6 = not %5 : bool[2, 3]", "%6", ""},
	{"times one", "%5 = host_scalar[expr=1, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = mul %1, %6 : f32[2, 3]", "%7", ""},
	{"one times", "%5 = host_scalar[expr=1, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = mul %6, %1 : f32[2, 3]", "%7", ""},
	{"times zero", "%5 = host_scalar[expr=0, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = mul %1, %6 : f32[2, 3]", "%7", "host_scalar broadcast mul"},
	{"over one", "%5 = host_scalar[expr=1, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = div %1, %6 : f32[2, 3]", "%7", ""},
	{"one over", "%5 = host_scalar[expr=1, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = div %6, %1 : f32[2, 3]", "%7", "host_scalar broadcast div"},
	{"minus zero", "%5 = host_scalar[expr=0, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = sub %1, %6 : f32[2, 3]", "%7", ""},
	{"plus zero changes the sign of -0", "%5 = host_scalar[expr=0, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = add %1, %6 : f32[2, 3]", "%7", "host_scalar broadcast add"},
	{"plus negative zero", "%5 = host_scalar[expr=-0, dtype=f32] : f32[]\n%6 = broadcast[shape=(2, 3)] %5 : f32[2, 3]\n%7 = add %1, %6 : f32[2, 3]", "%7", ""},
	{"plus a negation", "%5 = neg %2 : f32[2, 3]\n%6 = add %1, %5 : f32[2, 3]", "%6", "sub"},
	{"a negation plus", "%5 = neg %1 : f32[2, 3]\n%6 = add %5, %2 : f32[2, 3]", "%6", "sub"},
	{"minus a negation", "%5 = neg %2 : f32[2, 3]\n%6 = sub %1, %5 : f32[2, 3]", "%6", "add"},
	{"a negation minus", "%5 = neg %1 : f32[2, 3]\n%6 = sub %5, %2 : f32[2, 3]", "%6", "neg sub"},
	{"select of the same", "%5 = select %3, %1, %1 : f32[2, 3]", "%5", ""},
	{"select by a negation", "%5 = not %3 : bool[2, 3]\n%6 = select %5, %1, %2 : f32[2, 3]", "%6", "select"},
	{"select by another function", "%5 = or %3, %3 : bool[2, 3]\n%6 = select %5, %1, %2 : f32[2, 3]", "%6", "or select"},
	{"contraction of a transpose", "%5 = transpose[perm=(1, 0)] %1 : f32[3, 2]\n%6 = einsum[spec=\"km,nk->mn\"] %5, %1 : f32[2, 2]", "%6", "einsum"},
	{"contraction of a transpose that turns its order", "%5 = transpose[perm=(1, 0)] %1 : f32[3, 2]\n%6 = transpose[perm=(1, 0)] %2 : f32[3, 2]\n%7 = einsum[spec=\"ij,ij->\"] %5, %6 : f32[]", "%7", "transpose einsum"},
}

// ruleProgram makes a program of a rule's body.
func ruleProgram(r rule) string {
	types := "%1 f32[2, 3], %2 f32[2, 3], %3 bool[2, 3], %4 f32[1, 3]"
	return fmt.Sprintf("program \"P\" \"net.ml\"\nentry \"f\" forward {\ninput \"a\" %%1\ninput \"b\" %%2\ninput \"c\" %%3\ninput \"d\" %%4\noutput \"y\" %s\nfunc \"f\"(%s) {\n%s\n}\n}\n", r.result, types, r.body)
}

func TestSimplifyRules(t *testing.T) {
	for _, r := range simplifyRules {
		t.Run(r.name, func(t *testing.T) {
			before, after := readIR(t, ruleProgram(r)), readIR(t, ruleProgram(r))
			for _, fn := range []func(*ir.Program) error{simplify, dce} {
				if err := fn(after); err != nil {
					t.Fatal(err)
				}
			}
			if err := ir.Verify(after); err != nil {
				t.Fatal(err)
			}
			var ops []string
			for _, i := range after.Entries[0].Func.Instrs {
				ops = append(ops, i.Op.Name())
			}
			if got := strings.Join(ops, " "); got != r.want {
				t.Errorf("left: %q, want %q\n%s", got, r.want, ir.Print(after))
			}
			sameValues(t, before, after)
		})
	}
}

// sameValues runs the first entries of two programs in the reference evaluator
// on the same data, signed zeros included, and compares every bit.
func sameValues(t *testing.T, before, after *ir.Program) {
	t.Helper()
	run := func(p *ir.Program) []ir.Dense {
		m := eval.NewReference(p)
		rng := rand.New(rand.NewPCG(7, 7))
		for _, v := range p.Vars {
			fill(m.Vars[v], rng)
		}
		e := p.Entries[0]
		var in []ir.Dense
		for _, x := range e.Inputs {
			d := ir.NewDense(x.Value.Type.DType, op.ConcreteShape(x.Value.Type.Shape, map[string]int64{"batch": 3})...)
			fill(d, rng)
			in = append(in, d)
		}
		out, err := m.Run(e, in...)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Vars {
			out = append(out, m.Vars[v])
		}
		return out
	}
	a, b := run(before), run(after)
	for k := range a {
		same := slices.EqualFunc(a[k].Data, b[k].Data, func(x, y float64) bool {
			return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
		})
		if !same || !slices.Equal(a[k].Shape, b[k].Shape) {
			t.Errorf("result %d: %v before, %v after", k, a[k], b[k])
		}
	}
}

// fill draws data; one float in four is a zero of either sign.
func fill(d ir.Dense, rng *rand.Rand) {
	for i := range d.Data {
		switch {
		case d.DType == dim.Bool:
			d.Data[i] = float64(rng.IntN(2))
		case d.DType.IsInt():
			d.Data[i] = float64(rng.IntN(3))
		case rng.IntN(4) == 0:
			d.Data[i] = math.Copysign(0, rng.Float64()-0.5)
		default:
			d.Data[i] = 4*rng.Float64() - 2
		}
	}
}

// TestPassDumps runs the pass that names each folder of testdata on the section
// "in" of its files and compares with the section "out".
func TestPassDumps(t *testing.T) {
	passes := map[string]func(*ir.Program) error{"grad": grad, "widen": widen, "simplify": simplify, "cse": cse, "dce": dce,
		"orient": orient, "reuse": reuse, "remat": remat, "fuse": fuse}
	for _, name := range []string{"grad", "widen", "simplify", "cse", "dce", "orient", "reuse", "remat", "fuse"} {
		files, err := filepath.Glob("testdata/" + name + "/*.txtar")
		if err != nil || len(files) == 0 {
			t.Errorf("pass %s has no test files: %v", name, err)
		}
		for _, file := range files {
			t.Run(name+"/"+filepath.Base(file), func(t *testing.T) {
				ar, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				in := string(ar.Files[0].Data)
				p := readIR(t, in)
				if err := passes[name](p); err != nil {
					t.Fatal(err)
				}
				if err := ir.Verify(p); err != nil {
					t.Fatal(err)
				}
				got := ir.Print(p)
				if *update {
					ar.Files = append(ar.Files[:1], txtar.File{Name: "out", Data: []byte(got)})
					if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
						t.Fatal(err)
					}
				} else if want := string(ar.Files[1].Data); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
				if name != "grad" {
					sameValues(t, readIR(t, in), p)
				}
			})
		}
	}
}
