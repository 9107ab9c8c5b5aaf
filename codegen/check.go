package codegen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// checkFile parses a generated file again and compares what it imports and
// declares with what was meant. Nothing that a model's author writes, in names,
// comments or strings, may add to that.
func checkFile(s *source, data []byte) error {
	f, err := parser.ParseFile(token.NewFileSet(), s.name, data, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("internal error: %s does not parse: %w", s.name, err)
	}
	if !ast.IsGenerated(f) {
		return fmt.Errorf("internal error: %s is not marked as generated", s.name)
	}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil || !slices.ContainsFunc(imports[:], func(known [2]string) bool { return known[1] == path }) {
			return fmt.Errorf("internal error: %s imports %s, which no model needs", s.name, i.Path.Value)
		}
	}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if directive(c.Text) && c.Text != "//go:build "+s.tags && c.Text != s.embeds {
				return fmt.Errorf("internal error: %s has the directive %q", s.name, c.Text)
			}
		}
	}
	if have := declared(f); !slices.Equal(have, s.decls) {
		return fmt.Errorf("internal error: %s declares %q, expected %q", s.name, have, s.decls)
	}
	return nil
}

// directive reports whether tools may take a comment for more than one.
func directive(text string) bool {
	return strings.HasPrefix(text, "/*") || len(text) > 2 && text[2] != ' ' && text[2] != '\t'
}

// declared lists a file's declarations in order, as source.decls does.
func declared(f *ast.File) []string {
	var list []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				list = append(list, "func "+d.Name.Name)
				continue
			}
			t := d.Recv.List[0].Type
			if star, ok := t.(*ast.StarExpr); ok {
				t = star.X
			}
			name, _ := t.(*ast.Ident)
			list = append(list, "method "+name.Name+"."+d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					list = append(list, "type "+spec.Name.Name)
				case *ast.ValueSpec:
					list = append(list, d.Tok.String()+" "+spec.Names[0].Name)
				}
			}
		}
	}
	return list
}
