package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// printed is data that names its content.
type printed struct {
	points
	print string
}

func (p printed) Fingerprint() string { return p.print }

// TestRecord: run.json says what made a run, across its resumptions.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	o := Options{Epochs: 3, Batch: 64, Seed: 5, Dir: dir, Steps: 5, Version: "v1 abc", Origin: &Origin{File: "w.safetensors", Map: "a=b"},
		Metadata: map[string]string{"mlc.data_name": "points"}}
	if _, err := Run(context.Background(), newFake(6, 4), printed{trainPoints, "aa"}, printed{testPoints, "bb"}, o); err != nil {
		t.Fatal(err)
	}
	o.Steps, o.Resume, o.Origin = 0, true, nil
	if _, err := Run(context.Background(), newFake(6, 4), printed{trainPoints, "other"}, nil, o); err == nil || !strings.Contains(err.Error(), "fingerprint aa, this run other") {
		t.Errorf("other data of the same size: %v", err)
	}
	if _, err := Run(context.Background(), newFake(6, 4), printed{trainPoints, "aa"}, printed{testPoints, "bb"}, o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		t.Fatal(err)
	}
	var rec record
	if err := json.Unmarshal(text, &rec); err != nil {
		t.Fatal(err)
	}
	info := newFake(6, 4).Info()
	if rec.Model != info.Name || rec.Hash != info.Hash || rec.File != info.File || rec.Block != "train" || rec.Epochs != 3 || rec.Batch != 64 || rec.Seed != 5 ||
		rec.Data != "aa" || rec.TestData != "bb" || rec.Samples != 200 || rec.Tests != 90 || rec.Mlc != "v1 abc" || rec.Go == "" || rec.System == "" ||
		rec.Weights == nil || *rec.Weights != (Origin{File: "w.safetensors", Map: "a=b"}) || rec.Metadata["mlc.data_name"] != "points" {
		t.Errorf("record %s", text)
	}
	epochs := 0
	for i, e := range rec.History {
		if e.Epoch != i+1 || e.TestLoss == nil || e.TrainMetrics["accuracy"] == 0 {
			t.Errorf("epoch %d: %+v", i+1, e)
		}
		epochs++
	}
	if epochs != 3 {
		t.Errorf("%d epochs recorded, want those before and after the stop", epochs)
	}
}

// TestOneRunAFolder: a second run in the folder of one that goes on is refused and
// changes nothing.
func TestOneRunAFolder(t *testing.T) {
	dir := t.TempDir()
	release, err := occupy(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Epochs: 1, Dir: dir}
	if _, err := Run(context.Background(), newFake(6, 4), trainPoints, nil, o); !errors.Is(err, ErrSave) || !strings.Contains(err.Error(), "another run") {
		t.Errorf("a second run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, CheckpointFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the second run wrote: %v", err)
	}
	release()
	if _, err := Run(context.Background(), newFake(6, 4), trainPoints, nil, o); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
}

var errDisk = errors.New("input/output error")

// failing is a disk on which call number at of those that change something fails,
// a write after half of its bytes.
type failing struct {
	Storage
	at, calls int
}

func (f *failing) fails() bool {
	f.calls++
	return f.calls == f.at
}

func (f *failing) Create(name string) (WriteSyncer, error) {
	if f.fails() {
		return nil, errDisk
	}
	w, err := f.Storage.Create(name)
	return &failingFile{w, f}, err
}

func (f *failing) Rename(from, to string) error {
	if f.fails() {
		return errDisk
	}
	return f.Storage.Rename(from, to)
}

func (f *failing) SyncDir(dir string) error {
	if f.fails() {
		return errDisk
	}
	return f.Storage.SyncDir(dir)
}

type failingFile struct {
	WriteSyncer
	disk *failing
}

func (f *failingFile) Write(p []byte) (int, error) {
	if f.disk.fails() {
		n, err := f.WriteSyncer.Write(p[:len(p)/2])
		return n, errors.Join(err, io.ErrShortWrite)
	}
	return f.WriteSyncer.Write(p)
}

func (f *failingFile) Sync() error {
	if f.disk.fails() {
		return errDisk
	}
	return f.WriteSyncer.Sync()
}

