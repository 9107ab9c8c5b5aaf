package train

import (
	"context"
	"fmt"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Evaluate computes loss and metrics of a train block, in inference form, over
// all of data: the loss is the mean over samples of the batches' losses. Where
// the block keeps moving averages of parameters, they take part in their place. x
// says what feeds the inputs that are no columns.
func Evaluate(ctx context.Context, t mlrt.Trainer, block string, data Data, batch int, x Feeds) (*Evaluated, error) {
	i, err := FindBlock(t.Info(), block)
	if err != nil {
		return nil, err
	}
	f, err := newFeed(t.Info().Trains[i].Inputs, data, x, 0)
	if err != nil {
		return nil, err
	}
	if data.Len() == 0 {
		return nil, fmt.Errorf("%w: no samples", ErrMismatch)
	}
	if batch <= 0 || batch > data.Len() {
		batch = data.Len()
	}
	if err := checkBatch(x.Rest(t.Info().Trains[i].Inputs), batch, data.Len()); err != nil {
		return nil, err
	}
	loss, err := evaluate(ctx, t, i, f, batch, newAverages(t, []int{i}))
	if err != nil {
		return nil, err
	}
	m := named(t.Info().Trains[i].Metrics, t.Metrics(i, nil))
	return &Evaluated{Samples: data.Len(), Loss: Number(loss), Metrics: m, Accuracy: accuracyOf(m)}, nil
}

// evaluationEpoch numbers the draws of an evaluation, which no epoch of training
// has.
const evaluationEpoch = -1

// evaluate leaves the block's metrics over all samples in the trainer.
func evaluate(ctx context.Context, t mlrt.Trainer, block int, f *feed, batch int, a *averages) (loss float64, err error) {
	err = a.during(func() error {
		loss, err = evaluateAsIs(ctx, t, block, f, batch)
		return err
	})
	return loss, err
}

func evaluateAsIs(ctx context.Context, t mlrt.Trainer, block int, f *feed, batch int) (float64, error) {
	t.ResetMetrics(block)
	n, sum := f.data.Len(), 0.0
	batch = min(batch, n)
	samples := make([]int, batch)
	for lo := 0; lo < n; lo += batch {
		if ctx.Err() != nil {
			return 0, ErrInterrupted
		}
		part := samples[:min(batch, n-lo)]
		for i := range part {
			part[i] = lo + i
		}
		inputs, err := f.load(part, evaluationEpoch, lo/batch)
		if err != nil {
			return 0, err
		}
		loss, err := t.Evaluate(block, inputs)
		if err != nil {
			return 0, err
		}
		sum += float64(float64(loss) * float64(len(part)))
	}
	return sum / float64(n), nil
}
