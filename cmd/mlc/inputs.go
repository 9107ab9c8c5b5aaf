package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/dsl"
)

// stdinName is how standard input is named in messages.
const stdinName = "<stdin>"

// input is a spec to work on.
type input struct {
	path  string // as messages show it
	text  []byte
	stdin bool
	named bool // given by its own name, not found in a folder
}

// library reports whether a spec only declares what others import.
func (in *input) library() bool {
	if bytes.Contains(in.text, []byte("\nmodel ")) {
		return false
	}
	file, diags := dsl.Parse(in.path, in.text)
	return !diags.HasErrors() && len(file.Decls) > 0 && !slices.ContainsFunc(file.Decls, func(d *dsl.Decl) bool { return d.Kind == "model" })
}

// models lists the models of a spec that has several.
func (in *input) models() (names []string) {
	if bytes.Count(in.text, []byte("model ")) < 2 {
		return nil
	}
	file, _ := dsl.Parse(in.path, in.text)
	for _, d := range file.Decls {
		if d.Kind == "model" {
			names = append(names, d.Name().Name)
		}
	}
	return names
}

// choose tells which of several models a verb takes when nobody says.
func (a *app) choose(in *input, f specFlags) {
	if names := in.models(); f.model == "" && len(names) > 1 {
		a.remark("%s has the models %s; this is about %s, --model chooses", in.path, strings.Join(names, ", "), names[0])
	}
}

// inputs reads the specs that the arguments name: files, folders, folders with
// /... for all below, and - for standard input. No argument means the *.ml files
// of the current folder.
func (a *app) inputs(args []string) ([]input, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var list []input
	seen := map[string]bool{}
	add := func(path string, named bool) error {
		path = filepath.Clean(path)
		if seen[path] {
			return nil
		}
		seen[path] = true
		text, err := os.ReadFile(path)
		if err != nil {
			return readError(err)
		}
		list = append(list, input{path: path, text: text, named: named})
		return nil
	}
	for _, arg := range args {
		if arg == "-" {
			text, err := io.ReadAll(a.stdin)
			if err != nil {
				return nil, failure(err)
			}
			list = append(list, input{path: stdinName, text: text, stdin: true, named: true})
			continue
		}
		found, named, err := expand(arg)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if err := add(path, named); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// expand returns the specs that one argument names.
func expand(arg string) (files []string, named bool, err error) {
	if dir, ok := strings.CutSuffix(filepath.ToSlash(arg), "..."); ok && (dir == "" || strings.HasSuffix(dir, "/")) {
		files, err = below(filepath.FromSlash(filepath.Clean(dir)))
		if err == nil && len(files) == 0 {
			err = usage("no *.ml file below %s", filepath.Clean(dir))
		}
		return files, false, err
	}
	st, err := os.Stat(arg)
	if err != nil {
		return nil, false, readError(err)
	}
	if !st.IsDir() {
		if !st.Mode().IsRegular() {
			return nil, false, usage("%s is not a regular file", arg)
		}
		return []string{arg}, true, nil
	}
	files, err = filepath.Glob(filepath.Join(arg, "*.ml"))
	if err == nil && len(files) == 0 {
		err = usage("no *.ml file in %s", arg)
	}
	return files, false, err
}

// below returns the *.ml files under a folder, without those in folders that
// the go command would not look into either.
func below(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && strings.HasSuffix(name, ".ml") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return nil, readError(err)
	}
	slices.Sort(files)
	return files, nil
}

// readError sorts the failure to read what an argument names: a name without a
// file is wrong usage, the rest is the machine's.
func readError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &exitError{exitUsage, err}
	}
	return failure(err)
}

// one returns the single spec of verbs that work on one.
func (a *app) one(args []string) (input, error) {
	list, err := a.inputs(args)
	if err != nil {
		return input{}, err
	}
	if len(list) > 1 { // a folder may hold what its model imports
		models := slices.DeleteFunc(slices.Clone(list), func(in input) bool { return !in.named && in.library() })
		if len(models) == 1 {
			return models[0], nil
		}
	}
	if len(list) != 1 {
		names := make([]string, len(list))
		for i, in := range list {
			names[i] = in.path
		}
		return input{}, usage("this verb works on one model, choose one: %s", strings.Join(names, " "))
	}
	return list[0], nil
}

// settings parses the values of --set: name=value.
func settings(values []string) (map[string]string, error) {
	set := map[string]string{}
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usage("--set takes name=value, not %q", v)
		}
		if _, twice := set[name]; twice {
			return nil, usage("--set gives %s twice", name)
		}
		set[name] = value
	}
	return set, nil
}

// plural returns "1 file" or "3 files".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
