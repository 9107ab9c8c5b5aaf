package pass

import (
	"flag"
	"fmt"
	"testing"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/internal/randnet"
)

var (
	randomSeed  = flag.Uint64("random.seed", 1, "seed of the first random program")
	randomCount = flag.Int("random.count", 100, "number of random programs")
)

// TestRandomPrograms compares forward, backward and one update of random
// programs in both evaluators, with each pass left out once. A failing program
// is shrunk to the fewest operations that still fail.
func TestRandomPrograms(t *testing.T) {
	const operations = 12
	for n := range uint64(*randomCount) {
		seed := *randomSeed + n
		if runRandom(t, seed, operations) {
			continue
		}
		for k := range operations {
			if !runRandom(t, seed, k) {
				t.Logf("the shortest failing program of seed %d:\n%s", seed, ir.Print(randnet.Program(seed, k)))
				break
			}
		}
	}
}

func runRandom(t *testing.T, seed uint64, operations int) bool {
	return t.Run(fmt.Sprintf("seed %d, %d operations", seed, operations), func(t *testing.T) {
		check(t, trial{
			make: func() *ir.Program { return randnet.Program(seed, operations) },
			dims: map[string]int64{"batch": 1 + int64(seed%5)}, ints: 4, scale: 1, steps: 2,
		}, 1e-4)
	})
}
