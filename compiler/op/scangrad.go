package op

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
)

// Grad is back-propagation through time: a scan in the other direction whose
// body computes the forward body's values again and then their adjoints. What is
// costly to compute again (contractions, reductions, whole kernels) and the
// carries are stacked by the forward scan, which gets further results for that;
// elementwise work is repeated.
//
// The adjoint of a captured tensor is a sum over time. Where a step's share is a
// contraction or a sum, as a weight's and a bias's are, its operands are stacked
// and the whole is one contraction or sum behind the scan, time outermost; other
// shares are added up step by step in a carry.
func (s Scan) Grad(b *ir.Builder, i *ir.Instr, dy []*ir.Value) []*ir.Value {
	g := &scanGrad{s: s, b: b, i: i, f: ir.NewFunc(s.Body.Name + "Grad"), outer: map[*ir.Value]*ir.Value{}}
	g.buildParams(dy)
	g.clone()
	shares := g.backward(dy)
	g.splitShares(shares)
	g.saveCostly()
	g.extendForward()
	return g.emit(dy)
}

// scanGrad builds the gradient of one scan.
type scanGrad struct {
	s Scan
	b *ir.Builder
	i *ir.Instr
	f *ir.Func // the body of the backward scan

	x, carry, captured []*ir.Value // parameters of f that stand for the forward body's
	dyield             []*ir.Value // parameters: adjoints of the stacked results, nil where there is none
	dcarry             []*ir.Value // parameters: adjoints of the carries, nil for integers
	acc                []*ir.Value // parameters: adjoints of captured tensors summed so far, nil without
	saved              []*ir.Value // parameters: costly values of the forward body
	fromClone          map[*ir.Value]*ir.Value
	cloned             int // number of instructions of f that repeat the forward body

	dx, dcarryOut []*ir.Value // values of f: adjoints of the slices and of the carries before the step
	accOut        []*ir.Value
	hoisted       []hoisting              // for captured tensors whose share is computed behind the scan
	stacks        []*ir.Value             // values of f to stack for that
	outer         map[*ir.Value]*ir.Value // what is stacked outside for a parameter of f
}

// hoisting emits a captured tensor's adjoint behind the scan, from stacked values.
type hoisting func(stack func(*ir.Value) *ir.Value) *ir.Value

func (g *scanGrad) buildParams(dy []*ir.Value) {
	body, s := g.s.Body, g.s
	for k, p := range body.Params {
		v := g.f.NewValue(p.Type, p.Name)
		switch {
		case k < s.Xs:
			g.x = append(g.x, v)
			g.outer[v] = g.i.Args[k]
		case k < s.Xs+s.Carries:
			g.carry = append(g.carry, v)
		default:
			g.captured = append(g.captured, v)
		}
	}
	g.dyield = make([]*ir.Value, s.Yields())
	g.dcarry = make([]*ir.Value, s.Carries)
	for k, r := range body.Results {
		switch {
		case !r.Type.DType.IsFloat():
		case k >= s.Yields():
			g.dcarry[k-s.Yields()] = g.f.NewValue(r.Type, "")
		case dy[k] != nil:
			g.dyield[k] = g.f.NewValue(r.Type, "")
			g.outer[g.dyield[k]] = dy[k]
		}
	}
}

// clone repeats the forward body in f.
func (g *scanGrad) clone() {
	g.fromClone = map[*ir.Value]*ir.Value{}
	for k, v := range slices.Concat(g.x, g.carry, g.captured) {
		g.fromClone[g.s.Body.Params[k]] = v
	}
	for _, i := range g.s.Body.Instrs {
		g.f.Copy(i, g.fromClone)
	}
	g.cloned = len(g.f.Instrs)
}

// backward emits the adjoints into f and returns the captured tensors' shares.
func (g *scanGrad) backward(dy []*ir.Value) []*ir.Value {
	var roots, seeds []*ir.Value
	for k, r := range g.s.Body.Results {
		seed := (*ir.Value)(nil)
		if k < g.s.Yields() {
			seed = g.dyield[k]
		} else {
			seed = g.dcarry[k-g.s.Yields()]
		}
		if seed != nil {
			roots, seeds = append(roots, g.fromClone[r]), append(seeds, seed)
		}
	}
	wanted := slices.Concat(g.x, g.carry, g.captured)
	var xs []*ir.Value
	for _, v := range wanted {
		if v.Type.DType.IsFloat() {
			xs = append(xs, v)
		}
	}
	grads := Backward(g.builder(), roots, seeds, xs)
	all := make([]*ir.Value, len(wanted))
	for k, v := range wanted {
		if p := slices.Index(xs, v); p >= 0 {
			all[k] = grads[p]
		}
	}
	parts := split(all, len(g.x), len(g.carry), len(g.captured))
	g.dx, g.dcarryOut = parts[0], parts[1]
	for k, p := range g.dcarry {
		if p != nil && g.dcarryOut[k] == nil {
			g.dcarryOut[k] = Full(g.builder(), p.Type, 0)
		}
	}
	return parts[2]
}

