package train

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"strings"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// Exit codes of Main.
const (
	exitOK        = 0
	exitFindings  = 1 // the model, the data or the weights are at fault
	exitFailure   = 3 // the machine is
	exitInterrupt = 130
)

// Job is what Main is asked to do.
type Job struct {
	Do      string   `json:"do"` // "train", "find_rate", "eval", "predict" or "bench"
	Block   string   `json:"block,omitempty"`
	Threads int      `json:"threads,omitempty"`
	Target  string   `json:"target,omitempty"` // forces a path of the generated code
	Weights string   `json:"weights,omitempty"`
	Map     string   `json:"map,omitempty"`     // rules of a weight map
	Partial bool     `json:"partial,omitempty"` // the weights may lack tensors and have others
	NoEMA   bool     `json:"no_ema,omitempty"`  // a checkpoint's parameters, not their moving averages
	Data    DataSpec `json:"data"`
	// Limits says, by input, how many indices mean something to the model.
	Limits map[string]int `json:"limits,omitempty"`

	Version  string `json:"version,omitempty"` // of mlc
	Epochs   int    `json:"epochs,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	Seed     uint64 `json:"seed,omitempty"`
	Dir      string `json:"dir,omitempty"`
	Resume   bool   `json:"resume,omitempty"`
	Given    Given  `json:"given"`
	Patience int    `json:"patience,omitempty"`
	KeepBest bool   `json:"keep_best,omitempty"`

	Then         []string `json:"then,omitempty"`
	Steps        int64    `json:"steps,omitempty"`
	Plateau      *Plateau `json:"plateau,omitempty"`
	Draws        []string `json:"draws,omitempty"`
	ClassWeights bool     `json:"class_weights,omitempty"` // balanced, by the training data
	Prefetch     int      `json:"prefetch,omitempty"`

	Entry  string  `json:"entry,omitempty"`
	Binary string  `json:"binary,omitempty"` // of predict: the output that is the probability of the second of two classes
	Images []Image `json:"images,omitempty"` // of predict
	Rows   []byte  `json:"rows,omitempty"`   // of predict: delimited text, or lines of running text

	Recordings  []string `json:"recordings,omitempty"`  // of predict: WAV files
	Count       int      `json:"count,omitempty"`       // of predict: samples whose inputs are all drawn
	Length      int      `json:"length,omitempty"`      // of predict: characters to go on with
	Temperature float64  `json:"temperature,omitempty"` // of predict: 0 takes the likeliest character

	Sizes   map[string]int `json:"sizes,omitempty"`   // of bench: symbolic dimensions
	Seconds float64        `json:"seconds,omitempty"` // of bench: how long to measure
	Mode    string         `json:"mode,omitempty"`    // of bench: "train" or "infer"
	Work    []Work         `json:"work,omitempty"`    // of bench: one for each entry or train block to measure
}

// Work says what one call of an entry or of a train block computes, for bench.
type Work struct {
	Name    string       `json:"name"`
	Flops   float64      `json:"flops"` // of the contractions of one call
	Kernels []KernelWork `json:"kernels"`
}

// KernelWork is the part of one kernel in a call.
type KernelWork struct {
	Name  string  `json:"name"`
	Line  int     `json:"line"`
	Flops float64 `json:"flops"` // of all its calls
}

// Given says which options the user chose: a resumed run takes the others from
// its checkpoint.
type Given struct {
	Batch bool `json:"batch,omitempty"`
	Seed  bool `json:"seed,omitempty"`
}

// Image is a picture to ask a model about: bytes by channel, row and column.
type Image struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"` // channels, height, width
	Pixels []byte `json:"pixels"`
}

// Main is the program that mlc builds around a generated model. It reads a Job,
// one line of JSON, from stdin, prints events, one line of JSON each, to stdout,
// and returns the exit code. The end of stdin interrupts it.
func Main(g *mlrt.Generated, stdin io.Reader, stdout io.Writer) int {
	signal.Ignore(os.Interrupt) // the parent decides; a terminal signals both
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return exitInterrupt
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		io.Copy(io.Discard, in)
		cancel()
	}()
	p := &program{g: g, out: bufio.NewWriter(stdout)}
	var job Job
	if err = json.Unmarshal(line, &job); err == nil {
		err = p.guarded(ctx, job)
	}
	return p.end(err)
}

// program is a run of Main.
type program struct {
	g   *mlrt.Generated
	out *bufio.Writer
	err error // of writing
}

