package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// ErrInterrupted: the context was cancelled. The run has saved a checkpoint
// when it has a folder.
var ErrInterrupted = errors.New("interrupted")

// Options say how to train. The zero value of a field means its default.
type Options struct {
	Block    string   // the train block; needed when the model has several
	Then     []string // further train blocks that take a step on each batch after Block
	Epochs   int      // default 10
	Steps    int64    // end after so many steps of Block, micro-batches counted; 0: no bound
	Batch    int      // samples a step; default 64, negative: all samples
	Seed     uint64   // of the order of samples; the trainer has its own copy
	Dir      string   // folder for checkpoints and the run record; "" keeps nothing
	Resume   bool     // go on from the checkpoint in Dir
	Patience int      // stop when the test loss has not improved for so many epochs; 0: never
	KeepBest bool     // keep the parameters of the lowest test loss as best.safetensors
	Plateau  *Plateau // lowers the learning rate when a figure stops improving; nil: never
	Feeds    Feeds    // what feeds the inputs that are no columns of the data
	Prefetch int      // batches that another goroutine loads ahead, if a core is free for it or the data is no *data.Set; 0: none
	Threads  int      // those of the trainer, which also load batches of a *data.Set; 0: one for each core
	// Metadata goes into every checkpoint, such as how the data was preprocessed.
	Metadata map[string]string
	Origin   *Origin // of the first weights, for the run record; nil: initial values
	Version  string  // of mlc, for the run record
	// Observe is called from the training goroutine with each event.
	Observe func(Event)
}

// progressEvery is the pause between two Progress events.
const progressEvery = 100 * time.Millisecond

// run is a training run in progress.
type run struct {
	trainer  mlrt.Trainer
	block    int   // the first of blocks, which events tell about
	blocks   []int // that step on each batch
	metrics  []string
	o        Options
	training Data // nil: a stream
	source   loader
	tests    *feed // nil without test data
	state    state
	averages *averages
	testData string // fingerprint
	pool     *mlrt.Pool
	saver    *saver // nil without a folder
	started  time.Time
	lastTold time.Time
	busy     time.Duration // in training steps of this run
	seen     int64         // samples trained on in this run
	figures  []float64     // scratch for metrics
	history  []EpochDone
}

