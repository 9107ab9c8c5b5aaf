package codegen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/loop"
)

// storedVar is a stored tensor with the place that holds it.
type storedVar struct {
	*loop.Var
	owner string // model, trainer or session
	place place  // in the owner
	info  int    // number in Info.Vars, -1 for metric and session states
	entry *entryGen
}

// place is a field that holds a slice, or an element of one that is an array of
// slices.
type place struct {
	field string
	at    int // -1: the field itself
}

func (p place) expr() expr {
	if p.at < 0 {
		return id(p.field)
	}
	return index(id(p.field), num(int64(p.at)))
}

// in is the place as seen through base.
func (p place) in(base string) place { return place{base + "." + p.field, p.at} }

// tensorGroup is tensors of one owner and kind that a struct holds: those whose
// names differ by numbers alone are an array.
type tensorGroup struct {
	vars   []*storedVar
	fields []field
}

// stateGroup is what the optimizer of a train block keeps for a run of the
// parameters: a group of the parameters' shape for each name.
type stateGroup struct {
	block       string
	line        int
	names       []string // of the states
	fields      []string // of the trainer, one for each name
	first, last int      // parameters
}

// nameVars gives every stored tensor a place.
func (g *gen) nameVars() error {
	owners := map[string]string{"param": "model", "buffer": "model", "optimizer": "trainer", "metric": "trainer", "session": "session"}
	scopes := map[string]*names{}
	for _, o := range []string{"model", "trainer", "session"} {
		scopes[o] = newNames(nil)
		for _, n := range []string{"weights", "sessions", "pool", "model", "trainer", "seed", "steps", "calls", "params", "tensors"} {
			scopes[o].used[n] = "the field " + n
		}
	}
	for _, v := range g.prog.Vars {
		owner, ok := owners[v.Kind]
		if !ok {
			return fmt.Errorf("internal error: stored tensor %s is of kind %q", v.Name, v.Kind)
		}
		sv := &storedVar{Var: v, owner: owner, info: -1}
		g.vars = append(g.vars, sv)
		g.byVar[v] = sv
	}
	for _, kind := range []string{"param", "buffer", "optimizer"} {
		for _, sv := range g.ofKind(kind) {
			if !(kind == "optimizer" && g.opt.ForwardOnly) {
				sv.info = len(g.infos)
				g.infos = append(g.infos, sv)
			}
		}
	}
	var err error
	group := func(vars []*storedVar) *tensorGroup {
		t, e := groupTensors(vars, scopes)
		if err == nil {
			err = e
		}
		return t
	}
	g.params, g.buffers = group(g.ofKind("param")), group(g.ofKind("buffer"))
	if err != nil {
		return err
	}
	g.groupStates(scopes["trainer"])
	var rest []*storedVar
	for _, sv := range g.ofKind("optimizer") {
		if sv.place.field == "" {
			rest = append(rest, sv)
		}
	}
	g.others = group(rest)
	g.metrics, g.carried = group(g.ofKind("metric")), group(g.ofKind("session"))
	return err
}

func (g *gen) ofKind(kind string) (list []*storedVar) {
	for _, sv := range g.vars {
		if sv.Kind == kind {
			list = append(list, sv)
		}
	}
	return list
}

