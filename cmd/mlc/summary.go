package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
)

// summaryFlags are the flags of `mlc summary`.
type summaryFlags struct {
	spec   specFlags
	batch  int64
	with   []string
	depth  int
	format string
}

// layerRow is a row of the summary. Sizes are for one call.
type layerRow struct {
	Name       string   `json:"name"`
	Op         string   `json:"op"`
	Inputs     []string `json:"inputs"`
	Outputs    []string `json:"outputs"`
	Parameters int64    `json:"parameters"`
	MultAdds   int64    `json:"mult_adds"`
}

// modelSummary is what `mlc summary` knows. Memory counts stored tensors and
// the scratch memory of a call.
type modelSummary struct {
	Model          string     `json:"model"`
	Batch          int64      `json:"batch"`
	Parameters     int64      `json:"parameters"`
	Buffers        int64      `json:"buffers"`
	Layers         []layerRow `json:"layers"`
	MultAdds       int64      `json:"mult_adds"`
	MemoryBytes    int64      `json:"memory_bytes"`
	TrainingMemory int64      `json:"training_memory_bytes,omitempty"`
	Assumed        []string   `json:"assumed,omitempty"` // dimensions that nobody gave a size
}

func newSummary(a *app) *cobra.Command {
	var f summaryFlags
	c := &cobra.Command{
		Use:   "summary [FILE]",
		Short: "Show layers, shapes, parameters, multiply-adds and memory",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.summary(args, f) },
	}
	f.spec.register(c)
	fl := c.Flags()
	fl.Int64Var(&f.batch, "batch", 1, "samples of a call")
	fl.StringSliceVar(&f.with, "with", nil, "`name=size`: size of a symbolic dimension, such as time=128 (default 1)")
	fl.IntVar(&f.depth, "depth", 0, "show layers to this depth of nesting; 0 for all")
	fl.StringVar(&f.format, "format", "table", "table, json, csv or md")
	return c
}

func (a *app) summary(args []string, f summaryFlags) error {
	if !slices.Contains([]string{"table", "json", "csv", "md"}, f.format) {
		return usage("--format is table, json, csv or md, not %q", f.format)
	}
	sizes, err := parseSizes(f.with)
	if err != nil {
		return err
	}
	if f.batch < 1 {
		return usage("--batch must be at least 1, not %d", f.batch)
	}
	sizes["batch"] = f.batch
	in, err := a.one(args)
	if err != nil {
		return err
	}
	a.choose(&in, f.spec)
	r, err := a.reporter("text")
	if err != nil {
		return err
	}
	res, err := a.check(in, f.spec, r)
	if err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	s, err := summarize(res, sizes)
	if err != nil {
		return err
	}
	// Memory is known once the model is lowered; a model that cannot be has none.
	if res, err := a.compile(in, f.spec, debugFlags{}, &reporter{a: a, sources: map[string][]byte{}}); err == nil && res != nil {
		if err := s.countMemory(res.Loop, sizes); err != nil {
			return err
		}
	}
	s.cut(f.depth)
	return a.printSummary(s, f.format)
}

// summarize evaluates the build's table for the given sizes, which it extends by
// 1 for the dimensions that have none.
func summarize(res *compiler.Result, sizes map[string]int64) (*modelSummary, error) {
	info := res.Info
	s := &modelSummary{Model: info.Model, Batch: sizes["batch"], Parameters: info.Parameters, Buffers: info.Buffers, Layers: []layerRow{}}
	var err error
	count := func(d dim.Dim) int64 {
		for _, name := range d.Symbols() {
			if _, ok := sizes[name]; !ok {
				sizes[name] = 1
				s.Assumed = append(s.Assumed, name)
			}
		}
		n, e := d.Eval(sizes)
		if e != nil && err == nil {
			err = usage("%v for these sizes", e)
		}
		return n
	}
	shapes := func(types []ir.Type) []string {
		list := []string{}
		for _, t := range types {
			dims := make([]string, len(t.Shape))
			for i, d := range t.Shape {
				dims[i] = strconv.FormatInt(count(d), 10)
			}
			list = append(list, "["+strings.Join(dims, ", ")+"]")
		}
		return list
	}
	for _, l := range info.Layers {
		s.Layers = append(s.Layers, layerRow{l.Path, l.Op, shapes(l.In), shapes(l.Out), l.Parameters, count(l.MultAdds)})
	}
	s.MultAdds = count(info.MultAdds)
	return s, err
}

