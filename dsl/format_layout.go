package dsl

import (
	"strings"
	"unicode/utf8"
)

// commentGap is the number of spaces before a comment at the end of a line.
const commentGap = 3

// maxRounds bounds the search for columns. Each round moves aligned tokens to
// the right; text whose columns push each other for ever is left unaligned.
const maxRounds = 40

// layout finds the column of each token.
type layout struct {
	*page
	column []int // of each token, from 0
	indent []int // of the line each token stands on
	line   []int // number of that line
	group  []int // of tokens aligned with each other, or -1
	target []int // column of each group
}

func newLayout(p *page) *layout {
	n := len(p.cells)
	l := &layout{page: p, column: make([]int, n), indent: make([]int, n), line: make([]int, n), group: make([]int, n)}
	l.groups()
	for range maxRounds {
		if !l.place() {
			return l
		}
	}
	for i := range l.group {
		l.group[i] = -1
	}
	l.place()
	return l
}

// groups joins tokens of one kind that the author had put under each other on
// neighbouring lines, at least one of them by more than one space. Lines must
// still be neighbours in the result, or the next run would undo the alignment.
func (l *layout) groups() {
	start, above, aboveEnd := 0, 0, 0 // of this line, and of the line directly above if there is one
	for i := range l.cells {
		l.group[i] = -1
		c := &l.cells[i]
		if i > 0 {
			l.line[i] = l.line[i-1]
		}
		if c.brk != joined {
			l.line[i]++
		}
		if c.decl {
			l.line[i]++ // the empty line before it
		}
		if i > 0 && c.Pos.Line != l.cells[i-1].Pos.Line {
			above, aboveEnd, start = start, i, i
			if c.Pos.Line != l.cells[i-1].Pos.Line+1 {
				above = i
			}
		}
		for above < aboveEnd && l.cells[above].Pos.Column < c.Pos.Column {
			above++
		}
		if i == start || above == aboveEnd || !l.aligned(i, above) {
			continue
		}
		if l.group[above] < 0 {
			l.group[above] = len(l.target)
			l.target = append(l.target, 0)
		}
		l.group[i] = l.group[above]
	}
}

// aligned reports whether two tokens that stand under each other are meant to.
func (l *layout) aligned(i, above int) bool {
	c, a := &l.cells[i], &l.cells[above]
	return c.align != notAligned && c.align == a.align && c.Pos.Column == a.Pos.Column &&
		c.brk == joined && a.brk == joined && l.line[i] == l.line[above]+1 && (l.padded(i) || l.padded(above))
}

// padded reports whether more than one space stands before a token.
func (l *layout) padded(i int) bool {
	return i > 0 && l.cells[i].Pos.Offset-tokenEnd(l.cells[i-1].Token) > 1
}

// place gives each token the leftmost column that its line and its group allow,
// and reports whether a group had to move.
func (l *layout) place() (moved bool) {
	for i := range l.cells {
		c := &l.cells[i]
		switch {
		case i == 0:
		case c.brk != joined:
			l.indent[i] = l.lineIndent(i)
			l.column[i] = l.indent[i]
		default:
			l.indent[i] = l.indent[i-1]
			l.column[i] = l.column[i-1] + width(l.cells[i-1].Value)
			if c.gap {
				l.column[i]++
			}
		}
		if g := l.group[i]; g >= 0 {
			if l.column[i] > l.target[g] {
				l.target[g], moved = l.column[i], true
			}
			l.column[i] = l.target[g]
		}
	}
	return moved
}

func width(s string) int { return utf8.RuneCountInString(s) }

// lineIndent returns the column at which the line that token i begins starts.
func (l *layout) lineIndent(i int) int {
	c := &l.cells[i]
	base := c.depth * indentWidth
	if c.brk == forced {
		return base
	}
	switch {
	case c.arrow >= 0 && c.arrow != i:
		return l.column[c.arrow]
	case c.arrow == i:
		return l.indent[c.exprStart] + indentWidth
	case c.bracket >= 0:
		return l.inBracket(i)
	case !endsOperand(c.Token) && c.Type == tokenPunct && !c.unary && c.exprStart < i:
		return max(base+2, l.column[c.exprStart]-width(c.Value)-1)
	}
	return l.indent[c.statement] + indentWidth
}

