package simd

import (
	"fmt"
	"testing"

	"github.com/mlc-go/mlc/compiler/loop"
)

// TestTileOrder says what the threads of a product divide: rows where the weights are
// few beside them, or stay the same from call to call of a loop; else the weights.
func TestTileOrder(t *testing.T) {
	const linear = `program P "p.ml"

kernel linear {
  dims n
  param x f32[n, %[1]d, %[2]d] read
  param w f32[%[3]d, %[2]d] layout 0 32 (1) read
  param y f32[n, %[1]d, %[3]d] write
  space (i < n, t < %[1]d, j < %[3]d)
  contract (k < %[2]d) {
    acc f32 = x[i, t, k] * w[j, k]
  }
  map () {
    store y[i, t, j] = acc
  }
}
`
	for _, c := range []struct {
		name               string
		steps, sums, lanes int
		looped, rows       bool
	}{
		{"the classifier's first layer", 1, 784, 128, false, false},
		{"a layer of a transformer", 64, 128, 512, false, true},
		{"the weights of a recurrent layer", 1, 128, 512, true, true},
		{"the same outside of a loop", 1, 128, 512, false, false},
		{"more weights than a cache holds", 64, 768, 3072, false, false},
	} {
		prog, err := loop.Parse(fmt.Sprintf(linear, c.steps, c.sums, c.lanes))
		if err != nil {
			t.Fatal(err)
		}
		g := newGenerator(prog.Kernels[0], AVX512)
		g.looped = c.looped
		p := g.prepare(prog.Kernels[0])
		tile := g.tiling(p, rowChoices(AVX512)[0])
		order := g.tileOrder(tile, p.phases)
		if got := order[0] == tile.lane; got != c.rows {
			t.Errorf("%s: threads divide rows: %v, want %v", c.name, got, c.rows)
		}
	}
}

// fewOf lowers a program's one kernel: one thread makes calls of fewer rows or terms.
func fewOf(t *testing.T, text string) int64 {
	t.Helper()
	prog, err := loop.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	f, reason := Lower(prog.Kernels[0], AVX512)
	if f == nil {
		t.Fatal(reason)
	}
	return f.Few
}

// TestFewTerms says from how many samples on threads share the gradient of a weight.
func TestFewTerms(t *testing.T) {
	const update = `program P "p.ml"

kernel update {
  dims n
  param x f32[n, %[1]d] read
  param dy f32[n, %[2]d] read
  param w f32[%[2]d, %[1]d] layout 0 16 (1) read write
  space (i < %[2]d, j < %[1]d)
  contract (k < n) {
    acc f32 = x[k, j] * dy[k, i]
  }
  map () {
    store w[i, j] = sub(w[i, j], acc)
  }
}
`
	for _, c := range []struct {
		in, out int
		few     int64
	}{
		{128, 10, 131}, // 26 ns a sample, and 0.7 us for the update
		{256, 10, 53},
		{784, 128, 0}, // the update alone is worth sharing
	} {
		if few := fewOf(t, fmt.Sprintf(update, c.in, c.out)); few != c.few {
			t.Errorf("%d x %d: alone below %d samples, want %d", c.in, c.out, few, c.few)
		}
	}
}

// TestFewRows says from how many rows on threads share a product.
func TestFewRows(t *testing.T) {
	const layer = `program P "p.ml"

kernel linear {
  dims n
  param x f32[n, %[1]d] read
  param w f32[%[2]d, %[1]d] layout 0 32 (1) read
  param y f32[n, %[2]d] write
  space (i < n, j < %[2]d)
  contract (k < %[1]d) {
    acc f32 = x[i, k] * w[j, k]
  }
  map () {
    store y[i, j] = acc
  }
}
`
	for _, c := range []struct {
		sums, lanes int
		few         int64
	}{
		{784, 128, 2},   // a row is 2 us of work
		{256, 128, 7},   // 0.7 us
		{128, 10, 0},    // several tiles are one turn anyway
		{1024, 1024, 0}, // one row is worth sharing
	} {
		if few := fewOf(t, fmt.Sprintf(layer, c.sums, c.lanes)); few != c.few {
			t.Errorf("%d x %d: alone below %d rows, want %d", c.sums, c.lanes, few, c.few)
		}
	}
}