// tell prints an event at once.
func (p *program) tell(e Event) {
	line, err := EncodeEvent(e)
	if err == nil {
		_, err = p.out.Write(line)
	}
	if err == nil {
		err = p.out.Flush()
	}
	p.err = errors.Join(p.err, err)
}

// end reports how the job ended.
func (p *program) end(err error) int {
	code := exitOK
	switch {
	case errors.Is(err, ErrInterrupted):
		code = exitInterrupt
	case err != nil:
		f := failed(err)
		code = exitFailure
		if f.Code != "" {
			code = exitFindings
		}
		p.tell(f)
	}
	if p.err != nil {
		return exitFailure
	}
	return code
}

// failed sorts an error into the codes that mlc explains.
func failed(err error) Failed {
	f := Failed{Message: err.Error()}
	if errors.Is(err, ErrSave) {
		return f
	}
	for _, c := range []struct {
		kind error
		code string
	}{
		{mlrt.ErrNotFinite, "ML0404"}, {ErrMismatch, "ML0602"}, {ErrBlock, "ML0602"}, {mlrt.ErrShape, "ML0602"}, {ErrLabel, "ML0604"},
		{ErrCheckpoint, "ML0608"}, {ErrWeightsMismatch, "ML0607"}, {ErrWeightMap, "ML0607"}, {mlrt.ErrWeights, "ML0606"}, {fs.ErrNotExist, "ML0609"},
	} {
		if errors.Is(err, c.kind) {
			f.Code = c.code
			return f
		}
	}
	f.Code = dataCode(err)
	return f
}

// guarded does the job; a panic is a bug, which it reports in one line.
func (p *program) guarded(ctx context.Context, job Job) (err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("internal error: %v at %s: this is a bug in mlc, please report it with the model and the output of mlc version", e, panicked())
		}
	}()
	return p.do(ctx, job)
}

// panicked returns the function and line that the panic being handled came from.
func panicked() string {
	var list [32]uintptr
	frames := runtime.CallersFrames(list[:runtime.Callers(0, list[:])])
	for inside := false; ; {
		f, more := frames.Next()
		if inside && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		inside = inside || f.Function == "runtime.gopanic"
		if !more {
			return "an unknown place"
		}
	}
}

func (p *program) do(ctx context.Context, job Job) error {
	switch job.Do {
	case "train":
		return p.train(ctx, job)
	case "find_rate":
		return p.findRate(ctx, job)
	case "eval":
		return p.eval(ctx, job)
	case "predict":
		return p.predict(ctx, job)
	case "bench":
		return p.bench(ctx, job)
	}
	return fmt.Errorf("unknown job %q", job.Do)
}

func (p *program) train(ctx context.Context, job Job) error {
	o := Options{
		Block: job.Block, Epochs: job.Epochs, Batch: job.Batch, Seed: job.Seed, Dir: job.Dir, Resume: job.Resume,
		Patience: job.Patience, KeepBest: job.KeepBest, Observe: p.tell,
		Then: job.Then, Steps: job.Steps, Plateau: job.Plateau, Feeds: Feeds{Draws: job.Draws}, Prefetch: job.Prefetch, Threads: job.Threads,
	}
	if job.Resume {
		batch, seed, err := Resumable(job.Dir)
		if err != nil {
			return err
		}
		if !job.Given.Batch {
			o.Batch = batch
		}
		if !job.Given.Seed {
			o.Seed = seed
		}
	}
	sets, err := openTraining(job.Data)
	if err != nil {
		return err
	}
	if o.Metadata, err = sets.metadata(); err != nil {
		return err
	}
	if job.ClassWeights {
		if o.Feeds.ClassWeights, err = BalancedWeights(sets.training); err != nil {
			return err
		}
	}
	if o.Metadata[keyFeeds], err = o.Feeds.metadata(); err != nil {
		return err
	}
	if err := checkClasses(p.g.Info, o.Block, sets.training, o.Feeds, job.Limits); err != nil {
		return err
	}
	m := p.g.New(o.Seed)
	o.Version = job.Version
	if job.Weights != "" {
		if _, err := p.load(m, job); err != nil {
			return err
		}
		o.Origin = &Origin{File: job.Weights, Map: job.Map, Partial: job.Partial}
	}
	t := m.OpenTrainer(mlrt.Options{Threads: job.Threads, Seed: o.Seed, Target: job.Target})
	done, err := Run(ctx, t, sets.training, sets.tests, o)
	if done != nil && (err == nil || errors.Is(err, ErrInterrupted)) {
		p.tell(*done)
	}
	return errors.Join(err, t.Close())
}

