package loop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTextRoundTrip requires that every program in testdata prints as it was
// written, which fixes both the printer and the parser.
func TestTextRoundTrip(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs in testdata: %v", err)
	}
	for _, f := range files {
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(string(want))
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if got := p.String(); got != string(want) {
			t.Errorf("%s prints as\n%s", f, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	head := "program P \"p.ml\"\n"
	for text, want := range map[string]string{
		"":         `line 1: want "program"`,
		head + "x": `line 2: unexpected "x"`,
		head + "kernel k { space () map () { store y[] = 1 } }":                                            `unknown parameter "y"`,
		head + "kernel k { param y i64[] write space () map () { store y[] = frob(1) } }":                  `unknown operation "frob"`,
		head + "kernel k { param y i64[] write space () map () { store y[] = add(1) } }":                   `add takes 2 operands, have 1`,
		head + "kernel k { space () } kernel k { space () }":                                               `kernel k twice`,
		head + "func f forward { call g() }":                                                               `unknown kernel "g"`,
		head + "kernel k { param y f32[q] write space () map () { store y[0] = f32(zero) } }":              `want a number, have "zero"`,
		head + "kernel k { param y f32[2] write space (i < 2) map () { store y[i] = guard(true, i, i) } }": `guard takes`,
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
