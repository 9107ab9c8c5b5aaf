package mlrt

// The sizes of tiles in plain Go: their outputs, and the products of an output that
// are packed at a time.
const (
	tileRows  = 8
	tileCols  = 64
	tileDepth = 256
	tileBlock = 1024 // products after which the float contract begins another sum
)

// Tile is the memory in which a kernel in plain Go sums up the products of a tile
// of outputs. The kernel packs pieces of its operands, already in the type that
// emulates the fused multiply-add, so that the addressing stays out of the inner
// loop, and with it every bounds check.
type Tile struct {
	Rows [tileRows / 2][tileDepth][2]Wide // the present piece of two rows, product by product
	Cols [tileDepth][4]Wide               // that of four columns
	// Sums are of two rows and four columns each.
	Sums   [tileRows / 2][tileCols / 4][8]float32
	blocks [tileRows / 2][tileCols / 4][8]float32 // the sums of the blocks before
}

var tiles spares[Tile]

// NewTile returns a tile that is to be closed.
func NewTile() *Tile { return tiles.get() }

// Close gives the memory back.
func (t *Tile) Close() { tiles.put(t) }

// Start sets the sums to 0.
func (t *Tile) Start() { t.Sums = [tileRows / 2][tileCols / 4][8]float32{} }

// Next is called before the piece of each output's size products that begins at k0,
// where a block may end. It returns the piece's length.
func (t *Tile) Next(k0, size int) int {
	if k0 > 0 && k0%tileBlock == 0 {
		if k0 == tileBlock {
			t.blocks = t.Sums
		} else {
			t.addSums(&t.blocks)
		}
		t.Start()
	}
	return min(tileDepth, size-k0)
}

// SetRow packs the factor of row r at product k of the present piece.
func (t *Tile) SetRow(r, k int, v Wide) { t.Rows[r/2][k][r%2] = v }

// Begin has the sum at row r and column c begin with v.
func (t *Tile) Begin(r, c int, v float32) { t.Sums[r/2][c/4][r%2*4+c%4] = v }

// Sum is the sum at row r and column c of the tile.
func (t *Tile) Sum(r, c int) float32 { return t.Sums[r/2][c/4][r%2*4+c%4] }

// End is called after the last of size products: block sums are added in order.
func (t *Tile) End(size int) {
	if size > tileBlock {
		t.addSums(&t.blocks)
		t.Sums = t.blocks
	}
}

func (t *Tile) addSums(to *[tileRows / 2][tileCols / 4][8]float32) {
	for i := range to {
		for j := range to[i] {
			for l := range to[i][j] {
				to[i][j][l] += t.Sums[i][j][l]
			}
		}
	}
}

// Multiply adds the products of the packed rows and of the four columns from col on.
func (t *Tile) Multiply(col, rows, depth int) {
	for r := 0; r+1 < rows; r += 2 {
		tile2x4(&t.Sums[r/2][col/4], t.Rows[r/2][:depth], t.Cols[:depth])
	}
	if rows%2 == 1 {
		tile1x4(&t.Sums[rows/2][col/4], t.Rows[rows/2][:depth], t.Cols[:depth])
	}
}

// tile2x4 adds the products of two rows and four columns to their sums: one fused
// multiply-add after another, in the order of the products. Where the machine has
// none that Go uses, the sum is made in float64, and the rare sums that would round
// twice are made again.
func tile2x4(acc *[8]float32, a [][2]Wide, b [][4]Wide) {
	b = b[:len(a)]
	c0, c1, c2, c3, c4, c5, c6, c7 := acc[0], acc[1], acc[2], acc[3], acc[4], acc[5], acc[6], acc[7]
	for k := range a {
		x, y := &a[k], &b[k]
		if s := x[0]*y[0] + Wide(c0); !FusedByCompiler && DoubleRounds(float64(s)) {
			c0 = FMASlow(float32(x[0]), float32(y[0]), c0)
		} else {
			c0 = float32(s)
		}
		if s := x[0]*y[1] + Wide(c1); !FusedByCompiler && DoubleRounds(float64(s)) {
			c1 = FMASlow(float32(x[0]), float32(y[1]), c1)
		} else {
			c1 = float32(s)
		}
		if s := x[0]*y[2] + Wide(c2); !FusedByCompiler && DoubleRounds(float64(s)) {
			c2 = FMASlow(float32(x[0]), float32(y[2]), c2)
		} else {
			c2 = float32(s)
		}
		if s := x[0]*y[3] + Wide(c3); !FusedByCompiler && DoubleRounds(float64(s)) {
			c3 = FMASlow(float32(x[0]), float32(y[3]), c3)
		} else {
			c3 = float32(s)
		}
		if s := x[1]*y[0] + Wide(c4); !FusedByCompiler && DoubleRounds(float64(s)) {
			c4 = FMASlow(float32(x[1]), float32(y[0]), c4)
		} else {
			c4 = float32(s)
		}
		if s := x[1]*y[1] + Wide(c5); !FusedByCompiler && DoubleRounds(float64(s)) {
			c5 = FMASlow(float32(x[1]), float32(y[1]), c5)
		} else {
			c5 = float32(s)
		}
		if s := x[1]*y[2] + Wide(c6); !FusedByCompiler && DoubleRounds(float64(s)) {
			c6 = FMASlow(float32(x[1]), float32(y[2]), c6)
		} else {
			c6 = float32(s)
		}
		if s := x[1]*y[3] + Wide(c7); !FusedByCompiler && DoubleRounds(float64(s)) {
			c7 = FMASlow(float32(x[1]), float32(y[3]), c7)
		} else {
			c7 = float32(s)
		}
	}
	acc[0], acc[1], acc[2], acc[3], acc[4], acc[5], acc[6], acc[7] = c0, c1, c2, c3, c4, c5, c6, c7
}

// tile1x4 is tile2x4 for the first of the two rows.
func tile1x4(acc *[8]float32, a [][2]Wide, b [][4]Wide) {
	b = b[:len(a)]
	c0, c1, c2, c3 := acc[0], acc[1], acc[2], acc[3]
	for k := range a {
		x, y := &a[k], &b[k]
		if s := x[0]*y[0] + Wide(c0); !FusedByCompiler && DoubleRounds(float64(s)) {
			c0 = FMASlow(float32(x[0]), float32(y[0]), c0)
		} else {
			c0 = float32(s)
		}
		if s := x[0]*y[1] + Wide(c1); !FusedByCompiler && DoubleRounds(float64(s)) {
			c1 = FMASlow(float32(x[0]), float32(y[1]), c1)
		} else {
			c1 = float32(s)
		}
		if s := x[0]*y[2] + Wide(c2); !FusedByCompiler && DoubleRounds(float64(s)) {
			c2 = FMASlow(float32(x[0]), float32(y[2]), c2)
		} else {
			c2 = float32(s)
		}
		if s := x[0]*y[3] + Wide(c3); !FusedByCompiler && DoubleRounds(float64(s)) {
			c3 = FMASlow(float32(x[0]), float32(y[3]), c3)
		} else {
			c3 = float32(s)
		}
	}
	acc[0], acc[1], acc[2], acc[3] = c0, c1, c2, c3
}
