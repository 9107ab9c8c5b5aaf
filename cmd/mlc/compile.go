package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/dsl/diag"
)

// specFlags choose a model of a file and its hyper-parameters.
type specFlags struct {
	model string
	set   []string
}

func (f *specFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.model, "model", "", "the model, when the file has several")
	c.Flags().StringArrayVar(&f.set, "set", nil, "`name=value`: a hyper-parameter of the model")
}

// debugFlags look into the compiler.
type debugFlags struct {
	dump    []string
	disable []string
	checkIR bool
}

// options returns the compiler's options for a spec.
func (a *app) options(in input, f specFlags) (compiler.Options, error) {
	set, err := settings(f.set)
	o := compiler.Options{File: in.path, Model: f.model, Set: set, OnCrash: a.keepCrash}
	if in.stdin {
		o.Overlay = map[string][]byte{in.path: in.text}
	}
	return o, err
}

// compile runs the whole compiler on a spec and collects its findings. The
// result is nil when there are errors among them.
func (a *app) compile(in input, f specFlags, d debugFlags, r *reporter) (*compiler.Result, error) {
	o, err := a.options(in, f)
	if err != nil {
		return nil, err
	}
	var dump io.Writer
	if len(d.dump) > 0 {
		dump = a.stdout
	}
	o.Dump, o.DumpTo, o.Disable, o.CheckIR = d.dump, dump, d.disable, d.checkIR
	res, list, err := compiler.Compile(o)
	return a.collect(in, res, list, err, r)
}

// check runs the part of the compiler that finds mistakes.
func (a *app) check(in input, f specFlags, r *reporter) (*compiler.Result, error) {
	o, err := a.options(in, f)
	if err != nil {
		return nil, err
	}
	res, list, err := compiler.Lint(o)
	return a.collect(in, res, list, err, r)
}

func (a *app) collect(in input, res *compiler.Result, list diag.List, err error, r *reporter) (*compiler.Result, error) {
	r.add(list, diag.Sources{in.path: in.text})
	if res != nil && res.Info != nil {
		r.add(nil, res.Info.Sources)
	}
	if err != nil {
		return nil, compileError(err)
	}
	if list.HasErrors() || res.IR == nil {
		return nil, nil
	}
	return res, nil
}

// internalPrefix starts the compiler's errors about itself.
const internalPrefix = "internal error"

// compileError sorts an error that is not about the model's text: a fault of
// the compiler, an unreadable file, or a wrong option.
func compileError(err error) error {
	var path *fs.PathError
	switch {
	case strings.HasPrefix(err.Error(), internalPrefix):
		return failure(fmt.Errorf("%w\nThis is a bug in mlc. Please report it with the model and this version: %s", err, versionText()))
	case errors.As(err, &path):
		return readError(err)
	}
	return &exitError{exitUsage, err}
}

// generateError reports an error of the code generator: names that collide in
// Go are the model's, the rest is a fault of mlc.
func generateError(err error, in input, r *reporter) error {
	if strings.HasPrefix(err.Error(), internalPrefix) {
		return compileError(err)
	}
	r.add(diag.List{diag.New(diag.GoNameCollision, diag.Span{File: in.path}, "%v", err)}, nil)
	return nil
}

// keepCrash leaves the program before a failed pass in a file that reproduces
// the failure.
func (a *app) keepCrash(pass, text string) {
	file := filepath.Join(os.TempDir(), "mlc-crash-"+pass+".txt")
	if err := os.WriteFile(file, []byte(text), 0o666); err == nil {
		fmt.Fprintf(a.stderr, "mlc: pass %s failed; the program before it is in %s\n", pass, file)
	}
}

// generate prints the Go package of a compiled spec.
func generate(res *compiler.Result, in input, o codegen.Options, r *reporter) ([]outFile, error) {
	res.Loop.File = sourceName(in)
	files, err := codegen.Generate(res.Loop, o)
	if err != nil {
		return nil, generateError(err, in, r)
	}
	out := make([]outFile, len(files))
	for i, f := range files {
		out[i] = outFile{f.Name, f.Data}
	}
	return out, nil
}
