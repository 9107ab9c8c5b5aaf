package diag

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// ANSI sequences of the coloured text form.
const (
	ansiReset  = "\x1b[0m"
	ansiBold   = "\x1b[1m"
	ansiRed    = "\x1b[1;31m"
	ansiYellow = "\x1b[1;33m"
	ansiBlue   = "\x1b[1;34m"
	ansiGreen  = "\x1b[32m"
)

// short writes one line a diagnostic: file:line:col: severity[CODE]: message.
func (r *renderer) short(l List) ([]byte, error) {
	var b bytes.Buffer
	for _, d := range l {
		fmt.Fprintf(&b, "%s: %s[%s]: %s\n", r.clean(r.where(d.Primary.Span)), d.Severity, d.Code, r.clean(d.Message))
	}
	return b.Bytes(), nil
}

// text writes each diagnostic with its snippets, notes, help and fixes, and an
// empty line between two of them.
func (r *renderer) text(l List) ([]byte, error) {
	var b bytes.Buffer
	for i, d := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		t := textForm{renderer: r, out: &b}
		t.diagnostic(d)
	}
	return b.Bytes(), nil
}

// textForm writes one diagnostic.
type textForm struct {
	*renderer
	out    *bytes.Buffer
	gutter int // width of the largest line number shown
}

func (t *textForm) diagnostic(d *Diagnostic) {
	color := ansiRed
	switch d.Severity {
	case Warning:
		color = ansiYellow
	case Info:
		color = ansiBlue
	}
	fmt.Fprintf(t.out, "%s%s\n", t.paint(color, fmt.Sprintf("%s[%s]", d.Severity, d.Code)), t.paint(ansiBold, ": "+t.clean(d.Message)))
	t.gutter = t.gutterWidth(d)
	t.snippets(d, color)
	if len(d.Notes)+len(d.Help)+len(d.Fixes) == 0 {
		return
	}
	if !d.Primary.Span.IsZero() {
		t.row("", "")
	}
	for _, n := range d.Notes {
		t.remark("note", n)
	}
	for _, h := range d.Help {
		t.remark("help", h)
	}
	for _, f := range d.Fixes {
		t.fix(f)
	}
}

// remark writes a note or help; further lines of it are indented.
func (t *textForm) remark(kind, text string) {
	for i, line := range strings.Split(text, "\n") {
		lead := "= " + kind + ": "
		if i > 0 {
			lead = strings.Repeat(" ", len(lead))
		}
		fmt.Fprintf(t.out, "%*s %s%s\n", t.gutter, "", t.paint(ansiBlue, lead), t.clean(line))
	}
}

// row writes a line of a snippet: its number or nothing, a bar, the text.
func (t *textForm) row(number, text string) {
	line := t.paint(ansiBlue, fmt.Sprintf("%*s |", t.gutter, number))
	if text != "" {
		line += " " + text
	}
	t.out.WriteString(line + "\n")
}

func (t *textForm) gutterWidth(d *Diagnostic) int {
	width := 1
	for _, label := range append([]Label{d.Primary}, d.Related...) {
		width = max(width, len(fmt.Sprint(t.runePlace(label.Span).line)))
	}
	return width
}

// mark is one label placed on a line, in display cells.
type mark struct {
	line, start, width int
	text               string
	primary            bool
}

// snippets writes the primary place's file first, then each other file in the
// order in which the related labels name them.
func (t *textForm) snippets(d *Diagnostic, color string) {
	if d.Primary.Span.IsZero() {
		return
	}
	files := []string{d.Primary.Span.File}
	for _, label := range d.Related {
		if !slices.Contains(files, label.Span.File) && !label.Span.IsZero() {
			files = append(files, label.Span.File)
		}
	}
	for _, name := range files {
		var first Span
		var marks []mark
		for i, label := range append([]Label{d.Primary}, d.Related...) {
			if label.Span.File != name || label.Span.IsZero() {
				continue
			}
			if first.IsZero() {
				first = label.Span
			}
			if f := t.file(name); f != nil {
				marks = append(marks, t.mark(f, label, i == 0))
			}
		}
		arrow := "-->"
		if name != d.Primary.Span.File {
			arrow = ":::"
		}
		fmt.Fprintf(t.out, "%*s%s %s\n", t.gutter+1, "", t.paint(ansiBlue, arrow), t.clean(t.where(first)))
		if len(marks) > 0 {
			t.marked(t.file(name), marks, color)
		}
	}
}

// mark places a label. A label over several lines marks the end of its first.
func (t *textForm) mark(f *lines, label Label, primary bool) mark {
	line, _ := f.position(label.Span.Start)
	start := f.clamp(label.Span.Start)
	lineStart := f.starts[line-1]
	text := f.text(line)
	start = min(start, lineStart+len(text))
	end := max(start, min(f.clamp(label.Span.End), lineStart+len(text)))
	_, from := t.expand(text[:start-lineStart])
	_, to := t.expand(text[:end-lineStart])
	return mark{line: line, start: from, width: max(1, to-from), text: label.Text, primary: primary}
}

