package build

import (
	"path"
	"slices"
	"strings"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/op"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// commonArguments are those that every optimizer takes beside its own.
type commonArguments struct {
	clipNorm, clipValue, ema, normType value
	at                                 diag.Span // of norm_type or clip_norm
}

// commonNames are what they are called.
var commonNames = []string{"clip_norm", "norm_type", "clip_value", "accumulate", "ema"}

// optimizer emits the gradients of a train block's loss and runs the optimizer's
// body once for each parameter.
func (e *evaluator) optimizer(fr *frame, o *dsl.Optimizer) {
	t := fr.train
	t.optimal = true
	if e.en.entry.Kind == ir.Eval {
		return
	}
	defer e.enterSite(fr, o.Span())()
	c := e.path(fr, o.Path)
	args, ok := e.arguments(fr, o.Args)
	if c == nil || !ok {
		return
	}
	if !c.isUnit() || c.decl.Kind != "optimizer" {
		e.report(diag.ArgumentKind, o.Path.Span(), "%s is %s, not an optimizer", c.name, c.kind())
		return
	}
	if t.loss == nil {
		if !t.failed && !fr.run.broken {
			e.report(diag.MissingLoss, o.Span(), "the optimizer stands before the loss of the train block %s", t.name)
		}
		return
	}
	common, own := splitCommon(args)
	if !e.checkCommon(args) {
		return
	}
	params := e.trainable(fr, o)
	if len(params) == 0 {
		return
	}
	groups, ok := e.groups(fr, o, c, params)
	if !ok {
		return
	}
	e.decayedBias(o, own, groups, params)
	grads := e.gradients(o, t.loss, params)
	if grads == nil {
		return
	}
	if grads, ok = e.accumulate(t, params, grads, o.Span()); !ok {
		return
	}
	if grads, ok = e.clip(common, grads, o.Span()); !ok {
		return
	}
	checked := map[string]bool{}
	for i, x := range params {
		if key := updateKey(x, groups[x]); e.opt.Check && checked[key] {
			continue
		} else {
			checked[key] = true
		}
		e.updateParam(fr, o, c, x, grads[i], mergeArguments(own, groups[x]), common)
		if e.stop {
			return
		}
	}
}

// updateKey tells updates apart that could go wrong differently.
func updateKey(x *variable, group []argument) string {
	key := x.Type.DType.String() + itoa(len(x.Type.Shape))
	for _, a := range group {
		key += " " + a.name + show(a.v)
	}
	return key
}

// enterSite makes a statement the place that errors in the library point to.
func (e *evaluator) enterSite(fr *frame, at diag.Span) func() {
	old := e.site
	if !fr.src.prelude {
		e.site = at
	}
	return func() { e.site = old }
}

func splitCommon(args []argument) (c commonArguments, own []argument) {
	c = commonArguments{clipNorm: none{}, clipValue: none{}, ema: none{}, normType: integer(2)}
	for _, a := range args {
		switch a.name {
		case "clip_norm":
			c.clipNorm, c.at = a.v, a.at
		case "clip_value":
			c.clipValue = a.v
		case "norm_type":
			c.normType, c.at = a.v, a.at
		case "ema":
			c.ema = a.v
		case "accumulate": // read before the block was built
		default:
			own = append(own, a)
		}
	}
	return c, own
}

// checkCommon checks those of the common arguments that are numbers; they may
// also depend on the step.
func (e *evaluator) checkCommon(args []argument) bool {
	ok := true
	for _, a := range args {
		x, isNumber := a.v.(number)
		_, isHost := hostOf(a.v)
		positive, valid := a.name == "clip_norm" || a.name == "clip_value", true
		switch {
		case !positive && a.name != "ema" || isNone(a.v) || isBad(a.v):
		case !isNumber:
			valid = isHost
		case positive:
			valid = x.cmp(integer(0)) > 0
		default:
			valid = x.cmp(integer(0)) >= 0 && x.cmp(integer(1)) < 0
		}
		if valid {
			continue
		}
		ok = false
		what := "a number from 0 to below 1: the share of the old average that stays"
		if positive {
			what = "a number above 0"
		}
		e.report(diag.ArgumentRange, a.at, "%s is %s, not %s", a.name, what, describe(a.v))
	}
	return ok
}

// parameters lists the model's learnable tensors.
func (e *evaluator) parameters() []*variable {
	var out []*variable
	for _, x := range e.vars {
		if x.Kind == ir.Param {
			out = append(out, x)
		}
	}
	return out
}

// trainable lists the parameters that an optimizer changes: those the loss
// depends on, neither frozen nor left out by `on`.
func (e *evaluator) trainable(fr *frame, o *dsl.Optimizer) []*variable {
	t := fr.train
	all := e.parameters()
	frozen := map[*variable]bool{}
	for _, s := range t.freezes {
		for _, x := range e.selectVars(fr, s, all) {
			frozen[x] = true
		}
	}
	chosen := all
	if o.On != nil {
		if chosen = e.selectVars(fr, o.On, all); chosen == nil {
			return nil
		}
	}
	reach, influence := differentiable(t.loss), reached(t.loss, func(*ir.Value) bool { return true })
	var out []*variable
	for _, x := range chosen {
		v := e.en.start[x]
		if v == nil || frozen[x] || x.Frozen {
			continue
		}
		if !reach[v] {
			if influence[v] {
				e.add(diag.New(diag.NoGradient, o.Span(), "no gradient reaches %s: the loss depends on it only through what has no derivative", x.Name).
					Also(e.userSpan(x.Pos), x.Name+" is declared here"))
			}
			continue
		}
		if prev, ok := t.by[x]; ok {
			e.report(diag.TwoOptimizers, o.Span(), "two optimizers would change %s", x.Name).Also(prev, "the other one").
				HelpText("`on` limits an optimizer to some layers")
			return nil
		}
		out = append(out, x)
	}
	if len(out) == 0 {
		e.report(diag.NothingToTrain, o.Span(), "the loss depends on no parameter that this optimizer may change").Also(t.lossAt, "the loss")
	}
	for _, x := range out {
		t.by[x] = o.Span()
	}
	return out
}

// roleNames are the roles of the library; @role may add others.
var roleNames = []string{"bias", "norm", "embedding"}

// selectVars lists the parameters that any of the selectors matches, in order of
// declaration; nil after an error.
func (e *evaluator) selectVars(fr *frame, s *dsl.Select, among []*variable) []*variable {
	hit := map[*variable]bool{}
	ok := true
	for _, sel := range s.Selectors {
		xs := e.selector(fr, sel, among)
		if xs == nil {
			ok = false
		}
		for _, x := range xs {
			hit[x] = true
		}
	}
	if !ok {
		return nil
	}
	var out []*variable
	for _, x := range among {
		if hit[x] {
			out = append(out, x)
		}
	}
	return out
}

func (e *evaluator) selector(fr *frame, s *dsl.Selector, among []*variable) []*variable {
	var out []*variable
	if s.Glob != nil {
		for _, x := range among {
			if globMatch(s.Glob.Value(), x.Name) || globMatch(s.Glob.Value(), x.Ident) {
				out = append(out, x)
			}
		}
		if out == nil {
			e.report(diag.SelectsNothing, s.Span(), "%s matches no parameter", s.Glob.Quoted)
		}
		return out
	}
	label, ok := e.label(fr, s.Ref)
	if !ok {
		return nil
	}
	role := slices.Contains(roleNames, label)
	var byRole, byName []*variable
	for _, x := range among {
		if slices.Contains(x.Roles, label) {
			byRole, role = append(byRole, x), true
		}
		for _, name := range []string{x.Name, x.Ident} {
			if name == label || strings.HasPrefix(name, label+".") {
				byName = append(byName, x)
				break
			}
		}
	}
	if role && byName != nil {
		e.report(diag.AmbiguousSelector, s.Span(), "%s is a role and also the name of %s", label, byName[0].Name).
			HelpText("write the name as a glob in quotes, such as \"%s.*\"", label)
		return nil
	}
	if out = append(byRole, byName...); out == nil {
		d := e.report(diag.SelectsNothing, s.Span(), "%s matches no parameter", label)
		names := slices.Clone(roleNames)
		for _, x := range among {
			names = append(names, x.Name)
			if i := strings.IndexByte(x.Name, '.'); i > 0 {
				names = append(names, x.Name[:i])
			}
		}
		if w := diag.Suggest(label, names); w != "" {
			d.HelpText("did you mean %s?", w)
		}
	}
	return out
}

// globMatch matches a pattern whose * crosses dots, and ? stands for one character.
func globMatch(pattern, name string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return err == nil && ok
}

// groups evaluates the settings that groups change for each parameter.
func (e *evaluator) groups(fr *frame, o *dsl.Optimizer, c *callable, params []*variable) (map[*variable][]argument, bool) {
	out := map[*variable][]argument{}
	ok := true
	for _, g := range o.Groups {
		xs := e.selectVars(fr, g.Select, params)
		ok = ok && xs != nil
		for _, s := range g.Settings {
			a := argument{name: s.Name.Name, v: e.single(fr, s.Value), at: s.Value.Span(), key: s.Name.Span()}
			if isBad(a.v) {
				ok = false
				continue
			}
			if formalIndex(c.formals(), a.name) < 0 {
				if slices.Contains(commonNames, a.name) {
					e.report(diag.UnknownArgument, a.key, "%s is no setting of a group: it holds for all that the optimizer changes", a.name).
						HelpText("write it among the optimizer's arguments")
				} else {
					e.unknownArgument(c, &a)
				}
				ok = false
				continue
			}
			for _, x := range xs {
				for _, prev := range out[x] {
					if prev.name == a.name {
						e.report(diag.GroupKeyTwice, s.Span(), "two groups set %s of %s", a.name, x.Name).Also(prev.key, "the other one")
						return nil, false
					}
				}
				out[x] = append(out[x], a)
			}
		}
	}
	return out, ok
}

// decayedBias hints that weight decay acts on biases and norms.
func (e *evaluator) decayedBias(o *dsl.Optimizer, own []argument, groups map[*variable][]argument, params []*variable) {
	const key = "weight_decay"
	named := func(a argument) bool { return a.name == key }
	i := slices.IndexFunc(own, named)
	if !e.opt.Check || i < 0 {
		return
	}
	if n, ok := own[i].v.(number); !ok || n.value() == 0 {
		return
	}
	for _, x := range params {
		if (slices.Contains(x.Roles, "bias") || slices.Contains(x.Roles, "norm")) && !slices.ContainsFunc(groups[x], named) {
			e.add(diag.New(diag.DecayedBias, own[i].at, "weight decay acts on biases and norms too, such as %s", x.Name).
				HelpText("`group bias, norm { weight_decay = 0 }` behind the arguments turns it off"))
			return
		}
	}
}

// mergeArguments replaces base arguments by those of groups.
func mergeArguments(base, group []argument) []argument {
	out := slices.DeleteFunc(slices.Clone(base), func(a argument) bool {
		return a.name != "" && slices.ContainsFunc(group, func(g argument) bool { return g.name == a.name })
	})
	return append(out, group...)
}

// gradients emits the gradient of the loss by every parameter.
func (e *evaluator) gradients(o *dsl.Optimizer, loss *ir.Value, params []*variable) []*ir.Value {
	args := []*ir.Value{loss}
	for _, x := range params {
		args = append(args, e.en.start[x])
	}
	return e.emit(o.Span(), op.Gradient{}, args...)
}

// accumulate averages gradients over micro-batches. What it returns is used in
// the last one, where updates are committed.
func (e *evaluator) accumulate(t *training, params []*variable, grads []*ir.Value, at diag.Span) ([]*ir.Value, bool) {
	if e.en.accumulate <= 1 {
		return grads, true
	}
	out := make([]*ir.Value, len(grads))
	last := host{e: e.lastMicroBatch(), truth: true}
	for i, x := range params {
		sum := e.optimizerState(t, x, "accumulated", at)
		total := e.arithmetic(at, "+", tensor{e.en.read(sum)}, e.arithmetic(at, "/", tensor{grads[i]}, integer(e.en.accumulate)))
		kept := e.elementwise(at, "select", []value{last, integer(0), total})
		v, ok1 := total.(tensor)
		k, ok2 := kept.(tensor)
		if !ok1 || !ok2 {
			return nil, false
		}
		e.en.write(sum, k.v, at)
		out[i] = v.v
	}
	return out, true
}

// lastMicroBatch is the condition that the step commits an update.
func (e *evaluator) lastMicroBatch() *scalar.Expr {
	k := scalar.Num(float64(e.en.accumulate))
	q := scalar.New(scalar.Floor, scalar.New(scalar.Div, scalar.StepNumber(), k))
	return scalar.New(scalar.Eq, scalar.New(scalar.Mul, q, k), scalar.StepNumber())
}

// optimizerState makes a state of the compiler's own beside an optimizer's.
func (e *evaluator) optimizerState(t *training, p *variable, name string, at diag.Span) *variable {
	st := e.stateOf(ir.OptState, "optimizer/"+t.name+"/"+p.Name+"/", t.name)
	if x, ok := st.vars[name]; ok {
		return x
	}
	x := &variable{Var: &ir.Var{Name: st.prefix + name, Ident: st.prefix + name, Kind: ir.OptState, Type: p.Type, Pos: at, Entry: t.name}, index: len(e.vars)}
	st.vars[name] = x
	st.list = append(st.list, x)
	e.vars = append(e.vars, x)
	e.prog.Vars = append(e.prog.Vars, x.Var)
	old := e.en
	e.en = e.initState
	if name == "ema" {
		e.en.write(x, e.en.read(p), at)
	} else if v := e.zeros(at, x.Type); v != nil {
		e.en.write(x, v, at)
	}
	e.en = old
	return x
}

// clip limits the gradients, each element or their common norm, as PyTorch does.
func (e *evaluator) clip(c commonArguments, grads []*ir.Value, at diag.Span) ([]*ir.Value, bool) {
	out := slices.Clone(grads)
	if !isNone(c.clipValue) {
		for i, g := range out {
			low := e.arithmetic(at, "-", integer(0), c.clipValue)
			v, ok := e.arithmetic(at, "min", e.arithmetic(at, "max", tensor{g}, low), c.clipValue).(tensor)
			if !ok {
				return nil, false
			}
			out[i] = v.v
		}
	}
	if isNone(c.clipNorm) {
		return out, true
	}
	norm := e.gradientNorm(c, out, at)
	scale := e.arithmetic(at, "min", e.arithmetic(at, "/", c.clipNorm, e.arithmetic(at, "+", norm, number{exact: ratMillionth})), integer(1))
	for i, g := range out {
		v, ok := e.arithmetic(at, "*", tensor{g}, scale).(tensor)
		if !ok {
			return nil, false
		}
		out[i] = v.v
	}
	return out, true
}

// gradientNorm is the p-norm of all gradients together, the largest magnitude
// for an infinite p.
func (e *evaluator) gradientNorm(c commonArguments, grads []*ir.Value, at diag.Span) value {
	p, ok := c.normType.(number)
	if !ok || p.cmp(integer(0)) <= 0 {
		e.report(diag.ArgumentRange, c.at, "norm_type is a number above 0, not %s", describe(c.normType))
		return bad{}
	}
	infinite := p.value() == inf
	var sum value
	for _, g := range grads {
		part := value(tensor{g})
		switch {
		case p.cmp(integer(2)) == 0:
			part = e.arithmetic(at, "*", part, part)
		case p.cmp(integer(1)) == 0 || infinite:
			part = e.apply1(at, "abs", part)
		default:
			part = e.arithmetic(at, "pow", e.apply1(at, "abs", part), p)
		}
		part = e.reduceAll(at, part, infinite)
		switch {
		case sum == nil:
			sum = part
		case infinite:
			sum = e.arithmetic(at, "max", sum, part)
		default:
			sum = e.arithmetic(at, "+", sum, part)
		}
	}
	switch {
	case infinite || p.cmp(integer(1)) == 0:
		return sum
	case p.cmp(integer(2)) == 0:
		return e.apply1(at, "sqrt", sum)
	}
	return e.arithmetic(at, "pow", sum, integer(1).combine("/", p))
}

func (e *evaluator) reduceAll(at diag.Span, v value, largest bool) value {
	t, ok := v.(tensor)
	if !ok || len(t.v.Type.Shape) == 0 {
		return v
	}
	axes := make([]int, len(t.v.Type.Shape))
	for i := range axes {
		axes[i] = i
	}
	name := "sum"
	if largest {
		name = "max"
	}
	return e.emit1(at, op.Reduce{Op: name, Axes: axes}, t.v)
}

// updateParam runs the optimizer's body for one parameter.
func (e *evaluator) updateParam(fr *frame, o *dsl.Optimizer, c *callable, x *variable, grad *ir.Value, args []argument, common commonArguments) {
	at := o.Span()
	st := e.stateOf(ir.OptState, "optimizer/"+fr.train.name+"/"+x.Name+"/", fr.train.name)
	st.param, st.dtype = x, x.Type.DType
	f := &frame{src: c.src, scope: newScope(nil), run: newRun(st.prefix), place: inOptimizer, unit: c.name, callee: c,
		axes: map[string][]int{}, state: st, bound: map[string]argument{}}
	if len(c.inputs) != 2 {
		e.report(diag.MissingArgument, c.declared(), "an optimizer has two inputs, the parameter and its gradient")
		return
	}
	before := e.en.read(x)
	p, g := c.inputs[0].Tensor.Name.Name, c.inputs[1].Tensor.Name.Name
	f.bound[p] = argument{v: tensor{before}, at: at}
	f.bound[g] = argument{v: tensor{grad}, at: at}
	e.stack = append(e.stack, activation{c, at})
	defer func() { e.stack = e.stack[:len(e.stack)-1] }()
	if !e.bindFormals(f, c, args, at) {
		return
	}
	if b := f.scope.here("lr"); b != nil {
		if h, ok := hostOf(b.v); ok { // the run may scale the rate, as a plateau schedule does
			b.v = host{e: scalar.New(scalar.Mul, h, &scalar.Expr{Op: scalar.Input, Name: "lr_scale"})}
		}
	}
	b := e.en.fn.b
	oldPath := b.Path
	b.Path = x.Ident
	began := snapshot(e.en, x, st)
	e.body(f, c.decl.Unit.Body)
	b.Path = oldPath
	if !isNone(common.ema) {
		e.average(fr.train, x, common.ema, at)
	}
	if e.en.accumulate > 1 {
		e.commitLast(x, st, began, at)
	}
}

// snapshot notes the values of a parameter and its state before the update.
func snapshot(en *entryState, x *variable, st *unitState) map[*variable]*ir.Value {
	m := map[*variable]*ir.Value{x: en.read(x)}
	for _, s := range st.list {
		m[s] = en.read(s)
	}
	return m
}

// commitLast keeps the old values in all but the last micro-batch.
func (e *evaluator) commitLast(x *variable, st *unitState, began map[*variable]*ir.Value, at diag.Span) {
	last := host{e: e.lastMicroBatch(), truth: true}
	for _, y := range append([]*variable{x}, st.list...) {
		old, ok := began[y]
		if !ok {
			old = e.en.start[y]
		}
		if strings.HasSuffix(y.Name, "/accumulated") || e.en.current[y] == old || old == nil {
			continue
		}
		if v, ok := e.elementwise(at, "select", []value{last, tensor{e.en.current[y]}, tensor{old}}).(tensor); ok {
			e.en.write(y, v.v, at)
		}
	}
}

// average keeps an exponential moving average of a parameter.
func (e *evaluator) average(t *training, x *variable, decay value, at diag.Span) {
	m := e.optimizerState(t, x, "ema", at)
	old, p := tensor{e.en.read(m)}, tensor{e.en.read(x)}
	v, ok := e.arithmetic(at, "+", p, e.arithmetic(at, "*", e.arithmetic(at, "-", old, p), decay)).(tensor)
	if ok {
		e.en.write(m, v.v, at)
	}
}
