package build

import (
	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// binding is what a name stands for.
type binding struct {
	name string
	v    value
	// at is where the value comes from: the definition, or the caller's argument.
	at diag.Span
	// argument marks a formal of the unit: blame for its value goes to at.
	argument bool
	// stored is the variable behind the name of a param, buffer or state.
	stored *variable
	def    *definition // for warnings about unused names
}

// scope maps names to values. Blocks of for and if share their unit's scope;
// scan, entry and train open one. Scopes are small, so names are searched in order.
type scope struct {
	parent *scope
	names  []*binding
}

func newScope(parent *scope) *scope { return &scope{parent: parent, names: make([]*binding, 0, 8)} }

// here finds a name in this scope alone; nil when it is not there.
func (s *scope) here(name string) *binding {
	for _, b := range s.names {
		if b.name == name {
			return b
		}
	}
	return nil
}

func (s *scope) find(name string) *binding {
	for ; s != nil; s = s.parent {
		if b := s.here(name); b != nil {
			return b
		}
	}
	return nil
}

// all lists the visible names, for suggestions.
func (s *scope) all() []string {
	var out []string
	for ; s != nil; s = s.parent {
		for _, b := range s.names {
			out = append(out, b.name)
		}
	}
	return out
}

// place says what kind of body a statement stands in.
type place uint8

const (
	inModel place = iota
	inBlock
	inOptimizer
	inMetric
	inEntry
	inTrain
	inScan
	inFunc
)

var placeNames = [...]string{"a model", "a block", "an optimizer", "a metric", "an entry", "a train block", "a scan", "a func"}

func (p place) String() string { return placeNames[p] }

// settings are the annotations in force. They are inherited inwards; the
// innermost wins.
type settings struct {
	init   value // of @init: replaces the default of arguments called init
	dtype  dim.DType
	frozen bool
	remat  int
	roles  []string
	name   string // of @name, for the statement it precedes only
	copyOf *instance
}

// frame is one body being executed: a unit, or an entry, train block or scan in it.
type frame struct {
	src   *source
	scope *scope
	inst  *instance // owner of labels and parameters; nil in an optimizer or metric
	run   *run
	set   settings
	place place
	unit  string // the unit's name
	// bound holds the inputs that the caller gave, by name.
	bound map[string]argument
	// lead is what "..." of the input patterns matched.
	lead    []dim.Dim
	hasLead bool
	// axes lists, for each dimension name, the axes that input patterns gave it.
	axes map[string][]int
	// outputs are collected from output statements.
	outputs []output
	train   *training // of a train block
	scan    *scanning // of a scan's body
	state   *unitState
	callee  *callable
}

// output is one value of an output statement.
type output struct {
	name string
	v    value
	at   diag.Span
}

// run is one execution of a unit's body.
type run struct {
	seen   map[string]diag.Span // labels and parameters made so far
	key    string               // of random draws
	draws  int
	counts map[string]int // unlabelled applications by operator
	layers map[string]diag.Span
	// broken notes that a statement was given up after an error, so that what is
	// missing because of it is not reported.
	broken bool
	// outer is the run of the body around an entry.
	outer *run
}

func newRun(key string) *run { return &run{key: key} }

// note remembers a place in one of a run's maps, made at the first use.
func note(m *map[string]diag.Span, name string, at diag.Span) {
	if *m == nil {
		*m = map[string]diag.Span{}
	}
	(*m)[name] = at
}

// count returns how often an operator was applied without a label before.
func (r *run) count(op string) int {
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[op]++
	return r.counts[op] - 1
}

// child returns a frame for a body inside fr's: its own scope, the same labels.
func (fr *frame) child(p place) *frame {
	c := *fr
	c.scope = newScope(fr.scope)
	c.place = p
	c.outputs = nil
	return &c
}

// setName binds a name in the innermost scope.
func (fr *frame) setName(name string, v value, at diag.Span) *binding {
	b := &binding{name: name, v: v, at: at}
	for i, old := range fr.scope.names {
		if old.name == name {
			fr.scope.names[i] = b
			return b
		}
	}
	fr.scope.names = append(fr.scope.names, b)
	return b
}

// assign rebinds a name where it lives: for and if share the unit's scope, and
// an entry or scan may not change the names around it.
func (fr *frame) assign(id *dsl.Ident, v value) { fr.setName(id.Name, v, id.Span()) }
