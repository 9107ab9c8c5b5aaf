package diag

import (
	"fmt"
	"io"
)

// RenderOptions changes how diagnostics look. Color turns on ANSI colours in
// the text form. ASCII replaces everything outside of ASCII in the text and
// short forms.
type RenderOptions struct {
	Color, ASCII bool
}

// Formats lists the names Render takes.
func Formats() []string {
	return []string{"text", "short", "json", "github", "sarif", "junit", "checkstyle", "gitlab"}
}

// Render writes the list, sorted and without duplicates, in one of the forms
// that Formats lists. A file that src does not hold is reported without line
// and snippet. The error is that of w, or names an unknown format.
func Render(w io.Writer, format string, l List, src Sources, opts RenderOptions) error {
	var encode func(*renderer, List) ([]byte, error)
	switch format {
	case "text":
		encode = (*renderer).text
	case "short":
		encode = (*renderer).short
	case "json":
		encode = (*renderer).json
	case "github":
		encode = (*renderer).github
	case "sarif":
		encode = (*renderer).sarif
	case "junit":
		encode = (*renderer).junit
	case "checkstyle":
		encode = (*renderer).checkstyle
	case "gitlab":
		encode = (*renderer).gitlab
	default:
		return fmt.Errorf("unknown report format %q", format)
	}
	out, err := encode(&renderer{src: src, opts: opts, lines: map[string]*lines{}}, l.Sorted())
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// renderer holds what the forms share: the sources, indexed by line on demand.
type renderer struct {
	src   Sources
	opts  RenderOptions
	lines map[string]*lines
}

// file returns the line index of a file, or nil if its text is not known.
func (r *renderer) file(name string) *lines {
	if l, ok := r.lines[name]; ok {
		return l
	}
	src, ok := r.src[name]
	if !ok {
		return nil
	}
	l := newLines(src)
	r.lines[name] = l
	return l
}

// place is a span in 1-based lines and columns. All zero when unknown.
type place struct {
	line, col, endLine, endCol int
}

// runePlace counts columns in runes.
func (r *renderer) runePlace(s Span) place {
	f := r.file(s.File)
	if f == nil {
		return place{}
	}
	var p place
	p.line, p.col = f.position(s.Start)
	p.endLine, p.endCol = f.position(max(s.Start, s.End))
	return p
}

// where is "file:line:col", as far as it is known.
func (r *renderer) where(s Span) string {
	name := s.File
	if name == "" {
		name = "mlc"
	}
	if p := r.runePlace(s); p.line > 0 {
		return fmt.Sprintf("%s:%d:%d", name, p.line, p.col)
	}
	return name
}
