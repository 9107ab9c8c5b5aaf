package codegen_test

import "testing"

// TestInstructionSets trains on every target and number of threads and compares
// with the exact evaluator, bit for bit. What the machine lacks runs as plain Go.
func TestInstructionSets(t *testing.T) {
	l := newLab(t)
	l.add("mlp", compiled(t, "testdata/classifier/net.ml", nil))
	l.build()
	var dims [][]map[string]int64
	for _, target := range []string{"go", "avx2", "avx512"} {
		for threads := 1; threads <= 3; threads++ {
			dims = append(dims, l.addCase("mlp", 7, threads, "step step eval step", map[string]int64{"batch": 37}))
			l.cases[len(l.cases)-1].Target = target
		}
	}
	for i, r := range l.run() {
		l.oracle(l.cases[i], r, dims[i])
	}
}
