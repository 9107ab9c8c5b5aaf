package build

import (
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/dsl/diag"
)

// Info is what the build knows beside the program: the table of layers for
// `mlc summary`, the texts for rendering diagnostics.
type Info struct {
	Model string
	// Sources are the texts of all files read, by their names in diagnostics.
	Sources diag.Sources
	// Files are the files read, the model's first, as paths below the module's root.
	Files  []string
	Layers []Layer
	// Parameters counts the elements of learnable tensors, Buffers of the others
	// that are saved with the model.
	Parameters, Buffers int64
	// MultAdds counts the multiply-adds of products and convolutions of one
	// inference; it may depend on symbols such as batch.
	MultAdds dim.Dim
}

// Layer is a row of the table: one library block that the model's files apply,
// or a block of their own that has parameters itself.
type Layer struct {
	Path  string // label path
	Op    string
	Label string // the stage's text
	In    []ir.Type
	Out   []ir.Type
	// Parameters counts the elements that this layer owns, but not those of layers
	// inside it that have a row; MultAdds is of the first entry that applies it.
	Parameters int64
	MultAdds   dim.Dim
	Pos        diag.Span
}

// layerRow adds a row at a unit's first application.
func (e *evaluator) layerRow(fr *frame, c *callable, in *instance, inputs map[string]argument, out value, _ int, at diag.Span) {
	if fr.src.prelude || in.noted || !c.src.prelude && len(in.list) == 0 {
		return
	}
	in.noted = true
	row := Layer{Path: in.path, Op: c.name, Label: in.label, Pos: at}
	for _, i := range c.inputs {
		if t, ok := typeOf(inputs[i.Tensor.Name.Name].v); ok {
			row.In = append(row.In, t)
		}
	}
	outs := tuple{out}
	if t, ok := out.(tuple); ok {
		outs = t
	}
	for _, v := range outs {
		if t, ok := typeOf(v); ok {
			row.Out = append(row.Out, t)
		}
	}
	e.info.Layers = append(e.info.Layers, row)
	e.rows = append(e.rows, in)
}

// summarize counts parameters and multiply-adds.
func (e *evaluator) summarize() {
	owner := map[*variable]int{} // the innermost row
	for i, in := range e.rows {
		for _, x := range in.tensors() {
			if k, ok := owner[x]; x.Kind == ir.Param && (!ok || len(e.info.Layers[k].Path) < len(in.path)) {
				owner[x] = i
			}
		}
	}
	for _, x := range e.vars {
		if i, ok := owner[x]; ok {
			e.info.Layers[i].Parameters += elements(x.Type)
		}
	}
	for _, x := range e.vars {
		switch x.Kind {
		case ir.Param:
			e.info.Parameters += elements(x.Type)
		case ir.Buffer:
			e.info.Buffers += elements(x.Type)
		}
	}
	var entry *ir.Entry
	for _, en := range e.prog.Entries {
		if entry == nil && (en.Kind == ir.Forward && en.Name == "forward" || en.Kind == ir.Eval) {
			entry = en
		}
	}
	if entry == nil && len(e.prog.Entries) > 0 {
		entry = e.prog.Entries[0]
	}
	if entry == nil {
		return
	}
	e.info.MultAdds = e.countFunc(entry.Func, dim.Const(1))
	for _, en := range e.prog.Entries {
		if en != entry && en.Kind == ir.Forward {
			e.countFunc(en.Func, dim.Const(1))
		}
	}
}

// maxStored bounds the bytes of a model's parameters and buffers.
const maxStored = 64 << 30

// storable checks that parameters and buffers fit a machine; the finding stands
// at the largest.
func (e *evaluator) storable() {
	var largest *variable
	total, most := 0.0, 0.0
	for _, x := range e.vars {
		if x.Kind != ir.Param && x.Kind != ir.Buffer {
			continue
		}
		bytes := float64(x.Type.DType.Size()) * float64(elements(x.Type))
		total += bytes
		if bytes > most {
			largest, most = x, bytes
		}
	}
	if total > maxStored {
		e.report(diag.MemoryTooLarge, e.userSpan(largest.Pos), "the model's parameters and buffers take %.0f GiB, the limit is %d", total/(1<<30), maxStored>>30).
			Note("the largest is %s, %s", largest.Name, op.TypeString(largest.Type))
	}
}

func elements(t ir.Type) int64 {
	n, _ := dim.Product(t.Shape).Int()
	return n
}

// countFunc counts the multiply-adds of a function that runs times times, and gives
// them to the rows that have none of another function.
func (e *evaluator) countFunc(f *ir.Func, times dim.Dim) (total dim.Dim) {
	counts := make([]dim.Dim, len(e.info.Layers))
	var count func(f *ir.Func, times dim.Dim)
	count = func(f *ir.Func, times dim.Dim) {
		for _, i := range f.Instrs {
			if i.Metric {
				continue
			}
			if s, ok := i.Op.(op.Scan); ok {
				count(s.Body, times.Mul(s.Length))
				continue
			}
			n := multAdds(i)
			if n.Is(0) {
				continue
			}
			n = n.Mul(times)
			total = total.Add(n)
			if k := e.rowOf(i.Path); k >= 0 {
				counts[k] = counts[k].Add(n)
			}
		}
	}
	count(f, times)
	for k, n := range counts {
		if e.info.Layers[k].MultAdds.Is(0) {
			e.info.Layers[k].MultAdds = n
		}
	}
	return total
}

// rowOf is the innermost row that a path lies in, or -1.
func (e *evaluator) rowOf(path string) int {
	best := -1
	for k, row := range e.info.Layers {
		if (path == row.Path || strings.HasPrefix(path, row.Path+".")) && (best < 0 || len(row.Path) > len(e.info.Layers[best].Path)) {
			best = k
		}
	}
	return best
}

// multAdds counts the products of one contraction; 0 for other operations.
func multAdds(i *ir.Instr) dim.Dim {
	switch o := i.Op.(type) {
	case op.Einsum:
		in, _, _ := strings.Cut(o.Spec, "->")
		a, b, _ := strings.Cut(in, ",")
		n := dim.Product(i.Args[0].Type.Shape)
		for k, l := range b {
			if !strings.ContainsRune(a, l) {
				n = n.Mul(i.Args[1].Type.Shape[k])
			}
		}
		return n
	case op.Conv:
		return dim.Product(i.Results[0].Type.Shape).Mul(dim.Product(i.Args[1].Type.Shape[1:]))
	case op.ConvInputGrad:
		return dim.Product(i.Args[0].Type.Shape).Mul(dim.Product(i.Args[1].Type.Shape[1:]))
	}
	return dim.Dim{}
}
