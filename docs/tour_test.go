package docs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/pass"
)

// marker is a comment of the tour with the listing below it.
var marker = regexp.MustCompile("(?m)^<!-- (stage|go) (\\w+) -->\n```\\w*\n(?s:(.*?))```\n")

// TestTour compares the listings of docs/tour.md with what the compiler prints
// for the model at its top, and requires one for every pass.
func TestTour(t *testing.T) {
	text, err := os.ReadFile("tour.md")
	if err != nil {
		t.Fatal(err)
	}
	_, model, ok := strings.Cut(string(text), "```ml\n")
	if !ok {
		t.Fatal("the tour has no model")
	}
	model, _, _ = strings.Cut(model, "```\n")
	var dump strings.Builder
	r, diags, err := compiler.Compile(compiler.Options{File: "net.ml", FS: fstest.MapFS{"net.ml": {Data: []byte(model)}}, Dump: []string{"all"}, DumpTo: &dump})
	if err != nil || len(diags) > 0 {
		t.Fatal(diags, err)
	}
	files, err := codegen.Generate(r.Loop, codegen.Options{NoAssembly: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"build"}
	for _, p := range pass.List() {
		if p.IR == "loop" && !slices.Contains(want, "lower") {
			want = append(want, "lower")
		}
		want = append(want, p.Name)
	}
	var have []string
	last := ""
	updated := marker.ReplaceAllStringFunc(string(text), func(s string) string {
		m := marker.FindStringSubmatch(s)
		language, listing := "", ""
		if m[1] == "go" {
			language, listing = "go", function(t, files, m[2])
		} else {
			have = append(have, m[2])
			stage := training(t, dump.String(), m[2])
			listing = stage
			if !slices.Contains([]string{"build", "fuse", "lower"}, m[2]) {
				listing = changes(last, stage)
			}
			last = stage
		}
		return "<!-- " + m[1] + " " + m[2] + " -->\n```" + language + "\n" + listing + "```\n"
	})
	if !slices.Equal(have, want) {
		t.Errorf("the tour shows %v, the compiler has %v", have, want)
	}
	current(t, "tour.md", updated)
}

// training returns the train block of a dump: its function, after the kernels
// that it calls.
func training(t *testing.T, dump, stage string) string {
	t.Helper()
	_, text, ok := strings.Cut(dump, "// after "+stage+"\n")
	if !ok {
		t.Fatalf("there is no dump after %s", stage)
	}
	text, _, _ = strings.Cut(text, "\n// after ")
	var out, fn string
	kernels := map[string]string{}
	var names []string
	for _, part := range strings.SplitAfter(text, "\n}\n") {
		part = strings.TrimLeft(part, "\n")
		if i := strings.Index(part, "entry \"train\" train"); i >= 0 {
			return part[i:]
		}
		if i := strings.Index(part, "kernel "); i >= 0 {
			part = part[i:]
			name := strings.Fields(part)[1]
			kernels[name], names = part, append(names, name)
		}
		if strings.HasPrefix(part, "func train train ") {
			fn = part
		}
	}
	for _, name := range names {
		if strings.Contains(fn, "call "+name+"(") {
			out += kernels[name] + "\n"
		}
	}
	if fn == "" {
		t.Fatalf("the dump after %s has no train block", stage)
	}
	return out + fn
}

// changes lists the lines that go and come between two texts, by their longest
// common subsequence.
func changes(from, to string) string {
	a, b := slices.Collect(strings.Lines(from)), slices.Collect(strings.Lines(to))
	common := make([][]int, len(a)+1) // of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out strings.Builder
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out.WriteString("-" + a[i])
			i++
		default:
			out.WriteString("+" + b[j])
			j++
		}
	}
	if out.Len() == 0 {
		return "(no line changes)\n"
	}
	return out.String()
}

// function returns a function of the generated package with its comment.
func function(t *testing.T, files []codegen.File, name string) string {
	t.Helper()
	for _, f := range files {
		text := string(f.Data)
		at := strings.Index(text, "\nfunc "+name+"(")
		if at < 0 {
			continue
		}
		start := strings.LastIndex(text[:at], "\n\n") + 2
		end := strings.Index(text[at:], "\n}\n") + at + 3
		return text[start:end]
	}
	t.Fatalf("the package has no function %s", name)
	return ""
}
