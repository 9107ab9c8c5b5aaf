// Package randspec writes random valid specs: nets of the language's words and
// operators, each put together from what the compiler's own type rules accept.
//
// It knows the words and asks the compiler for types; it runs nothing. The same seed
// gives the same net, and a net of fewer steps is a beginning of one with more, so that
// a failing one can be shrunk.
package randspec

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler"
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
)

// Net is a random net: a block of statements, each of which defines one value.
type Net struct {
	Steps     []Step
	Outputs   []string // values that the block gives
	Optimizer string
	Frozen    bool // its first linear layer is frozen, where it has one
	Grouped   bool // weights, where it has such a layer, learn at another rate
}

// Step is one statement, which defines Name.
type Step struct{ Name, Text string }

// Inputs are the declarations of every net's inputs; a statement may use any. long is
// of more than one tile of queries, wide of more than one vector in a row.
var Inputs = []string{"x float32[batch, 6]", "seq float32[batch, 4, 6]", "image float32[batch, 2, 5, 6]", "long float32[batch, 70, 6]", "wide float32[batch, 3, 5, 38]"}

// starts are the first statements; those of a few elements are met more often.
var starts = []string{"x + w", "x + w", "seq + w", "seq + w", "image + w", "image + w", "long + w", "wide * w[0]"}

// most is the largest number of elements of a value, per sample.
const most = 1200

// steep are optimizers that divide by the size of the gradient or take its sign: one
// of nothing but rounding moves a parameter far, and the evaluator's elsewhere.
var steep = []string{"lion(lr = 0.1, weight_decay = 0.1)", "lamb(lr = 0.1, weight_decay = 0.1)", "lars(lr = 1.0, trust = 0.1)", muon, "adafactor(lr = 0.1)", "adam(lr = 0.1)"}

// muon is for matrices: it is given one, where a net has a linear layer.
const muon = "muon(lr = 0.1)"

// optimizers are those that a gradient of nothing but rounding does not drive far.
var optimizers = []string{"sgd(lr = 1.0)", "sgd(lr = 1.0)", "sgd(lr = 0.5, momentum = 0.9, nesterov = true, weight_decay = 0.01)", "sgd(lr = 1.0, clip_norm = 0.1)",
	"adam(lr = 0.1, eps = 0.01)", "adamw(lr = 0.1, eps = 0.01, weight_decay = 0.1)", "rmsprop(lr = 0.1, eps = 0.1)", "adagrad(lr = 0.1, eps = 0.1)", "nadam(lr = 0.1, eps = 0.01)",
	"adamax(lr = 0.1, eps = 0.01)", "radam(lr = 0.1, eps = 0.01)", "adadelta(lr = 1.0, eps = 0.01)",
	"sgd(lr = 1.0, clip_value = 0.05)", "sgd(lr = cosine(1.0, warmup = 2, steps = 9), ema = 0.9)", "sgd(lr = 1.0, accumulate = 2)", "adam(lr = 0.1, eps = 0.01, amsgrad = true, maximize = true, ema = 0.8)",
	"rmsprop(lr = 0.1, eps = 0.1, momentum = 0.5, centered = true, accumulate = 2, clip_norm = 0.2)", "sgd(lr = 0.5, momentum = 0.9, dampening = 0.2)",
	"sgd(lr = cosine_restarts(1.0, period = 1, mult = 2, end = 0.1))", "sgd(lr = cyclic(0.2, 1.0, step_size_up = 2, mode = \"exp_range\", gamma = 0.9))", "sgd(lr = exponential(1.0, 0.7))",
	"sgd(lr = linear_decay(1.0, 5, start = 0.5))", "sgd(lr = multi_step(1.0, [1, 3]))", "sgd(lr = noam(16, warmup = 3))", "sgd(lr = one_cycle(1.0, 5))", "sgd(lr = polynomial(1.0, 4, power = 2))",
	"sgd(lr = step_decay(1.0, 1, gamma = 0.5))", "sgd(lr = warmup(1.0, 3, start = 0.2))"}

type value struct {
	name  string
	shape []dim.Dim
}

