package main

import (
	"testing"

	"github.com/mlc-go/mlc/dsl/diag"
)

func TestFixes(t *testing.T) {
	at := func(start, end int) diag.Span { return diag.Span{File: "a.ml", Start: start, End: end} }
	finding := func(s diag.Span, text string) *diag.Diagnostic {
		return diag.New(diag.UnknownName, s, "m").Fix("f", diag.Edit{Span: s, New: text})
	}
	list := diag.List{
		finding(at(4, 5), "<>"),   // e
		finding(at(1, 2), "BB"),   // b
		finding(at(1, 3), "lost"), // overlaps the one before
		finding(diag.Span{File: "prelude/x.ml", Start: 0, End: 1}, "lost"),
		diag.New(diag.UnknownName, at(0, 1), "no fix"),
	}
	files := fixes(list, diag.Sources{"a.ml": []byte("abcdef")})
	if len(files) != 1 || files[0].path != "a.ml" || string(files[0].text) != "aBBcd<>f" {
		t.Errorf("got %v", files)
	}
}
