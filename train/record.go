package train

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// record is run.json: what made a run, so that it can be made again.
type record struct {
	Version   int               `json:"version"`
	Model     string            `json:"model"`
	File      string            `json:"file"`
	Hash      string            `json:"hash"`
	Args      []string          `json:"args"`
	Block     string            `json:"block"`
	Then      []string          `json:"then,omitempty"`
	Epochs    int               `json:"epochs"`
	Batch     int               `json:"batch"`
	Seed      uint64            `json:"seed"`
	Steps     int64             `json:"steps,omitempty"`
	Patience  int               `json:"patience,omitempty"`
	Plateau   *Plateau          `json:"plateau,omitempty"`
	Feeds     Feeds             `json:"feeds,omitzero"`
	Averages  []string          `json:"ema,omitempty"` // train blocks whose moving averages were evaluated and saved as the model
	Samples   int               `json:"samples"`
	Tests     int               `json:"test_samples"`
	Data      string            `json:"data,omitempty"`
	TestData  string            `json:"test_data,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Weights   *Origin           `json:"weights,omitempty"`
	Go        string            `json:"go"`
	Mlc       string            `json:"mlc,omitempty"`
	System    string            `json:"system"`
	BestEpoch int               `json:"best_epoch,omitempty"`
	History   []EpochDone       `json:"history"`
}

// record returns the run record.
func (r *run) record() ([]byte, error) {
	info := r.trainer.Info()
	rec := record{
		Version: 1, Model: info.Name, File: info.File, Hash: info.Hash, Args: info.Args, Block: r.state.Block, Then: r.o.Then,
		Epochs: r.o.Epochs, Batch: r.o.Batch, Seed: r.o.Seed,
		Steps: r.o.Steps, Patience: r.o.Patience, Plateau: r.o.Plateau, Feeds: r.o.Feeds, Averages: r.averages.blocks,
		Samples: r.state.Samples, Data: r.state.Data, TestData: r.testData, Metadata: r.o.Metadata,
		Weights: r.o.Origin, Go: runtime.Version(), Mlc: r.o.Version, System: runtime.GOOS + "/" + runtime.GOARCH,
		BestEpoch: r.state.BestEpoch, History: r.history,
	}
	if r.tests != nil {
		rec.Tests = r.tests.data.Len()
	}
	text, err := json.MarshalIndent(rec, "", "  ")
	return append(text, '\n'), err
}

// Origin says where a run's first weights came from.
type Origin struct {
	File    string `json:"file"`
	Map     string `json:"map,omitempty"`
	Partial bool   `json:"partial,omitempty"`
}

// takeUp restores what only the record of a resumed run knows: its epochs so far
// and where its weights came from. A record that cannot be read is no reason not
// to go on.
func (r *run) takeUp() {
	text, err := os.ReadFile(filepath.Join(r.o.Dir, recordFile))
	var rec record
	if err != nil || json.Unmarshal(text, &rec) != nil {
		return
	}
	r.history = slices.DeleteFunc(rec.History, func(e EpochDone) bool { return e.Epoch > r.state.Epoch })
	if r.o.Origin == nil {
		r.o.Origin = rec.Weights
	}
}

func fingerprint(d Data) string {
	if f, ok := d.(Fingerprinter); ok {
		return f.Fingerprint()
	}
	return ""
}
