package glyphs

import (
	"fmt"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/gofont/gosmallcaps"
)

var fonts = [...][]byte{goregular.TTF, gobold.TTF, goitalic.TTF, gobolditalic.TTF, gomedium.TTF, gomediumitalic.TTF,
	gomono.TTF, gomonobold.TTF, gomonoitalic.TTF, gomonobolditalic.TTF, gosmallcaps.TTF}

const curveSteps = 8 // straight pieces of a curve

// point is in design units, from the middle of the glyph's bounding box, y down.
type point struct{ x, y int }

// outline is a list of closed polygons.
type outline [][]point

// outlines returns the digits of all fonts, by font and digit. The fonts are a
// part of the program, so a fault in one is a bug.
var outlines = sync.OnceValue(func() [len(fonts)][10]outline {
	var all [len(fonts)][10]outline
	for i, ttf := range fonts {
		f := parseFace(ttf)
		for d := range 10 {
			contours, err := f.contours(f.index(rune('0' + d)))
			if err != nil {
				panic(fmt.Sprintf("glyphs: font %d, digit %d: %v", i, d, err))
			}
			var o outline
			for _, c := range contours {
				o = append(o, flatten(c))
			}
			all[i][d] = o.centred()
		}
	}
	return all
})

// flatten replaces curves by straight pieces and turns y down.
func flatten(contour []corner) []point {
	var c []corner // with the points that fonts leave out between two control points
	for i, p := range contour {
		last := contour[(i+len(contour)-1)%len(contour)]
		if !last.on && !p.on {
			c = append(c, corner{point{(last.x + p.x) / 2, (last.y + p.y) / 2}, true})
		}
		c = append(c, p)
	}
	var ring []point
	for i, p := range c {
		if p.on {
			ring = append(ring, point{p.x, -p.y})
			continue
		}
		a, b := c[(i+len(c)-1)%len(c)], c[(i+1)%len(c)]
		for t := 1; t < curveSteps; t++ {
			u := curveSteps - t
			mix := func(a, p, b int) int { return (u*u*a + 2*u*t*p + t*t*b) / (curveSteps * curveSteps) }
			ring = append(ring, point{mix(a.x, p.x, b.x), -mix(a.y, p.y, b.y)})
		}
	}
	return ring
}

// centred moves the middle of the bounding box to the origin.
func (o outline) centred() outline {
	low, high := o[0][0], o[0][0]
	for _, ring := range o {
		for _, p := range ring {
			low = point{min(low.x, p.x), min(low.y, p.y)}
			high = point{max(high.x, p.x), max(high.y, p.y)}
		}
	}
	for _, ring := range o {
		for i := range ring {
			ring[i].x -= (low.x + high.x) / 2
			ring[i].y -= (low.y + high.y) / 2
		}
	}
	return o
}
