package train

import (
	"encoding/json"
	"io"
	"path/filepath"
	"runtime"
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
	Samples   int               `json:"samples"`
	Tests     int               `json:"test_samples"`
	Data      string            `json:"data,omitempty"`
	TestData  string            `json:"test_data,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Go        string            `json:"go"`
	System    string            `json:"system"`
	BestEpoch int               `json:"best_epoch,omitempty"`
	History   []EpochDone       `json:"history"`
}

// record writes the run record.
func (s *saver) record(r *run) error {
	info := s.t.Info()
	if s.data == "" {
		s.data = fingerprint(r.training)
		if r.tests != nil {
			s.testData = fingerprint(r.tests.data)
		}
	}
	rec := record{
		Version: 1, Model: info.Name, File: info.File, Hash: info.Hash, Args: info.Args, Block: r.state.Block, Then: r.o.Then,
		Epochs: r.o.Epochs, Batch: r.o.Batch, Seed: r.o.Seed,
		Steps: r.o.Steps, Patience: r.o.Patience, Plateau: r.o.Plateau, Feeds: r.o.Feeds,
		Samples: r.state.Samples, Data: s.data, TestData: s.testData, Metadata: r.o.Metadata,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		BestEpoch: r.state.BestEpoch, History: r.history,
	}
	if r.tests != nil {
		rec.Tests = r.tests.data.Len()
	}
	text, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.o.Dir, recordFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

func fingerprint(d Data) string {
	if f, ok := d.(Fingerprinter); ok {
		return f.Fingerprint()
	}
	return ""
}
