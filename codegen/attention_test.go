package codegen_test

import (
	"fmt"
	"slices"
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
	var dims [][]map[string]int64
	var names []string
	add := func(pkg, target string, threads int, kinds string, time int64) {
		batch := int64(2)
		if time > 100 { // plain Go takes long
			batch = 1
		}
		dims = append(dims, l.addCase(pkg, uint64(time), threads, kinds, map[string]int64{"batch": batch, "time": time}))
		l.cases[len(l.cases)-1].Target = target
		names = append(names, fmt.Sprintf("%d %s %s", time, pkg, target))
	}
	const each = 4
	for _, s := range []struct {
		time  int64
		kinds string
	}{{1, "forward step eval step"}, {7, "forward step eval step"}, {33, "step"}, {70, "step step"}, {257, "step"}, {1100, "step"}} {
		add("whole", "go", 1, s.kinds, s.time)
		for n, target := range []string{"go", "avx2", "avx512"} {
			add("attention", target, n+1, s.kinds, s.time)
		}
	}
	results := l.run()
	l.progs["attention"] = whole.Loop
	for i, r := range results {
		t.Run(names[i], func(t *testing.T) {
			switch time := dims[i][0]["time"]; {
			case r.Err != "":
				t.Error(r.Err)
			case i%each > 0:
				same(t, r, results[i-i%each])
			case time <= 33:
				sub := *l
				sub.t = t
				sub.oracle(l.cases[i], r, dims[i])
			}
		})
	}
}

// same compares two results bit for bit.
func same(t *testing.T, got, want driverResult) {
	t.Helper()
	for n, bits := range want.Vars {
		if !slices.Equal(got.Vars[n], bits) {
			t.Errorf("stored tensor %d differs from that without tiles", n)
		}
	}
	for n, call := range want.Calls {
		for k, out := range call {
			if !slices.Equal(got.Calls[n][k].Bits, out.Bits) {
				t.Errorf("call %d, output %d differs from that without tiles", n, k)
			}
		}
	}
}
