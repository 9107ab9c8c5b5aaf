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
			for threads := range 3 { // the first never pauses
				l.addCase(s.pkg, 3, max(threads, 1), "forward step step", s.dims)
				c := &l.cases[len(l.cases)-1]
				c.Target, c.Pauses = target, threads > 0
				names = append(names, fmt.Sprintf("%s %v %s", s.pkg, s.dims, target))
			}
		}
	}
	results := l.run()
	for i, r := range results {
		if r.Err != "" {
			t.Errorf("%s: %s", names[i], r.Err)
		} else if i%3 > 0 {
			t.Run(names[i], func(t *testing.T) { same(t, r, results[i-i%3]) })
		}
	}
}
