package golden_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/internal/golden"
	"github.com/mlc-go/mlc/internal/lab"
	"github.com/mlc-go/mlc/internal/refdata"
)

var _ = debug.SetGCPercent(400) // as the command does

// maxPackages bounds the number of generated packages, so that the Go compiler's
// fixed cost for each stays small.
const maxPackages = 8

// bench is a process with the generated packages of fragments.
type bench struct {
	p     *lab.Process
	where map[*golden.Fragment]int // package of a fragment
}

func (b *bench) model(f *golden.Fragment) lab.Model { return b.p.Model(b.where[f]) }

// newBench generates packages of all fragments that compile and starts them; broken
// holds the others.
func newBench(t *testing.T, fragments []*golden.Fragment) (b *bench, broken map[*golden.Fragment]error) {
	t.Helper()
	dir := t.TempDir()
	if d := os.Getenv("MLC_LAB"); d != "" { // to look at
		dir = d
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.New(dir, root)
	if err != nil {
		t.Fatal(err)
	}
	b, broken = &bench{where: map[*golden.Fragment]int{}}, map[*golden.Fragment]error{}
	n := min(maxPackages, len(fragments))
	for k := range n {
		b.generate(t, l, fragments[k*len(fragments)/n:(k+1)*len(fragments)/n], broken)
	}
	if err := l.Build(); err != nil {
		t.Fatal(err)
	}
	if b.p, err = l.Start(os.Getenv("MLC_TARGET")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.p.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, broken
}

// generate adds one package. When the fragments do not compile together, those
// that do not compile alone are left out, so that one does not hide the others.
func (b *bench) generate(t *testing.T, l *lab.Lab, fragments []*golden.Fragment, broken map[*golden.Fragment]error) {
	t.Helper()
	p, err := lab.Compile(golden.Model("Cases", fragments))
	if err != nil {
		var whole []*golden.Fragment
		for _, f := range fragments {
			if _, err := lab.Compile(golden.Model("Case", []*golden.Fragment{f})); err != nil {
				broken[f] = err
				continue
			}
			whole = append(whole, f)
		}
		fragments = whole
		if p, err = lab.Compile(golden.Model("Cases", fragments)); err != nil {
			t.Fatal(err)
		}
	}
	k, err := l.Add(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fragments {
		b.where[f] = k
	}
}

// notFinite names an output of a differentiated case that holds a NaN or an infinity.
func notFinite(c *golden.Case, arrays map[string]golden.Values) string {
	for _, a := range c.Arrays {
		if !strings.HasPrefix(a.Name, "out.") {
			continue
		}
		for _, x := range arrays[a.Name].Data {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return a.Name
			}
		}
	}
	return ""
}

// TestGeneratedAgainstPyTorch runs every case through generated code.
func TestGeneratedAgainstPyTorch(t *testing.T) { generated32(t, refdata.Path(t, "torch-golden")) }

func generated32(t *testing.T, dir string) {
	cases, err := golden.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	fragments, skipped := golden.Fragments(cases)
	b, broken := newBench(t, fragments)
	passed := 0
	for _, f := range fragments {
		t.Run(f.Case.Name, func(t *testing.T) {
			if err := broken[f]; err != nil {
				t.Fatal(err)
			}
			arrays, err := f.Case.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if name := notFinite(f.Case, arrays); name != "" {
				skipped[f.Case.Name] = name + " is not finite: a step with such a loss is refused; compared through the evaluator"
				return
			}
			differ, err := f.Check(b.model(f), arrays, golden.Tolerance{Rel: 1e-4, Abs: 1e-5, Rounded: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range differ {
				t.Error(d)
			}
			if len(differ) == 0 {
				passed++
			}
		})
	}
	fmt.Printf("torch-golden: %d passed, %d failed, %d out of scope\n", passed, len(cases)-passed-len(skipped), len(skipped))
	for _, name := range slices.Sorted(maps.Keys(skipped)) {
		fmt.Printf("  out of scope: %s: %s\n", name, skipped[name])
	}
	for _, f := range fragments {
		for _, name := range slices.Sorted(maps.Keys(f.Null)) {
			if f.Entry != nil && !f.EvalRounded() && name == slices.Min(slices.Collect(maps.Keys(f.Null))) {
				fmt.Printf("  through the evaluator only: %s: %s\n", f.Case.Name, f.Eval)
			}
			fmt.Printf("  through the evaluator only: %s: %s, elements %d to %d\n", f.Case.Name, name, f.Null[name][0], f.Null[name][1]-1)
		}
	}
}
