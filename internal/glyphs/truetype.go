package glyphs

import (
	"encoding/binary"
	"fmt"
)

// face is a TrueType font, of which only the outlines of simple glyphs are
// read. The package golang.org/x/image/font/sfnt would do too, but it needs the
// tables of golang.org/x/text, and scales what is wanted in design units.
type face struct {
	cmap, loca, glyf []byte
	long             bool // form of loca
}

var be = binary.BigEndian

// corner is a point of a contour as fonts store it: off-curve points are the
// middle control points of quadratic curves.
type corner struct {
	point
	on bool
}

// parseFace finds the tables of a font that is part of the program.
func parseFace(ttf []byte) face {
	var f face
	for i := range int(be.Uint16(ttf[4:])) {
		entry := ttf[12+16*i:]
		offset, length := be.Uint32(entry[8:]), be.Uint32(entry[12:])
		table := ttf[offset : offset+length]
		switch string(entry[:4]) {
		case "cmap":
			f.cmap = table
		case "loca":
			f.loca = table
		case "glyf":
			f.glyf = table
		case "head":
			f.long = be.Uint16(table[50:]) == 1
		}
	}
	return f
}

// index returns the number of a character's glyph, 0 if the font has none.
func (f *face) index(char rune) int {
	for i := range int(be.Uint16(f.cmap[2:])) {
		t := f.cmap[be.Uint32(f.cmap[4+8*i+4:]):]
		if be.Uint16(t) != 4 {
			continue
		}
		// Segments: last characters, a gap, first characters, deltas, offsets.
		n := int(be.Uint16(t[6:])) / 2
		ends, starts, deltas, offsets := t[14:], t[16+2*n:], t[16+4*n:], t[16+6*n:]
		for s := range n {
			first, last := be.Uint16(starts[2*s:]), be.Uint16(ends[2*s:])
			if rune(last) < char || rune(first) > char {
				continue
			}
			delta, offset := be.Uint16(deltas[2*s:]), int(be.Uint16(offsets[2*s:]))
			if offset == 0 {
				return int(uint16(char) + delta)
			}
			return int(be.Uint16(offsets[2*s+offset+2*(int(char)-int(first)):]) + delta)
		}
	}
	return 0
}

// contours returns the closed contours of a simple glyph, y up.
func (f *face) contours(glyph int) ([][]corner, error) {
	g := f.glyf
	if f.long {
		g = g[be.Uint32(f.loca[4*glyph:]):]
	} else {
		g = g[2*int(be.Uint16(f.loca[2*glyph:])):]
	}
	n := int(int16(be.Uint16(g)))
	if n <= 0 {
		return nil, fmt.Errorf("glyph %d is empty or made of others", glyph)
	}
	ends := g[10:]
	total := int(be.Uint16(ends[2*(n-1):])) + 1
	instructions := int(be.Uint16(ends[2*n:]))
	points := readCorners(ends[2*n+2+instructions:], total)
	var list [][]corner
	from := 0
	for i := range n {
		to := int(be.Uint16(ends[2*i:])) + 1
		list = append(list, points[from:to])
		from = to
	}
	return list, nil
}

// Bits of a point's flag.
const (
	onCurve     = 1 << 0
	xShort      = 1 << 1 // one byte, the sign is bit 4
	yShort      = 1 << 2
	repeatFlag  = 1 << 3
	xSameOrPlus = 1 << 4 // short: positive; else: no change
	ySameOrPlus = 1 << 5
)

// readCorners reads flags, then x and y differences.
func readCorners(b []byte, n int) []corner {
	flags := make([]byte, 0, n)
	for len(flags) < n {
		flag, times := b[0], 1
		b = b[1:]
		if flag&repeatFlag != 0 {
			times += int(b[0])
			b = b[1:]
		}
		for range times {
			flags = append(flags, flag)
		}
	}
	list := make([]corner, n)
	axis := func(short, sameOrPlus byte, set func(i, v int)) {
		v := 0
		for i, flag := range flags {
			switch {
			case flag&short != 0:
				d := int(b[0])
				if flag&sameOrPlus == 0 {
					d = -d
				}
				v, b = v+d, b[1:]
			case flag&sameOrPlus == 0:
				v, b = v+int(int16(be.Uint16(b))), b[2:]
			}
			set(i, v)
		}
	}
	axis(xShort, xSameOrPlus, func(i, v int) { list[i].x, list[i].on = v, flags[i]&onCurve != 0 })
	axis(yShort, ySameOrPlus, func(i, v int) { list[i].y = v })
	return list
}
