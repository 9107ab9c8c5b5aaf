// Command cmd checks random nets: generated code on every path of this machine against
// the float64 evaluator. It prints a shrunk net.ml for each that fails.
//
//	go run ./internal/randspec/cmd -n 1000 -seed 7
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/mlc-go/mlc/internal/randspec"
)

func main() {
	n := flag.Int("n", 200, "how many nets")
	seed := flag.Uint64("seed", 1, "seed of the first net; the next has the next seed")
	steps := flag.Int("steps", 0, "statements of a net; 0: between 3 and 18")
	batch := flag.Int("batch", 50, "nets that are generated and built together")
	flag.Parse()
	debug.SetGCPercent(400) // as mlc does
	failures, err := run(*n, *steps, *batch, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Printf("%d nets, %d failed\n", *n, failures)
	if failures > 0 {
		os.Exit(1)
	}
}

func run(n, steps, batch int, seed uint64) (failures int, err error) {
	root, err := randspec.Root()
	if err != nil {
		return 0, err
	}
	for from := 0; from < n; from += batch {
		var nets []*randspec.Net
		which := map[*randspec.Net]uint64{}
		for i := from; i < min(n, from+batch); i++ {
			s := seed + uint64(i)
			size := steps
			if size == 0 {
				size = 3 + int(s%16)
			}
			net := randspec.New(s, size)
			nets, which[net] = append(nets, net), s
		}
		o := randspec.Options{Root: root, Seed: seed, Packages: 2}
		failed, err := randspec.Check(nets, o)
		if err != nil {
			return failures, err
		}
		failures += len(failed)
		for _, f := range failed {
			fmt.Printf("seed %d fails:\n", which[f.Net])
			small := randspec.Shrink(f, func(n []*randspec.Net) ([]randspec.Failure, error) { return randspec.Check(n, o) })
			fmt.Println(randspec.Text(small.Net))
			for _, w := range small.What {
				fmt.Println("//", w)
			}
		}
		fmt.Fprintf(os.Stderr, "%d nets, %d failed\n", min(n, from+batch), failures)
	}
	return failures, nil
}