// findRate looks for a learning rate with the data and options of a training job.
func (p *program) findRate(ctx context.Context, job Job) error {
	sets, err := openTraining(job.Data)
	if err != nil {
		return err
	}
	x := Feeds{Draws: job.Draws}
	if job.ClassWeights {
		if x.ClassWeights, err = BalancedWeights(sets.training); err != nil {
			return err
		}
	}
	m := p.g.New(job.Seed)
	if job.Weights != "" {
		if _, err := p.load(m, job); err != nil {
			return err
		}
	}
	t := m.OpenTrainer(mlrt.Options{Threads: job.Threads, Seed: job.Seed, Target: job.Target})
	found, err := FindRate(ctx, t, sets.training, RateOptions{Block: job.Block, Batch: job.Batch, Seed: job.Seed, Feeds: x})
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	p.tell(*found)
	return nil
}

// load sets the model's weights from the job's file and tells what a partial
// file left out.
func (p *program) load(m mlrt.Model, job Job) (*Weights, error) {
	rules, err := ParseWeightMap(job.Map)
	if err != nil {
		return nil, err
	}
	w, err := OpenWeights(job.Weights)
	if err != nil {
		return nil, err
	}
	report, err := w.Load(m, LoadOptions{Map: rules, Partial: job.Partial, NoAverages: job.NoEMA})
	if err != nil {
		return nil, err
	}
	w.warn(p.tell)
	if len(report.Missing) > 0 {
		p.tell(Warned{fmt.Sprintf("%s has not all tensors; these keep their initial values: %s", w.Name, some(report.Missing))})
	}
	if len(report.Unexpected) > 0 {
		p.tell(Warned{fmt.Sprintf("%s has tensors that the model does not: %s", w.Name, some(report.Unexpected))})
	}
	return w, nil
}

// checkClasses refuses class indices that the model's outputs have no place
// for: an integer input of rank one is a class index when it is fed by a column
// of classes and the model's first entry has a two-dimensional output. limits are
// those of inputs that look places of a tensor up, such as tokens.
func checkClasses(info *mlrt.Info, block string, d Data, x Feeds, limits map[string]int) error {
	i, err := FindBlock(info, block)
	if err != nil || len(info.Entries) == 0 {
		return err
	}
	inputs, columns := info.Trains[i].Inputs, d.Columns()
	binds, err := x.only(inputs).bind(inputs, columns)
	if err != nil {
		return err
	}
	places := 0
	for _, out := range info.Entries[0].Outputs {
		if n := len(out.Shape); n == 2 && out.Shape[1].Name == "" {
			places = max(places, out.Shape[1].Size)
		}
	}
	for k, b := range binds {
		col := columns[b.column]
		if b.kind == fromColumn && places > 1 && col.Classes > places && b.oneHot == 0 && len(inputs[k].Shape) == 1 && !isFloat(inputs[k].DType) {
			return fmt.Errorf("%w: column %q has labels up to %d, but model %s has %d classes (0 to %d)",
				ErrLabel, col.Name, col.Classes-1, info.Name, places, places-1)
		}
		if limit := limits[inputs[k].Name]; b.kind == fromColumn && limit > 0 && col.Classes > limit && !isFloat(inputs[k].DType) {
			return fmt.Errorf("%w: column %q has %d different values, but model %s has %d places for input %q\nhelp: --set may change the size if it is an argument of the model",
				ErrLabel, col.Name, col.Classes, info.Name, limit, inputs[k].Name)
		}
	}
	return nil
}

func (p *program) eval(ctx context.Context, job Job) error {
	m := p.g.New(0)
	w, err := p.load(m, job)
	if err != nil {
		return err
	}
	set, classes, err := openTests(job.Data, w)
	if err != nil {
		return err
	}
	x, err := w.feeds()
	if err != nil {
		return err
	}
	if err := checkClasses(p.g.Info, job.Block, set, x, job.Limits); err != nil {
		return err
	}
	t := m.OpenTrainer(mlrt.Options{Threads: job.Threads, Target: job.Target})
	result, err := Evaluate(ctx, t, job.Block, set, job.Batch, x)
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	s := m.OpenSession(mlrt.Options{Threads: job.Threads, Target: job.Target})
	result.Confusion, err = confusion(ctx, s, p.g.Info, set, job.Batch)
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	if result.Confusion != nil {
		result.Classes = classes
	}
	p.tell(*result)
	return nil
}
