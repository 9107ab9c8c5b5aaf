package diag

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
)

// github writes workflow commands, which GitHub shows beside the lines.
func (r *renderer) github(l List) ([]byte, error) {
	var b bytes.Buffer
	for _, d := range l {
		level := d.Severity.String()
		if d.Severity == Info {
			level = "notice"
		}
		var props []string
		if p := r.runePlace(d.Primary.Span); p.line > 0 {
			props = append(props, "file="+githubProperty(d.Primary.Span.File),
				fmt.Sprintf("line=%d,col=%d,endLine=%d,endColumn=%d", p.line, p.col, p.endLine, p.endCol))
		}
		props = append(props, "title="+githubProperty(string(d.Code)))
		fmt.Fprintf(&b, "::%s %s::%s\n", level, strings.Join(props, ","), githubData(d.fullMessage()))
	}
	return b.Bytes(), nil
}

var (
	githubDataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubPropertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func githubData(s string) string     { return githubDataEscapes.Replace(s) }
func githubProperty(s string) string { return githubPropertyEscapes.Replace(s) }

// fullMessage is the message with notes and help on further lines, for forms
// that have one text field.
func (d *Diagnostic) fullMessage() string {
	lines := []string{d.Message}
	for _, n := range d.Notes {
		lines = append(lines, "note: "+n)
	}
	for _, h := range d.Help {
		lines = append(lines, "help: "+h)
	}
	return strings.Join(lines, "\n")
}

// The JUnit form: one test case a diagnostic. Only errors fail.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

func (r *renderer) junit(l List) ([]byte, error) {
	suite := junitSuite{Name: "mlc", Tests: len(l)}
	for _, d := range l {
		c := junitCase{Name: string(d.Code) + " " + r.where(d.Primary.Span), Class: d.Primary.Span.File}
		if d.Severity == Error {
			suite.Failures++
			c.Failure = &junitFailure{Message: d.Message, Type: string(d.Code), Text: d.fullMessage()}
		} else {
			c.Output = d.fullMessage()
		}
		suite.Cases = append(suite.Cases, c)
	}
	return encodeXML(junitSuites{Suite: suite})
}

// The Checkstyle form: errors grouped by file.
type (
	checkstyleReport struct {
		XMLName xml.Name         `xml:"checkstyle"`
		Version string           `xml:"version,attr"`
		Files   []checkstyleFile `xml:"file"`
	}
	checkstyleFile struct {
		Name   string            `xml:"name,attr"`
		Errors []checkstyleError `xml:"error"`
	}
	checkstyleError struct {
		Line     int    `xml:"line,attr"`
		Column   int    `xml:"column,attr"`
		Severity string `xml:"severity,attr"`
		Message  string `xml:"message,attr"`
		Source   string `xml:"source,attr"`
	}
)

func (r *renderer) checkstyle(l List) ([]byte, error) {
	report := checkstyleReport{Version: "8.0"}
	for _, d := range l { // sorted by file
		name := d.Primary.Span.File
		if n := len(report.Files); n == 0 || report.Files[n-1].Name != name {
			report.Files = append(report.Files, checkstyleFile{Name: name})
		}
		f := &report.Files[len(report.Files)-1]
		p := r.runePlace(d.Primary.Span)
		f.Errors = append(f.Errors, checkstyleError{
			Line: max(1, p.line), Column: max(1, p.col), Severity: d.Severity.String(),
			Message: d.fullMessage(), Source: "mlc." + string(d.Code),
		})
	}
	return encodeXML(report)
}

func encodeXML(v any) ([]byte, error) {
	out, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}

// The GitLab code quality form.
type (
	gitlabIssue struct {
		Description string         `json:"description"`
		CheckName   string         `json:"check_name"`
		Fingerprint string         `json:"fingerprint"`
		Severity    string         `json:"severity"`
		Location    gitlabLocation `json:"location"`
	}
	gitlabLocation struct {
		Path  string      `json:"path"`
		Lines gitlabLines `json:"lines"`
	}
	gitlabLines struct {
		Begin int `json:"begin"`
	}
)

// gitlab gives each finding a fingerprint that does not hold its line, so that
// a finding keeps its identity when text above it changes.
func (r *renderer) gitlab(l List) ([]byte, error) {
	issues := []gitlabIssue{}
	seen := map[string]int{}
	for _, d := range l {
		key := string(d.Code) + "\x00" + d.Primary.Span.File + "\x00" + d.Message
		seen[key]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key]))
		severity := map[Severity]string{Error: "major", Warning: "minor", Info: "info"}[d.Severity]
		issues = append(issues, gitlabIssue{
			Description: d.Message, CheckName: string(d.Code), Fingerprint: hex.EncodeToString(sum[:16]), Severity: severity,
			Location: gitlabLocation{Path: d.Primary.Span.File, Lines: gitlabLines{Begin: max(1, r.runePlace(d.Primary.Span).line)}},
		})
	}
	out, err := json.MarshalIndent(issues, "", "  ")
	return append(out, '\n'), err
}
