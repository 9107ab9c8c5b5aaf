package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Span is a range of bytes in one file. Start and End are byte offsets, End is
// exclusive. The zero Span means "no place".
type Span struct {
	File       string
	Start, End int
}

// IsZero reports whether s names no place.
func (s Span) IsZero() bool { return s == Span{} }

// Join returns the smallest span that covers s and t. A zero operand, or one
// in another file, is ignored.
func (s Span) Join(t Span) Span {
	switch {
	case s.IsZero():
		return t
	case t.IsZero() || s.File != t.File:
		return s
	}
	return Span{File: s.File, Start: min(s.Start, t.Start), End: max(s.End, t.End)}
}

// Severity says how bad a finding is. Only errors stop a build.
type Severity int

// The severities, most severe first.
const (
	Error Severity = iota
	Warning
	Info
)

// String returns "error", "warning" or "info".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	}
	return "info"
}

// Label is a span and the text shown under it. Text may be empty.
type Label struct {
	Span Span
	Text string
}

// Edit replaces the bytes of Span by New. An empty span inserts.
type Edit struct {
	Span Span
	New  string
}

// Fix is a change of the source that a machine may apply without asking. Its
// edits do not overlap and lie in one file.
type Fix struct {
	Title string
	Edits []Edit
}

// Diagnostic is one finding. Message is one sentence in lower case without a
// full stop. Primary is where the user should look first; Related are other
// origins, possibly in other files. Notes explain, Help proposes, Fixes do.
//
// A Diagnostic is built by one goroutine; once reported it is only read.
type Diagnostic struct {
	Code     Code
	Severity Severity
	Message  string
	Primary  Label
	Related  []Label
	Notes    []string
	Help     []string
	Fixes    []Fix
}

// New returns a diagnostic at the given place, with the severity of the code's
// row in the table. The message is formatted as by fmt.Sprintf.
func New(code Code, at Span, format string, args ...any) *Diagnostic {
	d := &Diagnostic{Code: code, Message: fmt.Sprintf(format, args...), Primary: Label{Span: at}}
	if info, ok := Lookup(code); ok {
		d.Severity = info.Severity
	}
	return d
}

// Label sets the text under the primary span and returns d.
func (d *Diagnostic) Label(text string) *Diagnostic {
	d.Primary.Text = text
	return d
}

// Also adds a related place with its text and returns d.
func (d *Diagnostic) Also(at Span, text string) *Diagnostic {
	d.Related = append(d.Related, Label{Span: at, Text: text})
	return d
}

// Note adds a sentence that explains, and returns d.
func (d *Diagnostic) Note(format string, args ...any) *Diagnostic {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
	return d
}

// HelpText adds a sentence that proposes what to do, and returns d.
func (d *Diagnostic) HelpText(format string, args ...any) *Diagnostic {
	d.Help = append(d.Help, fmt.Sprintf(format, args...))
	return d
}

// Fix adds a fix with the given edits and returns d.
func (d *Diagnostic) Fix(title string, edits ...Edit) *Diagnostic {
	d.Fixes = append(d.Fixes, Fix{Title: title, Edits: edits})
	return d
}

// Error returns "CODE: message". The position needs the source text and is
// left to Render.
func (d *Diagnostic) Error() string { return string(d.Code) + ": " + d.Message }

// List is a list of diagnostics. It is an error when it is not empty; see Err.
type List []*Diagnostic

// Add appends diagnostics. Nil ones are ignored.
func (l *List) Add(ds ...*Diagnostic) {
	for _, d := range ds {
		if d != nil {
			*l = append(*l, d)
		}
	}
}

// HasErrors reports whether any diagnostic has severity Error.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d *Diagnostic) bool { return d.Severity == Error })
}

// Sorted returns a new list ordered by file, offset and code, in which the same
// code and message at the same place appears once.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, compare)
	return slices.CompactFunc(out, func(a, b *Diagnostic) bool { return compare(a, b) == 0 })
}

// compare orders diagnostics by place, then severity, code and message.
func compare(a, b *Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.Primary.Span.File, b.Primary.Span.File),
		cmp.Compare(a.Primary.Span.Start, b.Primary.Span.Start),
		cmp.Compare(a.Primary.Span.End, b.Primary.Span.End),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Message, b.Message),
	)
}

// Err returns the list as an error when it has errors, and nil otherwise.
// errors.As with a List target gives the list back.
func (l List) Err() error {
	if !l.HasErrors() {
		return nil
	}
	return l
}

// Error joins the diagnostics' one-line texts by newlines.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}
