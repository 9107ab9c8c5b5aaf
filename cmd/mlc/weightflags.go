package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/codegen"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/dsl/diag"
	mlrt "github.com/mlc-go/mlc/runtime"
	"github.com/mlc-go/mlc/train"
)

// weightFlags say which weights to start from and how their names become the
// model's.
type weightFlags struct {
	path    string
	maps    []string
	partial bool
	noEMA   bool
}

func (f *weightFlags) register(c *cobra.Command, help string) {
	c.Flags().StringVar(&f.path, "weights", "", help)
	f.registerMapping(c)
}

// registerMapping adds the flags that say how a foreign file is read.
func (f *weightFlags) registerMapping(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.maps, "map", nil, "`pattern=target` or a file of such lines: the model's names of the weights file's tensors, as in 'model.*=*' or 'w=w | transpose'; repeat, the first match counts")
	c.Flags().BoolVar(&f.noEMA, "no-ema", false, "take a checkpoint's parameters themselves, not the moving averages that ema keeps of them")
	c.Flags().BoolVar(&f.partial, "partial", false, "load what the weights file and the model have in common")
}

// rules returns the text of the weight map: each --map in its order.
func (f *weightFlags) rules() (string, error) {
	var b strings.Builder
	for _, m := range f.maps {
		if !strings.Contains(m, "=") {
			text, err := os.ReadFile(m)
			if err != nil {
				return "", readError(err)
			}
			m = string(text)
		}
		fmt.Fprintln(&b, m)
	}
	if _, err := train.ParseWeightMap(b.String()); err != nil {
		return "", usage("--map: %v", err)
	}
	return b.String(), nil
}

// apply puts the flags into a job.
func (f *weightFlags) apply(job *train.Job) (err error) {
	job.Weights, job.Partial, job.NoEMA = f.path, f.partial, f.noEMA
	job.Map, err = f.rules()
	return err
}

// embedded returns the weights file that a generated package carries, made from
// the file of the flags. A file that does not fit the model is reported and
// gives nil.
func (f *weightFlags) embedded(p *ir.Program, dir, source string, r *reporter) (*outFile, error) {
	rules, err := f.rules()
	if err != nil {
		return nil, err
	}
	file, err := convertWeights(p, f, rules)
	if err != nil {
		message, notes, _ := strings.Cut(err.Error(), "\n")
		d := diag.New(diag.WeightsMismatch, diag.Span{File: p.File}, "%s", message)
		for note := range strings.Lines(notes) {
			d.Note("%s", strings.TrimSpace(note))
		}
		r.add(diag.List{d}, nil)
		return nil, nil
	}
	return &outFile{filepath.Join(dir, codegen.WeightsFile(source)), file}, nil
}

// weightsMark is what the metadata of a weights file of mlc contain.
const weightsMark = `"mlc.model"`

// isWeights reports whether a path is that of a weights file, which no diff and
// no archive of texts shows.
func isWeights(path string) bool { return filepath.Ext(path) == ".safetensors" }

func convertWeights(p *ir.Program, f *weightFlags, rules string) ([]byte, error) {
	m, err := train.ParseWeightMap(rules)
	if err != nil {
		return nil, err
	}
	w, err := train.OpenWeights(f.path)
	if err != nil {
		return nil, err
	}
	info := &mlrt.Info{Name: p.Name, Vars: storedOf(p)}
	list, _, err := w.Convert(info, train.LoadOptions{Map: m, Partial: f.partial, NoAverages: f.noEMA})
	if err != nil {
		return nil, err
	}
	if n := len(info.Vars); len(list) < n {
		return nil, fmt.Errorf("%w: %s has %d of the model's %d tensors; a package carries all or none", train.ErrWeightsMismatch, f.path, len(list), n)
	}
	var b bytes.Buffer
	err = mlrt.WriteFile(&b, map[string]string{"mlc.model": p.Name}, list)
	return b.Bytes(), err
}

// storedOf returns the parameters and buffers of a program.
func storedOf(p *ir.Program) []mlrt.VarInfo {
	var list []mlrt.VarInfo
	for _, v := range p.Vars {
		if v.Kind != ir.Param && v.Kind != ir.Buffer {
			continue
		}
		info := mlrt.VarInfo{Name: v.Name, DType: dtypes[v.Type.DType.String()]}
		for _, d := range v.Type.Shape {
			n, _ := d.Int() // the shapes of parameters and buffers are constant
			info.Shape = append(info.Shape, int(n))
		}
		list = append(list, info)
	}
	return list
}
