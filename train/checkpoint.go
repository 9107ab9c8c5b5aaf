package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// The files of a run's folder.
const (
	// CheckpointFile holds everything a run needs to go on.
	CheckpointFile = "checkpoint.safetensors"
	modelFile      = "model.safetensors" // parameters, or their moving averages where the run keeps them, and buffers after the last epoch
	bestFile       = "best.safetensors"  // the same after the epoch with the lowest test loss
	recordFile     = "run.json"
)

// Keys of a checkpoint's metadata.
const (
	keyFormat = "mlc.format"
	keyModel  = "mlc.model"
	keyHash   = "mlc.hash"
	keyArgs   = "mlc.args"
	keyState  = "mlc.train"
)

// checkpointFormat names the layout of checkpoints and changes with it.
const checkpointFormat = "checkpoint 1"

// The kinds of errors about checkpoints and weights files, for errors.Is.
var (
	// ErrCheckpoint: a checkpoint that cannot be resumed with the given options.
	ErrCheckpoint = errors.New("unusable checkpoint")
	// ErrWeightsMismatch: a weights file of another model.
	ErrWeightsMismatch = errors.New("the weights do not fit the model")
	// ErrSave: a file of the run could not be written.
	ErrSave = errors.New("cannot save")
)

// state is where a run stands between two steps: with the stored tensors and
// the data, all that the rest of the run depends on.
type state struct {
	Block        string            `json:"block"`
	Then         []string          `json:"then,omitempty"` // blocks that step after Block
	Epoch        int               `json:"epoch"`          // whole epochs done
	Batch        int               `json:"batch"`          // batches done in the current epoch
	Steps        map[string]int64  `json:"steps"`          // made, by train block
	Seed         uint64            `json:"seed"`
	BatchSize    int               `json:"batch_size"`
	Samples      int               `json:"samples"`
	Data         string            `json:"data,omitempty"` // fingerprint of the training data, when it has one
	LossSum      float64           `json:"loss_sum"`       // of the current epoch's batches
	TrainLoss    float64           `json:"train_loss"`
	TrainMetrics map[string]Number `json:"train_metrics,omitempty"`
	TestLoss     *Number           `json:"test_loss,omitempty"`
	TestMetrics  map[string]Number `json:"test_metrics,omitempty"`
	BestLoss     float64           `json:"best_loss"`
	BestEpoch    int               `json:"best_epoch"` // 0: none yet
	Stopped      bool              `json:"stopped"`
	Plateau      *plateauState     `json:"plateau,omitempty"`
}

// saver writes a run's files. A checkpoint is written while training goes on; settle
// must be called before anything else is saved, and before the run ends.
type saver struct {
	t        mlrt.Trainer
	o        Options
	bufs     []any // one a stored tensor; while writing is set they are that goroutine's
	averages *averages
	writing  chan error // gets what came of the checkpoint that is being written; nil: none is
	step     int64      // of that checkpoint
}

func newSaver(t mlrt.Trainer, o Options, a *averages) *saver {
	s := &saver{t: t, o: o, averages: a}
	for _, v := range t.Info().Vars {
		s.bufs = append(s.bufs, v.DType.Make(elements(v.Shape)))
	}
	return s
}

// stored reads the stored tensors in the model's order: all of them, or those
// that other programs load, with averages in the place of their parameters.
func (s *saver) stored(all bool) ([]mlrt.Stored, error) {
	var list []mlrt.Stored
	for i, v := range s.t.Info().Vars {
		if !all && v.Kind == mlrt.Optimizer {
			continue
		}
		from := i
		if k, ok := s.averages.of[i]; ok && !all {
			from = k
		}
		if err := s.t.ReadVar(from, s.bufs[i]); err != nil {
			return nil, err
		}
		list = append(list, mlrt.Stored{Name: v.Name, DType: v.DType, Shape: v.Shape, Data: s.bufs[i]})
	}
	return list, nil
}

func (s *saver) metadata() map[string]string {
	info := s.t.Info()
	args, _ := json.Marshal(info.Args) // strings always have a JSON form
	m := map[string]string{keyModel: info.Name, keyHash: info.Hash, keyArgs: string(args)}
	for k, v := range s.o.Metadata {
		m[k] = v
	}
	s.averages.metadata(m)
	return m
}

