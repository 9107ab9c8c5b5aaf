package golden

import (
	"fmt"
	"strconv"
	"strings"
)

// Fragment is a case written in the language: declarations for the model's body
// and one train block whose gradients an optimizer called capture records.
//
// Every float input of the case is a param, so that its gradient exists; every
// output is copied to a buffer by the train block.
type Fragment struct {
	Case  *Case
	ID    string   // prefix of its names, an identifier
	Body  []string // lines of the model's body
	Train []string // lines of the train block, without braces
	// Arrays are named as in the case; NAME#i/n is part i of n along the first axis.
	Set   map[string]string // stored tensor -> array of the case that it starts from
	Feed  map[string]string // input of the train block -> array
	Out   map[string]string // stored tensor -> array expected after the step
	Grad  map[string]string // stored tensor -> array of its expected gradient
	Steps int               // updates to make
	// Stepped says that the arrays of Feed have a leading axis, the step.
	Stepped bool
	After   map[string]string // stored tensor -> array [step, ...] of values after each update
	Loss    string            // array [step] of expected losses, or ""
	Final   map[string]string // stored tensor -> array expected after the last update
	// Null holds the elements [from, to) of stored tensors whose gradient is zero in
	// exact arithmetic. An adaptive optimizer divides its rounding error by its own
	// size, so that only exact arithmetic can be compared there.
	Null map[string][2]int
	// Rates are stored tensors of one element that are zero before each step and the
	// negated rate after it, which is compared with the array's element of that step.
	Rates map[string]string
	// A training run first makes one step with a block that only records: First is its
	// lines, Outputs and Gradients what it must give. Then all starts again.
	First              []string
	Outputs, Gradients map[string]string
	// Entry is the lines of an entry in inference form that is called after the last
	// update; its output is compared with the array Eval.
	Entry []string
	Eval  string
}

// Capture is the optimizer that leaves parameters alone and keeps gradients.
const Capture = `optimizer capture() {
    input p [...]
    input grad [...]
    state g [...] = zeros
    update g = grad
}
`

// builder collects a fragment.
type builder struct {
	f      *Fragment
	params []string // names that the optimizer works on
}

// Fragments writes cases in the language. A case that the language leaves out
// is returned in skipped with the reason.
func Fragments(cases []Case) (out []*Fragment, skipped map[string]string) {
	skipped = map[string]string{}
	for i := range cases {
		c := &cases[i]
		b := &builder{f: &Fragment{
			Case: c, ID: "c" + strconv.Itoa(i), Steps: 1,
			Set: map[string]string{}, Feed: map[string]string{}, Out: map[string]string{},
			Grad: map[string]string{}, After: map[string]string{}, Final: map[string]string{}, Null: map[string][2]int{},
			Rates: map[string]string{}, Outputs: map[string]string{}, Gradients: map[string]string{},
		}}
		if reason := b.build(c); reason != "" {
			skipped[c.Name] = reason
			continue
		}
		out = append(out, b.f)
	}
	return out, skipped
}

func (b *builder) build(c *Case) string {
	switch c.Kind {
	case "layer":
		return b.layer(c)
	case "activation":
		return b.activation(c)
	case "op":
		return b.op(c)
	case "loss":
		return b.loss(c)
	case "optimizer":
		return b.optimizer(c)
	case "scheduler":
		return b.scheduler(c)
	case "clip":
		return b.clip(c)
	case "train":
		return b.training(c)
	}
	return "unknown kind " + c.Kind
}

// Model joins fragments into one spec.
func Model(name string, fragments []*Fragment) string {
	var s strings.Builder
	s.WriteString("edition 1\n\n" + Capture + "\nmodel " + name + "() {\n")
	for _, f := range fragments {
		for _, line := range f.Body {
			s.WriteString("    " + line + "\n")
		}
		writeBlock(&s, "train "+f.TrainName(), f.Train)
		if f.First != nil {
			writeBlock(&s, "train "+f.FirstName(), f.First)
		}
		if f.Entry != nil {
			writeBlock(&s, "entry "+f.EntryName(), f.Entry)
		}
	}
	s.WriteString("}\n")
	return s.String()
}

func writeBlock(s *strings.Builder, head string, lines []string) {
	s.WriteString("    " + head + " {\n")
	for _, line := range lines {
		s.WriteString("        " + line + "\n")
	}
	s.WriteString("    }\n")
}

// FirstName is the name of the train block First.
func (f *Fragment) FirstName() string { return "first" + f.ID }