// inBracket returns the indent of a line within brackets: under the first token
// in them or, when the bracket ended its line, one step further than that line.
func (l *layout) inBracket(i int) int {
	open := l.cells[i].bracket
	closing := l.cells[i].is(")") || l.cells[i].is("]")
	switch atEnd := l.cells[open+1].brk != joined; {
	case closing && atEnd:
		return l.indent[open]
	case closing:
		return l.column[open]
	case atEnd:
		return l.indent[open] + indentWidth
	}
	return l.column[open+1]
}

// outLine is a line of the result; trailing is the comment at its end.
type outLine struct {
	text, trailing string
}

// text writes the lines.
func (l *layout) text() string {
	var lines []outLine
	var b strings.Builder
	pen := 0 // column after what b holds
	flush := func() {
		if b.Len() > 0 {
			lines = append(lines, outLine{text: b.String()})
			b.Reset()
			pen = 0
		}
	}
	comments := l.comments
	for i := 0; i <= len(l.cells); i++ {
		if i == len(l.cells) || l.cells[i].brk != joined {
			flush()
		}
		last := 0 // line of the source that was written last
		if i > 0 {
			last = l.cells[i-1].Pos.Line
		}
		first := true
		for ; len(comments) > 0 && comments[0].next == i; comments = comments[1:] {
			c := comments[0]
			if !c.ownLine && len(lines) > 0 {
				lines[len(lines)-1].trailing = c.text
				last = c.line
				continue
			}
			if l.emptyLine(i, first, last, c.line) {
				lines = append(lines, outLine{})
			}
			lines = append(lines, outLine{text: spaces(l.commentIndent(i)) + c.text})
			last, first = c.line, false
		}
		if i == len(l.cells) {
			break
		}
		if l.cells[i].brk == forced && l.emptyLine(i, first, last, l.cells[i].Pos.Line) && !l.cells[i].is("}") {
			lines = append(lines, outLine{})
		}
		b.WriteString(spaces(l.column[i] - pen))
		b.WriteString(l.cells[i].Value)
		pen = l.column[i] + width(l.cells[i].Value)
	}
	return joinLines(lines)
}

// emptyLine reports whether an empty line stands before the token i, or before
// a comment that precedes it. last and next are the lines in the source of what
// is before and after; first says that nothing has been written since the token
// before i.
func (l *layout) emptyLine(i int, first bool, last, next int) bool {
	if i == 0 && first {
		return false
	}
	if first && i > 0 {
		if l.cells[i-1].is("{") {
			return false
		}
		if i < len(l.cells) && l.separated(i) {
			return true
		}
	}
	if i < len(l.cells) && l.cells[i].brk != forced {
		return false
	}
	return next > last+1
}

// separated reports whether the token begins a declaration that an empty line
// always precedes: all but an import after an import.
func (l *layout) separated(i int) bool {
	return l.cells[i].decl && !(l.cells[i].is("import") && l.imported(i))
}

// imported reports whether an import ends right before the token i.
func (l *layout) imported(i int) bool {
	return l.cells[i-1].Type == tokenString
}

// commentIndent returns the indent of a comment on a line of its own before the
// token i: that of the statement it precedes, or of the block it ends.
func (l *layout) commentIndent(i int) int {
	switch {
	case i == len(l.cells):
		return 0
	case l.cells[i].is("}"):
		return (l.cells[i].depth + 1) * indentWidth
	}
	return l.column[i]
}

// joinLines puts the comments at line ends under each other on neighbouring
// lines.
func joinLines(lines []outLine) string {
	var b strings.Builder
	for i := 0; i < len(lines); {
		end, column := i, 0
		for end < len(lines) && lines[end].trailing != "" {
			column = max(column, width(lines[end].text)+commentGap)
			end++
		}
		for ; i < end; i++ {
			b.WriteString(lines[i].text + spaces(column-width(lines[i].text)) + lines[i].trailing + "\n")
		}
		if i < len(lines) {
			b.WriteString(lines[i].text + "\n")
			i++
		}
	}
	return b.String()
}