// waiting is a disk on which no file begins before begin is closed.
type waiting struct {
	Storage
	begin chan struct{}
}

func (w *waiting) Create(name string) (WriteSyncer, error) {
	<-w.begin
	return w.Storage.Create(name)
}

// TestSavesBesideTraining: a disk that takes the first checkpoint only when the
// second epoch has ended does not keep that from training, and loses nothing.
func TestSavesBesideTraining(t *testing.T) {
	o := Options{Epochs: 3, Batch: 64, Seed: 5, Dir: t.TempDir()}
	disk := Disk
	defer func() { Disk = disk }()
	slow := &waiting{disk, make(chan struct{})}
	Disk = slow
	var have []string
	o.Observe = func(e Event) {
		switch e := e.(type) {
		case EpochDone:
			have = append(have, fmt.Sprint("epoch ", e.Epoch))
			if e.Epoch == 2 {
				close(slow.begin)
			}
		case Saved:
			have = append(have, fmt.Sprint("saved ", e.Step))
		}
	}
	steps := int64((trainPoints.Len() + 63) / 64)
	done, err := Run(context.Background(), newFake(6, 4), trainPoints, testPoints, o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"epoch 1", "epoch 2", fmt.Sprint("saved ", steps), "epoch 3", fmt.Sprint("saved ", 2*steps), fmt.Sprint("saved ", 3*steps)}
	slices.Sort(have[3:5]) // the second is saved while the third epoch trains, or after it
	slices.Sort(want[3:5])
	if !slices.Equal(have, want) {
		t.Errorf("events %q, want %q", have, want)
	}
	w, err := OpenWeights(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := w.state(); err != nil || s.Epoch != 3 || s.Steps[s.Block] != done.Steps {
		t.Errorf("the checkpoint has epoch %d and steps %v, %v", s.Epoch, s.Steps, err)
	}
}

// TestSavingFails makes every call of a run that changes its folder fail in turn.
// The run says that it cannot save, and resumed it leaves the bits of a run that
// nothing befell.
func TestSavingFails(t *testing.T) {
	o := Options{Epochs: 2, Batch: 64, Seed: 5, KeepBest: true}
	whole := newFake(6, 4)
	o.Dir = t.TempDir()
	if _, err := Run(context.Background(), whole, trainPoints, testPoints, o); err != nil {
		t.Fatal(err)
	}
	disk := Disk
	defer func() { Disk = disk }()
	lost, failures := 0, 0
	for at := 1; ; at++ {
		o.Dir, o.Resume = t.TempDir(), false
		bad := &failing{Storage: disk, at: at}
		Disk = bad
		_, err := Run(context.Background(), newFake(6, 4), trainPoints, testPoints, o)
		Disk = disk
		if bad.calls < at {
			break // the run has no call of this number
		}
		failures++
		if !errors.Is(err, ErrSave) {
			t.Fatalf("call %d: %v, want %v", at, err, ErrSave)
		}
		w, err := OpenWeights(o.Dir)
		switch {
		case err == nil:
			s, err := w.state()
			if err != nil {
				t.Fatalf("call %d: %v", at, err)
			}
			// The generation before the one that failed is the least that is there.
			if saved := savedBefore(o.Dir); s.Epoch < saved {
				lost++
			}
		case !errors.Is(err, os.ErrNotExist):
			t.Fatalf("call %d: %v", at, err)
		}
		o.Resume = err == nil
		again := newFake(6, 4)
		if _, err := Run(context.Background(), again, trainPoints, testPoints, o); err != nil {
			t.Fatalf("call %d, afterwards: %v", at, err)
		}
		if !slices.Equal(weights(again), weights(whole)) {
			t.Errorf("call %d: other bits than without the failure", at)
		}
	}
	t.Logf("%d calls failed, %d checkpoints lost", failures, lost)
	if lost > 0 || failures < 35 {
		t.Errorf("%d calls failed, %d checkpoints lost", failures, lost)
	}
}

// savedBefore returns the epoch of the generation that must be there: the record is
// written before its checkpoint.
func savedBefore(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	var rec record
	if err != nil || json.Unmarshal(text, &rec) != nil {
		return 0
	}
	return len(rec.History) - 1
}
