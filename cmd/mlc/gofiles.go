package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// packageName returns the name that a generated package in dir has: that of the
// Go files there, or one made of the folder's name.
func packageName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", failure(err)
	}
	entries, _ := os.ReadDir(abs) // a folder that does not exist yet has no Go files
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(abs, name), nil, parser.PackageClauseOnly)
		if err == nil {
			return f.Name.Name, nil
		}
	}
	return goName(filepath.Base(abs)), nil
}

// goName turns any text into a package name: lower-case letters and digits,
// starting with a letter, not a keyword.
func goName(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' && b.Len() > 0 {
			b.WriteRune(r)
		}
	}
	name := b.String()
	if name == "" || token.IsKeyword(name) || name == "main" {
		return "net" + name
	}
	return name
}
