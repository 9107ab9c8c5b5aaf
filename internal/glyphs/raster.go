package glyphs

import (
	"math/bits"
	"slices"
)

const (
	// Size is the width and height of an image.
	Size = 28
	// Each pixel has fine x fine points that are inside the glyph or not.
	fine   = 4
	points = Size * fine
	// Coordinates have this many bits behind the binary point, in units of points.
	fraction = 8
)

// row holds the points of a line: bit x%64 of word x/64.
type row [2]uint64

// bitmap holds all points of an image, line by line.
type bitmap [points]row

// crossing is where a polygon's side meets a line of points: winding is 1 where
// the side goes down, -1 where it goes up.
type crossing struct{ x, winding int }

// rasterizer keeps its memory from image to image.
type rasterizer struct {
	crossings [points][]crossing
}

// fill sets the points inside the outline, by the non-zero winding rule.
// Coordinates are points with fraction bits; the point (i, j) lies in the
// middle of its square.
func (r *rasterizer) fill(o outline, m *bitmap) {
	for y := range r.crossings {
		r.crossings[y] = r.crossings[y][:0]
	}
	for _, ring := range o {
		p := ring[len(ring)-1]
		for _, q := range ring {
			r.cross(p, q)
			p = q
		}
	}
	for y := range m {
		line := r.crossings[y]
		slices.SortFunc(line, func(a, b crossing) int {
			if a.x != b.x {
				return a.x - b.x
			}
			return a.winding - b.winding
		})
		m[y] = row{}
		winding := 0
		for i, c := range line {
			if winding != 0 {
				m[y].set(line[i-1].x, c.x)
			}
			winding += c.winding
		}
	}
}

// cross notes the lines of points that the side from p to q meets.
func (r *rasterizer) cross(p, q point) {
	winding := 1
	if p.y > q.y {
		p, q, winding = q, p, -1
	}
	const half = 1 << (fraction - 1)
	// Lines y with p.y <= middle of y < q.y, so that shared corners count once.
	first := max(0, (p.y-half+1<<fraction-1)>>fraction)
	last := min(points-1, (q.y-half-1)>>fraction)
	for y := first; y <= last; y++ {
		middle := y<<fraction + half
		x := p.x + floorDiv((middle-p.y)*(q.x-p.x), q.y-p.y)
		r.crossings[y] = append(r.crossings[y], crossing{x, winding})
	}
}

func floorDiv(a, b int) int {
	d := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		d--
	}
	return d
}

// set sets the points whose middles lie in [from, to), in fractional points.
func (w *row) set(from, to int) {
	const half = 1 << (fraction - 1)
	low := max(0, (from-half+1<<fraction-1)>>fraction)
	high := min(points, (to-half+1<<fraction-1)>>fraction)
	for x := low; x < high; x++ {
		w[x/64] |= 1 << (x % 64)
	}
}

// grow adds the neighbours of set points, left, right, above and below.
func (m *bitmap) grow() {
	old := *m
	for y := range m {
		w := old[y]
		m[y][0] |= w[0]<<1 | w[0]>>1 | w[1]<<63
		m[y][1] |= w[1]<<1 | w[1]>>1 | w[0]>>63
		for _, z := range []int{y - 1, y + 1} {
			if z >= 0 && z < points {
				m[y][0] |= old[z][0]
				m[y][1] |= old[z][1]
			}
		}
	}
}

// invert exchanges set and unset points.
func (m *bitmap) invert() {
	for y := range m {
		m[y][0], m[y][1] = ^m[y][0], ^m[y][1]
	}
}

// shrink takes away the points that have an unset neighbour.
func (m *bitmap) shrink() {
	m.invert()
	m.grow()
	m.invert()
}

// remove takes away the points that are set in n.
func (m *bitmap) remove(n *bitmap) {
	for y := range m {
		m[y][0] &^= n[y][0]
		m[y][1] &^= n[y][1]
	}
}

// coverage returns how many of a pixel's points are set, 0 to fine*fine.
func (m *bitmap) coverage(px, py int) int {
	n, x := 0, px*fine
	for y := py * fine; y < (py+1)*fine; y++ {
		n += bits.OnesCount64(m[y][x/64] >> (x % 64) & (1<<fine - 1))
	}
	return n
}
