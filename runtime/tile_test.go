package mlrt

import (
	"math"
	"testing"
)

// TestTile multiplies as kernels do, in pieces, and compares each sum with the
// float contract: blocks of 1,024 fused multiply-adds, whose sums are added in order.
func TestTile(t *testing.T) {
	x := func(row, k int) float32 { return float32(math.Sin(float64(row*977 + k*31 + 1))) }
	y := func(k, col int) float32 { return float32(math.Cos(float64(k*53+col*7))) * 3 }
	for _, c := range []struct{ rows, cols, size int }{{8, 64, 256}, {1, 1, 1}, {7, 5, 300}, {2, 4, 1024}, {3, 6, 1025}, {5, 3, 2048}, {1, 9, 3100}} {
		tile := NewTile()
		tile.Start()
		for k0 := 0; k0 < c.size; k0 += tileDepth {
			depth := tile.Next(k0, c.size)
			for k := range depth {
				for r := range c.rows {
					tile.Rows[r/2][k][r%2] = Wide(x(r, k0+k))
				}
			}
			for col := 0; col < c.cols; col += 4 {
				for k := range depth {
					for l := range min(4, c.cols-col) {
						tile.Cols[k][l] = Wide(y(k0+k, col+l))
					}
				}
				tile.Multiply(col, c.rows, depth)
			}
		}
		tile.End(c.size)
		for r := range c.rows {
			for col := range c.cols {
				var want float32
				for k0 := 0; k0 < c.size; k0 += 1024 {
					var block float32
					for k := k0; k < min(k0+1024, c.size); k++ {
						block = exactFMA(x(r, k), y(k, col), block)
					}
					if k0 == 0 {
						want = block
					} else {
						want += block
					}
				}
				if have := tile.Sum(r, col); math.Float32bits(have) != math.Float32bits(want) {
					t.Fatalf("%v: output %d, %d is %v, want %v", c, r, col, have, want)
				}
			}
		}
		tile.Close()
	}
}