type generator struct {
	rng    *rand.Rand
	net    *Net
	values []value
}

// New writes a net of a number of statements.
func New(seed uint64, steps int) *Net {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 0x6e6574)), net: &Net{}}
	all := slices.Concat(optimizers, steep)
	g.net.Optimizer = all[g.rng.IntN(len(all))]
	g.net.Frozen, g.net.Grouped = g.rng.IntN(8) == 0, g.rng.IntN(8) == 0
	g.add(value{}, starts[g.rng.IntN(len(starts))])
	for tries := 0; len(g.net.Steps) < steps && tries < 60*steps; tries++ {
		r := rules[g.rng.IntN(len(rules))]
		x := g.pick()
		if rank := len(x.shape); rank < r.min || rank > r.max {
			continue
		}
		g.add(x, r.text)
	}
	for _, v := range g.values[max(0, len(g.values)-3):] {
		g.net.Outputs = append(g.net.Outputs, v.name)
	}
	return g.net
}

// pick prefers recent values, so that nets grow deep.
func (g *generator) pick() value {
	n := len(g.values)
	if g.rng.IntN(3) > 0 {
		return g.values[max(0, n-1-g.rng.IntN(2))]
	}
	return g.values[g.rng.IntN(n)]
}

var hole = regexp.MustCompile(`\$[a-z]`)

// add appends a statement made from a rule, if the compiler accepts it and its value
// is of moderate size.
func (g *generator) add(x value, text string) {
	name := fmt.Sprintf("v%d", len(g.net.Steps))
	text = hole.ReplaceAllStringFunc(text, func(h string) string { return g.fill(h, name, x) })
	if !strings.Contains(text, "\n") && !strings.HasPrefix(text, name+",") {
		text = name + " = " + text
	}
	steps := append(append([]Step{}, g.net.Steps...), Step{name, text})
	shape, ok := typeOf(&Net{Steps: steps, Outputs: []string{name}, Optimizer: "sgd()"})
	if !ok {
		return
	}
	g.net.Steps = steps
	g.values = append(g.values, value{name, shape})
}

// fill gives the text for a hole of a rule: x and y are values, v and l new names, a and
// b axes, n the last extent, k a small number and w one that fills vectors.
func (g *generator) fill(hole, name string, x value) string {
	axis := func() string {
		if len(x.shape) == 0 {
			return "0"
		}
		return strconv.Itoa(g.rng.IntN(len(x.shape)))
	}
	switch hole {
	case "$x":
		return x.name
	case "$y":
		return g.pick().name
	case "$v":
		return name
	case "$l":
		return "l" + name[1:]
	case "$a", "$b":
		return axis()
	case "$n":
		if len(x.shape) > 0 {
			return x.shape[len(x.shape)-1].String()
		}
		return "1"
	case "$w":
		return strconv.Itoa([]int{8, 16, 17, 33, 40}[g.rng.IntN(5)])
	}
	return strconv.Itoa([]int{1, 2, 3, 4, 6}[g.rng.IntN(5)])
}

// typeOf builds a net of one output and returns the output's shape.
func typeOf(n *Net) ([]dim.Dim, bool) {
	text := Text(n)
	r, diags, err := compiler.Build(compiler.Options{File: "net.ml", Overlay: map[string][]byte{"net.ml": []byte(text)}, FS: os.DirFS(".")})
	if err != nil || diags.HasErrors() {
		return nil, false
	}
	for _, e := range r.IR.Entries {
		if e.Kind != ir.Forward {
			continue
		}
		t := e.Outputs[0].Value.Type
		count := int64(1)
		for _, d := range t.Shape {
			if c, ok := d.Int(); ok {
				count *= c
			}
		}
		return t.Shape, t.DType == dim.Float32 && len(t.Shape) <= 5 && count <= most && count > 0
	}
	return nil, false
}

// Text joins nets into one spec: block Net0, entry e0 and train block t0, and so on.
func Text(nets ...*Net) string {
	var s, model strings.Builder
	s.WriteString("edition 1\n")
	for k, n := range nets {
		n.block(&s, k)
		n.use(&model, k)
	}
	s.WriteString("\nmodel Random() {\n" + model.String() + "}\n")
	return s.String()
}

