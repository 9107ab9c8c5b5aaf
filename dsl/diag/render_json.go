package diag

import (
	"bytes"
	"encoding/json"
)

// The JSON form: one object a line, all keys of version 1. Columns count runes.
type (
	jsonDiagnostic struct {
		Version  int         `json:"version"`
		Code     Code        `json:"code"`
		Severity string      `json:"severity"`
		Message  string      `json:"message"`
		Primary  jsonLabel   `json:"primary"`
		Related  []jsonLabel `json:"related,omitempty"`
		Notes    []string    `json:"notes,omitempty"`
		Help     []string    `json:"help,omitempty"`
		Fixes    []jsonFix   `json:"fixes,omitempty"`
	}
	jsonLabel struct {
		File  string     `json:"file,omitempty"`
		Start *jsonPlace `json:"start,omitempty"`
		End   *jsonPlace `json:"end,omitempty"`
		Label string     `json:"label,omitempty"`
	}
	jsonPlace struct {
		Line   int `json:"line"`
		Column int `json:"column"`
		Offset int `json:"offset"`
	}
	jsonFix struct {
		Title         string     `json:"title"`
		Applicability string     `json:"applicability"`
		Edits         []jsonEdit `json:"edits"`
	}
	jsonEdit struct {
		File  string `json:"file"`
		Start int    `json:"start"`
		End   int    `json:"end"`
		New   string `json:"new"`
	}
)

func (r *renderer) json(l List) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, d := range l {
		out := jsonDiagnostic{
			Version: 1, Code: d.Code, Severity: d.Severity.String(), Message: d.Message,
			Primary: r.jsonLabel(d.Primary), Notes: d.Notes, Help: d.Help,
		}
		for _, label := range d.Related {
			out.Related = append(out.Related, r.jsonLabel(label))
		}
		for _, f := range d.Fixes {
			fix := jsonFix{Title: f.Title, Applicability: "machine-applicable"}
			for _, e := range f.Edits {
				fix.Edits = append(fix.Edits, jsonEdit{File: e.Span.File, Start: e.Span.Start, End: e.Span.End, New: e.New})
			}
			out.Fixes = append(out.Fixes, fix)
		}
		if err := enc.Encode(out); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func (r *renderer) jsonLabel(label Label) jsonLabel {
	out := jsonLabel{File: label.Span.File, Label: label.Text}
	if p := r.runePlace(label.Span); p.line > 0 {
		out.Start = &jsonPlace{Line: p.line, Column: p.col, Offset: label.Span.Start}
		out.End = &jsonPlace{Line: p.endLine, Column: p.endCol, Offset: label.Span.End}
	}
	return out
}
