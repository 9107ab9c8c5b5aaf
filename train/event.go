package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Event is something that happened in a run: one of the types below, by value.
type Event interface{ kind() string }

// Number is a figure of a run. NaN and infinities become null in JSON.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler; null becomes NaN.
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	v, err := strconv.ParseFloat(string(text), 64)
	*n = Number(v)
	return err
}

// Started opens a run.
type Started struct {
	Model      string `json:"model"`
	Block      string `json:"block"`
	Parameters int    `json:"parameters"`
	Epochs     int    `json:"epochs"`
	Samples    int    `json:"samples"`
	Tests      int    `json:"test_samples"`
	Batch      int    `json:"batch"`
	Batches    int    `json:"batches"` // of an epoch
	Seed       uint64 `json:"seed"`
	Resumed    int64  `json:"resumed_at_step,omitempty"`
}

// Progress comes some times a second while an epoch runs.
type Progress struct {
	Epoch            int               `json:"epoch"` // from 1
	Batch            int               `json:"batch"` // done in this epoch
	Step             int64             `json:"step"`
	TrainLoss        Number            `json:"train_loss"` // mean over the epoch so far
	Metrics          map[string]Number `json:"train_metrics,omitempty"`
	SamplesPerSecond Number            `json:"samples_per_second"`
}

// EpochDone closes an epoch.
type EpochDone struct {
	Epoch            int               `json:"epoch"`
	Step             int64             `json:"step"`
	TrainLoss        Number            `json:"train_loss"` // mean over the epoch's batches
	TrainMetrics     map[string]Number `json:"train_metrics,omitempty"`
	TestLoss         *Number           `json:"test_loss,omitempty"`
	TestMetrics      map[string]Number `json:"test_metrics,omitempty"`
	LRScale          *Number           `json:"lr_scale,omitempty"` // of the next epoch, under a plateau schedule
	SamplesPerSecond Number            `json:"samples_per_second"`
	Seconds          Number            `json:"seconds"`
}

// Saved says that the checkpoint of a step is whole on disk. It is written while training
// goes on, so Progress of the next epoch may come first.
type Saved struct {
	File string `json:"file"`
	Step int64  `json:"step"`
}

// Done closes a run.
type Done struct {
	Epochs           int               `json:"epochs"`
	Steps            int64             `json:"steps"`
	TrainLoss        Number            `json:"train_loss"` // mean over the last epoch's batches, those made when it is not whole
	TestLoss         *Number           `json:"test_loss,omitempty"`
	TestAccuracy     *Number           `json:"test_accuracy,omitempty"`
	TrainMetrics     map[string]Number `json:"train_metrics,omitempty"`
	TestMetrics      map[string]Number `json:"test_metrics,omitempty"`
	SamplesPerSecond Number            `json:"samples_per_second"`
	Seconds          Number            `json:"seconds"`
	Stopped          string            `json:"stopped,omitempty"` // "early" when patience ran out, "steps" when they were made within an epoch
	Interrupted      bool              `json:"interrupted,omitempty"`
}

// Evaluated is the outcome of `mlc eval`.
type Evaluated struct {
	Samples   int               `json:"samples"`
	Loss      Number            `json:"test_loss"`
	Accuracy  *Number           `json:"test_accuracy,omitempty"`
	Metrics   map[string]Number `json:"test_metrics,omitempty"`
	Classes   []string          `json:"classes,omitempty"`
	Confusion [][]int           `json:"confusion,omitempty"` // rows: true class, columns: predicted
}

// Predicted is the outcome of one sample of `mlc predict`.
type Predicted struct {
	Sample      int                 `json:"sample"`
	Label       string              `json:"label,omitempty"`
	Class       *int                `json:"class,omitempty"`
	Probability *Number             `json:"probability,omitempty"`
	Outputs     map[string][]Number `json:"outputs"`
	Text        string              `json:"text,omitempty"` // of a text that was gone on with
}

