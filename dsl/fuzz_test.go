package dsl

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mlc-go/mlc/dsl/diag"
)

// seed adds the specs and the malformed corpus.
func seed(f *testing.F) {
	for _, src := range specs(f) {
		f.Add(src)
	}
	paths, _ := filepath.Glob("testdata/malformed/*.ml")
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(src) < 4096 {
			f.Add(src)
		}
	}
}

// FuzzParse checks that parsing ends, that every diagnostic lies within the
// file and has a known code, that reports can be rendered, and that participle
// and the grammar agree.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		var file *File
		var l diag.List
		if d := shortest(3, 2*time.Second, func() { file, l = Parse("x.ml", src) }); len(src) < 4096 && d > 2*time.Second {
			t.Errorf("took %v", d)
		}
		if file == nil {
			t.Fatal("no file")
		}
		for _, d := range l {
			s := d.Primary.Span
			if s.File != "x.ml" || s.Start < 0 || s.End < s.Start || s.End > len(src)+1 {
				t.Errorf("%s at %+v of %d bytes", d.Error(), s, len(src))
			}
			if _, ok := diag.Lookup(d.Code); !ok || d.Code == diag.Internal {
				t.Errorf("code %s", d.Code)
			}
		}
		if render(l, "x.ml", src) == "" && len(l) > 0 {
			t.Error("nothing rendered")
		}
		if !l.HasErrors() && len(file.Tokens) == 0 {
			t.Error("neither tokens nor an error")
		}
		checkAgreement(t, string(src))
	})
}

// FuzzFormat checks that a formatted file has the same contents and is a fixed
// point.
func FuzzFormat(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		once, l := Format("x.ml", src)
		if _, parsed := Parse("x.ml", src); parsed.HasErrors() {
			if once != nil || !l.HasErrors() {
				t.Fatal("a file with errors was formatted")
			}
			return
		}
		if l.HasErrors() {
			t.Fatal(render(l, "x.ml", src))
		}
		if !sameContent(lex("x.ml", string(src)), lex("x.ml", string(once))) {
			t.Fatalf("contents differ:\n%s", once)
		}
		twice, _ := Format("x.ml", once)
		if !bytes.Equal(once, twice) {
			t.Errorf("not a fixed point:\n%s\nthen\n%s", once, twice)
		}
	})
}
