package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/train"
)

func newBench(a *app) *cobra.Command {
	var mf modelFlags
	var with []string
	job := train.Job{Do: "bench", Mode: "train", Batch: defaultBatch, Seconds: 2, Seed: defaultSeed}
	c := &cobra.Command{
		Use:   "bench [FILE]",
		Short: "Measure training steps or inference on made-up samples",
		Long: "Measures each train block, or each entry with --mode infer, on made-up samples, next to this\n" +
			"machine's own limit: a loop of fused multiply-adds on as many threads, timed in the same run.",
		Args: cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		sizes, err := parseSizes(with)
		if err != nil {
			return err
		}
		if job.Batch < 1 || job.Seconds <= 0 {
			return usage("--batch and --seconds must be above 0")
		}
		if job.Mode != "train" && job.Mode != "infer" {
			return usage("--mode is train or infer, not %q", job.Mode)
		}
		job.Sizes = map[string]int{}
		for name, n := range sizes {
			job.Sizes[name] = int(n)
		}
		return a.bench(c.Context(), args, mf, job)
	}
	mf.register(c, "text")
	fl := c.Flags()
	fl.StringVar(&job.Mode, "mode", job.Mode, "train: a step; infer: a forward pass")
	fl.StringVar(&job.Block, "train", "", "the train block, when the model has several (default: all)")
	fl.IntVar(&job.Batch, "batch", job.Batch, "samples a call")
	fl.Float64Var(&job.Seconds, "seconds", job.Seconds, "how long to measure each")
	fl.StringSliceVar(&with, "with", nil, "`name=size`: size of a symbolic dimension, such as time=128")
	return c
}

func (a *app) bench(ctx context.Context, args []string, mf modelFlags, job train.Job) error {
	m, err := a.model(args, mf)
	if err != nil {
		return err
	}
	switch {
	case job.Mode == "train" && len(m.info.Trains) == 0:
		return usage("%s: the model has no train block; --mode infer measures its entries", m.in.path)
	case job.Mode == "infer" && len(m.info.Entries) == 0:
		return usage("%s: the model has no entries; --mode train measures its train blocks", m.in.path)
	case job.Block != "":
		if _, err := train.FindBlock(&m.info, job.Block); err != nil {
			return usage("%s: %v", m.in.path, err)
		}
	}
	job.Work = workOf(m.loop, job)
	return a.runModel(ctx, m, mf, job, func(e train.Event) {
		if b, ok := e.(train.Benched); ok && mf.format == "text" {
			fmt.Fprint(a.stdout, benchTable(b))
		}
	})
}

// workOf counts what the functions that the job measures compute, in the order
// in which it measures them.
func workOf(p *loop.Program, job train.Job) []train.Work {
	kind := map[string]string{"train": "train", "infer": "forward"}[job.Mode]
	var all []train.Work
	for _, f := range p.Funcs {
		if f.Kind != kind || kind == "train" && job.Block != "" && f.Name != job.Block {
			continue
		}
		w := workCounter{dims: map[string]int64{}}
		for i, d := range f.Dims {
			n, given := job.Sizes[d]
			if !given && i == 0 {
				n = job.Batch
			}
			w.dims[d] = int64(n)
		}
		w.Name = f.Name
		w.steps(f.Body, 1)
		all = append(all, w.Work)
	}
	return all
}

type workCounter struct {
	train.Work
	dims map[string]int64
}

func (w *workCounter) steps(body []loop.Step, times float64) {
	for _, s := range body {
		switch s := s.(type) {
		case *loop.For:
			n, _ := s.Extent.Eval(w.dims)
			w.steps(s.Body, times*float64(n))
		case *loop.Call:
			if !s.Metric {
				w.add(s, times)
			}
		}
	}
}

