package randspec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/internal/lab"
)

// Options say how nets are checked.
type Options struct {
	Root     string // the folder of this repository
	Seed     uint64 // of inputs and weights
	Packages int    // generated packages to spread the nets over
}

// Failure is a net whose generated code does not do what its text means.
type Failure struct {
	Net  *Net
	What []string
}

// Targets are the paths that generated code has on this machine, "" for the one it
// takes by itself.
func Targets() []string {
	if runtime.GOARCH == "amd64" {
		return []string{"", "avx2", "go"}
	}
	return []string{""}
}

// Check generates code of nets and compares it with the float64 evaluator: results,
// loss, and every stored tensor after one and after two updates. All paths must give
// the same bits. A net that differs is tried with two other inputs: one that differs
// every time has failed, since values that are nearly equal may compare either way.
func Check(nets []*Net, o Options) ([]Failure, error) {
	dir, err := os.MkdirTemp("", "randspec")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	l, err := lab.New(dir, o.Root)
	if err != nil {
		return nil, err
	}
	c := &checker{o: o, lab: l}
	n := max(1, min(o.Packages, len(nets)))
	for k := range n {
		if err := c.add(nets[k*len(nets)/n : (k+1)*len(nets)/n]); err != nil {
			return nil, err
		}
	}
	if err := l.Build(); err != nil {
		return c.divide(nets, err)
	}
	defer c.stop()
	for _, g := range c.groups {
		for k, net := range g.nets {
			what, err := c.check(g, k)
			if err != nil {
				return nil, err
			}
			if what != nil {
				c.failed = append(c.failed, Failure{net, what})
			}
		}
	}
	return c.failed, nil
}

// divide looks for the nets whose code does not build.
func (c *checker) divide(nets []*Net, err error) ([]Failure, error) {
	if len(nets) == 1 {
		return []Failure{{nets[0], []string{err.Error()}}}, nil
	}
	first, err := Check(nets[:len(nets)/2], c.o)
	if err != nil {
		return nil, err
	}
	second, err := Check(nets[len(nets)/2:], c.o)
	return append(first, second...), err
}

type group struct {
	nets []*Net
	pkg  int
	ref  *lab.Reference
}

type checker struct {
	o       Options
	lab     *lab.Lab
	groups  []group
	running []*lab.Process
	failed  []Failure
}

// add generates one package of nets. Nets that do not compile have failed.
func (c *checker) add(nets []*Net) error {
	p, err := lab.Compile(Text(nets...))
	if err != nil {
		var whole []*Net
		for _, n := range nets {
			if _, err := lab.Compile(Text(n)); err != nil {
				c.failed = append(c.failed, Failure{n, []string{err.Error()}})
				continue
			}
			whole = append(whole, n)
		}
		if len(whole) == 0 {
			return nil
		}
		if len(whole) == len(nets) {
			return fmt.Errorf("nets that compile alone do not together: %w", err)
		}
		return c.add(whole)
	}
	ref, err := lab.NewReference(Text(nets...))
	if err != nil {
		return err
	}
	pkg, err := c.lab.Add(p)
	if err != nil {
		return err
	}
	c.groups = append(c.groups, group{nets, pkg, ref})
	return nil
}

func (c *checker) start() (err error) {
	for _, target := range Targets() {
		p, err := c.lab.Start(target)
		if err != nil {
			return err
		}
		c.running = append(c.running, p)
	}
	return nil
}

func (c *checker) stop() {
	for _, p := range c.running {
		_ = p.Close() // one that crashed has been reported
	}
	c.running = nil
}

// check compares net k of a group. The error is one of the evaluator.
func (c *checker) check(g group, k int) (what []string, err error) {
	for try := range uint64(3) {
		if c.running == nil {
			if err := c.start(); err != nil {
				return nil, err
			}
		}
		d := newDraw(c.o.Seed*31+uint64(k)*7+try, g, k)
		want, err := d.record(g.ref)
		if err != nil && strings.Contains(err.Error(), "check failed") {
			if what := c.refuses(g, d); what != nil {
				return what, nil
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, Text(g.nets[k]))
		}
		if !want.finite() {
			continue // nothing to compare
		}
		what = c.against(g, d, want)
		if what == nil {
			return nil, nil
		}
	}
	return what, nil
}

