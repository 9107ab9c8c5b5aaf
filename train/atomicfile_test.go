package train

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

var errInjected = errors.New("no space left on device")

// faulty is a file system in memory in which call number failAt fails. With
// crash every later call fails too, and what was not synced may be lost.
type faulty struct {
	files   map[string]*faultyFile
	lasting []map[string]*faultyFile // the names after each rename since the last SyncDir; the first is synced
	calls   int
	failAt  int
	crash   bool
	short   bool // a failing write takes half of its bytes
}

type faultyFile struct {
	fs     *faulty
	data   []byte
	synced int // bytes that survive a crash
}

func newFaulty() *faulty {
	s := &faulty{files: map[string]*faultyFile{}, failAt: -1}
	s.settle()
	return s
}

func (s *faulty) settle() { s.lasting = []map[string]*faultyFile{maps.Clone(s.files)} }

// fails counts a call and says whether it fails.
func (s *faulty) fails() bool {
	s.calls++
	return s.failAt >= 0 && (s.calls-1 == s.failAt || s.crash && s.calls-1 > s.failAt)
}

func (s *faulty) Create(name string) (WriteSyncer, error) {
	if s.fails() {
		return nil, errInjected
	}
	f := &faultyFile{fs: s}
	s.files[name] = f
	s.lasting = append(s.lasting, maps.Clone(s.files))
	return f, nil
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.fs.fails() {
		n := 0
		if f.fs.short {
			n = len(p) / 2
		}
		f.data = append(f.data, p[:n]...)
		return n, errInjected
	}
	f.data = append(f.data, p...)
	return len(p), nil
}

func (f *faultyFile) Sync() error {
	if f.fs.fails() {
		return errInjected
	}
	f.synced = len(f.data)
	return nil
}

func (f *faultyFile) Close() error {
	if f.fs.fails() {
		return errInjected
	}
	return nil
}

func (s *faulty) Open(name string) (io.ReadCloser, error) {
	f, ok := s.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(f.data)), nil
}

func (s *faulty) Rename(from, to string) error {
	if s.fails() {
		return errInjected
	}
	f, ok := s.files[from]
	if !ok {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	delete(s.files, from)
	s.files[to] = f
	s.lasting = append(s.lasting, maps.Clone(s.files))
	return nil
}

func (s *faulty) Remove(name string) error {
	if s.fails() {
		return errInjected
	}
	delete(s.files, name)
	s.lasting = append(s.lasting, maps.Clone(s.files))
	return nil
}

func (s *faulty) SyncDir(string) error {
	if s.fails() {
		return errInjected
	}
	s.settle()
	return nil
}

// after returns the file systems that a machine may find after it stopped here:
// any number of the unsynced renames done, unsynced bytes lost.
func (s *faulty) after() []*faulty {
	var all []*faulty
	for _, names := range s.lasting {
		t := newFaulty()
		for name, f := range names {
			t.files[name] = &faultyFile{fs: t, data: f.data[:f.synced], synced: f.synced}
		}
		t.settle()
		all = append(all, t)
	}
	return all
}

// save writes a checkpoint of the given generation, large enough for several writes.
func save(s Storage, generation int) error {
	w := make([]float32, 40_000)
	for i := range w {
		w[i] = float32(generation)
	}
	return WriteFileAtomic(s, "run/ck", func(w2 io.Writer) error {
		return mlrt.WriteFile(w2, map[string]string{"generation": strconv.Itoa(generation)}, []mlrt.Stored{{Name: "w", DType: mlrt.Float32, Shape: []int{len(w)}, Data: w}})
	})
}

func load(s Storage) (int, error) {
	f, _, err := openNewest(s, "run/ck")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(f.Metadata["generation"])
}

// TestAtomicFaults makes each call of a save fail in turn, with an error, a short
// write or a stop of the machine, at each of the first saves of a run.
func TestAtomicFaults(t *testing.T) {
	for _, generation := range []int{1, 2, 3} {
		for _, crash := range []bool{false, true} {
			faults := 0
			for failAt := 0; ; failAt++ {
				s := newFaulty()
				for g := 1; g < generation; g++ {
					if err := save(s, g); err != nil {
						t.Fatal(err)
					}
				}
				s.calls, s.failAt, s.crash, s.short = 0, failAt, crash, failAt%2 == 0
				err := save(s, generation)
				done := s.calls <= failAt
				if (err == nil) != done {
					t.Fatalf("generation %d, call %d fails: error %v", generation, failAt, err)
				}
				s.failAt = -1
				found := []*faulty{s}
				if crash {
					found = s.after()
				}
				for _, f := range found {
					checkGenerations(t, f, generation, fmt.Sprintf("generation %d, call %d, crash %v", generation, failAt, crash))
				}
				if done {
					break
				}
				faults++
			}
			if faults < 8 {
				t.Errorf("only %d calls failed", faults)
			}
		}
	}
}

// checkGenerations demands the new or the previous generation, and that the next
// save works.
func checkGenerations(t *testing.T, s *faulty, generation int, when string) {
	t.Helper()
	got, err := load(s)
	if generation == 1 && errors.Is(err, fs.ErrNotExist) {
		got = 0
	} else if err != nil {
		t.Fatalf("%s: nothing loads: %v", when, err)
	}
	if got != generation && got != generation-1 {
		t.Fatalf("%s: generation %d loads", when, got)
	}
	if err := save(s, 9); err != nil {
		t.Fatalf("%s: next save: %v", when, err)
	}
	if got, err := load(s); got != 9 || err != nil {
		t.Fatalf("%s: after the next save generation %d loads, %v", when, got, err)
	}
}

// TestOpenNewestFallsBack damages the newest generation at several places.
func TestOpenNewestFallsBack(t *testing.T) {
	s := newFaulty()
	for g := 1; g <= 2; g++ {
		if err := save(s, g); err != nil {
			t.Fatal(err)
		}
	}
	f := s.files["run/ck"]
	for _, i := range []int{0, 20, len(f.data) / 2, len(f.data) - 1} {
		f.data[i] ^= 4
		got, fallback, err := openNewest(s, "run/ck")
		f.data[i] ^= 4
		if err != nil || got.Metadata["generation"] != "1" || !errors.Is(fallback, mlrt.ErrWeights) {
			t.Errorf("byte %d damaged: fallback %v, error %v", i, fallback, err)
		} else if i > len(f.data)/4 && !strings.Contains(fallback.Error(), `tensor "w"`) {
			t.Errorf("byte %d damaged: %v does not name the tensor", i, fallback)
		}
	}
	f.data, s.files["run/ck.prev"].data = f.data[:9], nil
	if _, _, err := openNewest(s, "run/ck"); !errors.Is(err, mlrt.ErrWeights) {
		t.Errorf("both damaged: %v", err)
	}
	if _, _, err := openNewest(s, "run/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// TestAtomicDisk writes to a real folder.
func TestAtomicDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ck")
	for _, text := range []string{"one", "two"} {
		if err := WriteFileAtomic(Disk, name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{name: "two", name + PreviousSuffix: "one"} {
		r, err := Disk.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", file, got, err)
		}
	}
	if _, err := Disk.Open(name + temporarySuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("temporary file left: %v", err)
	}
	if err := WriteFileAtomic(Disk, filepath.Join(name, "below"), func(io.Writer) error { return nil }); err == nil {
		t.Error("wrote below a file")
	}
}