// Run trains block o.Block of t on training, evaluating on tests after each
// epoch; tests may be nil. Where the optimizer keeps moving averages (`ema`), they
// are what is evaluated and what the model's files hold; a checkpoint has both. It returns what Done reports. A cancelled context
// ends the run between two steps with a checkpoint and ErrInterrupted. A loss
// that is not finite ends it with an error that wraps mlrt.ErrNotFinite.
func Run(ctx context.Context, t mlrt.Trainer, training, tests Data, o Options) (*Done, error) {
	if training.Len() == 0 {
		return nil, fmt.Errorf("%w: no training samples", ErrMismatch)
	}
	if o.Batch < 0 {
		o.Batch = training.Len()
	}
	r, err := newRun(t, tests, o)
	if err != nil {
		return nil, err
	}
	defer r.pool.Close()
	if err := r.feed(training); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

// run goes through the epochs.
func (r *run) run(ctx context.Context) (*Done, error) {
	if r.saver != nil {
		release, err := occupy(r.o.Dir)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	if r.o.Resume {
		if err := r.resume(); err != nil {
			return nil, err
		}
	}
	t := r.trainer
	if r.state.Plateau != nil {
		t.SetInput(scaleInput, r.state.Plateau.Scale)
	}
	started := Started{
		Model: t.Info().Name, Block: t.Info().Trains[r.block].Name, Parameters: Parameters(t.Info()),
		Epochs: r.o.Epochs, Samples: r.state.Samples, Batch: r.o.Batch, Batches: r.batches(),
		Seed: r.o.Seed, Resumed: t.Steps(r.block),
	}
	if r.tests != nil {
		started.Tests = r.tests.data.Len()
	}
	r.tell(started)
	for r.state.Epoch < r.o.Epochs && !r.state.Stopped && !r.enough() {
		if err := r.epoch(ctx); err != nil {
			return r.done(errors.Is(err, ErrInterrupted)), errors.Join(err, r.settle(true))
		}
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return r.done(false), nil
}

// enough reports whether the run has made the steps it was asked for.
func (r *run) enough() bool { return r.o.Steps > 0 && r.trainer.Steps(r.block) >= r.o.Steps }

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

// newRun prepares all but the training data.
func newRun(t mlrt.Trainer, tests Data, o Options) (*run, error) {
	if o.Epochs == 0 {
		o.Epochs = 10
	}
	if o.Batch <= 0 {
		o.Batch = 64
	}
	info := t.Info()
	r := &run{trainer: t, o: o, started: time.Now()}
	for _, name := range append([]string{o.Block}, o.Then...) {
		i, err := FindBlock(info, name)
		if err != nil {
			return nil, err
		}
		r.blocks = append(r.blocks, i)
	}
	r.block = r.blocks[0]
	r.averages = newAverages(t, r.blocks)
	r.metrics = info.Trains[r.block].Metrics
	if tests != nil && tests.Len() > 0 {
		inputs := info.Trains[r.block].Inputs
		var err error
		if r.tests, err = newFeed(inputs, tests, o.Feeds.only(inputs), o.Seed); err != nil {
			return nil, fmt.Errorf("test data: %w", err)
		}
	}
	r.state = state{Block: info.Trains[r.block].Name, Then: o.Then, Seed: o.Seed, BatchSize: o.Batch}
	if o.Plateau != nil {
		if err := o.Plateau.check(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
		}
		r.state.Plateau = &plateauState{Scale: 1}
	}
	if o.Dir != "" {
		if r.tests != nil {
			r.testData = fingerprint(r.tests.data)
		}
		r.saver = newSaver(t, o, r.averages)
	}
	r.pool = mlrt.NewPool(o.Threads)
	if r.tests != nil {
		r.tests.share(r.pool)
	}
	return r, nil
}

// feed makes the run load its batches from a data set.
func (r *run) feed(training Data) error {
	r.training = training
	r.o.Batch = min(r.o.Batch, training.Len())
	r.state.BatchSize, r.state.Samples = r.o.Batch, training.Len()
	if r.saver != nil {
		r.state.Data = fingerprint(training)
	}
	var feeds []*feed
	for _, i := range r.blocks {
		inputs := r.trainer.Info().Trains[i].Inputs
		x := r.o.Feeds
		if len(r.blocks) > 1 {
			x = x.only(inputs)
		}
		f, err := newFeed(inputs, training, x, r.o.Seed)
		if err != nil {
			return err
		}
		if err := checkBatch(x.Rest(inputs), r.o.Batch, training.Len()); err != nil {
			return err
		}
		feeds = append(feeds, f)
	}
	r.source = newDataLoader(feeds, &r.o, r.pool)
	return nil
}

// ErrBlock: a train block that the model does not have.
var ErrBlock = errors.New("no such train block")

// FindBlock returns the number of the train block called name; name may be ""
// when the model has one.
func FindBlock(info *mlrt.Info, name string) (int, error) {
	var blocks []string
	for i, b := range info.Trains {
		if b.Name == name || name == "" && len(info.Trains) == 1 {
			return i, nil
		}
		blocks = append(blocks, b.Name)
	}
	names := strings.Join(blocks, ", ")
	switch {
	case len(info.Trains) == 0:
		return 0, fmt.Errorf("%w: model %s has none", ErrBlock, info.Name)
	case name == "":
		return 0, fmt.Errorf("%w: model %s has several: choose one of %s (--train %s), or let them take turns (--train %s)", ErrBlock, info.Name, names, blocks[0], strings.Join(blocks, ","))
	}
	return 0, fmt.Errorf("%w: model %s has no %q but %s", ErrBlock, info.Name, name, names)
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

// batches returns the number of batches of an epoch, 0 when nobody knows.
func (r *run) batches() int {
	if l, ok := r.source.(*dataLoader); ok {
		return l.count()
	}
	return 0
}

func (r *run) tell(e Event) {
	if r.o.Observe != nil {
		r.o.Observe(e)
	}
}

// epoch runs what is left of the current epoch.
func (r *run) epoch(ctx context.Context) error {
	r.trainer.ResetMetrics(r.block)
	begin, seen := time.Now(), r.seen
	for b, err := range r.source.batches(ctx, r.state.Epoch, r.state.Batch) {
		if ctx.Err() != nil || r.enough() {
			break
		}
		if err == nil {
			err = r.step(b)
		}
		if err != nil {
			return fmt.Errorf("epoch %d, step %d: %w", r.state.Epoch+1, r.trainer.Steps(r.block)+1, err)
		}
		if err := r.settle(false); err != nil {
			return err
		}
		r.progress(begin, r.seen-seen)
	}
	whole := r.state.Batch == r.batches() || r.batches() == 0 && !r.enough()
	if ctx.Err() != nil || !whole {
		return r.interrupt(ctx)
	}
	took := time.Since(begin)
	r.busy += took
	if r.state.Batch == 0 {
		return fmt.Errorf("%w: epoch %d has no batches", ErrMismatch, r.state.Epoch+1)
	}
	r.state.TrainLoss = r.state.LossSum / float64(r.state.Batch)
	done := EpochDone{
		Epoch: r.state.Epoch + 1, Step: r.trainer.Steps(r.block), TrainLoss: Number(r.state.TrainLoss),
		TrainMetrics: r.figuresOf(), SamplesPerSecond: rate(r.seen-seen, took),
	}
	if r.tests != nil {
		loss, err := evaluate(ctx, r.trainer, r.block, r.tests, r.o.Batch, r.averages)
		if errors.Is(err, ErrInterrupted) {
			return r.interrupt(ctx)
		} else if err != nil {
			return fmt.Errorf("evaluation after epoch %d: %w", done.Epoch, err)
		}
		done.TestLoss, done.TestMetrics = number(loss), r.figuresOf()
	}
	done.Seconds = Number(time.Since(r.started).Seconds())
	return r.closeEpoch(done)
}

// step trains each block on one batch.
func (r *run) step(b loaded) error {
	for i, block := range r.blocks {
		loss, err := r.trainer.Step(block, b.inputs[i], i == 0 && len(r.metrics) > 0)
		if err != nil {
			return err
		}
		if i == 0 {
			r.state.LossSum += float64(loss)
		}
	}
	r.state.Batch++
	r.seen += int64(b.samples)
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

func finite(n Number) bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// closeEpoch moves the state to the next epoch and saves it.
func (r *run) closeEpoch(e EpochDone) error {
	s := &r.state
	s.Epoch, s.Batch, s.LossSum = e.Epoch, 0, 0
	s.TrainMetrics, s.TestLoss, s.TestMetrics = e.TrainMetrics, e.TestLoss, e.TestMetrics
	better := e.TestLoss != nil && finite(*e.TestLoss) && (s.BestEpoch == 0 || float64(*e.TestLoss) < s.BestLoss)
	if better {
		s.BestLoss, s.BestEpoch = float64(*e.TestLoss), e.Epoch
	}
	s.Stopped = r.o.Patience > 0 && s.BestEpoch > 0 && s.Epoch-s.BestEpoch >= r.o.Patience
	if err := r.plateau(&e); err != nil {
		return err
	}
	r.history = append(r.history, e)
	r.tell(e)
	if r.saver == nil {
		return nil
	}
	if better && r.o.KeepBest {
		if err := r.keep(bestFile); err != nil {
			return err
		}
	}
	return r.save()
}

// keep writes the model as it is.
func (r *run) keep(name string) error {
	if err := r.settle(true); err != nil {
		return err
	}
	return r.saver.model(name)
}

// settle tells of the checkpoint that was being written, if it is whole by now or the
// run is to wait for it.
func (r *run) settle(wait bool) error {
	if r.saver == nil {
		return nil
	}
	saved, err := r.saver.settle(wait)
	if saved != nil {
		r.tell(*saved)
	}
	return err
}

// interrupt saves the state between two steps. The error is nil when the run
// has made its steps.
func (r *run) interrupt(ctx context.Context) error {
	if r.saver != nil {
		if err := r.save(); err != nil {
			return err
		}
		if err := r.settle(true); err != nil {
			return err
		}
	}
	if ctx.Err() == nil {
		return nil
	}
	return ErrInterrupted
}

// save begins to write a checkpoint of the present state.
func (r *run) save() error {
	if err := r.settle(true); err != nil {
		return err
	}
	r.state.Steps = map[string]int64{}
	for i, b := range r.trainer.Info().Trains {
		r.state.Steps[b.Name] = r.trainer.Steps(i)
	}
	record, err := r.record()
	if err != nil {
		return err
	}
	return r.saver.checkpoint(record, r.state, r.trainer.Steps(r.block))
}

// finish leaves the trained parameters in a file of their own.
func (r *run) finish() error {
	if r.saver == nil {
		return nil
	}
	return r.keep(modelFile)
}

func (r *run) done(interrupted bool) *Done {
	s := &r.state
	d := &Done{
		Epochs: s.Epoch, Steps: r.trainer.Steps(r.block), TrainLoss: Number(s.TrainLoss), TrainMetrics: s.TrainMetrics,
		TestLoss: s.TestLoss, TestMetrics: s.TestMetrics, TestAccuracy: accuracyOf(s.TestMetrics),
		SamplesPerSecond: rate(r.seen, r.busy), Seconds: Number(time.Since(r.started).Seconds()), Interrupted: interrupted,
	}
	switch {
	case s.Stopped:
		d.Stopped = "early"
	case s.Batch > 0:
		d.TrainLoss = Number(s.LossSum / float64(s.Batch))
		if !interrupted {
			d.Stopped = "steps"
		}
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