// needed lists the steps that the outputs depend on.
func (n *Net) needed() []Step {
	used := map[string]bool{}
	for _, o := range n.Outputs {
		used[o] = true
	}
	var out []Step
	for i := len(n.Steps) - 1; i >= 0; i-- {
		if s := n.Steps[i]; used[s.Name] {
			for _, w := range word.FindAllString(s.Text, -1) {
				used[w] = true
			}
			out = append([]Step{s}, out...)
		}
	}
	return out
}

var word = regexp.MustCompile(`\b(?:v\d+|x|seq|image|long|wide)\b`)

// inputs lists the inputs that are used.
func (n *Net) inputs() []string {
	text := ""
	for _, s := range n.needed() {
		text += s.Text + "\n"
	}
	found := map[string]bool{}
	for _, w := range word.FindAllString(text, -1) {
		found[w] = true
	}
	var out []string
	for _, in := range Inputs {
		if name, _, _ := strings.Cut(in, " "); found[name] {
			out = append(out, in)
		}
	}
	return out
}

func (n *Net) block(s *strings.Builder, k int) {
	fmt.Fprintf(s, "\nblock Net%d() {\n", k)
	for _, in := range n.inputs() {
		name, shape, _ := strings.Cut(in, " float32")
		fmt.Fprintf(s, "    input %s %s\n", name, shape)
	}
	s.WriteString("    param w [6] = ones\n")
	for _, step := range n.needed() {
		fmt.Fprintf(s, "    %s\n", strings.ReplaceAll(step.Text, "\n", "\n    "))
	}
	fmt.Fprintf(s, "    output %s\n}\n", strings.Join(n.Outputs, ", "))
}

func (n *Net) use(s *strings.Builder, k int) {
	var names, outs, terms []string
	inputs := ""
	for _, in := range n.inputs() {
		name, _, _ := strings.Cut(in, " ")
		names = append(names, name)
		inputs += "        input " + in + "\n"
	}
	for i := range n.Outputs {
		outs = append(outs, fmt.Sprintf("y%d", i))
		terms = append(terms, fmt.Sprintf("4 * mean(pow(tanh(y%d) - 0.3, 2))", i))
	}
	call := fmt.Sprintf("        %s = n%d(%s)\n", strings.Join(outs, ", "), k, strings.Join(names, ", "))
	fmt.Fprintf(s, "    layer n%[1]d = Net%[1]d()\n    entry e%[1]d {\n%[2]s%[3]s        output %[4]s\n    }\n", k, inputs, call, strings.Join(outs, ", "))
	optimizer := fmt.Sprintf("%s on n%d", n.Optimizer, k)
	if n.Optimizer == muon {
		optimizer = fmt.Sprintf("sgd(lr = 1.0) on n%d", k)
	}
	freeze := ""
	for _, s := range n.needed() {
		if m := linear.FindStringSubmatch(s.Text); m != nil {
			if n.Optimizer == muon {
				optimizer = fmt.Sprintf("%s on \"n%d.%s.weight\"", muon, k, m[1])
			} else if n.Grouped {
				optimizer += fmt.Sprintf(" {\n            group \"n%d.l*.weight\" {\n                lr = 0.02\n            }\n        }", k)
			}
			if n.Frozen && n.Optimizer != muon && !(n.Grouped && n.linears() < 2) { // a group of frozen weights alone is a mistake
				freeze = fmt.Sprintf("        freeze \"n%d.%s.*\"\n", k, m[1])
			}
			break
		}
	}
	fmt.Fprintf(s, "    train t%d {\n%s%s        loss %s\n        optimizer %s\n%s    }\n", k, inputs, call, strings.Join(terms, " + "), optimizer, freeze)
}

// linears counts the statements with such layers.
func (n *Net) linears() (count int) {
	for _, s := range n.needed() {
		if linear.MatchString(s.Text) {
			count++
		}
	}
	return count
}

// linear matches a layer whose weight is called so.
var linear = regexp.MustCompile(`-> (l\d+): linear\(`)
