package glyphs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/draw"
	"math"
	"testing"
	"time"

	"golang.org/x/image/vector"

	"github.com/mlc-go/mlc/data"
	"github.com/mlc-go/mlc/internal/refdata"
)

// pinned is the SHA-256 of the four files, one after another. A set that changed
// would change every figure measured on it: change Version too.
const pinned = "1fe16a8b3710341a52f6df70784fce5d8b03154e30f7b59e8fc1813070d73072"

func TestPinned(t *testing.T) {
	h := sha256.New()
	for _, f := range Files() {
		h.Write(f.Content)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != pinned {
		t.Errorf("SHA-256 of the set is %s, pinned is %s", got, pinned)
	}
}

// TestTimesOfDrawing bounds what the first run of a command pays.
func TestTimesOfDrawing(t *testing.T) {
	refdata.Long(t)
	start := time.Now()
	Files()
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("drawing took %v", d) // 0.4 s on a quiet machine
	}
}

func TestFiles(t *testing.T) {
	files := Files()
	for i, c := range []struct {
		images, labels string
		n              int
	}{{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", TrainImages}, {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", TestImages}} {
		f := files[2*i : 2*i+2]
		if f[0].Name != c.images || f[1].Name != c.labels {
			t.Errorf("files %q and %q", f[0].Name, f[1].Name)
		}
		dims, pixels, err := data.ReadIDX(bytes.NewReader(f[0].Content), f[0].Name)
		if err != nil || len(dims) != 3 || dims[0] != c.n || dims[1] != Size || dims[2] != Size {
			t.Fatalf("images %v, %v", dims, err)
		}
		_, labels, err := data.ReadIDX(bytes.NewReader(f[1].Content), f[1].Name)
		if err != nil {
			t.Fatal(err)
		}
		var count [10]int
		seen := map[string]bool{}
		for k, label := range labels {
			count[label]++
			seen[string(pixels[k*Size*Size:(k+1)*Size*Size])] = true
		}
		for digit, n := range count {
			if n != c.n/10 {
				t.Errorf("%d images of %d", n, digit)
			}
		}
		if len(seen) != c.n {
			t.Errorf("%d different images of %d", len(seen), c.n)
		}
	}
}

// TestContours counts closed contours: an 8 has two holes, a 6 and a 9 one each.
func TestContours(t *testing.T) {
	for i, digits := range outlines() {
		for d, want := range map[int]int{1: 1, 2: 1, 3: 1, 5: 1, 6: 2, 7: 1, 8: 3, 9: 2} {
			if got := len(digits[d]); got != want {
				t.Errorf("font %d: digit %d has %d contours, want %d", i, d, got, want)
			}
		}
	}
}

// TestFill compares the rasterizer with that of golang.org/x/image/vector, which
// computes areas: 16 points a pixel are right to a few hundredths on average.
func TestFill(t *testing.T) {
	var p painter
	for font := range fonts {
		for digit, o := range outlines()[font] {
			d := &draws{key: [2]uint32{uint32(font), uint32(digit)}}
			p.move(o, d)
			p.raster.fill(p.moved, &p.shape)
			z := vector.NewRasterizer(Size, Size)
			at := func(q point) (x, y float32) {
				const unit = fine << fraction
				return float32(q.x) / unit, float32(q.y) / unit
			}
			for _, ring := range p.moved {
				z.MoveTo(at(ring[0]))
				for _, q := range ring[1:] {
					z.LineTo(at(q))
				}
				z.ClosePath()
			}
			want := image.NewAlpha(image.Rect(0, 0, Size, Size))
			z.DrawOp = draw.Src
			z.Draw(want, want.Bounds(), image.Opaque, image.Point{})
			var sum, ink float64
			for y := range Size {
				for x := range Size {
					a, b := float64(p.shape.coverage(x, y))/(fine*fine), float64(want.Pix[y*want.Stride+x])/255
					sum += math.Abs(a - b)
					ink += b
					if math.Abs(a-b) > 0.3 {
						t.Errorf("font %d, digit %d, pixel (%d, %d): %.2f covered, want %.2f", font, digit, x, y, a, b)
					}
				}
			}
			if ink < 15 || sum > 0.06*ink {
				t.Errorf("font %d, digit %d: difference %.2f of ink %.2f", font, digit, sum, ink)
			}
		}
	}
}

// TestGrow checks growing and shrinking against their definition at each point.
func TestGrow(t *testing.T) {
	var m bitmap
	d := &draws{}
	for y := range m {
		m[y] = row{uint64(d.word()) | uint64(d.word())<<32, uint64(d.word()) | uint64(d.word()&0xffff)<<32}
	}
	at := func(m *bitmap, x, y int) bool {
		return x >= 0 && y >= 0 && x < points && y < points && m[y][x/64]>>(x%64)&1 == 1
	}
	grown, shrunk := m, m
	grown.grow()
	shrunk.shrink()
	for y := range points {
		for x := range points {
			some, all := at(&m, x, y), at(&m, x, y)
			for _, n := range [][2]int{{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}} {
				some = some || at(&m, n[0], n[1])
				inside := n[0] >= 0 && n[1] >= 0 && n[0] < points && n[1] < points
				all = all && (!inside || at(&m, n[0], n[1]))
			}
			if at(&grown, x, y) != some {
				t.Fatalf("grown at (%d, %d): %v, want %v", x, y, !some, some)
			}
			if x < points-1 && at(&shrunk, x, y) != all {
				t.Fatalf("shrunk at (%d, %d): %v, want %v", x, y, !all, all)
			}
		}
	}
}