// groupTensors names the fields that hold some tensors.
func groupTensors(vars []*storedVar, scopes map[string]*names) (*tensorGroup, error) {
	t := &tensorGroup{vars: vars}
	equal := map[string][]*storedVar{}
	for _, sv := range vars {
		key := pattern(sv.Name) + " " + sv.DType.String()
		equal[key] = append(equal[key], sv)
	}
	endings := map[string]int{} // of how many fields
	seen := map[string]bool{}
	for _, sv := range vars {
		if text := pattern(sv.Name); !seen[text] {
			seen[text] = true
			endings[ending(text)]++
		}
	}
	for _, sv := range vars {
		if sv.place.field != "" {
			continue
		}
		list := equal[pattern(sv.Name)+" "+sv.DType.String()]
		if len(list) == 1 {
			list = nil
		}
		name, text := private(sv.Name), sv.Name
		if list != nil {
			name, text = private(strings.ReplaceAll(pattern(sv.Name), "#", "")), pattern(sv.Name)
		}
		if short := ending(pattern(sv.Name)); endings[short] == 1 && !scopes[sv.owner].taken(short) {
			name = short
		}
		switch scope := scopes[sv.owner]; {
		case sv.owner == "trainer":
			name = scope.local(strings.TrimPrefix(strings.TrimPrefix(text, "optimizer/"), "train/"))
		case list != nil && scope.taken(name):
			name = scope.local(name)
		default:
			if err := scope.claim(name, fmt.Sprintf("the stored tensor %q", text)); err != nil {
				return nil, err
			}
		}
		typ := "[]" + goTypes[sv.DType]
		if list == nil {
			sv.place = place{name, -1}
			t.fields = append(t.fields, field{name: name, typ: typ, comment: text + " " + shapeText(sv.Shape, sv.Layout)})
			continue
		}
		same := true
		for i, e := range list {
			e.place = place{name, i}
			same = same && shapeText(e.Shape, e.Layout) == shapeText(sv.Shape, sv.Layout)
		}
		if same {
			text += " " + shapeText(sv.Shape, sv.Layout)
		}
		t.fields = append(t.fields, field{name: name, typ: fmt.Sprintf("[%d]%s", len(list), typ), comment: text})
	}
	return t, nil
}

// ending is the identifier of the last words of a pattern, which tell most tensors
// apart.
func ending(pattern string) string {
	return private(strings.ReplaceAll(loop.LastWords(pattern, 3), "#", ""))
}

// pattern is a tensor's name with "#" for each number of a layer in it.
func pattern(name string) string {
	parts := cutNumbers(name)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "#"
	}
	return strings.Join(parts, "")
}

// cutNumbers cuts a name at the numbers of layers, which have the odd places: a part
// between dots, as in "h.3.weight", or what stands behind "_l", as in
// "weight_hh_l3_reverse".
func cutNumbers(name string) (parts []string) {
	begin := 0
	for i := 0; i < len(name); {
		end := i
		for end < len(name) && name[end] >= '0' && name[end] <= '9' {
			end++
		}
		before := i == 0 || name[i-1] == '.' || strings.HasSuffix(name[:i], "_l")
		after := end == len(name) || name[end] == '.' || name[end] == '_' && i > 0 && name[i-1] == 'l'
		if end > i && before && after {
			parts = append(parts, name[begin:i], name[i:end])
			begin = end
		}
		i = max(end, i+1)
	}
	return append(parts, name[begin:])
}

// groupStates finds the states that an optimizer keeps for each of a run of
// parameters. They live in structs of the parameters' type.
func (g *gen) groupStates(scope *names) {
	if g.opt.ForwardOnly {
		return
	}
	states := g.ofKind("optimizer")
	byName := map[string]int{}
	for i, p := range g.params.vars {
		byName[p.Name] = i
	}
	fields := map[string]string{}
	for i := 0; i < len(states); {
		s := stateOf(states, i, byName, g.params.vars)
		if s == nil {
			return // what follows has fields of its own
		}
		for _, n := range s.names {
			base := n
			if s.block != "train" {
				base = s.block + " " + n
			}
			if fields[base] == "" {
				fields[base] = scope.local(base)
			}
			s.fields = append(s.fields, fields[base])
		}
		for k := range (s.last - s.first + 1) * len(s.names) {
			p := g.params.vars[s.first+k/len(s.names)]
			states[i+k].place = p.place.in(s.fields[k%len(s.names)])
		}
		g.states = append(g.states, s)
		i += (s.last - s.first + 1) * len(s.names)
	}
}

// stateOf returns the group that starts with a state, nil for none.
func stateOf(states []*storedVar, at int, byName map[string]int, params []*storedVar) *stateGroup {
	split := func(i int) (block, param, name string) {
		if i >= len(states) {
			return "", "", ""
		}
		parts := strings.Split(states[i].Name, "/")
		if len(parts) != 4 {
			return "", "", ""
		}
		return parts[1], parts[2], parts[3]
	}
	block, param, _ := split(at)
	first, ok := byName[param]
	if !ok {
		return nil
	}
	s := &stateGroup{block: block, line: states[at].Origin.Line, first: first, last: first - 1}
	for i := at; ; i++ {
		b, p, n := split(i)
		if b != block || p != param || slices.Contains(s.names, n) {
			break
		}
		s.names = append(s.names, n)
	}
	for i := at; s.last+1 < len(params); i += len(s.names) {
		p := params[s.last+1]
		for k, n := range s.names {
			b, q, m := split(i + k)
			if b != block || q != p.Name || m != n || !sameTensor(states[i+k], p) || states[i+k].Origin.Line != s.line {
				if s.last < first {
					return nil
				}
				return s
			}
		}
		s.last++
	}
	return s
}