// add counts two operations for each multiply-add of a call's contractions.
func (w *workCounter) add(c *loop.Call, times float64) {
	dims := map[string]int64{}
	for i, d := range c.Dims {
		dims[c.Kernel.Dims[i]], _ = d.Eval(w.dims)
	}
	flops := times * contracted(c.Kernel, dims)
	w.Flops += flops
	for i := range w.Kernels {
		if w.Kernels[i].Name == c.Kernel.Name {
			w.Kernels[i].Flops += flops
			return
		}
	}
	w.Kernels = append(w.Kernels, train.KernelWork{Name: c.Kernel.Name, Line: c.Origin.Line, Flops: flops})
}

// contracted counts the operations of a kernel's contractions, those of its parts
// included.
func contracted(k *loop.Kernel, dims map[string]int64) float64 {
	count := func(axes []*loop.Axis) float64 {
		n := 1.0
		for _, x := range axes {
			e, _ := x.Extent.Eval(dims)
			n *= float64(e)
		}
		return n
	}
	sum := 0.0
	for _, ph := range k.Phases {
		if ph.Kind == loop.Contract {
			sum += 2 * count(ph.Axes)
		}
	}
	t := k.Tiles
	if t == nil {
		sum += contractedParts(k, dims)
		return sum * count(k.Space)
	}
	dims = maps.Clone(dims)
	n, _ := t.Axis.Extent.Eval(dims)
	for first := int64(0); first < n; first += t.Size {
		dims[t.End] = min(first+t.Size, n)
		dims[t.Rows] = dims[t.End] - first
		sum += contractedParts(k, dims)
	}
	return sum * count(k.Space)
}

func contractedParts(k *loop.Kernel, dims map[string]int64) float64 {
	sum := 0.0
	for _, p := range k.Parts {
		sizes := map[string]int64{}
		for i, d := range p.Dims {
			sizes[p.Kernel.Dims[i]], _ = d.Eval(dims)
		}
		sum += contracted(p.Kernel, sizes)
	}
	return sum
}

// benchTable shows a measurement to a person: the call, then its kernels with bars.
func benchTable(b train.Benched) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s (%s), batch %d, %s, %s\n", b.Entry, b.Mode, b.Batch, plural(b.Threads, "thread"), b.Target)
	fmt.Fprintf(&s, "  call      %s median, %s least, of %s\n", duration(float64(b.StepMedian)/1e6), duration(float64(b.StepMin)/1e6), thousands(int64(b.Steps)))
	fmt.Fprintf(&s, "  speed     %s samples/s\n", thousands(int64(b.SamplesPerSecond)))
	fmt.Fprintf(&s, "  work      %.1f GFLOP/s, %.0f%% of this machine's %.1f; bound %s\n", float64(b.Gflops), 100*float64(b.PeakShare), float64(b.PeakGflops), duration(float64(b.Bound)/1e6))
	fmt.Fprintf(&s, "  memory    %.1f MiB at most, %.3g allocations a call\n\n", float64(b.RSS)/(1<<20), float64(b.Allocations))
	total, width := 0.0, 5
	for _, k := range b.Kernels {
		total, width = total+float64(k.Micros), max(width, len(k.Name))
	}
	for _, k := range b.Kernels {
		share := float64(k.Micros) / total
		line, rate := "", ""
		if k.Line > 0 {
			line = fmt.Sprintf("line %d", k.Line)
		}
		if k.Gflops > 0 {
			rate = fmt.Sprintf("%.1f GFLOP/s", float64(k.Gflops))
		}
		bar := strings.Repeat("#", int(share*30+0.5))
		fmt.Fprintf(&s, "  %-*s %-8s %9s %-30s %s\n", width, k.Name, line, duration(float64(k.Micros)/1e6), bar, rate)
	}
	return s.String()
}

// duration writes seconds with a unit that leaves one to three digits before
// the point.
func duration(seconds float64) string {
	switch {
	case seconds >= 1:
		return fmt.Sprintf("%.2f s ", seconds)
	case seconds >= 1e-3:
		return fmt.Sprintf("%.2f ms", seconds*1e3)
	}
	return fmt.Sprintf("%.1f µs", seconds*1e6)
}
