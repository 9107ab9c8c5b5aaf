package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/train"
)

// runFlags are the flags of `mlc train` about how the loop around the step runs.
type runFlags struct {
	steps        int64
	plateau      string
	draws        []string
	classWeights bool
	prefetch     int
	findRate     bool
}

func (f *runFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.Int64Var(&f.steps, "steps", 0, "end after so many steps, micro-batches counted, with a checkpoint")
	fl.StringVar(&f.plateau, "plateau", "", "lower the learning rate when the test loss stops improving; `settings` such as factor=0.1,patience=10,threshold=1e-4,cooldown=0,min_scale=0,mode=min,metric=NAME")
	fl.Lookup("plateau").NoOptDefVal = "factor=0.1"
	fl.StringSliceVar(&f.draws, "draw", nil, "`inputs` that get standard normal noise instead of data")
	fl.BoolVar(&f.classWeights, "class-weights", false, "feed the inputs class_weights and sample_weights with weights that balance the classes")
	fl.IntVar(&f.prefetch, "prefetch", 3, "batches that are loaded ahead, where a core is free beside the training; 0: none")
	fl.BoolVar(&f.findRate, "find-lr", false, "do not train: raise the learning rate until the loss diverges and suggest a factor for it")
}

// apply puts the flags into a job.
func (f *runFlags) apply(c *cobra.Command, job *train.Job) error {
	job.Steps, job.Draws, job.ClassWeights, job.Prefetch = f.steps, f.draws, f.classWeights, f.prefetch
	if f.steps < 0 || f.prefetch < 0 {
		return usage("--steps and --prefetch must not be negative")
	}
	if c.Flags().Changed("plateau") {
		p, err := train.ParsePlateau(f.plateau)
		if err != nil {
			return usage("--%v", err)
		}
		job.Plateau = p
	}
	if f.findRate {
		job.Do = "find_rate"
	}
	return nil
}

// feeds says which inputs the run feeds without data; the class weights
// themselves are not known yet.
func (f *runFlags) feeds() train.Feeds {
	x := train.Feeds{Draws: f.draws}
	if f.classWeights {
		x.ClassWeights = []float32{}
	}
	return x
}

// blocks splits "a,b" into the first train block and those that step after it.
func blocks(names string) (first string, then []string) {
	list := strings.Split(names, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list[0], list[1:]
}

// rateFound prints the outcome of --find-lr.
func (a *app) rateFound(e train.RateFound) {
	for i, p := range e.Points {
		if i%(len(e.Points)/20+1) == 0 || i == len(e.Points)-1 {
			fmt.Fprintf(a.stdout, "%10.3g  %.4f\n", float64(p.Scale), float64(p.Loss))
		}
	}
	if e.Scale == 0 {
		fmt.Fprintln(a.stdout, "the loss never fell")
		return
	}
	fmt.Fprintf(a.stdout, "the loss falls fastest at %.3g times the declared learning rate\n", float64(e.Scale))
}
