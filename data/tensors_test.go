package data

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	mlrt "github.com/mlc-go/mlc/runtime"
)

// tensorFile writes tensors as a file.
func tensorFile(t *testing.T, list ...mlrt.Stored) string {
	t.Helper()
	var b bytes.Buffer
	if err := mlrt.WriteFile(&b, nil, list); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "set.safetensors")
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTensors(t *testing.T) {
	wide := make([]int64, 40)
	labels := make([]int64, 20)
	for i := range labels {
		wide[2*i], wide[2*i+1], labels[i] = int64(1000+i), int64(i), int64(i%3)
	}
	tokens := mlrt.Stored{Name: "tokens", DType: mlrt.Int64, Shape: []int{20, 2}, Data: wide}
	half := mlrt.Stored{Name: "weight", DType: mlrt.BFloat16, Shape: []int{20}, Data: slices.Repeat([]uint16{mlrt.ToBFloat16(0.5)}, 20)}
	file := tensorFile(t, tokens, mlrt.Stored{Name: "labels", DType: mlrt.Int64, Shape: []int{20}, Data: labels}, half)
	src, err := Open(file, Options{TestShare: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	if n, m := src.Train.Len(), src.Tests.Len(); n+m != 20 || m < 2 || m > 12 {
		t.Errorf("%d and %d samples", n, m)
	}
	c := src.Train.Columns()
	if c[0].Classes != 0 || c[1].Classes != 3 || c[2].DType != mlrt.Float32 || !slices.Equal(c[0].Shape, []int{2}) {
		t.Errorf("columns %+v", c)
	}
	seen := map[int64]bool{}
	for _, s := range []*Set{src.Train, src.Tests} {
		for i := range s.Len() {
			var v [2]int64
			var w [1]float32
			if err := errors.Join(s.Read(0, []int{i}, v[:]), s.Read(2, []int{i}, w[:])); err != nil {
				t.Fatal(err)
			}
			if v[0]-1000 != v[1] || w[0] != 0.5 {
				t.Errorf("sample %v, weight %v", v, w)
			}
			seen[v[1]] = true
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d samples of 20", len(seen))
	}
	text, err := src.Transform.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseTransform(text)
	if err != nil {
		t.Fatal(err)
	}
	for whole, want := range map[bool]int{false: src.Tests.Len(), true: 0} {
		got, err := again.Open(file, whole)
		if err != nil || got.Tests == nil != (want == 0) || got.Tests != nil && got.Tests.Len() != want {
			t.Errorf("read again, whole %v: %v", whole, err)
		}
	}
	// A test set of its own wins over a share.
	own := tensorFile(t, tokens, mlrt.Stored{Name: "test.tokens", DType: mlrt.Int64, Shape: []int{3, 2}, Data: wide[:6]})
	if src, err = Open(own, Options{TestShare: 0.3}); err != nil || src.Train.Len() != 20 || src.Tests.Len() != 3 || src.Tests.Columns()[0].Name != "tokens" {
		t.Errorf("own test set: %v", err)
	}
	other := tensorFile(t, tokens)
	if src, err = Open(file, Options{TestFile: other}); err != nil || src.Train.Len() != 20 || src.Tests.Len() != 20 {
		t.Errorf("test file: %v", err)
	}
}

func TestTensorsRefused(t *testing.T) {
	one := func(name string, d mlrt.DType, data any, shape ...int) mlrt.Stored {
		return mlrt.Stored{Name: name, DType: d, Shape: shape, Data: data}
	}
	for want, list := range map[string][]mlrt.Stored{
		`"x" has no axis of samples`: {one("x", mlrt.Float32, []float32{1})},
		`"x": 4294967296 is larger`:  {one("x", mlrt.Int64, []int64{1 << 32}, 1)},
		`"x" is int8`:                {one("x", mlrt.Int8, []int8{1}, 1)},
		`"y" has 2 samples`:          {one("x", mlrt.Uint8, []uint8{1}, 1), one("y", mlrt.Uint8, []uint8{1, 2}, 2)},
	} {
		if _, err := Open(tensorFile(t, list...), Options{}); !errors.Is(err, ErrData) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := Open(tensorFile(t, one("x", mlrt.Uint8, []uint8{1}, 1)), Options{Scale: "255"}); !errors.Is(err, ErrData) {
		t.Errorf("scaled: %v", err)
	}
	damaged := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(damaged, []byte("nonsense"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(damaged, Options{}); !errors.Is(err, ErrData) {
		t.Errorf("damaged: %v", err)
	}
}
