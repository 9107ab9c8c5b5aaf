package codegen_test

import (
	"fmt"
	"testing"

	"github.com/mlc-go/mlc/compiler"
)

// TestAttention runs attention of every kind, tile by tile, on every target and
// number of threads. What it is compared with has no tiles: they keep every bit.
// Small sizes are the evaluator's, larger ones those of plain Go, up to more than
// one block of 1,024.
func TestAttention(t *testing.T) {
	const file = "testdata/attention/net.ml"
	whole, _, err := compiler.Compile(compiler.Options{File: file, Disable: []string{"tile"}})
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	l.add("attention", compiled(t, file, nil))
	l.add("whole", whole.Loop)
	l.build()
	var dims [][]map[string]int64 // nil for cases like the one before
	var names []string
	for _, s := range []struct {
		time  int64
		kinds string
	}{{1, "forward step eval step"}, {7, "forward step eval step"}, {33, "step"}, {70, "step step"}, {257, "step"}, {1100, "step"}} {
		batch := int64(2)
		if s.time > 100 { // plain Go takes long
			batch = 1
		}
		dims = append(dims, l.addCase("whole", uint64(s.time), 1, s.kinds, map[string]int64{"batch": batch, "time": s.time}))
		l.cases[len(l.cases)-1].Target = "go"
		names = append(names, fmt.Sprintf("%d whole", s.time))
		for n, target := range []string{"go", "avx2", "avx512"} {
			dims = append(dims, nil)
			l.addLike("attention", target, n+1)
			names = append(names, fmt.Sprintf("%d attention %s", s.time, target))
		}
	}
	for i, r := range l.run() {
		t.Run(names[i], func(t *testing.T) {
			if r.Err != "" {
				t.Error(r.Err)
			} else if dims[i] != nil && dims[i][0]["time"] <= 33 {
				sub := *l
				sub.t = t
				sub.oracle(l.cases[i], r, dims[i])
			}
		})
	}
}
