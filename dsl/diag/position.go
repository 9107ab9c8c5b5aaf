package diag

import (
	"sort"
	"unicode/utf8"
)

// Sources maps a file name, as it stands in Span.File, to that file's text.
type Sources map[string][]byte

// Position returns the 1-based line and the 1-based column, counted in runes,
// of a byte offset. An offset outside src is moved to its nearer end. Lines end
// at '\n'.
func Position(src []byte, offset int) (line, col int) {
	return newLines(src).position(offset)
}

// lines is a file's text with the offsets at which its lines start.
type lines struct {
	src    []byte
	starts []int
}

func newLines(src []byte) *lines {
	l := &lines{src: src, starts: []int{0}}
	for i, b := range src {
		if b == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// clamp moves an offset into the text.
func (l *lines) clamp(offset int) int { return max(0, min(offset, len(l.src))) }

// line returns the 1-based number of the line that holds offset.
func (l *lines) line(offset int) int {
	return sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > offset })
}

// position returns line and rune column, both 1-based.
func (l *lines) position(offset int) (line, col int) {
	offset = l.clamp(offset)
	line = l.line(offset)
	return line, 1 + utf8.RuneCount(l.src[l.starts[line-1]:offset])
}

// utf16Column returns the 1-based column in UTF-16 code units.
func (l *lines) utf16Column(offset int) int {
	offset = l.clamp(offset)
	col := 1
	for _, r := range string(l.src[l.starts[l.line(offset)-1]:offset]) {
		col++
		if r > 0xffff {
			col++
		}
	}
	return col
}

// text returns a line without its line end.
func (l *lines) text(line int) string {
	start, end := l.starts[line-1], len(l.src)
	if line < len(l.starts) {
		end = l.starts[line] - 1
	}
	if end > start && l.src[end-1] == '\r' {
		end--
	}
	return string(l.src[start:end])
}

// tabWidth is the distance of tab stops in a rendered snippet, in cells.
const tabWidth = 4

// runeCells returns how many terminal cells a rune takes: none for combining
// marks, two for wide East Asian letters and emoji, one otherwise.
func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case inRanges(r, zeroWidth):
		return 0
	case inRanges(r, doubleWidth):
		return 2
	}
	return 1
}

// zeroWidth and doubleWidth are coarse blocks of Unicode: a caret one cell off
// under a rare letter is acceptable, a table of every letter here is not.
var (
	zeroWidth = [][2]rune{{0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}}

	doubleWidth = [][2]rune{
		{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
		{0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
		{0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
	}
)

func inRanges(r rune, ranges [][2]rune) bool {
	for _, b := range ranges {
		if b[0] <= r && r <= b[1] {
			return true
		}
	}
	return false
}