// refuses runs what the evaluator's checks on entry refuse.
func (c *checker) refuses(g group, d *draw) []string {
	for i, p := range c.running {
		if _, err := d.record(p.Model(g.pkg)); err == nil || strings.Contains(err.Error(), "panic") || strings.Contains(err.Error(), "EOF") {
			c.stop()
			return []string{fmt.Sprintf("target %q: the evaluator refuses these sizes, generated code says %v", Targets()[i], err)}
		}
	}
	return nil
}

func (c *checker) against(g group, d *draw, want record) (what []string) {
	var first record
	for i, p := range c.running {
		have, err := d.record(p.Model(g.pkg))
		if err != nil {
			c.stop() // it may have crashed
			return []string{fmt.Sprintf("target %q: %v", Targets()[i], err)}
		}
		if i == 0 {
			first = have
			far := slices.Contains(steep, g.nets[d.k].Optimizer)
			if what = want.differ(have, d.before, far); what != nil && d.chaotic(g, want, what, far) {
				what = nil
			}
		} else if name := first.otherBits(have); name != "" {
			what = append(what, fmt.Sprintf("%s: target %q has other bits than %q", name, Targets()[i], Targets()[0]))
		}
	}
	return what
}

// shakes is how often chaotic moves the inputs.
const shakes = 16

// chaotic reports whether the evaluator itself gives other results, as far as they were
// found to differ, for inputs that are some units in the last place of a float32 away:
// then rounding decides, such as the sign of sin(50000), and there is nothing to compare.
func (d *draw) chaotic(g group, want record, what []string, far bool) bool {
	unsure := map[string]bool{}
	for n := range uint64(shakes) {
		rng := rand.New(rand.NewPCG(n, 2))
		moved := *d
		moved.feed = map[string]lab.Values{}
		for _, name := range slices.Sorted(maps.Keys(d.feed)) {
			v := d.feed[name]
			v.Data = slices.Clone(v.Data)
			for i := range v.Data {
				v.Data[i] *= 1 + 0x1p-20*(2*rng.Float64()-1)
			}
			moved.feed[name] = v
		}
		have, err := moved.record(g.ref)
		if err != nil {
			return false
		}
		for _, w := range want.differ(have, d.before, far) {
			name, _, _ := strings.Cut(w, ":")
			unsure[name] = true
		}
	}
	return !slices.ContainsFunc(what, func(w string) bool {
		name, _, _ := strings.Cut(w, ":")
		return !unsure[name]
	})
}

// draw is what a net is run with.
type draw struct {
	k      int
	feed   map[string]lab.Values
	names  []string
	before map[string]lab.Values // stored tensors at the start
}

func single(v float64) float64 { return float64(float32(v)) }

func newDraw(seed uint64, g group, k int) *draw {
	rng := rand.New(rand.NewPCG(seed, 1))
	batch := []int{1, 2, 3, 5, 17}[rng.IntN(5)]
	inputs := g.nets[k].inputs()
	if text := strings.Join(inputs, ""); strings.Contains(text, "long") || strings.Contains(text, "wide") {
		batch = min(batch, 3) // the evaluator is slow
	}
	d := &draw{k: k, feed: map[string]lab.Values{}, before: map[string]lab.Values{}}
	for _, in := range inputs {
		name, rest, _ := strings.Cut(in, " float32[batch, ")
		v := lab.Values{Shape: []int{batch}}
		n := batch
		for _, part := range strings.Split(strings.TrimSuffix(rest, "]"), ", ") {
			size, _ := strconv.Atoi(part) // a number in Inputs
			v.Shape, n = append(v.Shape, size), n*size
		}
		for range n {
			v.Data = append(v.Data, single(2*rng.Float64()-1))
		}
		d.feed[name] = v
	}
	net, state := fmt.Sprintf("n%d.", k), fmt.Sprintf("optimizer/t%d/", k)
	for _, x := range g.ref.Vars() {
		if !strings.HasPrefix(x.Name, net) && !strings.HasPrefix(x.Name, state) {
			continue
		}
		shape := make([]int, len(x.Type.Shape))
		n := 1
		for i, s := range x.Type.Shape {
			c, _ := s.Int()
			shape[i], n = int(c), n*int(c)
		}
		v := lab.Values{Shape: shape, Data: make([]float64, n)}
		for i := range v.Data {
			switch {
			case x.Type.DType == dim.BFloat16:
				v.Data[i] = float64(rng.IntN(16)) / 8
			case x.Kind == ir.Param && len(shape) < 2:
				v.Data[i] = single(0.8 + 0.4*rng.Float64())
			case x.Kind == ir.Param:
				v.Data[i] = single(0.8 * (rng.Float64() - 0.5))
			case strings.HasSuffix(x.Name, "_var"):
				v.Data[i] = 1
			}
		}
		d.names = append(d.names, x.Name)
		d.before[x.Name] = v
	}
	return d
}

