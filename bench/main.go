// Command bench compares mlc with other systems on this machine and prints
// tables: medians and ratios of alternating slices of one run.
//
//	go run ./bench -rounds 7 -threads 1,2
//	go run ./bench -only train,elementwise
//
// A rival that is not installed is left out, and the table says so. How to
// install them stands in README.md of this folder. Nothing else should run
// beside it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	var c config
	flag.IntVar(&c.rounds, "rounds", 5, "alternating slices of each row")
	flag.Float64Var(&c.slice, "slice", 0.3, "seconds of one slice")
	flag.StringVar(&c.ort, "ort", os.Getenv("ORT_LIBRARY"), "libonnxruntime.so of the npm package onnxruntime-node")
	flag.StringVar(&c.data, "data", os.Getenv("MLC_DATA"), "folder that holds mnist, for the recipe")
	threads := flag.String("threads", "1,2", "numbers of threads, separated by commas")
	only := flag.String("only", "", "these parts alone, separated by commas: "+strings.Join(partNames(), ", "))
	spin := flag.Bool("neighbour", false, "keep one core busy until standard input ends; the benchmark starts itself so")
	flag.Parse()
	if *spin {
		neighbour()
		return
	}
	if err := run(c, *threads, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type config struct {
	rounds    int
	slice     float64
	ort, data string
	*workspace
}

// part is a section of the output.
type part struct {
	name, title, unit string
	threads           int // 0: once for each number of threads asked for
	run               func(c config, t *table, threads int) error
}

var parts = []part{
	{"train", "Training steps of the 784-128-10 classifier", "µs", 0, training},
	{"infer", "Inference with the same classifier", "µs", 0, inference},
	{"gemm", "Matrix products, M x K x N", "µs", 0, products},
	{"elementwise", "Elementwise functions at 100,000 elements", "ns an element", 1, elementwise},
	{"models", "Training steps of other networks", "ms", 0, otherModels},
	{"go", "Training steps of the classifier in Go", "µs", 0, goPeers},
	{"recipe", "Five epochs of MNIST with the recipe of specs/mnist_fast", "s", 2, recipe},
	{"busy", "Training steps, B=64, beside a process that keeps a core busy", "µs", 2, beside},
	{"memory", "Peak resident memory (VmHWM) of a process that trains", "MiB", 1, memory},
}

func partNames() (names []string) {
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

func run(c config, threads, only string) error {
	var counts []int
	for s := range strings.SplitSeq(threads, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return fmt.Errorf("-threads: %q is not a number of threads", s)
		}
		counts = append(counts, n)
	}
	wanted := partNames()
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(partNames(), name) {
			return fmt.Errorf("-only: there is no part %q", name)
		}
	}
	w, err := newWorkspace()
	if err != nil {
		return err
	}
	defer w.close()
	c.workspace = w
	t := &table{}
	for _, p := range parts {
		if !slices.Contains(wanted, p.name) {
			continue
		}
		t.section(p.title, p.unit)
		of := counts
		if p.threads != 0 {
			of = []int{p.threads}
		}
		for _, n := range of {
			if err := p.run(c, t, n); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	t.print(os.Stdout)
	return nil
}

// neighbour keeps a core busy.
func neighbour() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for x := uint64(1); ; x = x*6364136223846793005 + 1 {
		if x == 0 {
			fmt.Println()
		}
	}
}

// errMissing marks a rival that this machine does not have.
var errMissing = errors.New("not installed")
