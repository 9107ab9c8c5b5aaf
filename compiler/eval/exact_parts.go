package eval

import "github.com/mlc-go/mlc/compiler/loop"

// tiles runs the parts at each tile of the present point. Locals start as rubbish:
// at the point when its tiles run in order, at each tile otherwise.
func (r *kernelRun) tiles() {
	t := r.kernel.Tiles
	if t == nil {
		r.locals()
		r.parts(true, true)
		return
	}
	n, err := t.Axis.Extent.Eval(r.dims)
	if err != nil {
		r.err = err
		return
	}
	for first := int64(0); first < n && r.err == nil; first += t.Size {
		r.axes[t.Axis] = first
		r.dims[t.End] = min(first+t.Size, n)
		r.dims[t.Rows] = r.dims[t.End] - first
		if first == 0 || !t.Serial {
			r.locals()
		}
		r.parts(first == 0, r.dims[t.End] == n)
	}
}

func (r *kernelRun) locals() {
	for _, l := range r.kernel.Locals {
		r.mem[l] = r.local(l)
	}
}

// parts runs the kernels that a kernel consists of at the present tile.
func (r *kernelRun) parts(first, last bool) {
	for _, p := range r.kernel.Parts {
		run := true
		switch p.When {
		case loop.AtFirst:
			run = first
		case loop.AtLast:
			run = last
		case loop.AtBlock:
			run = last || r.dims[r.kernel.Tiles.End]%loop.TileBlock == 0
		}
		if run && r.err == nil {
			r.part(p)
		}
	}
}

// local makes the memory of a local. Its bits are those of a NaN in every float
// type.
func (r *kernelRun) local(l *loop.Param) *memory {
	m := &memory{layout: l.Layout}
	n, err := loop.PhysicalSize(l.Shape, l.Layout).Eval(r.dims)
	if err != nil {
		r.err = err
		return m
	}
	m.data = make([]uint64, n)
	for i := range m.data {
		m.data[i] = 1<<(8*l.DType.Size()) - 1
	}
	return m
}

func (r *kernelRun) part(p *loop.Part) {
	k := p.Kernel
	q := &kernelRun{kernel: k, dims: map[string]int64{}, mem: map[*loop.Param]*memory{}, args: map[*loop.ScalarParam]uint64{}, counters: map[string]int64{}}
	for i, d := range p.Dims {
		q.dims[k.Dims[i]], r.err = d.Eval(r.dims)
		if r.err != nil {
			return
		}
	}
	for i, s := range p.Scalars {
		q.args[k.Scalars[i]] = r.args[s]
	}
	for i, a := range p.Counters {
		q.counters[k.Counters[i]] = r.axes[a]
	}
	for i, a := range p.Args {
		pm := &memory{data: r.mem[a].data, layout: k.Params[i].Layout}
		for _, d := range k.Params[i].Shape {
			n, err := d.Eval(q.dims)
			if err != nil {
				r.err = err
				return
			}
			pm.shape = append(pm.shape, n)
		}
		q.mem[k.Params[i]] = pm
	}
	r.err = q.run()
}
