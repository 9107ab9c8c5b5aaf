// Package prelude holds the library of edition 1: one .ml file for each word,
// embedded in the compiler and parsed when a model names it.
//
// It knows the syntax and nothing of what the words mean. Its invariant: the
// file NAME.ml declares NAME, and the trees are read-only once parsed.
package prelude

import (
	"embed"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/mlc-go/mlc/dsl"
)

//go:embed */*.ml
var files embed.FS

// File is one word of the library.
type File struct {
	Word   string
	Group  string // the folder: layers, losses, ...
	Name   string // as diagnostics show it, such as "prelude/linear.ml"
	Source []byte

	once sync.Once
	// AST is the parsed file. It is set by Word and must not be changed.
	AST *dsl.File
}

var index = sync.OnceValue(func() map[string]*File {
	all := map[string]*File{}
	groups, err := files.ReadDir(".")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	for _, g := range groups {
		words, err := files.ReadDir(g.Name())
		if err != nil {
			panic(err)
		}
		for _, w := range words {
			word := strings.TrimSuffix(w.Name(), ".ml")
			all[word] = &File{Word: word, Group: g.Name(), Name: "prelude/" + w.Name()}
		}
	}
	return all
})

// Words lists all words, sorted.
func Words() []string {
	var names []string
	for w := range index() {
		names = append(names, w)
	}
	sort.Strings(names)
	return names
}

// Word returns the parsed file of a word, or nil when there is no such word.
// It is safe for use from several goroutines.
func Word(name string) *File {
	f := index()[name]
	if f == nil {
		return nil
	}
	f.once.Do(func() {
		src, err := files.ReadFile(f.Group + "/" + f.Word + ".ml")
		if err != nil {
			panic(err) // embedded: cannot fail
		}
		ast, diags := dsl.Parse(f.Name, src)
		if diags.HasErrors() {
			panic(fmt.Sprintf("prelude: %s: %v", f.Name, diags)) // a test parses every file
		}
		f.Source, f.AST = src, ast
	})
	return f
}

// Has reports whether there is a word of that name, without parsing it.
func Has(name string) bool { return index()[name] != nil }
