package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// idx returns an IDX file.
func idx(t testing.TB, dims []int, values []uint8) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteIDX(&b, dims, values); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write puts files into a new folder.
func write(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestIDXRoundTrip(t *testing.T) {
	values := []uint8{0, 1, 2, 253, 254, 255}
	raw := idx(t, []int{3, 2}, values)
	if want := []byte{0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 1, 2, 253, 254, 255}; !bytes.Equal(raw, want) {
		t.Errorf("file is % x, want % x", raw, want)
	}
	dims, got, err := ReadIDX(bytes.NewReader(raw), "x")
	if err != nil || !slices.Equal(dims, []int{3, 2}) || !bytes.Equal(got, values) {
		t.Errorf("read back %v %v, %v", dims, got, err)
	}
}

func TestIDXDamage(t *testing.T) {
	raw := idx(t, []int{4, 2}, make([]uint8, 8))
	for n := range raw {
		if _, _, err := ReadIDX(bytes.NewReader(raw[:n]), "some.idx"); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), "some.idx") {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	// Every flipped bit of the header is noticed: the size no longer fits.
	for i := range 12 {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if dims, _, err := ReadIDX(bytes.NewReader(raw), "x"); !errors.Is(err, ErrData) {
				t.Errorf("bit %d of byte %d flipped: dims %v, %v", bit, i, dims, err)
			}
			raw[i] ^= 1 << bit
		}
	}
	for _, c := range []struct {
		raw  []byte
		want string
	}{
		{append(slices.Clone(raw), 0), "behind"},
		{[]byte{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, "limit"},
		{[]byte{0, 0, 8, 1, 0x7f, 255, 255, 255, 1}, "ends after"},
		{[]byte{0, 0, 13, 1, 0, 0, 0, 0}, "element type"},
		{[]byte{0, 0, 8, 0}, "0 dimensions"},
		{[]byte{31, 139, 8, 3}, "magic"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := ReadIDX(bytes.NewReader(c.raw), "x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("% x: error %v, want one with %q", c.raw, err, c.want)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
			t.Errorf("% x took %d bytes of memory", c.raw, n)
		}
	}
}

// mnist returns the four files of a tiny set: n images of 3x2 pixels.
func mnist(t testing.TB, n int) map[string][]byte {
	pixels, labels := make([]uint8, 6*n), make([]uint8, n)
	for i := range pixels {
		pixels[i] = uint8(7 * i)
	}
	for i := range labels {
		labels[i] = uint8(i % 10)
	}
	half := n / 2
	return map[string][]byte{
		"train-images-idx3-ubyte":    idx(t, []int{n, 3, 2}, pixels),
		"train-labels-idx1-ubyte":    idx(t, []int{n}, labels),
		"t10k-images.idx3-ubyte.gz":  zipped(t, idx(t, []int{half, 3, 2}, pixels[:6*half])),
		"t10k-labels-idx1-ubyte.gz":  zipped(t, idx(t, []int{half}, labels[:half])),
		"README":                     []byte("not data"),
		"train-images-idx3-ubyte.md": []byte("not data either"),
	}
}

func TestOpenFolder(t *testing.T) {
	dir := write(t, mnist(t, 20))
	src, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if src.Train.Len() != 20 || src.Tests.Len() != 10 {
		t.Errorf("%d and %d samples", src.Train.Len(), src.Tests.Len())
	}
	var images [12]float32
	var labels [2]int32
	if err := errors.Join(src.Train.Read(0, []int{3, 0}, images[:]), src.Train.Read(1, []int{3, 0}, labels[:])); err != nil {
		t.Fatal(err)
	}
	for i, v := range images {
		want := 7 * (i % 6)
		if i < 6 {
			want = 7 * (18 + i)
		}
		if v != float32(want)/255 {
			t.Errorf("pixel %d = %v, want %d/255", i, v, want)
		}
	}
	if labels != [2]int32{3, 0} {
		t.Errorf("labels %v", labels)
	}
	var raw [6]uint8
	if err := src.Tests.Read(0, []int{9}, raw[:]); err != nil || raw[5] != 7*59%256 {
		t.Errorf("raw pixels %v, %v", raw, err)
	}
	cols := src.Tests.Columns()
	if cols[1].Classes != 10 || cols[0].DType != mlrt.Uint8 || !slices.Equal(cols[0].Shape, []int{3, 2}) {
		t.Errorf("columns %+v", cols)
	}
}

// TestOpenFolderDamage damages one file at a time; the error names it.
func TestOpenFolderDamage(t *testing.T) {
	for _, c := range []struct {
		file   string
		damage func([]byte) []byte
		want   string
	}{
		{"train-images-idx3-ubyte", func(b []byte) []byte { return b[:40] }, "ends after 24 of 120"},
		{"train-labels-idx1-ubyte", func(b []byte) []byte { b[9] = 10; return b }, "sample 1: label 10 out of range"},
		{"train-labels-idx1-ubyte", func([]byte) []byte { return nil }, "before the magic"},
		{"t10k-labels-idx1-ubyte.gz", func(b []byte) []byte { return b[:15] }, "t10k-labels"},
		{"t10k-images.idx3-ubyte.gz", func(b []byte) []byte { b[len(b)-6] ^= 1; return b }, "checksum"},
		{"t10k-images.idx3-ubyte.gz", func(b []byte) []byte { return b[:3] }, "gzip"},
		{"t10k-images.idx3-ubyte.gz", func(b []byte) []byte { return []byte("no gzip at all") }, "gzip"},
		{"t10k-labels-idx1-ubyte.gz", func([]byte) []byte { return zipped(t, idx(t, []int{9}, make([]uint8, 9))) }, "has 10 images"},
		{"t10k-images.idx3-ubyte.gz", func([]byte) []byte { return zipped(t, idx(t, []int{10, 2, 2}, make([]uint8, 40))) }, "test images [2 2]"},
		{"train-images-idx3-ubyte", func([]byte) []byte { return idx(t, []int{20, 0, 2}, nil) }, "not those of images"},
	} {
		files := mnist(t, 20)
		files[c.file] = c.damage(files[c.file])
		if _, err := Open(write(t, files), Options{}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.file, err, c.want)
		}
	}
	files := mnist(t, 20)
	delete(files, "train-labels-idx1-ubyte")
	if _, err := Open(write(t, files), Options{}); err == nil || !strings.Contains(err.Error(), "train-labels-idx1-ubyte") {
		t.Errorf("missing labels: %v", err)
	}
	if _, err := Open(write(t, map[string][]byte{"x.bmp": nil}), Options{}); err == nil || !strings.Contains(err.Error(), `"x.bmp"`) {
		t.Errorf("no data set: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrData) {
		t.Errorf("no folder: %v", err)
	}
}

func TestCIFAR10(t *testing.T) {
	record := func(label, v uint8) []byte {
		return append([]byte{label}, bytes.Repeat([]byte{v}, 3072)...)
	}
	dir := write(t, map[string][]byte{
		"data_batch_2.bin":    record(7, 20),
		"data_batch_1.bin.gz": zipped(t, append(record(1, 10), record(2, 11)...)),
		"test_batch.bin":      record(9, 30),
		"train_more.bin":      record(3, 40),
	})
	src, err := Open(dir, Options{Scale: "none"})
	if err != nil {
		t.Fatal(err)
	}
	var labels [4]int32
	pixels := make([]float32, 4*3072)
	if err := errors.Join(src.Train.Read(1, []int{0, 1, 2, 3}, labels[:]), src.Train.Read(0, []int{0, 1, 2, 3}, pixels)); err != nil {
		t.Fatal(err)
	}
	if labels != [4]int32{1, 2, 7, 3} || src.Train.Len() != 4 || pixels[0] != 10 || pixels[3072] != 11 || pixels[3*3072-1] != 20 || pixels[3*3072] != 40 || src.Tests.Len() != 1 {
		t.Errorf("labels %v, pixels %v %v", labels, pixels[0], pixels[3072])
	}
	for want, raw := range map[string][]byte{"record 1 ends": append(record(1, 1), 5), "record 0: label 10": record(10, 0)} {
		if _, _, err := ReadCIFAR10(bytes.NewReader(raw), "c"); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestSharedSets reads the real sets where they are at hand; the counts are
// those that their authors publish.
func TestSharedSets(t *testing.T) {
	dir := os.Getenv("MLC_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "mnist")); err != nil {
		t.Skip("no shared data here")
	}
	src, err := Open(filepath.Join(dir, "mnist"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	labels := make([]uint8, src.Train.Len())
	samples := make([]int, len(labels))
	for i := range samples {
		samples[i] = i
	}
	if err := src.Train.Read(1, samples, labels); err != nil {
		t.Fatal(err)
	}
	var count [10]int
	for _, k := range labels {
		count[k]++
	}
	if want := [10]int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}; count != want || src.Tests.Len() != 10000 {
		t.Errorf("labels %v, %d tests", count, src.Tests.Len())
	}
	if src, err = Open(filepath.Join(dir, "cifar10"), Options{}); err != nil || src.Train.Len() != 4000+6000 || src.Tests.Len() != 1000 {
		t.Errorf("CIFAR-10: %v", err)
	}
	for _, c := range []struct {
		file    string
		o       Options
		rows    int
		width   int // 0: not checked
		classes int
	}{
		{"iris.csv", Options{}, 150, 4, 3},
		{"banknote_authentication.csv", Options{}, 1372, 4, 2},
		{"housing.csv", Options{}, 506, 13, 0},
		{"abalone.csv", Options{}, 4177, 7 + 3, 0},
		{"winequality-red.csv", Options{TargetKind: KindClass}, 1599, 11, 6},
		{"winequality-white.csv", Options{}, 4898, 11, 0},
		{"adult-train.csv.gz", Options{Missing: "impute", Target: "15"}, 32561, 0, 2},
	} {
		src, err := Open(filepath.Join(dir, "tabular", c.file), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		cols := src.Train.Columns()
		if src.Train.Len() != c.rows || c.width > 0 && cols[0].Shape[0] != c.width || cols[1].Classes != c.classes {
			t.Errorf("%s: %d rows, columns %+v", c.file, src.Train.Len(), cols)
		}
	}
	_, err = Open(filepath.Join(dir, "tabular", "adult-train.csv.gz"), Options{})
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("missing values: %v", err)
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idx(f, []int{2, 2}, []uint8{1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dims, values, err := ReadIDX(bytes.NewReader(raw), "x")
		if err == nil && !bytes.Equal(idx(t, dims, values), raw) {
			t.Error("a file that was accepted is not what would be written")
		}
		if err == nil && binary.BigEndian.Uint32(raw[4:]) != uint32(dims[0]) {
			t.Error("dimensions differ")
		}
	})
}
