package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/train"
)

func newEval(a *app) *cobra.Command {
	var mf modelFlags
	var df dataFlags
	var wf weightFlags
	var block, batch string
	c := &cobra.Command{
		Use:   "eval [FILE]",
		Short: "Evaluate a checkpoint on data",
		Args:  cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		n, err := parseBatch(batch)
		if err != nil {
			return err
		}
		job := train.Job{Do: "eval", Block: block, Batch: n}
		if err := wf.apply(&job); err != nil {
			return err
		}
		return a.eval(c.Context(), args, mf, df, job)
	}
	mf.register(c, "text")
	df.register(c)
	c.Flags().BoolVar(&df.whole, "all-rows", false, "evaluate on all rows of a table, not on its test rows")
	c.Flags().StringVar(&block, "train", "", "the train block whose loss and metrics count, when the model has several")
	wf.register(c, "safetensors file or run folder (default runs/MODEL)")
	c.Flags().StringVar(&batch, "batch", strconv.Itoa(defaultBatch), "samples at once, or all")
	return c
}

func (a *app) eval(ctx context.Context, args []string, mf modelFlags, df dataFlags, job train.Job) error {
	m, err := a.model(args, mf)
	if err != nil {
		return err
	}
	block, err := train.FindBlock(&m.info, job.Block)
	if err != nil {
		return usage("%s: %v", m.in.path, err)
	}
	if job.Data, err = a.trainingData(m, job.Block, m.info.Trains[block].Inputs, df); err != nil {
		return err
	}
	job.Limits = m.indexLimits(block)
	if job.Weights == "" {
		job.Weights = runFolder(m)
	}
	return a.runModel(ctx, m, mf, job, func(e train.Event) {
		if e, ok := e.(train.Evaluated); ok && mf.format == "text" {
			fmt.Fprintf(a.stdout, "%s samples  %s\n", thousands(int64(e.Samples)), figures("loss", &e.Loss, e.Metrics))
			a.confusion(e)
		}
	})
}

// confusion prints the table of true against predicted classes.
func (a *app) confusion(e train.Evaluated) {
	if len(e.Confusion) == 0 || len(e.Confusion) > 40 {
		return
	}
	name := func(i int) string {
		if i < len(e.Classes) {
			return e.Classes[i]
		}
		return strconv.Itoa(i)
	}
	width := 5
	for i := range e.Confusion {
		width = max(width, len(name(i))+1)
		for _, n := range e.Confusion[i] {
			width = max(width, len(strconv.Itoa(n))+1)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nrows: true class, columns: predicted\n%*s", width, "")
	for i := range e.Confusion {
		fmt.Fprintf(&b, "%*s", width, name(i))
	}
	for i, row := range e.Confusion {
		fmt.Fprintf(&b, "\n%*s", width, name(i))
		for _, n := range row {
			fmt.Fprintf(&b, "%*d", width, n)
		}
	}
	fmt.Fprintln(a.stdout, b.String())
}