func sameTensor(a, b *storedVar) bool {
	return a.DType == b.DType && !a.Frozen && slices.EqualFunc(a.Shape, b.Shape, dim.Dim.Equal) && shapeText(a.Shape, a.Layout) == shapeText(b.Shape, b.Layout) &&
		(a.Layout == nil || slices.Equal(a.Layout.Rest, b.Layout.Rest))
}

// printVars writes the function that describes the stored tensors.
func (g *gen) printVars(s *source) {
	s.fn("modelVars describes the stored tensors in the order of their numbers.", "modelVars", nil, []string{"[]mlrt.VarInfo"}, func(b *body) {
		params := g.varRows(g.params.vars)
		parts := []expr{params}
		if len(g.states) > 0 {
			params = b.define("params", params)
			parts[0] = params
		}
		if len(g.buffers.vars) > 0 {
			parts = append(parts, g.varRows(g.buffers.vars))
		}
		for _, st := range g.states {
			some := params
			if first, after := num(int64(st.first)), num(int64(st.last+1)); st.first > 0 || st.last+1 < len(g.params.vars) {
				some = slice(params, &first, &after)
			}
			args := []expr{text(st.block), num(int64(st.line)), some}
			for _, n := range st.names {
				args = append(args, text(n))
			}
			parts = append(parts, call(rt("StateVars"), args...))
		}
		if len(g.others.vars) > 0 {
			parts = append(parts, g.varRows(g.others.vars))
		}
		if len(parts) == 1 {
			b.ret(parts[0])
			return
		}
		b.ret(lineCall(std("slices", "Concat"), parts...))
	})
}

// varRows describes tensors: a list, or several where a loop is shorter.
func (g *gen) varRows(vars []*storedVar) expr {
	keys := numbering[string]{}
	r := &repeats{gain: 3, whole: true}
	for _, sv := range vars {
		r.keys = append(r.keys, keys.of(fmt.Sprint(pattern(sv.Name), sv.DType, shapeText(sv.Shape, sv.Layout), sv.Frozen, sv.Origin.Line)))
	}
	r.fit = func(sp span) int {
		_, from, _ := counted(vars[sp.start].Name, vars[sp.at(1, 0)].Name, 1)
		for i := sp.period; i < sp.items(); i++ {
			n, k := i/sp.period, i%sp.period
			if _, first, ok := counted(vars[sp.at(0, k)].Name, vars[sp.start+i].Name, n); !ok || first != from {
				return i
			}
		}
		return sp.items()
	}
	var parts []expr
	for _, sp := range r.split() {
		var list []expr
		first := 0
		for i, sv := range vars[sp.start : sp.start+sp.period] {
			name := sv.Name
			if sp.count > 1 {
				name, first, _ = counted(sv.Name, vars[sp.start+sp.period+i].Name, 1)
			}
			list = append(list, varRow(sv, name))
		}
		if sp.count == 1 {
			parts = append(parts, rows("[]mlrt.VarInfo", list...))
			continue
		}
		layer := rows("[]mlrt.VarInfo", list...)
		parts = append(parts, call(rt("RepeatVars"), num(int64(first)), num(int64(first+sp.count-1)), layer))
	}
	switch len(parts) {
	case 0:
		return id("nil")
	case 1:
		return parts[0]
	}
	return lineCall(std("slices", "Concat"), parts...)
}

// counted compares the names of two tensors, the second n layers after the
// first. They are equal but for one number; it returns the name with "#" in its
// place, and the first one's number.
func counted(a, b string, n int) (name string, first int, ok bool) {
	x, y := cutNumbers(a), cutNumbers(b)
	if len(x) != len(y) {
		return "", 0, false
	}
	for i := range x {
		if x[i] == y[i] {
			continue
		}
		from, e1 := strconv.Atoi(x[i])
		to, e2 := strconv.Atoi(y[i])
		if i%2 == 0 || e1 != nil || e2 != nil || to != from+n || ok || strconv.Itoa(from) != x[i] || strconv.Itoa(to) != y[i] {
			return "", 0, false
		}
		x[i], first, ok = "#", from, true
	}
	return strings.Join(x, ""), first, ok
}

