package diag

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
)

const mnist = "edition 1\nmodel M() {\n    flat = x -> flatten\n\tfc = flat -> dens(10, size = 5000)\n}\n"

// finding is a diagnostic with every part, at places found in the text itself.
func finding() (List, Sources) {
	at := func(word string) Span {
		i := strings.Index(mnist, word)
		return Span{File: "net.ml", Start: i, End: i + len(word)}
	}
	d := New(UnknownLayer, at("dens"), "there is no layer `dens`").Label("not a layer").
		Also(at("flatten"), "this has shape [5408] (32 × 13 × 13)").
		Note("image → flat").HelpText("did you mean `dense`?").
		Fix("write dense", Edit{Span: at("dens"), New: "dense"})
	return List{d}, Sources{"net.ml": []byte(mnist)}
}

func render(t *testing.T, format string, l List, src Sources, opts RenderOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, format, l, src, opts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextShowsSnippetsLabelsAndFix(t *testing.T) {
	l, src := finding()
	want := strings.TrimPrefix(`
error[ML0102]: there is no layer `+"`dens`"+`
  --> net.ml:4:15
  |
3 |     flat = x -> flatten
  |                 ------- this has shape [5408] (32 x 13 x 13)
4 |     fc = flat -> dens(10, size = 5000)
  |                  ^^^^ not a layer
  |
  = note: image -> flat
  = help: did you mean `+"`dense`"+`?
  = help: write dense
  |
4 -     fc = flat -> dens(10, size = 5000)
4 +     fc = flat -> dense(10, size = 5000)
`, "\n")
	if got := render(t, "text", l, src, RenderOptions{ASCII: true}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTextPointsIntoOtherFilesAndSkipsLines(t *testing.T) {
	src := Sources{"a.ml": []byte("one\ntwo\nthree\nfour\n"), "b.ml": []byte("éé x\n")}
	d := New(ShapeMismatch, Span{"a.ml", 14, 18}, "shapes differ").Also(Span{"a.ml", 0, 3}, "here").Also(Span{"b.ml", 5, 6}, "and here")
	want := strings.TrimPrefix(`
error[ML0201]: shapes differ
  --> a.ml:4:1
  |
1 | one
  | --- here
...
4 | four
  | ^^^^
  ::: b.ml:1:4
  |
1 | éé x
  |    - and here
`, "\n")
	if got := render(t, "text", List{d}, src, RenderOptions{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCaretsCountCells(t *testing.T) {
	src := Sources{"a.ml": []byte("\tab 中x\n")}
	got := render(t, "text", List{New(Unexpected, Span{"a.ml", 7, 8}, "m")}, src, RenderOptions{})
	if !strings.Contains(got, "1 |     ab 中x\n  |          ^\n") {
		t.Error(got)
	}
}

// TestLongLinesAreCut shows the part of a line that a finding is about.
func TestLongLinesAreCut(t *testing.T) {
	src := []byte(strings.Repeat("a ", 5000) + "wrong" + strings.Repeat(" b", 5000) + "\n")
	for _, at := range []int{0, 9998, 10000, 19990} {
		text := render(t, "text", List{New(UnknownName, Span{"a.ml", at, at + 5}, "m")}, Sources{"a.ml": src}, RenderOptions{})
		lines := strings.Split(text, "\n")
		i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "^^^^^") })
		if i < 1 || len(lines[i]) > 200 || len(lines[i-1]) > 200 {
			t.Fatalf("at %d:\n%.400s", at, text)
		}
		column := strings.Index(lines[i], "^")
		if got, want := lines[i-1][column:column+5], string(src[at:at+5]); got != want {
			t.Errorf("at %d the carets stand under %q, want %q", at, got, want)
		}
	}
}

func TestTextCannotMoveTheTerminal(t *testing.T) {
	src := Sources{"a.ml": []byte("a \x1b[2J b \u202e c\n")}
	d := New(BidiControl, Span{"a.ml", 0, 1}, "bad \x1b]0;x\a text")
	for _, format := range []string{"text", "short"} {
		got := render(t, format, List{d}, src, RenderOptions{})
		if strings.ContainsAny(got, "\x1b\a\u202e") {
			t.Errorf("%s: %q", format, got)
		}
	}
	if got := render(t, "text", List{d}, src, RenderOptions{Color: true}); !strings.Contains(got, ansiRed) {
		t.Error("no colour when asked for")
	}
}

func TestASCIIHasOnlyASCII(t *testing.T) {
	src := Sources{"a.ml": []byte("größe → 中\n")}
	d := New(BadCharacter, Span{"a.ml", 0, 7}, "größe × 2")
	for _, c := range render(t, "text", List{d}, src, RenderOptions{ASCII: true}) {
		if c > 126 {
			t.Fatalf("%q in ASCII output", c)
		}
	}
}

func TestShort(t *testing.T) {
	l, src := finding()
	l = append(l, New(Internal, Span{}, "no place"), New(CannotRead, Span{File: "x.ml"}, "gone"))
	want := "mlc: error[ML0901]: no place\nnet.ml:4:15: error[ML0102]: there is no layer `dens`\nx.ml: error[ML0609]: gone\n"
	if got := render(t, "short", l, src, RenderOptions{}); got != want {
		t.Errorf("got %q", got)
	}
}

func TestJSONLine(t *testing.T) {
	l, src := finding()
	out := render(t, "json", l, src, RenderOptions{})
	if strings.Count(out, "\n") != 1 {
		t.Fatalf("not one line: %q", out)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	start := got["primary"].(map[string]any)["start"].(map[string]any)
	if got["version"] != 1.0 || got["code"] != "ML0102" || start["line"] != 4.0 || start["column"] != 15.0 || start["offset"] != float64(strings.Index(mnist, "dens")) {
		t.Error(out)
	}
}

func TestGitHubEscapes(t *testing.T) {
	src := Sources{"a,b.ml": []byte("x\n")}
	d := New(UnusedValue, Span{"a,b.ml", 0, 1}, "%s", "50% of\nit")
	want := "::warning file=a%2Cb.ml,line=1,col=1,endLine=1,endColumn=2,title=ML0301::50%25 of%0Ait\n"
	if got := render(t, "github", List{d}, src, RenderOptions{}); got != want {
		t.Errorf("got %q", got)
	}
}

func TestSARIFColumnsAreUTF16(t *testing.T) {
	src := Sources{"a.ml": []byte("𝛼 x\n")}
	d := New(UnknownName, Span{"a.ml", 5, 6}, "m").Fix("f", Edit{Span{"a.ml", 5, 6}, "y"})
	var got struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				Locations []struct {
					PhysicalLocation struct{ Region map[string]int }
				}
				Fixes []struct{ ArtifactChanges []any }
			}
		}
	}
	if err := json.Unmarshal([]byte(render(t, "sarif", List{d}, src, RenderOptions{})), &got); err != nil {
		t.Fatal(err)
	}
	run := got.Runs[0]
	if run.Tool.Driver.Rules[0].ID != "ML0101" || len(run.Results[0].Fixes) != 1 {
		t.Errorf("%+v", run)
	}
	if r := run.Results[0].Locations[0].PhysicalLocation.Region; r["startColumn"] != 4 || r["endColumn"] != 5 {
		t.Errorf("region %v", r)
	}
}

func TestXMLFormsAreWellFormed(t *testing.T) {
	src := Sources{"a.ml": []byte("x\n")}
	l := List{New(Unexpected, Span{"a.ml", 0, 1}, "<&\x00> \"q\""), New(UnusedValue, Span{"b.ml", 0, 1}, "w")}
	for _, format := range []string{"junit", "checkstyle"} {
		out := render(t, format, l, src, RenderOptions{})
		dec := xml.NewDecoder(strings.NewReader(out))
		elements := 0
		for {
			tok, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", format, err, out)
			}
			if _, ok := tok.(xml.StartElement); ok {
				elements++
			}
		}
		if elements < 5 {
			t.Errorf("%s has %d elements", format, elements)
		}
	}
}

