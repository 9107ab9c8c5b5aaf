package ir

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/dsl/diag"
)

// Parse reads the text form of a program. ops finds an operation by its word
// and gives it without attributes; package op's Lookup is one. Types are taken
// as written: Verify compares them with the type rules.
func Parse(text string, ops func(name string) (Op, bool)) (prog *Program, err error) {
	p := &parser{lexer: lexer{text: text, line: 1}, ops: ops, prog: &Program{}, vars: map[string]*Var{}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case syntaxError:
			prog, err = nil, e
		default:
			panic(e)
		}
	}()
	p.next()
	p.program()
	return p.prog, nil
}

type parser struct {
	lexer
	ops    func(string) (Op, bool)
	prog   *Program
	vars   map[string]*Var
	values map[int]*Value // of the function being read
	file   string         // of the last span read
}

func (p *parser) program() {
	p.expect("program")
	p.prog.Name, p.prog.File = p.str(), p.str()
	p.prog.Doc = p.optional("doc")
	for p.accept("arg") {
		p.prog.Args = append(p.prog.Args, Arg{Name: p.str(), Value: p.str()})
	}
	for p.accept("var") {
		v := p.variable()
		p.prog.Vars = append(p.prog.Vars, v)
		p.vars[v.Name] = v
	}
	for p.accept("entry") {
		p.prog.Entries = append(p.prog.Entries, p.entry())
	}
	if p.tok != "" {
		p.fail("want an entry, have %q", p.tok)
	}
}

// optional reads a quoted text behind a word that may be missing.
func (p *parser) optional(word string) string {
	if !p.accept(word) {
		return ""
	}
	return p.str()
}

// kind reads one of the words of a kind.
func (p *parser) kind(words []string) int {
	w := p.word()
	for i, k := range words {
		if k == w {
			return i
		}
	}
	p.fail("want one of %v, have %q", words, w)
	return 0
}

func (p *parser) variable() *Var {
	v := &Var{Name: p.str(), Kind: VarKind(p.kind(varKinds[:])), Type: p.tensorType()}
	v.Ident = p.optional("ident")
	v.Frozen = p.accept("frozen")
	if p.accept("roles") {
		p.list(func() { v.Roles = append(v.Roles, p.str()) })
	}
	v.Entry, v.Label = p.optional("owner"), p.optional("label")
	v.Pos = p.at()
	return v
}

// span reads what printer.span wrote.
func (p *parser) span() diag.Span {
	if p.accept("none") {
		return diag.Span{}
	}
	if p.isString() {
		p.file = p.str()
	}
	s := diag.Span{File: p.file, Start: p.int()}
	p.expect("-")
	s.End = p.int()
	return s
}

func (p *parser) at() diag.Span {
	if !p.accept("at") {
		return diag.Span{}
	}
	return p.span()
}

func (p *parser) tensorType() Type {
	name := p.word()
	t, ok := dim.ParseDType(name)
	if !ok {
		p.fail("unknown element type %q", name)
	}
	p.expect("[")
	var shape []dim.Dim
	for p.tok != "]" {
		shape = append(shape, p.dim())
		if !p.accept(",") {
			break
		}
	}
	p.expect("]")
	return Type{DType: t, Shape: shape}
}

func (p *parser) varRef() *Var {
	name := p.str()
	v := p.vars[name]
	if v == nil {
		p.fail("no var %q", name)
	}
	return v
}

// header holds an entry's lines until its function, which they refer to, is read.
type header struct {
	set func(v *Value)
	id  int
}

func (p *parser) entry() *Entry {
	e := &Entry{Name: p.str(), Kind: EntryKind(p.kind(entryKinds[:]))}
	e.Doc = p.optional("doc")
	e.Pos = p.at()
	p.expect("{")
	var refs []header
	later := func(set func(*Value)) { refs = append(refs, header{set, p.id()}) }
	for p.tok != "func" {
		p.binding(e, later)
	}
	e.Func = p.function()
	for _, r := range refs {
		v := p.values[r.id]
		if v == nil {
			p.fail("no value %%%d in entry %s", r.id, e.Name)
		}
		r.set(v)
	}
	p.expect("}")
	return e
}