// varRow describes a tensor.
func varRow(sv *storedVar, name string) expr {
	f := elemsNamed("Name", text(name), "DType", rt(rtType(sv.DType)), "Shape", intsLiteral(sv.Shape))
	switch sv.Kind {
	case "buffer":
		f = append(f, fieldValue{"Kind", rt("Buffer")})
	case "optimizer":
		f = append(f, fieldValue{"Kind", rt("Optimizer")})
	}
	if sv.Frozen {
		f = append(f, fieldValue{"Frozen", id("true")})
	}
	f = append(f, fieldValue{"Line", num(int64(sv.Origin.Line))})
	if sv.Layout != nil {
		f = append(f, fieldValue{"Layout", panelsLiteral(sv.Layout)})
	}
	return flat("", f...)
}

// panelsLiteral prints a layout; axes that follow in order are left out.
func panelsLiteral(l *loop.Layout) expr {
	var f []fieldValue
	if l.Lane != 0 {
		f = append(f, fieldValue{"Lane", num(int64(l.Lane))})
	}
	f = append(f, fieldValue{"Width", num(int64(l.Width))})
	var rest []expr
	for _, a := range l.Rest {
		rest = append(rest, num(int64(a)))
	}
	if !slices.IsSorted(l.Rest) {
		f = append(f, fieldValue{"Rest", composite("[]int", elems(rest...)...)})
	}
	return flat("mlrt.Panels", f...)
}

// printTensors writes a method that lists the addresses of some tensors in
// their order. The list starts with what before gives, if anything.
func printTensors(s *source, doc, recv, typ, name string, before expr, vars []*storedVar, more ...expr) {
	s.method(doc, recv, "*"+typ, name, nil, []string{"[]any"}, func(b *body) {
		parts := addresses(vars, recv)
		if len(parts) == 1 && before.code == nil && len(more) == 0 && parts[0].loop == "" {
			b.ret(composite("[]any", elems(parts[0].list...)...))
			return
		}
		list := id("list")
		spreadAll := func() {
			for _, m := range more {
				b.set(list, call(id("append"), list, spread(m)))
			}
		}
		switch {
		case before.code != nil:
			b.define("list", before)
		case len(parts) > 0 && parts[0].loop == "":
			b.define("list", composite("[]any", elems(parts[0].list...)...))
			parts = parts[1:]
		default:
			b.declare("list", "[]any")
		}
		spreadAll()
		add := func(b *body, list2 []expr) { b.set(list, call(id("append"), append([]expr{list}, list2...)...)) }
		for _, p := range parts {
			if p.loop == "" {
				add(b, p.list)
				continue
			}
			b.forRange("i", num(int64(p.count)), func(b *body) { add(b, p.list) })
		}
		b.ret(list)
	})
}

// addressPart is addresses in a row, or those of one repetition of a loop.
type addressPart struct {
	list  []expr
	loop  string // the counter's name
	count int
}

// addresses are the addresses of tensors, in loops where these are shorter.
func addresses(vars []*storedVar, base string) (parts []addressPart) {
	keys := numbering[string]{}
	r := &repeats{gain: 2, whole: true}
	for _, sv := range vars {
		r.keys = append(r.keys, keys.of(sv.place.field))
	}
	r.fit = func(sp span) int {
		for i := sp.period; i < sp.items(); i++ {
			n, k := i/sp.period, i%sp.period
			if a := vars[sp.at(0, k)].place.at; a < 0 || vars[sp.start+i].place.at != a+n {
				return i
			}
		}
		return sp.items()
	}
	for _, sp := range r.split() {
		p := addressPart{count: sp.count}
		for _, sv := range vars[sp.start : sp.start+sp.period] {
			at := sv.place.in(base)
			e := at.expr()
			if sp.count > 1 {
				p.loop = "i"
				e = index(id(at.field), bin("+", id("i"), num(int64(at.at))))
			}
			p.list = append(p.list, unary("&", e))
		}
		parts = append(parts, p)
	}
	return parts
}