func TestGitLabFingerprintSurvivesMovedLines(t *testing.T) {
	prints := func(prefix string) []string {
		src := Sources{"a.ml": []byte(prefix + "x x\n")}
		n := len(prefix)
		l := List{New(UnknownName, Span{"a.ml", n, n + 1}, "m"), New(UnknownName, Span{"a.ml", n + 2, n + 3}, "m")}
		var issues []struct{ Fingerprint string }
		if err := json.Unmarshal([]byte(render(t, "gitlab", l, src, RenderOptions{})), &issues); err != nil {
			t.Fatal(err)
		}
		return []string{issues[0].Fingerprint, issues[1].Fingerprint}
	}
	a, b := prints(""), prints("\n\n")
	if a[0] != b[0] || a[1] != b[1] || a[0] == a[1] {
		t.Error(a, b)
	}
}

func TestUnknownFormat(t *testing.T) {
	if err := Render(io.Discard, "yaml", nil, nil, RenderOptions{}); err == nil {
		t.Error("no error")
	}
	for _, f := range Formats() {
		if err := Render(io.Discard, f, List{New(Internal, Span{"gone.ml", 3, 4}, "m").Also(Span{"gone2.ml", 1, 2}, "r")}, nil, RenderOptions{}); err != nil {
			t.Errorf("%s without sources: %v", f, err)
		}
	}
}
