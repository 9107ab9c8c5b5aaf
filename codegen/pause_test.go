package codegen_test

import (
	"fmt"
	"testing"
)

// TestPauses trains with calls of assembly that pause at every place they have, and
// with such that never do: nothing may differ.
func TestPauses(t *testing.T) {
	l := newLab(t)
	for name, file := range map[string]string{"long": "testdata/long/net.ml", "wide": "testdata/wide/net.ml", "attention": "testdata/attention/net.ml"} {
		l.add(name, compiled(t, file, nil))
	}
	l.build()
	var names []string
	for _, s := range []struct {
		pkg  string
		dims map[string]int64
	}{
		{"long", map[string]int64{"batch": 1}}, {"long", map[string]int64{"batch": 9}}, {"wide", map[string]int64{"batch": 57}},
		{"attention", map[string]int64{"batch": 1, "time": 1100}},
	} {
		for _, target := range []string{"avx2", "avx512"} {
			l.addCase(s.pkg, 3, 1, "forward step step", s.dims)
			l.cases[len(l.cases)-1].Target = target
			for threads := 1; threads <= 2; threads++ {
				l.addLike(s.pkg, target, threads)
				l.cases[len(l.cases)-1].Pauses = true
			}
			names = append(names, fmt.Sprintf("%s %v %s", s.pkg, s.dims, target))
		}
	}
	for i, r := range l.run() {
		if r.Err != "" {
			t.Errorf("%s, %d threads: %s", names[i/3], l.cases[i].Threads, r.Err)
		}
	}
}
