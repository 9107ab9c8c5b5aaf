package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// ErrInterrupted: the context was cancelled. The run has saved a checkpoint
// when it has a folder.
var ErrInterrupted = errors.New("interrupted")

// Options say how to train. The zero value of a field means its default.
type Options struct {
	Block    string // the train block; needed when the model has several
	Epochs   int    // default 10
	Batch    int    // samples a step; default 64, negative: all samples
	Seed     uint64 // of the order of samples; the trainer has its own copy
	Dir      string // folder for checkpoints and the run record; "" keeps nothing
	Resume   bool   // go on from the checkpoint in Dir
	Patience int    // stop when the test loss has not improved for so many epochs; 0: never
	KeepBest bool   // keep the parameters of the lowest test loss as best.safetensors
	// Metadata goes into every checkpoint, such as how the data was preprocessed.
	Metadata map[string]string
	// Observe is called from the training goroutine with each event.
	Observe func(Event)
}

// progressEvery is the pause between two Progress events.
const progressEvery = 100 * time.Millisecond

// run is a training run in progress.
type run struct {
	trainer  mlrt.Trainer
	block    int
	metrics  []string
	o        Options
	training *feed
	tests    *feed // nil without test data
	order    []int
	state    state
	saver    *saver // nil without a folder
	started  time.Time
	lastTold time.Time
	busy     time.Duration // in training steps of this run
	seen     int64         // samples trained on in this run
	figures  []float64     // scratch for metrics
	history  []EpochDone
}

