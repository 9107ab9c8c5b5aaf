package ir

// Clone returns a copy of f that shares no value, instruction or body with it.
func (f *Func) Clone() *Func {
	c := NewFunc(f.Name)
	subst := map[*Value]*Value{}
	for _, p := range f.Params {
		subst[p] = c.AddParam(p.Type, p.Name)
	}
	for _, i := range f.Instrs {
		c.Copy(i, subst)
	}
	for _, r := range f.Results {
		c.Results = append(c.Results, subst[r])
	}
	return c
}

// Copy appends a copy of i, an instruction of another function or of f itself,
// with its arguments replaced as subst says, and records its results there. An
// argument that subst does not name stays. Bodies are copied too.
func (f *Func) Copy(i *Instr, subst map[*Value]*Value) *Instr {
	c := *i
	c.Args, c.Results = make([]*Value, len(i.Args)), make([]*Value, len(i.Results))
	for k, a := range i.Args {
		c.Args[k] = a
		if v, ok := subst[a]; ok {
			c.Args[k] = v
		}
	}
	if region, ok := i.Op.(Region); ok {
		var bodies []*Func
		for _, b := range region.Bodies() {
			bodies = append(bodies, b.Clone())
		}
		c.Op = region.WithBodies(bodies)
	}
	for k, r := range i.Results {
		v := f.NewValue(r.Type, r.Name)
		v.Def, v.Index = &c, k
		c.Results[k], subst[r] = v, v
	}
	f.Instrs = append(f.Instrs, &c)
	return &c
}

// SetParams makes params, which are values of f, its parameters.
func (f *Func) SetParams(params []*Value) {
	for k, p := range params {
		p.Def, p.Index = nil, k
	}
	f.Params = params
}

// Reach adds to live the values that roots need, roots included.
func (f *Func) Reach(roots []*Value, live map[*Value]bool) {
	for _, v := range roots {
		live[v] = true
	}
	for k := len(f.Instrs) - 1; k >= 0; k-- {
		i := f.Instrs[k]
		needed := false
		for _, r := range i.Results {
			needed = needed || live[r]
		}
		if !needed {
			continue
		}
		for _, a := range i.Args {
			live[a] = true
		}
	}
}

// Sweep removes the instructions that roots do not need.
func (f *Func) Sweep(roots []*Value) {
	live := map[*Value]bool{}
	f.Reach(roots, live)
	kept := f.Instrs[:0]
	for _, i := range f.Instrs {
		for _, r := range i.Results {
			if live[r] {
				kept = append(kept, i)
				break
			}
		}
	}
	f.Instrs = kept
}
