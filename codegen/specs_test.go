package codegen_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small are sizes at which the exact evaluator, which is slow, can follow a
// model of the zoo. Models without an entry are too large at any size.
var small = map[string]struct {
	set   string
	dims  map[string]int64
	kinds string
	long  bool // takes the evaluator more than a few seconds
}{
	"mlp":          {"hidden=9", map[string]int64{"batch": 5}, "forward step eval step", false},
	"vae":          {"hidden=7 latent=3", map[string]int64{"batch": 3}, "forward step eval", false},
	"custom":       {"", map[string]int64{"batch": 3, "time": 4}, "forward step eval step", false},
	"dqn":          {"", map[string]int64{"batch": 5}, "forward step eval step", false},
	"actor_critic": {"", map[string]int64{"batch": 5}, "forward step eval step", true},
	"llama":        {"vocab=11 context=8 layers=2 heads=2 kv_heads=1 dim=8 hidden=12", map[string]int64{"batch": 2, "time": 4}, "forward step eval", true},
	"lstm":         {"vocab=13 dim=4 hidden=5", map[string]int64{"batch": 3, "time": 4}, "forward step eval step", false},
	"gpt":          {"vocab=11 context=8 layers=2 heads=2 dim=8", map[string]int64{"batch": 2, "time": 5}, "forward step eval step", false},
	"vit":          {"size=8 patch=4 dim=8 layers=1 heads=2 classes=3", map[string]int64{"batch": 2}, "forward step eval", true},
	"lenet":        {"", map[string]int64{"batch": 2}, "forward step eval", true},
	"gan":          {"width=2 latent=3", map[string]int64{"batch": 2}, "forward step eval", true},
	"unet":         {"base=2 depth=1 size=8", map[string]int64{"batch": 2}, "forward step eval", true},
	"ctc":          {"mels=8 hidden=4 layers=1 vocab=5", map[string]int64{"batch": 2, "time": 12, "chars": 3}, "forward step eval", true},
}

// TestSpecs compares the models of the zoo with the exact evaluator: plain Go,
// and whatever assembly this machine runs.
func TestSpecs(t *testing.T) { compareSpecs(t, false) }

// TestSpecsLong does the same for models that keep the evaluator busy for longer.
func TestSpecsLong(t *testing.T) {
	demandLong(t)
	compareSpecs(t, true)
}

// demandLong skips a test that only .ci/run and people with time run.
func demandLong(t *testing.T) {
	t.Helper()
	if os.Getenv("MLC_LONG") == "" {
		t.Skip("takes minutes; set MLC_LONG to run it")
	}
}

func compareSpecs(t *testing.T, long bool) {
	t.Helper()
	files, err := filepath.Glob("../specs/*/net.ml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no specs: %v", err)
	}
	l := newLab(t)
	var names []string
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		if c, ok := small[name]; ok && c.long == long {
			set := map[string]string{}
			for _, s := range strings.Fields(c.set) {
				k, v, _ := strings.Cut(s, "=")
				set[k] = v
			}
			l.add(name, compiled(t, f, set))
			names = append(names, name)
		}
	}
	l.build()
	var dims [][]map[string]int64
	for i, name := range names {
		for _, target := range []string{"go", ""} {
			c := small[name]
			dims = append(dims, l.addCase(name, uint64(i), i%3+1, c.kinds, c.dims))
			l.cases[len(l.cases)-1].Target = target
		}
	}
	for i, r := range l.run() {
		t.Run(fmt.Sprintf("%s %s", l.cases[i].Package, l.cases[i].Target), func(t *testing.T) {
			sub := *l
			sub.t = t
			sub.oracle(l.cases[i], r, dims[i])
		})
	}
}
