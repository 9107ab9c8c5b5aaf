package loop

import (
	"fmt"
	"slices"

	"github.com/mlc-go/mlc/compiler/dim"
)

// parts checks the locals and parts of a kernel that has them; names are those
// of its parameters.
func (c *kernelCheck) parts(names map[string]bool) {
	k := c.k
	if len(k.Parts) == 0 {
		if len(k.Locals) > 0 || k.Tiles != nil {
			c.fail("locals or tiles without parts")
		}
		return
	}
	if len(k.Phases) > 0 {
		c.fail("phases and parts")
	}
	written := map[*Param]bool{}
	for _, p := range k.Params {
		written[p] = p.Read // by the caller
	}
	for _, l := range k.Locals {
		if names[l.Name] {
			c.fail("local %s: the name is taken", l.Name)
		}
		names[l.Name] = true
		c.params[l] = true
		c.shape("local "+l.Name, l.Shape)
		c.layout(l.Name, l.Shape, l.Layout)
	}
	if t := k.Tiles; t != nil {
		if t.Size < 1 || c.dims[t.Rows] || c.dims[t.End] || t.Rows == t.End {
			c.fail("tiles of %d with sizes %s and %s", t.Size, t.Rows, t.End)
		}
		c.enter([]*Axis{t.Axis})
		c.dims[t.Rows], c.dims[t.End] = true, true
		defer func() { delete(c.dims, t.Rows); delete(c.dims, t.End) }()
	}
	for n, p := range k.Parts {
		if err := c.part(p, written); err != nil {
			c.fail("part %d, %s: %w", n+1, p.Kernel.Name, err)
			return
		}
	}
}

// part checks a part's arguments like those of a call.
func (c *kernelCheck) part(p *Part, written map[*Param]bool) error {
	k := p.Kernel
	switch {
	case len(k.Parts) > 0:
		return fmt.Errorf("it has parts itself")
	case p.When != Always && (c.k.Tiles == nil || !c.k.Tiles.Serial):
		return fmt.Errorf("it runs %s without tiles in order", p.When)
	case len(p.Args) != len(k.Params):
		return fmt.Errorf("%d arguments for %d parameters", len(p.Args), len(k.Params))
	case len(p.Dims) != len(k.Dims):
		return fmt.Errorf("%d sizes for %d", len(p.Dims), len(k.Dims))
	case len(p.Scalars) != len(k.Scalars):
		return fmt.Errorf("%d scalars for %d", len(p.Scalars), len(k.Scalars))
	case len(p.Counters) != len(k.Counters):
		return fmt.Errorf("%d counters for %d", len(p.Counters), len(k.Counters))
	}
	c.shape("a size", p.Dims)
	sizes := map[string]dim.Dim{}
	for n, d := range p.Dims {
		sizes[k.Dims[n]] = d
	}
	for n, s := range p.Scalars {
		if !slices.Contains(c.k.Scalars, s) || s.DType != k.Scalars[n].DType {
			return fmt.Errorf("scalar %s is not one of the kernel's %ss", s.Name, k.Scalars[n].DType)
		}
	}
	for _, a := range p.Counters {
		if !slices.Contains(c.k.Space, a) && (c.k.Tiles == nil || a != c.k.Tiles.Axis) {
			return fmt.Errorf("axis %s is not of the space", a.Name)
		}
	}
	for n, a := range p.Args {
		if err := c.partArg(a, k.Params[n], sizes, written); err != nil {
			return fmt.Errorf("argument %s: %w", k.Params[n].Name, err)
		}
	}
	for n, a := range p.Args { // after all reads
		if !k.Params[n].Write {
			continue
		}
		written[a] = true
		for m, other := range p.Args {
			if m != n && other == a {
				return fmt.Errorf("parameters %s and %s are the same memory, which is written", k.Params[n].Name, k.Params[m].Name)
			}
		}
	}
	return nil
}

func (c *kernelCheck) partArg(a, p *Param, sizes map[string]dim.Dim, written map[*Param]bool) error {
	switch {
	case !c.params[a]:
		return fmt.Errorf("it is no parameter or local of the kernel")
	case a.DType != p.DType:
		return fmt.Errorf("%s is %s, want %s", a.Name, a.DType, p.DType)
	case p.Read && !written[a]:
		return fmt.Errorf("%s is read before it is written", a.Name)
	case p.Write && !a.Write:
		return fmt.Errorf("%s is written but not marked so", a.Name)
	}
	want := make([]dim.Dim, len(p.Shape))
	for n, d := range p.Shape {
		want[n] = d.Subst(sizes)
	}
	return sameMemory(a.Name, a.Shape, want, a.Layout, p.Layout)
}
