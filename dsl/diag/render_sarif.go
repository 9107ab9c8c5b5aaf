package diag

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// helpBase is where the long texts of all codes are published.
const helpBase = "https://github.com/mlc-go/mlc/blob/main/docs/diagnostics.md#"

// The part of SARIF 2.1.0 that mlc writes.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string       `json:"id"`
		Short   sarifMessage `json:"shortDescription"`
		Full    sarifMessage `json:"fullDescription"`
		HelpURI string       `json:"helpUri"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
		Fixes     []sarifFix      `json:"fixes,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifMessage `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
	sarifFix struct {
		Description sarifMessage  `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  *sarifRegion `json:"deletedRegion"`
		Inserted sarifMessage `json:"insertedContent"`
	}
)

func (r *renderer) sarif(l List) ([]byte, error) {
	run := sarifRun{
		Tool:       sarifTool{Driver: sarifDriver{Name: "mlc", Rules: sarifRules(l)}},
		ColumnKind: "utf16CodeUnits", Results: []sarifResult{},
	}
	for _, d := range l {
		res := sarifResult{RuleID: string(d.Code), Level: d.Severity.String(), Message: sarifMessage{d.fullMessage()}}
		if d.Severity == Info {
			res.Level = "note"
		}
		if d.Primary.Span.File != "" {
			res.Locations = []sarifLocation{r.sarifLocation(d.Primary)}
		}
		for _, label := range d.Related {
			res.Related = append(res.Related, r.sarifLocation(label))
		}
		for _, f := range d.Fixes {
			if fix, ok := r.sarifFix(f); ok {
				res.Fixes = append(res.Fixes, fix)
			}
		}
		run.Results = append(run.Results, res)
	}
	out, err := json.MarshalIndent(sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	}, "", "  ")
	return append(out, '\n'), err
}

// sarifRules describes the codes that occur, in their order.
func sarifRules(l List) []sarifRule {
	rules := []sarifRule{}
	for _, info := range Codes() {
		if slices.ContainsFunc(l, func(d *Diagnostic) bool { return d.Code == info.Code }) {
			rules = append(rules, sarifRule{
				ID: string(info.Code), Short: sarifMessage{info.Title}, Full: sarifMessage{info.Text},
				HelpURI: helpBase + strings.ToLower(string(info.Code)),
			})
		}
	}
	return rules
}

func (r *renderer) sarifLocation(label Label) sarifLocation {
	loc := sarifLocation{Physical: sarifPhysical{Artifact: sarifURI(label.Span.File), Region: r.region(label.Span)}}
	if label.Text != "" {
		loc.Message = &sarifMessage{label.Text}
	}
	return loc
}

// sarifFix leaves a fix out whose file is not known: its regions would lie.
func (r *renderer) sarifFix(f Fix) (sarifFix, bool) {
	if len(f.Edits) == 0 || r.file(f.Edits[0].Span.File) == nil {
		return sarifFix{}, false
	}
	change := sarifChange{Artifact: sarifURI(f.Edits[0].Span.File)}
	for _, e := range f.Edits {
		change.Replacements = append(change.Replacements, sarifReplacement{Deleted: r.region(e.Span), Inserted: sarifMessage{e.New}})
	}
	return sarifFix{Description: sarifMessage{f.Title}, Changes: []sarifChange{change}}, true
}

// region gives columns in UTF-16 units, as the run's columnKind says.
func (r *renderer) region(s Span) *sarifRegion {
	f := r.file(s.File)
	if f == nil {
		return nil
	}
	p := r.runePlace(s)
	return &sarifRegion{StartLine: p.line, StartColumn: f.utf16Column(s.Start), EndLine: p.endLine, EndColumn: f.utf16Column(max(s.Start, s.End))}
}

func sarifURI(name string) sarifArtifact {
	return sarifArtifact{URI: (&url.URL{Path: filepath.ToSlash(name)}).String()}
}
