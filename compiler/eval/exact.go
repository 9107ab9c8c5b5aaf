package eval

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/scalar"
)

// Exact runs a loop program as its kernels' documentation says, one point at a
// time, with the bits that generated code must give. Memory holds the bits of
// each element, widened to 64.
//
// It is slow and written to be obviously right. One goroutine at a time.
type Exact struct {
	Prog    *loop.Program
	Vars    map[*loop.Var][]uint64 // in the Var's layout
	Seed    uint64
	Step    int64              // number of the update being made
	Inputs  map[string]float64 // run-time settings of host scalars
	Metrics bool               // run calls that only metrics need
}

// NewExact returns an evaluator whose stored tensors are all zero.
func NewExact(p *loop.Program) (*Exact, error) {
	m := &Exact{Prog: p, Vars: map[*loop.Var][]uint64{}, Step: 1}
	for _, v := range p.Vars {
		n, err := loop.PhysicalSize(v.Shape, v.Layout).Eval(nil)
		if err != nil {
			continue // a session state's size is known when a call binds its symbols
		}
		m.Vars[v] = make([]uint64, n)
	}
	return m, nil
}

// frame is what one call of a Func needs.
type frame struct {
	m       *Exact
	dims    map[string]int64
	mem     map[*loop.Buffer][]uint64
	scalars map[*loop.Scalar]uint64
	loops   map[*loop.For]int64
}

// Run calls f. Inputs are row-major, one for each of f.Inputs; dims give f.Dims
// their values. The results are the outputs, row-major.
func (m *Exact) Run(f *loop.Func, dims map[string]int64, inputs ...[]uint64) ([][]uint64, error) {
	fr := &frame{m: m, dims: dims, mem: map[*loop.Buffer][]uint64{}, scalars: map[*loop.Scalar]uint64{}, loops: map[*loop.For]int64{}}
	for _, c := range f.Checks {
		v, err := c.Cond.Eval(scalar.Env{Dims: dims})
		if err != nil {
			return nil, err
		}
		if v == 0 {
			return nil, fmt.Errorf("check failed: %s", c.Message)
		}
	}
	if len(inputs) != len(f.Inputs) {
		return nil, fmt.Errorf("%s takes %d inputs, have %d", f.Name, len(f.Inputs), len(inputs))
	}
	for i, b := range f.Inputs {
		n, err := b.Size().Eval(dims)
		if err != nil {
			return nil, err
		}
		if int(n) != len(inputs[i]) {
			return nil, fmt.Errorf("input %s has %d elements, want %d", b.Name, len(inputs[i]), n)
		}
		fr.mem[b] = inputs[i]
	}
	for i := range f.Scalars {
		s := &f.Scalars[i]
		v, err := m.scalar(s, dims)
		if err != nil {
			return nil, err
		}
		fr.scalars[s] = v
	}
	if err := fr.steps(f.Body); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	var out [][]uint64
	for _, o := range f.Outputs {
		mem, err := fr.buffer(o.Buffer)
		if err != nil {
			return nil, err
		}
		out = append(out, mem)
	}
	return out, nil
}

// scalar computes a host scalar and rounds it once. The seed's halves and the
// step number are exact integers.
func (m *Exact) scalar(s *loop.Scalar, dims map[string]int64) (uint64, error) {
	if s.DType == dim.Uint32 {
		switch s.Name {
		case "seed0":
			return m.Seed & 0xffffffff, nil
		case "seed1":
			return m.Seed >> 32, nil
		case "step":
			return uint64(uint32(m.Step)), nil
		}
	}
	v, err := s.Expr.Eval(scalar.Env{Step: m.Step, Dims: dims, Inputs: m.Inputs})
	if err != nil {
		return 0, fmt.Errorf("scalar %s: %w", s.Name, err)
	}
	return castBits(bitsOf64(v), dim.Float64, s.DType), nil
}

