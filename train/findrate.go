package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// RateOptions say how FindRate looks. The zero value of a field means its default.
type RateOptions struct {
	Block    string  // the train block; needed when the model has several
	Batch    int     // samples a step; default 64
	Seed     uint64  // of the order of samples
	Steps    int     // default 100
	From, To float64 // range of the scale; default 1e-4 to 1e3
	Feeds    Feeds   // what feeds the inputs that are no columns of the data
}

// RatePoint is the loss at one scale of the learning rate, smoothed over the
// steps before.
type RatePoint struct {
	Scale Number `json:"scale"`
	Loss  Number `json:"loss"`
}

// The smoothing of the loss, and the growth over its minimum that ends a search.
const (
	rateSmoothing  = 0.9
	rateDivergence = 4
)

// FindRate makes a run of steps while the scale of the learning rate grows
// exponentially, and returns the loss at each: the range test of Smith,
// "Cyclical learning rates for training neural networks" (2017). It suggests the
// scale, a factor of the rates that the model declares, at which the loss falls
// fastest; 0 when it never falls. It stops when the loss has diverged. The
// trainer is left as it was, with scale 1.
func FindRate(ctx context.Context, t mlrt.Trainer, training Data, o RateOptions) (*RateFound, error) {
	if o.Steps == 0 {
		o.Steps = 100
	}
	if o.From == 0 {
		o.From = 1e-4
	}
	if o.To == 0 {
		o.To = 1e3
	}
	if !(o.From > 0 && o.To > o.From) || o.Steps < 2 {
		return nil, fmt.Errorf("%w: %d steps from scale %v to %v", ErrMismatch, o.Steps, o.From, o.To)
	}
	if training.Len() == 0 {
		return nil, fmt.Errorf("%w: no training samples", ErrMismatch)
	}
	r, err := newRun(t, nil, Options{Block: o.Block, Batch: o.Batch, Seed: o.Seed, Feeds: o.Feeds})
	if err != nil {
		return nil, err
	}
	defer r.pool.Close()
	if err := r.feed(training); err != nil {
		return nil, err
	}
	restore, err := remember(t, r.block)
	if err != nil {
		return nil, err
	}
	points, err := r.raise(ctx, o)
	if err := errors.Join(err, restore()); err != nil {
		return nil, err
	}
	return &RateFound{Points: points, Scale: Number(steepest(points))}, nil
}

// remember copies all stored tensors and returns what puts them back.
func remember(t mlrt.Trainer, block int) (restore func() error, err error) {
	s := newSaver(t, Options{}, newAverages(t, nil))
	if _, err := s.stored(true); err != nil {
		return nil, err
	}
	steps := t.Steps(block)
	return func() error {
		for i := range s.bufs {
			if err := t.WriteVar(i, s.bufs[i]); err != nil {
				return err
			}
		}
		t.SetSteps(block, steps)
		t.SetInput(scaleInput, 1)
		t.ResetMetrics(block)
		return nil
	}, nil
}

// raise trains with a growing scale.
func (r *run) raise(ctx context.Context, o RateOptions) ([]RatePoint, error) {
	var points []RatePoint
	ratio := math.Log(o.To/o.From) / float64(o.Steps-1)
	mean, best := 0.0, math.Inf(1)
	for epoch := 0; len(points) < o.Steps; epoch++ {
		for b, err := range r.source.batches(ctx, epoch, 0) {
			if ctx.Err() != nil {
				return nil, ErrInterrupted
			}
			if err != nil {
				return nil, err
			}
			scale := o.From * math.Exp(ratio*float64(len(points)))
			r.trainer.SetInput(scaleInput, scale)
			loss, err := r.trainer.Step(r.block, b.inputs[0], false)
			if errors.Is(err, mlrt.ErrNotFinite) && len(points) > 0 {
				return points, nil
			} else if err != nil {
				return nil, err
			}
			n := float64(len(points) + 1)
			mean = rateSmoothing*mean + (1-rateSmoothing)*float64(loss)
			smooth := mean / (1 - math.Pow(rateSmoothing, n))
			points = append(points, RatePoint{Number(scale), Number(smooth)})
			best = min(best, smooth)
			if smooth > rateDivergence*best || len(points) == o.Steps {
				return points, nil
			}
		}
	}
	return points, nil
}

// steepest returns the scale at which the loss falls fastest, by central
// differences: the scales are evenly spaced in the logarithm.
func steepest(points []RatePoint) float64 {
	scale, slope := 0.0, 0.0
	for i := 1; i+1 < len(points); i++ {
		if d := float64(points[i+1].Loss - points[i-1].Loss); d < slope {
			scale, slope = float64(points[i].Scale), d
		}
	}
	return scale
}