// Run trains block o.Block of t on training, evaluating on tests after each
// epoch; tests may be nil. It returns what Done reports. A cancelled context
// ends the run between two steps with a checkpoint and ErrInterrupted. A loss
// that is not finite ends it with an error that wraps mlrt.ErrNotFinite.
func Run(ctx context.Context, t mlrt.Trainer, training, tests Data, o Options) (*Done, error) {
	r, err := newRun(t, training, tests, o)
	if err != nil {
		return nil, err
	}
	if o.Resume {
		if err := r.resume(); err != nil {
			return nil, err
		}
	}
	r.tell(Started{
		Model: t.Info().Name, Block: t.Info().Trains[r.block].Name, Parameters: Parameters(t.Info()),
		Epochs: r.o.Epochs, Samples: training.Len(), Tests: lenOf(tests), Batch: r.o.Batch, Batches: r.batches(),
		Seed: r.o.Seed, Resumed: t.Steps(r.block),
	})
	for r.state.Epoch < r.o.Epochs && !r.state.Stopped {
		if err := r.epoch(ctx); err != nil {
			return r.done(errors.Is(err, ErrInterrupted)), err
		}
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return r.done(false), nil
}

// Parameters returns the number of learnable values of a model.
func Parameters(info *mlrt.Info) int {
	n := 0
	for _, v := range info.Vars {
		if v.Kind == mlrt.Param {
			n += elements(v.Shape)
		}
	}
	return n
}

func lenOf(d Data) int {
	if d == nil {
		return 0
	}
	return d.Len()
}

func newRun(t mlrt.Trainer, training, tests Data, o Options) (*run, error) {
	info := t.Info()
	block, err := FindBlock(info, o.Block)
	if err != nil {
		return nil, err
	}
	if training.Len() == 0 {
		return nil, fmt.Errorf("%w: no training samples", ErrMismatch)
	}
	if o.Epochs == 0 {
		o.Epochs = 10
	}
	switch {
	case o.Batch == 0:
		o.Batch = 64
	case o.Batch < 0:
		o.Batch = training.Len()
	}
	o.Batch = min(o.Batch, training.Len())
	r := &run{trainer: t, block: block, metrics: info.Trains[block].Metrics, o: o, started: time.Now()}
	inputs := info.Trains[block].Inputs
	if r.training, err = newFeed(inputs, training); err != nil {
		return nil, err
	}
	if tests != nil && tests.Len() > 0 {
		if r.tests, err = newFeed(inputs, tests); err != nil {
			return nil, fmt.Errorf("test data: %w", err)
		}
	}
	if err := checkBatch(inputs, o.Batch, training.Len()); err != nil {
		return nil, err
	}
	r.order = make([]int, training.Len())
	r.state = state{Block: info.Trains[block].Name, Seed: o.Seed, BatchSize: o.Batch, Samples: training.Len()}
	if o.Dir != "" {
		r.saver = newSaver(t, o)
	}
	return r, nil
}

// ErrBlock: a train block that the model does not have.
var ErrBlock = errors.New("no such train block")

// FindBlock returns the number of the train block called name; name may be ""
// when the model has one.
func FindBlock(info *mlrt.Info, name string) (int, error) {
	names := ""
	for i, b := range info.Trains {
		if b.Name == name || name == "" && len(info.Trains) == 1 {
			return i, nil
		}
		names += " " + b.Name
	}
	switch {
	case len(info.Trains) == 0:
		return 0, fmt.Errorf("%w: model %s has none", ErrBlock, info.Name)
	case name == "":
		return 0, fmt.Errorf("%w: model %s has several, choose one:%s", ErrBlock, info.Name, names)
	}
	return 0, fmt.Errorf("%w: model %s has no %q but%s", ErrBlock, info.Name, name, names)
}

func newFeed(inputs []mlrt.Field, d Data) (*feed, error) {
	binds, err := match(inputs, d.Columns())
	if err != nil {
		return nil, err
	}
	return &feed{data: d, binds: binds}, nil
}

// checkBatch refuses a batch size that an input's fixed leading size excludes.
func checkBatch(inputs []mlrt.Field, batch, samples int) error {
	for _, in := range inputs {
		d := in.Shape[0]
		if d.Name == "" && (d.Size != batch || samples%batch != 0) {
			return fmt.Errorf("%w: input %q is %s: its batches hold %d samples, not %d, and the last must not be short (%d samples)",
				ErrMismatch, in.Name, Describe(in), d.Size, batch, samples)
		}
	}
	return nil
}

func (r *run) batches() int { return (len(r.order) + r.o.Batch - 1) / r.o.Batch }

func (r *run) tell(e Event) {
	if r.o.Observe != nil {
		r.o.Observe(e)
	}
}

// epoch runs what is left of the current epoch.
func (r *run) epoch(ctx context.Context) error {
	mlrt.Shuffle(r.order, r.o.Seed, r.state.Epoch)
	r.trainer.ResetMetrics(r.block)
	begin, seen := time.Now(), r.seen
	for r.state.Batch < r.batches() {
		if ctx.Err() != nil {
			return r.interrupt()
		}
		if err := r.step(); err != nil {
			return fmt.Errorf("epoch %d, step %d: %w", r.state.Epoch+1, r.trainer.Steps(r.block)+1, err)
		}
		r.progress(begin, r.seen-seen)
	}
	took := time.Since(begin)
	r.busy += took
	r.state.TrainLoss = r.state.LossSum / float64(r.batches())
	done := EpochDone{
		Epoch: r.state.Epoch + 1, Step: r.trainer.Steps(r.block), TrainLoss: Number(r.state.TrainLoss),
		TrainMetrics: r.figuresOf(), SamplesPerSecond: rate(r.seen-seen, took),
	}
	if r.tests != nil {
		loss, err := evaluate(ctx, r.trainer, r.block, r.tests, r.o.Batch)
		if errors.Is(err, ErrInterrupted) {
			return r.interrupt()
		} else if err != nil {
			return fmt.Errorf("evaluation after epoch %d: %w", done.Epoch, err)
		}
		done.TestLoss, done.TestMetrics = number(loss), r.figuresOf()
	}
	done.Seconds = Number(time.Since(r.started).Seconds())
	return r.closeEpoch(done)
}

// step trains on one batch.
func (r *run) step() error {
	lo := r.state.Batch * r.o.Batch
	samples := r.order[lo:min(lo+r.o.Batch, len(r.order))]
	inputs, err := r.training.load(samples)
	if err != nil {
		return err
	}
	loss, err := r.trainer.Step(r.block, inputs, len(r.metrics) > 0)
	if err != nil {
		return err
	}
	r.state.LossSum += float64(loss)
	r.state.Batch++
	r.seen += int64(len(samples))
	return nil
}

func (r *run) progress(begin time.Time, seen int64) {
	now := time.Now()
	if r.o.Observe == nil || now.Sub(r.lastTold) < progressEvery {
		return
	}
	r.lastTold = now
	r.tell(Progress{
		Epoch: r.state.Epoch + 1, Batch: r.state.Batch, Step: r.trainer.Steps(r.block),
		TrainLoss: Number(r.state.LossSum / float64(r.state.Batch)), Metrics: r.figuresOf(),
		SamplesPerSecond: rate(seen, now.Sub(begin)),
	})
}

// closeEpoch moves the state to the next epoch and saves it.
func (r *run) closeEpoch(e EpochDone) error {
	s := &r.state
	s.Epoch, s.Batch, s.LossSum = e.Epoch, 0, 0
	s.TrainMetrics, s.TestLoss, s.TestMetrics = e.TrainMetrics, e.TestLoss, e.TestMetrics
	better := e.TestLoss != nil && (s.BestEpoch == 0 || float64(*e.TestLoss) < s.BestLoss)
	if better {
		s.BestLoss, s.BestEpoch = float64(*e.TestLoss), e.Epoch
	}
	s.Stopped = r.o.Patience > 0 && s.BestEpoch > 0 && s.Epoch-s.BestEpoch >= r.o.Patience
	r.history = append(r.history, e)
	r.tell(e)
	if r.saver == nil {
		return nil
	}
	if better && r.o.KeepBest {
		if err := r.saver.model(bestFile); err != nil {
			return err
		}
	}
	return r.save()
}

// interrupt saves the state between two steps.
func (r *run) interrupt() error {
	if r.saver != nil {
		if err := r.save(); err != nil {
			return err
		}
	}
	return ErrInterrupted
}

func (r *run) save() error {
	r.state.Steps = map[string]int64{}
	for i, b := range r.trainer.Info().Trains {
		r.state.Steps[b.Name] = r.trainer.Steps(i)
	}
	file, err := r.saver.checkpoint(r.state)
	if err != nil {
		return err
	}
	r.tell(Saved{File: file, Step: r.trainer.Steps(r.block)})
	return r.saver.record(r)
}

// finish leaves the trained parameters in a file of their own.
func (r *run) finish() error {
	if r.saver == nil {
		return nil
	}
	return r.saver.model(modelFile)
}

func (r *run) done(interrupted bool) *Done {
	s := &r.state
	d := &Done{
		Epochs: s.Epoch, Steps: r.trainer.Steps(r.block), TrainLoss: Number(s.TrainLoss), TrainMetrics: s.TrainMetrics,
		TestLoss: s.TestLoss, TestMetrics: s.TestMetrics, TestAccuracy: accuracyOf(s.TestMetrics),
		SamplesPerSecond: rate(r.seen, r.busy), Seconds: Number(time.Since(r.started).Seconds()), Interrupted: interrupted,
	}
	if s.Stopped {
		d.Stopped = "early"
	}
	return d
}

// figuresOf returns the block's metrics by name, nil when it has none.
func (r *run) figuresOf() map[string]Number {
	r.figures = r.trainer.Metrics(r.block, r.figures[:0])
	return named(r.metrics, r.figures)
}

func named(names []string, values []float64) map[string]Number {
	if len(names) == 0 {
		return nil
	}
	m := make(map[string]Number, len(names))
	for i, name := range names {
		m[name] = Number(values[i])
	}
	return m
}

func accuracyOf(metrics map[string]Number) *Number {
	if v, ok := metrics["accuracy"]; ok {
		return &v
	}
	return nil
}

func number(v float64) *Number {
	n := Number(v)
	return &n
}

func rate(samples int64, d time.Duration) Number {
	if d <= 0 {
		return 0
	}
	return Number(math.Round(float64(samples) / d.Seconds()))
}

// Evaluate computes loss and metrics of a train block, in inference form, over
// all of data: the loss is the mean over samples of the batches' losses.
func Evaluate(ctx context.Context, t mlrt.Trainer, block string, data Data, batch int) (*Evaluated, error) {
	i, err := FindBlock(t.Info(), block)
	if err != nil {
		return nil, err
	}
	f, err := newFeed(t.Info().Trains[i].Inputs, data)
	if err != nil {
		return nil, err
	}
	if data.Len() == 0 {
		return nil, fmt.Errorf("%w: no samples", ErrMismatch)
	}
	if batch <= 0 || batch > data.Len() {
		batch = data.Len()
	}
	if err := checkBatch(t.Info().Trains[i].Inputs, batch, data.Len()); err != nil {
		return nil, err
	}
	loss, err := evaluate(ctx, t, i, f, batch)
	if err != nil {
		return nil, err
	}
	m := named(t.Info().Trains[i].Metrics, t.Metrics(i, nil))
	return &Evaluated{Samples: data.Len(), Loss: Number(loss), Metrics: m, Accuracy: accuracyOf(m)}, nil
}

// evaluate leaves the block's metrics over all samples in the trainer.
func evaluate(ctx context.Context, t mlrt.Trainer, block int, f *feed, batch int) (float64, error) {
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
		inputs, err := f.load(part)
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