func (fr *frame) steps(body []loop.Step) error {
	for _, s := range body {
		switch s := s.(type) {
		case *loop.Call:
			if s.Metric && !fr.m.Metrics {
				continue
			}
			if err := fr.call(s); err != nil {
				return fmt.Errorf("%s: %w", s.Kernel.Name, err)
			}
		case *loop.For:
			n, err := s.Extent.Eval(fr.dims)
			if err != nil {
				return err
			}
			for i := range n {
				fr.loops[s] = i
				if err := fr.steps(s.Body); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// buffer returns a buffer's memory, made at first use.
func (fr *frame) buffer(b *loop.Buffer) ([]uint64, error) {
	if mem, ok := fr.mem[b]; ok {
		return mem, nil
	}
	if b.Kind == loop.Stored {
		if mem, ok := fr.m.Vars[b.Var]; ok {
			return mem, nil
		}
	}
	n, err := b.Size().Eval(fr.dims)
	if err != nil {
		return nil, fmt.Errorf("buffer %s: %w", b.Name, err)
	}
	mem := make([]uint64, n)
	for i, v := range b.Data {
		mem[i] = uint64(v)
	}
	if b.Kind == loop.Stored {
		fr.m.Vars[b.Var] = mem
		return mem, nil
	}
	fr.mem[b] = mem
	return mem, nil
}

// view returns the memory of an argument: the buffer, or a slice of its first axis.
func (fr *frame) view(a loop.Arg) ([]uint64, error) {
	mem, err := fr.buffer(a.Buffer)
	if err != nil || a.At == nil {
		return mem, err
	}
	n, err := a.Buffer.Shape[0].Eval(fr.dims)
	if err != nil {
		return nil, err
	}
	i := fr.loops[a.At.Loop]
	if a.At.Reverse {
		extent, err := a.At.Loop.Extent.Eval(fr.dims)
		if err != nil {
			return nil, err
		}
		i = extent - 1 - i
	}
	i += a.At.Offset
	if i < 0 || i >= n {
		return nil, fmt.Errorf("buffer %s: position %d of %d", a.Buffer.Name, i, n)
	}
	stride := int64(len(mem)) / n
	return mem[i*stride : (i+1)*stride], nil
}

func (fr *frame) call(c *loop.Call) error {
	k := c.Kernel
	r := &kernelRun{kernel: k, dims: map[string]int64{}, mem: map[*loop.Param]*memory{}, args: map[*loop.ScalarParam]uint64{}, counters: map[string]int64{}}
	for i, d := range c.Dims {
		v, err := d.Eval(fr.dims)
		if err != nil {
			return err
		}
		r.dims[k.Dims[i]] = v
	}
	for i, s := range c.Scalars {
		r.args[k.Scalars[i]] = fr.scalars[s]
	}
	for i, l := range c.Counters {
		r.counters[k.Counters[i]] = fr.loops[l]
	}
	for i, a := range c.Args {
		mem, err := fr.view(a)
		if err != nil {
			return err
		}
		p := k.Params[i]
		pm := &memory{data: mem, layout: p.Layout}
		for _, d := range p.Shape {
			n, err := d.Eval(r.dims)
			if err != nil {
				return err
			}
			pm.shape = append(pm.shape, n)
		}
		r.mem[p] = pm
	}
	return r.run()
}

// memory is a kernel parameter bound to a buffer.
type memory struct {
	data   []uint64
	shape  []int64
	layout *loop.Layout
}

// address returns the position of an element, or an error outside the shape.
func (m *memory) address(idx []int64) (int64, error) {
	for a, i := range idx {
		if i < 0 || i >= m.shape[a] {
			return 0, fmt.Errorf("index %v outside shape %v", slices.Clone(idx), m.shape)
		}
	}
	if m.layout == nil {
		p := int64(0)
		for a, i := range idx {
			p = p*m.shape[a] + i
		}
		return p, nil
	}
	w := int64(m.layout.Width)
	lane := idx[m.layout.Lane]
	p := lane / w
	for _, a := range m.layout.Rest {
		p = p*m.shape[a] + idx[a]
	}
	return p*w + lane%w, nil
}

// SetVar stores elements given in row-major order in a tensor of constant shape.
func (m *Exact) SetVar(v *loop.Var, rowMajor []uint64) error {
	return m.eachElement(v, len(rowMajor), func(n int, at int64) { m.Vars[v][at] = rowMajor[n] })
}

// Var returns the elements of a stored tensor of constant shape in row-major order.
func (m *Exact) Var(v *loop.Var) ([]uint64, error) {
	n, err := dim.Product(v.Shape).Eval(nil)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, n)
	err = m.eachElement(v, len(out), func(n int, at int64) { out[n] = m.Vars[v][at] })
	return out, err
}

// eachElement visits the elements in row-major order with their place in memory.
func (m *Exact) eachElement(v *loop.Var, n int, visit func(n int, at int64)) error {
	mem := &memory{layout: v.Layout}
	total := int64(1)
	for _, d := range v.Shape {
		size, err := d.Eval(nil)
		if err != nil {
			return err
		}
		mem.shape = append(mem.shape, size)
		total *= size
	}
	if int64(n) != total {
		return fmt.Errorf("var %s has %d elements, not %d", v.Name, total, n)
	}
	idx := make([]int64, len(mem.shape))
	for i := range n {
		rest := int64(i)
		for a := len(idx) - 1; a >= 0; a-- {
			idx[a] = rest % mem.shape[a]
			rest /= mem.shape[a]
		}
		at, err := mem.address(idx)
		if err != nil {
			return err
		}
		visit(i, at)
	}
	return nil
}
