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