// builder appends to f with the scan's own place.
func (g *scanGrad) builder() *ir.Builder {
	return &ir.Builder{Func: g.f, Pos: g.i.Pos, Label: g.i.Label, Path: g.i.Path}
}

// splitShares decides for every captured tensor between a carry and hoisting.
func (g *scanGrad) splitShares(shares []*ir.Value) {
	g.acc, g.accOut = make([]*ir.Value, len(shares)), make([]*ir.Value, len(shares))
	g.hoisted = make([]hoisting, len(shares))
	for k, v := range shares {
		if v == nil {
			continue
		}
		if g.hoisted[k] = g.hoist(v); g.hoisted[k] != nil {
			continue
		}
		g.acc[k] = g.f.NewValue(v.Type, "")
		g.accOut[k] = Apply(g.builder(), "add", g.acc[k], v)
	}
}

// hoist returns how to compute the sum over time of v from stacked operands, nil
// when v is no contraction, sum, view of one or sum of such.
func (g *scanGrad) hoist(v *ir.Value) hoisting {
	if v.Def == nil {
		return nil
	}
	switch o := v.Def.Op.(type) {
	case Einsum:
		return g.hoistEinsum(o, v.Def.Args)
	case Reduce:
		x := v.Def.Args[0]
		if o.Op != "sum" || !g.varies(x) {
			return nil
		}
		axes := []int{0}
		for _, a := range o.Axes {
			axes = append(axes, a+1)
		}
		g.stacks = append(g.stacks, x)
		return func(stack func(*ir.Value) *ir.Value) *ir.Value { return Sum(g.b, stack(x), axes...) }
	case Transpose, Reshape:
		inner := g.hoist(v.Def.Args[0])
		if inner == nil {
			return nil
		}
		return func(stack func(*ir.Value) *ir.Value) *ir.Value { return g.b.Emit1(o, inner(stack)) }
	case Elementwise:
		if o.Fn != "add" {
			return nil
		}
		x, y := g.hoist(v.Def.Args[0]), g.hoist(v.Def.Args[1])
		if x == nil || y == nil {
			return nil
		}
		return func(stack func(*ir.Value) *ir.Value) *ir.Value {
			first := x(stack)
			return Apply(g.b, "add", first, y(stack))
		}
	}
	return nil
}

func (g *scanGrad) hoistEinsum(o Einsum, args []*ir.Value) hoisting {
	a, c, out, _ := o.parts()
	if !g.varies(args[0]) || !g.varies(args[1]) {
		return nil
	}
	t := freeLetter(o.Spec)
	spec := t + a + "," + t + c + "->" + out
	g.stacks = append(g.stacks, args...)
	return func(stack func(*ir.Value) *ir.Value) *ir.Value {
		first := stack(args[0])
		return g.b.Emit1(Einsum{spec}, first, stack(args[1]))
	}
}

// freeLetter is a letter that a pattern does not use.
func freeLetter(spec string) string {
	for l := 'z'; l >= 'a'; l-- {
		if !strings.ContainsRune(spec, l) {
			return string(l)
		}
	}
	panic("op: pattern " + spec + " uses all letters")
}

// varies reports whether v may be stacked: it is no captured tensor.
func (g *scanGrad) varies(v *ir.Value) bool { return !slices.Contains(g.captured, v) }