// countMemory adds up stored tensors and arenas.
func (s *modelSummary) countMemory(p *loop.Program, sizes map[string]int64) error {
	size := func(shape []dim.Dim, t dim.DType) (int64, error) {
		n, err := dim.Product(shape).Eval(sizes)
		return n * int64(t.Size()), err
	}
	var model, trained int64
	for _, v := range p.Vars {
		n, err := size(v.Shape, v.DType)
		if err != nil {
			continue // a session's state of a size that nobody gave
		}
		trained += n
		if v.Kind == "param" || v.Kind == "buffer" {
			model += n
		}
	}
	var forward, train int64
	for _, f := range p.Funcs {
		arena := int64(0)
		for _, slot := range f.Slots {
			most := int64(0)
			for _, z := range slot.Sizes {
				n, err := z.Elements.Eval(sizes)
				if err != nil {
					return usage("memory: %v: give it a size by --with", err)
				}
				most = max(most, n*int64(z.DType.Size()))
			}
			arena += most
		}
		switch f.Kind {
		case "forward":
			forward = max(forward, arena)
		case "train":
			train = max(train, arena)
		}
	}
	s.MemoryBytes = model + forward
	if train > 0 {
		s.TrainingMemory = trained + train
	}
	return nil
}

// cut joins the rows below a depth of nesting into one row for what they are in:
// from the first one's inputs to the last one's outputs, with all they own.
func (s *modelSummary) cut(depth int) {
	if depth <= 0 {
		return
	}
	var rows []layerRow
	at, whole := map[string]int{}, map[string]bool{}
	for _, l := range s.Layers {
		parts := layerParts(l.Name)
		own := len(parts) <= depth // a row for the block itself, whose shapes are better known
		name := strings.Join(parts[:min(depth, len(parts))], ".")
		i, known := at[name]
		if !known || own && whole[name] {
			at[name], whole[name] = len(rows), own
			if !own {
				l.Name, l.Op = name, "block"
			}
			rows = append(rows, l)
			continue
		}
		switch {
		case own:
			rows[i].Op, rows[i].Inputs, rows[i].Outputs, whole[name] = l.Op, l.Inputs, l.Outputs, true
		case !whole[name]:
			rows[i].Outputs = l.Outputs
		}
		rows[i].Parameters += l.Parameters
		rows[i].MultAdds += l.MultAdds
	}
	s.Layers = rows
}

// layerParts splits a layer's path; the index of a repeated block belongs to its
// name: h.0.attn has the parts h.0 and attn.
func layerParts(name string) (parts []string) {
	for _, p := range strings.Split(name, ".") {
		if _, err := strconv.Atoi(p); err == nil && len(parts) > 0 {
			parts[len(parts)-1] += "." + p
			continue
		}
		parts = append(parts, p)
	}
	return parts
}

// summaryHead names the columns of the table.
var summaryHead = []string{"layer", "op", "input", "output", "parameters", "mult-adds"}

func (l *layerRow) cells(number func(int64) string) []string {
	return []string{l.Name, l.Op, strings.Join(l.Inputs, " "), strings.Join(l.Outputs, " "), number(l.Parameters), number(l.MultAdds)}
}

func (a *app) printSummary(s *modelSummary, format string) error {
	var err error
	switch format {
	case "json":
		err = json.NewEncoder(a.stdout).Encode(s)
	case "csv":
		w := csv.NewWriter(a.stdout)
		rows := [][]string{summaryHead}
		for _, l := range s.Layers {
			rows = append(rows, l.cells(func(n int64) string { return strconv.FormatInt(n, 10) }))
		}
		err = w.WriteAll(rows)
	case "md":
		fmt.Fprintf(a.stdout, "| %s |\n|%s\n", strings.Join(summaryHead, " | "), strings.Repeat("---|", len(summaryHead)))
		for _, l := range s.Layers {
			fmt.Fprintf(a.stdout, "| %s |\n", strings.Join(l.cells(thousands), " | "))
		}
	default:
		err = a.printTable(s)
	}
	if err != nil {
		return failure(err)
	}
	return nil
}

func (a *app) printTable(s *modelSummary) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(summaryHead, "\t"))
	for _, l := range s.Layers {
		fmt.Fprintln(w, strings.Join(l.cells(thousands), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\n%s: %s parameters, %s buffer values\n", s.Model, thousands(s.Parameters), thousands(s.Buffers))
	fmt.Fprintf(a.stdout, "batch %d: %s mult-adds, %s\n", s.Batch, thousands(s.MultAdds), s.memoryText())
	if len(s.Assumed) > 0 {
		fmt.Fprintf(a.stdout, "sizes taken as 1: %s (give them by --with)\n", strings.Join(s.Assumed, ", "))
	}
	return nil
}

func (s *modelSummary) memoryText() string {
	if s.MemoryBytes == 0 {
		return "memory unknown: the model cannot be generated"
	}
	text := fmt.Sprintf("%.2f MB of memory", float64(s.MemoryBytes)/1e6)
	if s.TrainingMemory > 0 {
		text += fmt.Sprintf(", %.2f MB in training", float64(s.TrainingMemory)/1e6)
	}
	return text
}
