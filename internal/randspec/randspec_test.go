package randspec

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/mlc-go/mlc/internal/lab"
)

var _ = debug.SetGCPercent(400) // as the command does

// TestGeneratedNets compares a hundred random nets in generated code with the
// evaluator. For more, see cmd.
func TestGeneratedNets(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	var nets []*Net
	for seed := range uint64(100) {
		nets = append(nets, New(seed, 2+int(seed%8)))
	}
	failed, err := Check(nets, Options{Root: root, Seed: 1, Packages: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failed {
		t.Errorf("%s\n%s", strings.Join(f.What, "\n"), Text(f.Net))
	}
}

// TestFound runs nets that failed once.
func TestFound(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	var nets []*Net
	for _, steps := range [][]string{
		{"x + w", "transpose(v0)", "v1[..., ::2]"}, // of every other sample, the gradient was zero
		// A position on an axis of one element is not asked for, and Go refused the local.
		{"x + w", "sum(v0, axis = 1, keepdims = true)", "gather(v1, argmax(v0, axis = 1, keepdims = true), axis = 1)"},
	} {
		n := &Net{Optimizer: "sgd(lr = 1.0)"}
		for i, text := range steps {
			name := fmt.Sprint("v", i)
			n.Steps, n.Outputs = append(n.Steps, Step{name, name + " = " + text}), []string{name}
		}
		nets = append(nets, n, n, n, n) // with several sizes of the batch
	}
	failed, err := Check(nets, Options{Root: root, Seed: 1, Packages: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failed {
		t.Errorf("%s\n%s", strings.Join(f.What, "\n"), Text(f.Net))
	}
}

// TestRulesAreUsed holds every rule against values of all shapes: one that the
// compiler never accepts would test nothing.
func TestRulesAreUsed(t *testing.T) {
	for _, r := range rules {
		used := false
		for seed := range uint64(60) {
			g := &generator{rng: rand.New(rand.NewPCG(seed, 0)), net: &Net{}}
			for _, start := range []string{"x + w", "seq + w", "image + w", "long + w", "reshape(image, shape(image)[0:1] + [1, 2, 5, 6]) + w", "mean(x * w)", "reshape(x * w, [-1])",
				"image[:, :, 0:4] -> l9: conv2d(4, kernel = 1)"} {
				g.add(value{}, start)
			}
			before := len(g.net.Steps)
			for _, x := range g.values {
				if len(x.shape) >= r.min && len(x.shape) <= r.max {
					g.add(x, r.text)
				}
			}
			if used = len(g.net.Steps) > before; used {
				break
			}
		}
		if !used {
			t.Errorf("the compiler accepts %q for no value", r.text)
		}
	}
}

// TestDifferencesAreSeen compares a net with another one's text, which differs by
// little in one place: in the result, in the gradient alone.
func TestDifferencesAreSeen(t *testing.T) {
	for _, text := range []string{"0.32 * v0", "0.3 * v0 + stop_gradient(0.001 * v0)", "0.3 * stop_gradient(v0) + 0.297 * (v0 - stop_gradient(v0))"} {
		same := func(text string) *lab.Reference {
			n := &Net{Steps: []Step{{"v0", "v0 = x * w"}, {"v1", "v1 = " + text}}, Outputs: []string{"v1"}, Optimizer: "sgd(lr = 1.0)"}
			r, err := lab.NewReference(Text(n))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		a, b := same("0.3 * v0"), same(text)
		net := &Net{Steps: []Step{{"v0", "v0 = x * w"}}, Outputs: []string{"v0"}}
		d := newDraw(5, group{nets: []*Net{net}, ref: a}, 0)
		want, err := d.record(a)
		if err != nil {
			t.Fatal(err)
		}
		have, err := d.record(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.differ(have, d.before, false)) == 0 || want.otherBits(have) == "" {
			t.Errorf("%s passes for 0.3 * v0", text)
		}
		if what := want.differ(want, d.before, false); what != nil {
			t.Errorf("a net differs from itself: %v", what)
		}
	}
}

// TestShrink takes the nets that use cumsum for failures.
func TestShrink(t *testing.T) {
	check := func(nets []*Net) (failed []Failure, err error) {
		for _, n := range nets {
			if strings.Contains(Text(n), "cumsum(") {
				failed = append(failed, Failure{Net: n})
			}
		}
		return failed, nil
	}
	tried := 0
	for seed := range uint64(60) {
		n := New(seed, 14)
		failed, _ := check([]*Net{n})
		if len(failed) == 0 || len(n.needed()) < 6 {
			continue
		}
		tried++
		if small := Shrink(failed[0], check); len(small.Net.needed()) > 4 {
			t.Errorf("seed %d: not smaller than\n%s", seed, Text(small.Net))
		}
		if tried == 3 {
			return
		}
	}
	t.Errorf("only %d nets to shrink", tried)
}

// TestFrozenGroups requires that a net with nothing to group but what is frozen compiles.
func TestFrozenGroups(t *testing.T) {
	for _, text := range []string{"v0 -> l1: linear(3)", "v0 -> l1: linear(3) -> gelu -> l1.down: linear(2)"} {
		n := &Net{Steps: []Step{{"v0", "v0 = x + w"}, {"v1", "v1 = " + text}}, Outputs: []string{"v1"}, Optimizer: "sgd()", Frozen: true, Grouped: true}
		if _, err := lab.Compile(Text(n)); err != nil {
			t.Errorf("%v\n%s", err, Text(n))
		}
	}
}