// roots are the values of f that the backward scan needs.
func (g *scanGrad) roots() []*ir.Value {
	var out []*ir.Value
	for _, v := range slices.Concat(g.dx, g.dcarryOut, g.accOut, g.stacks) {
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}

// costly reports operations that are stacked rather than repeated. A scan inside
// a scan is repeated, which keeps its own stacks small.
func costly(o ir.Op) bool {
	switch o.(type) {
	case Contracting, Reducing, Sequencing, Kernels:
		return true
	}
	return false
}

// saveCostly turns the costly values of the repeated forward body that f still
// needs into parameters.
func (g *scanGrad) saveCostly() {
	live := map[*ir.Value]bool{}
	g.f.Reach(g.roots(), live)
	var rest []*ir.Instr
	for k, i := range g.f.Instrs {
		if k >= g.cloned || !costly(i.Op) || !slices.ContainsFunc(i.Results, func(v *ir.Value) bool { return live[v] }) {
			rest = append(rest, i)
			continue
		}
		for _, v := range i.Results {
			v.Def = nil
			g.saved = append(g.saved, v)
		}
	}
	g.f.Instrs = rest
	g.f.Sweep(g.roots())
}

// extendForward makes the forward scan stack the carries and the saved values
// that f reads, and notes what they are outside.
func (g *scanGrad) extendForward() {
	live := map[*ir.Value]bool{}
	g.f.Reach(g.roots(), live)
	inner := map[*ir.Value]*ir.Value{} // values of f to those of the forward body
	for from, to := range g.fromClone {
		inner[to] = from
	}
	body := g.s.Body.Clone()
	same := map[*ir.Value]*ir.Value{} // values of the forward body to those of its copy
	for k, p := range g.s.Body.Params {
		same[p] = body.Params[k]
	}
	for k, i := range g.s.Body.Instrs {
		for j, r := range i.Results {
			same[r] = body.Instrs[k].Results[j]
		}
	}
	at := g.s.Yields()
	for _, v := range slices.Concat(g.carry, g.saved) {
		if !live[v] {
			continue
		}
		extra := g.b.Func.NewValue(stacked(v.Type, g.s.Length), "")
		extra.Def = g.i
		body.Results = slices.Insert(body.Results, at, same[inner[v]])
		g.i.Results = slices.Insert(g.i.Results, at, extra)
		g.outer[v] = extra
		at++
	}
	next := g.s
	next.Body = body
	g.i.Op = next
	for k, r := range g.i.Results {
		r.Index = k
	}
}

// emit appends the backward scan and what is hoisted behind it, and returns the
// adjoints of the forward scan's arguments.
func (g *scanGrad) emit(dy []*ir.Value) []*ir.Value {
	back := Scan{Body: g.f, Reverse: !g.s.Reverse, Length: g.s.Length}
	var params, args, yields, carriesOut []*ir.Value
	for _, v := range slices.Concat(g.x, g.carry, g.saved, g.dyield) {
		if v != nil && g.outer[v] != nil {
			params, args = append(params, v), append(args, g.outer[v])
		}
	}
	back.Xs = len(params)
	add := func(param, start, next *ir.Value) {
		params, args, carriesOut = append(params, param), append(args, start), append(carriesOut, next)
	}
	for k, p := range g.dcarry {
		if p == nil {
			continue
		}
		start := dy[g.s.Yields()+k]
		if start == nil {
			start = Full(g.b, p.Type, 0)
		}
		add(p, start, g.dcarryOut[k])
	}
	for k, p := range g.acc {
		if p != nil {
			add(p, Full(g.b, p.Type, 0), g.accOut[k])
		}
	}
	back.Carries = len(carriesOut)
	params = append(params, g.captured...)
	args = append(args, g.i.Args[g.s.Xs+g.s.Carries:]...)
	for _, v := range slices.Concat(g.dx, g.stacks) {
		if v != nil && g.outer[v] == nil && !slices.Contains(yields, v) {
			yields = append(yields, v)
		}
	}
	g.f.SetParams(params)
	g.f.Results = slices.Concat(yields, carriesOut)
	results := g.b.Emit(back, args...)
	return g.adjoints(results, yields)
}

// adjoints sorts the backward scan's results by the forward scan's arguments.
func (g *scanGrad) adjoints(results, yields []*ir.Value) []*ir.Value {
	stack := func(v *ir.Value) *ir.Value {
		if o := g.outer[v]; o != nil {
			return o
		}
		return results[slices.Index(yields, v)]
	}
	var out []*ir.Value
	for _, v := range g.dx {
		if v == nil {
			out = append(out, nil)
			continue
		}
		out = append(out, stack(v))
	}
	next := len(yields)
	take := func(p *ir.Value) *ir.Value {
		if p == nil {
			return nil
		}
		next++
		return results[next-1]
	}
	for _, p := range g.dcarry {
		out = append(out, take(p))
	}
	for k, p := range g.acc {
		v := take(p)
		if g.hoisted[k] != nil {
			v = g.hoisted[k](stack)
		}
		out = append(out, v)
	}
	return out
}