// binding reads one line of an entry.
func (p *parser) binding(e *Entry, later func(func(*Value))) {
	switch w := p.word(); w {
	case "input":
		i := len(e.Inputs)
		e.Inputs = append(e.Inputs, Input{Name: p.str()})
		later(func(v *Value) { e.Inputs[i].Value = v })
		e.Inputs[i].Doc = p.optional("doc")
		e.Inputs[i].Pos = p.at()
	case "read":
		i := len(e.Reads)
		e.Reads = append(e.Reads, Read{Var: p.varRef()})
		later(func(v *Value) { e.Reads[i].Value = v })
	case "store":
		i := len(e.Stores)
		e.Stores = append(e.Stores, Store{Var: p.varRef()})
		later(func(v *Value) { e.Stores[i].Value = v })
		e.Stores[i].Pos = p.at()
	case "output":
		i := len(e.Outputs)
		e.Outputs = append(e.Outputs, Output{Name: p.str()})
		later(func(v *Value) { e.Outputs[i].Value = v })
		e.Outputs[i].Pos = p.at()
	case "check":
		e.Checks = append(e.Checks, Check{Cond: p.scalar(), Message: p.str(), Pos: p.at()})
	case "metric":
		e.Metrics = append(e.Metrics, p.metric())
	default:
		p.fail("want a binding or func, have %q", w)
	}
}

func (p *parser) metric() Metric {
	m := Metric{Name: p.str()}
	p.expect("output")
	m.Output = p.int()
	p.expect("states")
	p.list(func() { m.States = append(m.States, p.varRef()) })
	if p.accept("{") {
		m.Finish = p.function()
		p.expect("}")
	}
	return m
}

// function reads a function; p.values holds its values afterwards.
func (p *parser) function() *Func {
	p.expect("func")
	f := NewFunc(p.str())
	p.values = map[int]*Value{}
	p.list(func() {
		v := p.definition(f)
		v.Type = p.tensorType()
		v.Index = len(f.Params)
		f.Params = append(f.Params, v)
	})
	p.expect("{")
	var at place
	for p.tok != "}" {
		switch {
		case p.accept("at"):
			at = place{pos: p.span(), label: p.optional("label"), path: p.optional("path")}
			if p.accept("remat") {
				at.remat = p.int()
			}
		case p.accept("return"):
			f.Results = p.operands()
		default:
			f.Instrs = append(f.Instrs, p.instr(f, at))
		}
	}
	p.expect("}")
	return f
}

// definition reads %ID with a name and binds it.
func (p *parser) definition(f *Func) *Value {
	v := &Value{ID: p.id()}
	if p.accept(":") {
		v.Name = p.str()
	}
	if p.values[v.ID] != nil {
		p.fail("%%%d is defined twice", v.ID)
	}
	p.values[v.ID] = v
	f.nextID = max(f.nextID, v.ID+1)
	return v
}

// operands reads references to values, separated by commas.
func (p *parser) operands() []*Value {
	var out []*Value
	for {
		id := p.id()
		v := p.values[id]
		if v == nil {
			p.fail("%%%d is not defined here", id)
		}
		out = append(out, v)
		if !p.accept(",") {
			return out
		}
	}
}

func (p *parser) instr(f *Func, at place) *Instr {
	i := &Instr{Pos: at.pos, Label: at.label, Path: at.path, Remat: at.remat}
	for {
		v := p.definition(f)
		v.Def, v.Index = i, len(i.Results)
		i.Results = append(i.Results, v)
		if !p.accept(",") {
			break
		}
	}
	p.expect("=")
	name := p.word()
	op, ok := p.ops(name)
	if !ok {
		p.fail("unknown operation %q", name)
	}
	i.Op = p.attributes(op)
	if p.tok != ":" {
		i.Args = p.operands()
	}
	p.expect(":")
	for k, v := range i.Results {
		if k > 0 {
			p.expect(",")
		}
		v.Type = p.tensorType()
	}
	i.Metric = p.accept("metric")
	if p.accept("group") {
		i.Group = p.int()
	}
	if region, ok := i.Op.(Region); ok {
		i.Op = region.WithBodies(p.bodies())
	}
	return i
}

// bodies reads a region's functions, whose values are their own.
func (p *parser) bodies() []*Func {
	outer := p.values
	defer func() { p.values = outer }()
	p.expect("{")
	var out []*Func
	for p.tok == "func" {
		out = append(out, p.function())
	}
	p.expect("}")
	return out
}

// syntaxError is a refusal with its line; the parser unwinds with it.
type syntaxError struct {
	line int
	msg  string
}

// Error gives line and message.
func (e syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.msg) }