// marked writes the marked lines in order, with "..." where lines are left out.
func (t *textForm) marked(f *lines, marks []mark, color string) {
	slices.SortStableFunc(marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.start, b.start))
	})
	t.row("", "")
	last, shift := 0, 0
	for _, m := range marks {
		if m.line != last {
			if last > 0 && m.line > last+1 {
				t.out.WriteString(t.paint(ansiBlue, "...") + "\n")
			}
			text, _ := t.expand(f.text(m.line))
			t.row(fmt.Sprint(m.line), strings.TrimRight(t.cutLine(text, &shift, m), " "))
			last = m.line
		}
		m.start = max(0, m.start-shift)
		m.width = max(1, min(m.width, maxLine-m.start))
		sign, paint := "-", ansiBlue
		if m.primary {
			sign, paint = "^", color
		}
		under := strings.Repeat(sign, m.width)
		if m.text != "" {
			under += " " + t.clean(m.text)
		}
		t.row("", strings.Repeat(" ", m.start)+t.paint(paint, under))
	}
}

// maxLine is how many cells of a line are shown.
const maxLine = 160

// cutLine keeps the part of a very long line around its first mark, and says how
// many cells are left out before it.
func (t *textForm) cutLine(text string, shift *int, m mark) string {
	*shift = 0
	runes := []rune(text)
	if len(runes) <= maxLine {
		return text
	}
	if m.start+m.width > maxLine {
		*shift = m.start - min(m.start, maxLine/2)
	}
	return string(runes[min(*shift, len(runes)):min(*shift+maxLine, len(runes))])
}

// fix writes the lines a fix changes, before and after.
func (t *textForm) fix(fix Fix) {
	t.remark("help", fix.Title)
	if len(fix.Edits) == 0 {
		return
	}
	f := t.file(fix.Edits[0].Span.File)
	if f == nil {
		return
	}
	edits := slices.Clone(fix.Edits)
	slices.SortFunc(edits, func(a, b Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	first := f.line(f.clamp(edits[0].Span.Start))
	last := f.line(f.clamp(edits[len(edits)-1].Span.End))
	var before []string
	for n := first; n <= last; n++ {
		before = append(before, f.text(n))
	}
	var after strings.Builder
	at, end := f.starts[first-1], f.starts[last-1]+len(f.text(last))
	for _, e := range edits {
		after.Write(f.src[at:max(at, f.clamp(e.Span.Start))])
		after.WriteString(e.New)
		at = max(at, f.clamp(e.Span.End))
	}
	after.Write(f.src[at:max(at, end)])
	t.row("", "")
	for i, line := range before {
		t.changed(first+i, "-", line, ansiRed)
	}
	for i, line := range strings.Split(after.String(), "\n") {
		t.changed(first+i, "+", line, ansiGreen)
	}
}

func (t *textForm) changed(number int, sign, line, color string) {
	text, _ := t.expand(line)
	fmt.Fprintf(t.out, "%s %s\n", t.paint(ansiBlue, fmt.Sprintf("%*d", t.gutter, number)), t.paint(color, strings.TrimRight(sign+" "+text, " ")))
}

func (t *textForm) paint(ansi, text string) string {
	if !t.opts.Color || text == "" {
		return text
	}
	return ansi + text + ansiReset
}

// expand makes source text fit for a terminal: tabs become spaces, what could
// move the cursor or hide text becomes a replacement sign. It also returns the
// number of cells the text takes.
func (r *renderer) expand(s string) (string, int) {
	var b strings.Builder
	cells := 0
	for _, c := range s {
		if c == '\t' {
			n := tabWidth - cells%tabWidth
			b.WriteString(strings.Repeat(" ", n))
			cells += n
			continue
		}
		text := r.visible(c)
		b.WriteString(text)
		for _, v := range text {
			cells += runeCells(v)
		}
	}
	return b.String(), cells
}

// clean makes a message fit for one line of a terminal.
func (r *renderer) clean(s string) string {
	text, _ := r.expand(s)
	return text
}

// asciiNames spells the signs that messages use where only ASCII may be shown.
var asciiNames = map[rune]string{'→': "->", '×': "x", '…': "...", '²': "^2", '≤': "<=", '≥': ">=", '≠': "!="}

func (r *renderer) visible(c rune) string {
	hidden := unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.In(c, unicode.Zl, unicode.Zp)
	switch {
	case c < unicode.MaxASCII && !hidden:
		return string(c)
	case !r.opts.ASCII && !hidden:
		return string(c)
	case !r.opts.ASCII:
		return "\ufffd"
	}
	if name, ok := asciiNames[c]; ok {
		return name
	}
	return "?"
}