// Benched is the outcome of `mlc bench` for one entry or train block. Times are
// of one call, in microseconds.
type Benched struct {
	Entry            string       `json:"entry"`
	Mode             string       `json:"mode"` // train or infer
	Batch            int          `json:"batch"`
	Threads          int          `json:"threads"`
	Target           string       `json:"target"` // the code path: avx512, avx2 or go
	Steps            int          `json:"steps"`  // measured
	StepMedian       Number       `json:"step_us_median"`
	StepMin          Number       `json:"step_us_min"`
	SamplesPerSecond Number       `json:"samples_per_second"`
	Gflops           Number       `json:"gflops"`      // of the contractions, by the median
	PeakGflops       Number       `json:"peak_gflops"` // of a loop of fused multiply-adds on as many threads, in this run
	PeakShare        Number       `json:"peak_share"`
	Bound            Number       `json:"bound_us"` // the contractions at the peak
	Allocations      Number       `json:"allocs_per_step"`
	RSS              int64        `json:"rss_bytes"` // peak resident memory of the process (VmHWM), 0 where it cannot be told
	Kernels          []KernelTime `json:"kernels"`
}

// KernelTime is what one kernel takes in a call. The last row, "other", is the
// rest of the call: small kernels that run without the pool, and the calls themselves.
type KernelTime struct {
	Name   string `json:"name"`
	Line   int    `json:"line,omitempty"`
	Calls  Number `json:"calls"`
	Micros Number `json:"microseconds"`
	Gflops Number `json:"gflops,omitempty"`
}

// RateFound is the outcome of a search for a learning rate.
type RateFound struct {
	Scale  Number      `json:"scale"` // suggested factor of the declared rates; 0: the loss never fell
	Points []RatePoint `json:"points"`
}

// Warned is something that the user should know and that stops nothing.
type Warned struct {
	Message string `json:"message"`
}

// Failed ends a run with an error. Code is one of the diagnostics' codes, or
// empty for a failure of the machine.
type Failed struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

func (Started) kind() string   { return "start" }
func (Progress) kind() string  { return "progress" }
func (EpochDone) kind() string { return "epoch" }
func (Saved) kind() string     { return "saved" }
func (Done) kind() string      { return "done" }
func (Evaluated) kind() string { return "eval" }
func (Predicted) kind() string { return "predict" }
func (Benched) kind() string   { return "bench" }
func (RateFound) kind() string { return "rate" }
func (Warned) kind() string    { return "warning" }
func (Failed) kind() string    { return "error" }

// EncodeEvent returns the event as one line of JSON, with its kind as the first
// member "event" and a newline at the end.
func EncodeEvent(e Event) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	line := append([]byte(`{"event":`), strconv.Quote(e.kind())...)
	if !bytes.Equal(body, []byte("{}")) {
		line = append(line, ',')
	}
	return append(append(line, body[1:]...), '\n'), nil
}

// DecodeEvent reads a line that EncodeEvent wrote.
func DecodeEvent(line []byte) (Event, error) {
	var head struct {
		Event string `json:"event"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, err
	}
	switch head.Event {
	case "start":
		return decodeAs[Started](line)
	case "progress":
		return decodeAs[Progress](line)
	case "epoch":
		return decodeAs[EpochDone](line)
	case "saved":
		return decodeAs[Saved](line)
	case "done":
		return decodeAs[Done](line)
	case "eval":
		return decodeAs[Evaluated](line)
	case "predict":
		return decodeAs[Predicted](line)
	case "bench":
		return decodeAs[Benched](line)
	case "rate":
		return decodeAs[RateFound](line)
	case "warning":
		return decodeAs[Warned](line)
	case "error":
		return decodeAs[Failed](line)
	}
	return nil, fmt.Errorf("unknown event %q", head.Event)
}

func decodeAs[E Event](line []byte) (Event, error) {
	var e E
	err := json.Unmarshal(line, &e)
	return e, err
}
