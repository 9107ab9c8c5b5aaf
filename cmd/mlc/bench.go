package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/train"
)

func newBench(a *app) *cobra.Command {
	var mf modelFlags
	var block string
	var with []string
	batch, seconds := defaultBatch, 2.0
	c := &cobra.Command{
		Use:   "bench [FILE]",
		Short: "Measure a training step on made-up samples",
		Args:  cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		sizes, err := parseSizes(with)
		if err != nil {
			return err
		}
		if batch < 1 || seconds <= 0 {
			return usage("--batch and --seconds must be above 0")
		}
		job := train.Job{Do: "bench", Block: block, Batch: batch, Seconds: seconds, Seed: defaultSeed, Sizes: map[string]int{}}
		for name, n := range sizes {
			job.Sizes[name] = int(n)
		}
		return a.bench(c.Context(), args, mf, job)
	}
	mf.register(c, "text")
	fl := c.Flags()
	fl.StringVar(&block, "train", "", "the train block, when the model has several")
	fl.IntVar(&batch, "batch", batch, "samples a step")
	fl.Float64Var(&seconds, "seconds", seconds, "how long to measure")
	fl.StringSliceVar(&with, "with", nil, "`name=size`: size of a symbolic dimension, such as time=128")
	return c
}

func (a *app) bench(ctx context.Context, args []string, mf modelFlags, job train.Job) error {
	m, err := a.model(args, mf)
	if err != nil {
		return err
	}
	if _, err := train.FindBlock(&m.info, job.Block); err != nil {
		return usage("%s: %v", m.in.path, err)
	}
	return a.runModel(ctx, m, mf, job, func(e train.Event) {
		if e, ok := e.(train.Benched); ok && mf.format == "text" {
			fmt.Fprintf(a.stdout, "step      %s  (%s steps of %d samples, median)\nevaluate  %s\nspeed     %s samples/s\nmemory    %s allocations a step\n",
				duration(float64(e.StepSeconds)), thousands(int64(e.Steps)), e.Batch, duration(float64(e.EvaluateSeconds)),
				thousands(int64(e.SamplesPerSecond)), strconv.FormatFloat(float64(e.Allocations), 'g', 3, 64))
		}
	})
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