// record is all that came out.
type record struct {
	names  []string
	values map[string]lab.Values
}

func (r *record) add(name string, v lab.Values) {
	r.names = append(r.names, name)
	r.values[name] = v
}

// record runs a model: its results, and two updates.
func (d *draw) record(m lab.Model) (r record, err error) {
	r.values = map[string]lab.Values{}
	for _, name := range d.names {
		if err := m.Set(name, d.before[name]); err != nil {
			return r, err
		}
	}
	outs, err := m.Run(fmt.Sprintf("e%d", d.k), d.feed)
	if err != nil {
		return r, err
	}
	for i, v := range outs {
		v.Data = append([]float64{}, v.Data...)
		r.add(fmt.Sprintf("result %d", i), v)
	}
	for n := 1; n <= 2; n++ {
		loss, err := m.Step(fmt.Sprintf("t%d", d.k), n, d.feed)
		if err != nil {
			return r, err
		}
		r.add(fmt.Sprintf("loss of step %d", n), lab.Values{Data: []float64{loss}})
		for _, name := range d.names {
			v, err := m.Get(name)
			if err != nil {
				return r, err
			}
			v.Data = append([]float64{}, v.Data...)
			r.add(fmt.Sprintf("%s after step %d", name, n), v)
		}
	}
	return r, nil
}

func (r *record) finite() bool {
	for _, v := range r.values {
		for _, x := range v.Data {
			if math.IsNaN(x) || math.Abs(x) > 1e4 {
				return false
			}
		}
	}
	return true
}

// differ compares with single precision in mind: a stored tensor by how far it moved,
// and nothing behind a steep step.
func (r *record) differ(have record, before map[string]lab.Values, steep bool) (what []string) {
	for _, name := range r.names {
		if steep && (strings.Contains(name, " after ") || name == "loss of step 2") {
			continue
		}
		want, got := r.values[name], have.values[name]
		if len(want.Data) != len(got.Data) {
			what = append(what, fmt.Sprintf("%s: %d elements, the evaluator has %d", name, len(got.Data), len(want.Data)))
			continue
		}
		tensor, _, _ := strings.Cut(name, " after ")
		start := before[tensor].Data
		size := 0.0
		moved := func(i int) float64 {
			if start != nil {
				return want.Data[i] - start[i]
			}
			return want.Data[i]
		}
		for i := range want.Data {
			size = max(size, math.Abs(moved(i)))
		}
		for i, w := range want.Data {
			if d := math.Abs(got.Data[i] - w); !(d <= 1e-3*math.Abs(moved(i))+5e-4*size+2e-6*(1+math.Abs(w))) {
				what = append(what, fmt.Sprintf("%s: element %d is %.8g, the evaluator has %.8g (largest move %.3g)", name, i, got.Data[i], w, size))
				break
			}
		}
	}
	return what
}

// otherBits names the first value that is not bit for bit the same.
func (r *record) otherBits(have record) string {
	for _, name := range r.names {
		for i, w := range r.values[name].Data {
			if h := have.values[name].Data[i]; math.Float64bits(h) != math.Float64bits(w) && !(math.IsNaN(h) && math.IsNaN(w)) {
				return fmt.Sprintf("%s, element %d", name, i)
			}
		}
	}
	return ""
}

// Root finds the repository's folder above the working one.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; at != "/" && at != "."; at = at[:strings.LastIndexByte(at, '/')] {
		if _, err := os.Stat(at + "/internal/randspec"); err == nil {
			return at, nil
		}
		if strings.LastIndexByte(at, '/') <= 0 {
			break
		}
	}
	return "", errors.New("not inside the repository")
}