// checkpoint begins to write the run record, then all stored tensors and the state.
func (s *saver) checkpoint(record []byte, st state, step int64) error {
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	meta := s.metadata()
	meta[keyFormat], meta[keyState] = checkpointFormat, string(text)
	list, err := s.stored(true)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	s.writing, s.step = done, step
	go func() {
		// The record first: a resumed run drops the epochs that it is ahead.
		err := s.write(recordFile, func(w io.Writer) error { _, err := w.Write(record); return err })
		if err == nil {
			err = s.write(CheckpointFile, func(w io.Writer) error { return mlrt.WriteFile(w, meta, list) })
		}
		done <- err
	}()
	return nil
}

// settle reports the checkpoint that is being written, once it is: its event, nil if
// there is none to report, or why it could not be written. It waits for that if asked to.
func (s *saver) settle(wait bool) (*Saved, error) {
	if s.writing == nil || !wait && len(s.writing) == 0 {
		return nil, nil
	}
	err := <-s.writing
	s.writing = nil
	if err != nil {
		return nil, err
	}
	return &Saved{File: filepath.Join(s.o.Dir, CheckpointFile), Step: s.step}, nil
}

// model writes parameters and buffers, as other programs load them.
func (s *saver) model(name string) error {
	list, err := s.stored(false)
	if err != nil {
		return err
	}
	meta := s.metadata()
	return s.write(name, func(w io.Writer) error { return mlrt.WriteFile(w, meta, list) })
}

func (s *saver) write(name string, content func(io.Writer) error) error {
	return writeFile(filepath.Join(s.o.Dir, name), content)
}

// Weights is a weights file or checkpoint that has been read whole.
type Weights struct {
	Name     string // the file as asked for
	File     *mlrt.File
	Fallback error // why the newest generation was not usable and the previous was read; nil otherwise
}

// warn tells that the previous generation was read.
func (w *Weights) warn(tell func(Event)) {
	if w.Fallback != nil {
		tell(Warned{fmt.Sprintf("%v; going on with the previous generation", w.Fallback)})
	}
}

// Metadata returns what Options.Metadata put into the file under key.
func (w *Weights) Metadata(key string) string { return w.File.Metadata[key] }

// state returns the run's state in a checkpoint.
func (w *Weights) state() (state, error) {
	var s state
	if w.File.Metadata[keyFormat] != checkpointFormat {
		return s, fmt.Errorf("%w: %s is not a checkpoint of this version of mlc", ErrCheckpoint, w.Name)
	}
	if err := json.Unmarshal([]byte(w.File.Metadata[keyState]), &s); err != nil {
		return s, fmt.Errorf("%w: %s: %w", ErrCheckpoint, w.Name, err)
	}
	return s, nil
}

// Resumable returns the batch size and the seed of the checkpoint in dir, with
// which a resumed run must go on.
func Resumable(dir string) (batch int, seed uint64, err error) {
	w, err := openRun(dir)
	if err != nil {
		return 0, 0, err
	}
	s, err := w.state()
	return s.BatchSize, s.Seed, err
}

// openRun reads the checkpoint in a run's folder, which must be there.
func openRun(dir string) (*Weights, error) {
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a folder", ErrCheckpoint, dir)
	} else if err != nil {
		return nil, err
	}
	return OpenWeights(dir)
}

// resume restores the run from the checkpoint in its folder.
func (r *run) resume() error {
	w, err := openRun(r.o.Dir)
	if err != nil {
		return err
	}
	s, err := w.state()
	if err != nil {
		return err
	}
	info := r.trainer.Info()
	if have := w.File.Metadata[keyHash]; have != info.Hash {
		// Load names the first tensor that differs.
		if _, err := w.Load(r.trainer, LoadOptions{Optimizer: true}); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s belongs to another model than %s", ErrCheckpoint, w.Name, info.Name)
	}
	for _, c := range []struct {
		what       string
		have, want any
	}{
		{"train block", s.Block, r.state.Block}, {"further train blocks", fmt.Sprint(s.Then), fmt.Sprint(r.state.Then)},
		{"plateau schedule", s.Plateau != nil, r.state.Plateau != nil},
		{"batch size", s.BatchSize, r.state.BatchSize},
		{"seed", s.Seed, r.state.Seed}, {"number of training samples", s.Samples, r.state.Samples},
		{"training data with the fingerprint", s.Data, r.state.Data},
	} {
		if c.have != c.want {
			return fmt.Errorf("%w: %s has %s %v, this run %v", ErrCheckpoint, w.Name, c.what, c.have, c.want)
		}
	}
	if _, err := w.Load(r.trainer, LoadOptions{Optimizer: true}); err != nil {
		return err
	}
	w.warn(r.tell)
	for i, b := range info.Trains {
		r.trainer.SetSteps(i, s.Steps[b.Name])
	}
	r.state = s
	r.takeUp()
	return nil
}
