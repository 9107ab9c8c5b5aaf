// Command bench compares mlc with other systems on this machine and prints one
// table: medians and ratios of alternating slices of one run.
//
//	go run ./bench -rounds 7 -threads 1,2
//
// A rival that is not installed is left out, and the table says so. How to
// install them stands in README.md of this folder. Nothing else should run
// beside it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	rounds := flag.Int("rounds", 7, "alternating slices of each pair")
	slice := flag.Float64("slice", 0.4, "seconds of one slice")
	threads := flag.String("threads", "1,2", "numbers of threads, separated by commas")
	ort := flag.String("ort", os.Getenv("ORT_LIBRARY"), "libonnxruntime.so of the npm package onnxruntime-node")
	only := flag.String("only", "", "train, infer or gemm: that part alone")
	flag.Parse()
	if err := run(config{*rounds, *slice, *ort, *only, nil}, *threads); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type config struct {
	rounds int
	slice  float64
	ort    string
	only   string
	temp   *workspace
}

func run(c config, threads string) error {
	var counts []int
	for _, s := range strings.Split(threads, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return fmt.Errorf("-threads: %q is not a number of threads", s)
		}
		counts = append(counts, n)
	}
	w, err := newWorkspace()
	if err != nil {
		return err
	}
	defer w.close()
	c.temp = w
	t := &table{}
	for _, n := range counts {
		if err := c.measure(t, n); err != nil {
			return err
		}
	}
	t.print(os.Stdout)
	return nil
}

// measure runs every comparison with n threads.
func (c config) measure(t *table, n int) error {
	torch, err := c.temp.torch(n)
	if err = t.rival("PyTorch", torch, err); err != nil {
		return err
	}
	defer torch.close()
	if c.want("train") && torch != nil {
		for _, opt := range []string{"sgd", "adam"} {
			for _, batch := range []int{32, 64, 128, 512} {
				mlc := c.temp.mlcTrain(opt, batch, n, c.slice)
				if err := t.compare(c, fmt.Sprintf("MLP training, %s, B=%d", opt, batch), n, mlc, torch,
					fmt.Sprintf("train %s %d %g", opt, batch, c.slice)); err != nil {
					return err
				}
			}
		}
	}
	if c.want("infer") {
		if err := c.inference(t, n, torch); err != nil {
			return err
		}
	}
	if c.want("gemm") {
		return c.products(t, n)
	}
	return nil
}

func (c config) inference(t *table, n int, torch *peer) error {
	ort, err := c.temp.onnxRuntime(c.ort, n)
	if err = t.rival("ONNX Runtime", ort, err); err != nil {
		return err
	}
	defer ort.close()
	for _, batch := range []int{1, 32} {
		name, ask := fmt.Sprintf("MLP inference, B=%d", batch), fmt.Sprintf("infer %d %g", batch, c.slice)
		for _, p := range []*peer{ort, torch} {
			if p == nil {
				continue
			}
			if err := t.compare(c, name, n, c.temp.mlcInfer(batch, n, c.slice), p, ask); err != nil {
				return err
			}
		}
	}
	return nil
}

// products compares matrix products; mlc's come from a model of one linear layer
// without bias, so its weights lie as the kernels want them.
func (c config) products(t *table, n int) error {
	for _, lib := range []string{"OpenBLAS", "oneDNN"} {
		p, err := c.temp.blas(lib, n)
		if err = t.rival(lib, p, err); err != nil {
			return err
		}
		if p == nil {
			continue
		}
		for _, s := range [][3]int{{64, 784, 128}, {256, 768, 3072}} {
			mlc, err := c.temp.mlcProduct(s[0], s[1], s[2], n, c.slice)
			if err != nil {
				return err
			}
			if err := t.compare(c, fmt.Sprintf("matrix product %dx%dx%d", s[0], s[1], s[2]), n, mlc, p,
				fmt.Sprintf("gemm %d %d %d %g", s[0], s[1], s[2], c.slice)); err != nil {
				return err
			}
		}
		p.close()
	}
	return nil
}

func (c config) want(part string) bool { return c.only == "" || c.only == part }

// errMissing marks a rival that this machine does not have.
var errMissing = errors.New("not installed")
