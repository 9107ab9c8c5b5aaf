package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/dsl/diag"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// Defaults of `mlc train`.
const (
	defaultEpochs = 10
	defaultBatch  = 64
	defaultSeed   = 1
)

// trainFlags are the flags of `mlc train`.
type trainFlags struct {
	model    modelFlags
	data     dataFlags
	block    string
	epochs   int
	batch    string
	seed     uint64
	dir      string
	resume   bool
	weights  weightFlags
	run      runFlags
	patience int
	keepBest bool
}

func newTrain(a *app) *cobra.Command {
	var f trainFlags
	c := &cobra.Command{
		Use:   "train [FILE]",
		Short: "Train a model on data",
		Long: `Train generates, compiles and runs the model on a data set. Without --data a
model for 28x28 images of ten classes trains on the built-in set of drawn digits.`,
		Args: cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		job, err := f.job(c)
		if err != nil {
			return err
		}
		return a.train(c.Context(), args, f, job)
	}
	f.model.register(c, "text")
	f.data.register(c)
	fl := c.Flags()
	fl.StringVar(&f.block, "train", "", "the train `block`, when the model has several; several with commas step in turn on each batch")
	fl.IntVar(&f.epochs, "epochs", defaultEpochs, "passes over the training samples")
	fl.StringVar(&f.batch, "batch", strconv.Itoa(defaultBatch), "samples a step, or all")
	fl.Uint64Var(&f.seed, "seed", defaultSeed, "seed of the initial weights, the order of samples and random draws")
	fl.StringVarP(&f.dir, "out", "o", "", "folder for checkpoints and the run record (default runs/MODEL)")
	fl.BoolVar(&f.resume, "resume", false, "go on from the checkpoint in the folder")
	f.weights.register(c, "start from the parameters in this safetensors file")
	f.run.register(c)
	fl.IntVar(&f.patience, "patience", 0, "stop when the test loss has not improved for so many epochs")
	fl.BoolVar(&f.keepBest, "keep-best", false, "keep the parameters with the lowest test loss as best.safetensors")
	return c
}

// job turns the flags into what the model's program is asked.
func (f *trainFlags) job(c *cobra.Command) (train.Job, error) {
	first, then := blocks(f.block)
	job := train.Job{
		Do: "train", Block: first, Then: then, Epochs: f.epochs, Seed: f.seed, Dir: f.dir, Resume: f.resume,
		Patience: f.patience, KeepBest: f.keepBest, Version: stampedVersion(),
		Given: train.Given{Batch: c.Flags().Changed("batch"), Seed: c.Flags().Changed("seed")},
	}
	if f.epochs < 1 {
		return job, usage("--epochs must be at least 1, not %d", f.epochs)
	}
	if f.resume && f.weights.path != "" {
		return job, usage("--resume goes on with the run's own weights, --weights starts a run from others: give one of them")
	}
	if err := f.run.apply(c, &job); err != nil {
		return job, err
	}
	if err := f.weights.apply(&job); err != nil {
		return job, err
	}
	var err error
	job.Batch, err = parseBatch(f.batch)
	return job, err
}

// parseBatch reads a batch size; "all" is the negative number that train.Options
// uses for it.
func parseBatch(text string) (int, error) {
	if text == "all" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, usage("--batch takes a number from 1 or all, not %q", text)
	}
	return n, nil
}

func (a *app) train(ctx context.Context, args []string, f trainFlags, job train.Job) error {
	m, err := a.model(args, f.model)
	if err != nil {
		return err
	}
	for _, name := range job.Then {
		if _, err := train.FindBlock(&m.info, name); err != nil {
			return usage("%s: %v", m.in.path, err)
		}
	}
	block, err := train.FindBlock(&m.info, job.Block)
	if err != nil {
		return usage("%s: %v", m.in.path, err)
	}
	if job.Data, err = a.trainingData(m, job.Block, f.run.feeds().Rest(m.info.Trains[block].Inputs), f.data); err != nil {
		return err
	}
	job.Limits = m.indexLimits(block)
	if job.Dir == "" {
		job.Dir = runFolder(m)
	}
	show := a.progress()
	if f.model.format == "json" && !isTerminal(a.stderr) {
		show = nil
	}
	var done *train.Done
	err = a.runModel(ctx, m, f.model, job, func(e train.Event) {
		switch e := e.(type) {
		case train.Done:
			done = &e
		case train.RateFound:
			if f.model.format == "text" {
				a.rateFound(e)
			}
		}
		if show != nil {
			show.show(e)
		}
	})
	if done != nil && f.model.format == "text" {
		a.summarise(done, job.Dir)
	}
	return err
}

// summarise prints the outcome of a run.
func (a *app) summarise(d *train.Done, dir string) {
	if d.Interrupted {
		fmt.Fprintf(a.stderr, "interrupted after %d updates; go on with --resume\n", d.Steps)
		return
	}
	line := figures("train loss", &d.TrainLoss, nil)
	if d.TestLoss != nil {
		line += "  " + figures("test loss", d.TestLoss, d.TestMetrics)
	}
	if d.Stopped == "early" {
		line += "  (stopped early)"
	}
	fmt.Fprintf(a.stdout, "%s\n", line)
	if !a.quiet {
		fmt.Fprintf(a.stderr, "%s, %s in %.1f s; saved in %s\n", plural(d.Epochs, "epoch"), plural(int(d.Steps), "update"), float64(d.Seconds), dir)
	}
}

// trainingData resolves --data for a train block's inputs.
func (a *app) trainingData(m *model, block string, inputs []mlrt.Field, f dataFlags) (train.DataSpec, error) {
	if f.path == "" {
		if err := train.Fits(inputs, glyphColumns); err != nil {
			return train.DataSpec{}, a.failedFinding(m.place(block), &train.Failed{Code: string(diag.DataNeeded), Message: fmt.Sprintf(
				"model %s needs data: give --data a folder, a text or CSV file, or glyphs\n%s", m.info.Name, needs(inputs))})
		}
		f.path = builtinGlyphs
	}
	return f.resolve(inputs)
}

// needs lists inputs with their shapes.
func needs(inputs []mlrt.Field) string {
	text := "its inputs are:"
	for _, in := range inputs {
		text += fmt.Sprintf("\n    %s %s", in.Name, train.Describe(in))
	}
	return text
}
