package build_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/mlc-go/mlc/compiler/build"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl/diag"
)

// FuzzBuild builds any text: it ends with a program that verifies or with an error
// at a place of the text, and never with a panic.
func FuzzBuild(f *testing.F) {
	paths, err := filepath.Glob("../../specs/*/net.ml")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no specs: %v", err)
	}
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, c := range diag.Codes() {
		f.Add([]byte(c.Example))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, info, diags, err := build.Build(build.Options{File: "net.ml", FS: fstest.MapFS{"net.ml": {Data: src}}})
		if err != nil {
			t.Fatal(err)
		}
		if info == nil || (p == nil) != diags.HasErrors() {
			t.Fatalf("program %v with %v", p != nil, diags)
		}
		for _, d := range diags {
			if s := d.Primary.Span; s.File != "net.ml" || s.Start < 0 || s.End < s.Start || s.End > len(src)+1 {
				t.Fatalf("%v stands at %+v in a text of %d bytes", d, s, len(src))
			}
		}
		if p != nil {
			if err := ir.Verify(p); err != nil {
				t.Fatal(err)
			}
		}
	})
}