// EntryName is the name of the fragment's entry.
func (f *Fragment) EntryName() string { return "entry" + f.ID }

// TrainName is the name of the fragment's train block.
func (f *Fragment) TrainName() string { return "t" + f.ID }

// StateName is the stored name of the gradient that capture records for a tensor in
// a train block.
func StateName(train, tensor string) string { return "optimizer/" + train + "/" + tensor + "/g" }

func (b *builder) body(format string, args ...any) {
	b.f.Body = append(b.f.Body, fmt.Sprintf(format, args...))
}

func (b *builder) train(format string, args ...any) {
	b.f.Train = append(b.f.Train, fmt.Sprintf(format, args...))
}

func dims(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = strconv.Itoa(n)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func dtypeOf(a Array) string {
	switch a.DType {
	case "int64", "int32":
		return "int32"
	case "bool":
		return "bool"
	}
	return "float32"
}

// input declares array in.NAME and returns the name to use: a param for floats,
// an input of the train block for integers and booleans.
func (b *builder) input(name string) (string, bool) {
	a, ok := b.f.Case.Array("in." + name)
	if !ok {
		return "", false
	}
	id := b.f.ID + "_" + name
	if t := dtypeOf(a); t != "float32" {
		b.train("input %s %s%s", id, t, dims(a.Shape))
		b.f.Feed[id] = a.Name
		return id, true
	}
	b.body("param %s float32%s = zeros", id, dims(a.Shape))
	b.f.Set[id] = a.Name
	if _, ok := b.f.Case.Array("grad.in." + name); ok {
		b.f.Grad[id] = "grad.in." + name
	}
	b.params = append(b.params, id)
	return id, true
}

// mustInput is input for an array that every case of its kind has.
func (b *builder) mustInput(name string) string {
	id, _ := b.input(name)
	return id
}

// layerParams binds param.NAME and buf.NAME to the stored tensors of a layer.
func (b *builder) layerParams(label string) {
	for _, a := range b.f.Case.Arrays {
		if p, ok := strings.CutPrefix(a.Name, "param."); ok {
			for stored, part := range storedParts(p) {
				b.f.Set[label+"."+stored] = a.Name + part
				if _, ok := b.f.Case.Array("grad.param." + p); ok {
					b.f.Grad[label+"."+stored] = "grad.param." + p + part
				}
			}
		}
		if p, ok := strings.CutPrefix(a.Name, "buf."); ok && p != "num_batches_tracked" {
			b.f.Set[label+"."+p] = a.Name
			b.f.Out[label+"."+p] = "bufout." + p
		}
	}
}

// storedParts maps a parameter of the reference to stored tensors and the parts of
// the array that they are: attention has one tensor for each of its projections.
func storedParts(p string) map[string]string {
	path, name := "", p
	if i := strings.LastIndexByte(p, '.'); i >= 0 {
		path, name = p[:i+1], p[i+1:]
	}
	kind, joined := strings.CutPrefix(name, "in_proj_")
	if !joined {
		for _, proj := range []string{"q_proj", "k_proj", "v_proj"} {
			if kind, ok := strings.CutPrefix(name, proj+"_"); ok {
				return map[string]string{path + proj + "." + kind: ""}
			}
		}
		return map[string]string{p: ""}
	}
	return map[string]string{path + "q_proj." + kind: "#0/3", path + "k_proj." + kind: "#1/3", path + "v_proj." + kind: "#2/3"}
}

// finish ends the train block: outputs are (array, expression) pairs.
func (b *builder) finish(layers []string, outputs ...string) {
	var terms []string
	for i := 0; i < len(outputs); i += 2 {
		name, expr := outputs[i], outputs[i+1]
		a, _ := b.f.Case.Array("out." + name)
		id := b.f.ID + "_out_" + name
		b.body("buffer %s float32%s = zeros", id, dims(a.Shape))
		b.train("%s_v = %s", id, expr)
		b.train("update %s = %s_v", id, id)
		b.f.Out[id] = a.Name
		if g, ok := b.f.Case.Array("gout." + name); ok {
			gid := b.f.ID + "_gout_" + name
			b.train("input %s float32%s", gid, dims(g.Shape))
			b.f.Feed[gid] = g.Name
			terms = append(terms, fmt.Sprintf("sum(%s_v * %s)", id, gid))
		}
	}
	b.train("loss %s", strings.Join(terms, " + "))
	on := append(append([]string{}, b.params...), layers...)
	b.train("optimizer capture() on %s", strings.Join(on, ", "))
}
