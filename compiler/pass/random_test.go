package pass

import (
	"fmt"
	"testing"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/internal/randnet"
)

// TestRandomPrograms compares random training steps with the reference
// evaluator, and leaves out each pass that keeps every bit.
func TestRandomPrograms(t *testing.T) {
	count := uint64(25)
	if testing.Short() {
		count = 5
	}
	for seed := range count {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			size := 4 + int(seed%5)*8
			tr := trial{make: func() *ir.Program { return randnet.Program(seed, size) }, dims: map[string]int64{"batch": 1 + int64(seed%4)}, ints: 4, scale: 0.7, steps: 2}
			full := tr.exact(t, Options{Check: true})
			near(t, full, tr.reference(t), 2e-4)
			sameBits(t, "unshuffled", tr.exact(t, Options{}), full)
			for _, p := range List() {
				if p.Exact && !p.Required {
					sameBits(t, "without "+p.Name, tr.exact(t, Options{Disable: []string{p.Name}}), full)
				}
			}
			if t.Failed() {
				t.Log(ir.Print(tr.make()))
			}
		})
	}
}
