package ir

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/mlc-go/mlc/compiler/dim"
	"github.com/mlc-go/mlc/compiler/scalar"
	"github.com/mlc-go/mlc/dsl/diag"
)

// Print returns the text form of a program. Parse reads it back; equal programs
// have equal texts.
//
//	program MLP "net.ml"
//	var "fc1.weight" param f32[128, 784]
//	entry forward forward {
//	  input x %1
//	  read "fc1.weight" %2
//	  output logits %3
//	  func forward(%1:x f32[batch, 784], %2 f32[128, 784]) {
//	    at 120-140 "fc1: linear(hidden)" path "fc1"
//	    %3 = einsum[spec="mk,nk->mn"] %1, %2 : f32[batch, 128]
//	  }
//	}
//
// A line that starts with "at" holds for the instructions below it.
func Print(p *Program) string {
	w := &printer{}
	w.program(p)
	return w.b.String()
}

// String returns the text form of a function.
func (f *Func) String() string {
	w := &printer{}
	w.function(f)
	return w.b.String()
}

// printer writes text, two spaces a level.
type printer struct {
	b     strings.Builder
	depth int
	file  string // of the last span printed
	place place  // of the last "at" line
}

// place is what an "at" line says.
type place struct {
	pos         diag.Span
	label, path string
	remat       int
}

func (i *Instr) place() place { return place{i.Pos, i.Label, i.Path, i.Remat} }

func (w *printer) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.depth))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

// span prints a place in the model; the file only where it changes.
func (w *printer) span(s diag.Span) string {
	if s.IsZero() {
		return "none"
	}
	text := fmt.Sprintf("%d-%d", s.Start, s.End)
	if s.File != w.file {
		w.file = s.File
		return strconv.Quote(s.File) + " " + text
	}
	return text
}

// at is span as a suffix that is left out where there is no place.
func (w *printer) at(s diag.Span) string {
	if s.IsZero() {
		return ""
	}
	return " at " + w.span(s)
}

// suffix prints a quoted text behind a word unless it is empty.
func suffix(word, text string) string {
	if text == "" {
		return ""
	}
	return " " + word + " " + strconv.Quote(text)
}

var varKinds = [...]string{"param", "buffer", "optimizer", "metric", "session"}

var entryKinds = [...]string{"forward", "train", "eval", "init"}

// String returns the kind's word in IR text.
func (k VarKind) String() string { return varKinds[k] }

// String returns the kind's word in IR text.
func (k EntryKind) String() string { return entryKinds[k] }

func (w *printer) program(p *Program) {
	w.line("program %s %s%s", strconv.Quote(p.Name), strconv.Quote(p.File), suffix("doc", p.Doc))
	for _, a := range p.Args {
		w.line("arg %s %s", strconv.Quote(a.Name), strconv.Quote(a.Value))
	}
	for _, v := range p.Vars {
		s := fmt.Sprintf("var %s %s %s", strconv.Quote(v.Name), v.Kind, v.Type) + suffix("ident", v.Ident)
		if v.Frozen {
			s += " frozen"
		}
		if len(v.Roles) > 0 {
			s += " roles" + attrText(reflect.ValueOf(v.Roles))
		}
		w.line("%s", s+suffix("owner", v.Entry)+suffix("label", v.Label)+w.at(v.Pos))
	}
	for _, e := range p.Entries {
		w.entry(e)
	}
}

func (w *printer) entry(e *Entry) {
	w.line("entry %s %s%s%s {", strconv.Quote(e.Name), e.Kind, suffix("doc", e.Doc), w.at(e.Pos))
	w.depth++
	for _, x := range e.Inputs {
		w.line("input %s %s%s%s", strconv.Quote(x.Name), ref(x.Value), suffix("doc", x.Doc), w.at(x.Pos))
	}
	for _, x := range e.Reads {
		w.line("read %s %s", strconv.Quote(x.Var.Name), ref(x.Value))
	}
	for _, x := range e.Stores {
		w.line("store %s %s%s", strconv.Quote(x.Var.Name), ref(x.Value), w.at(x.Pos))
	}
	for _, x := range e.Outputs {
		w.line("output %s %s%s", strconv.Quote(x.Name), ref(x.Value), w.at(x.Pos))
	}
	for _, x := range e.Checks {
		w.line("check %s %s%s", x.Cond, strconv.Quote(x.Message), w.at(x.Pos))
	}
	for _, m := range e.Metrics {
		w.metric(m)
	}
	w.function(e.Func)
	w.depth--
	w.line("}")
}

func (w *printer) metric(m Metric) {
	var names []string
	for _, v := range m.States {
		names = append(names, v.Name)
	}
	s := fmt.Sprintf("metric %s output %d states%s", strconv.Quote(m.Name), m.Output, attrText(reflect.ValueOf(names)))
	if m.Finish == nil {
		w.line("%s", s)
		return
	}
	w.line("%s {", s)
	w.depth++
	w.function(m.Finish)
	w.depth--
	w.line("}")
}

func (w *printer) function(f *Func) {
	params := make([]string, len(f.Params))
	for i, p := range f.Params {
		params[i] = definition(p) + " " + p.Type.String()
	}
	w.line("func %s(%s) {", strconv.Quote(f.Name), strings.Join(params, ", "))
	w.depth++
	outer := w.place
	w.place = place{}
	for _, i := range f.Instrs {
		w.instr(i)
	}
	w.place = outer
	if len(f.Results) > 0 {
		w.line("return %s", refs(f.Results))
	}
	w.depth--
	w.line("}")
}

func (w *printer) instr(i *Instr) {
	if pl := i.place(); pl != w.place {
		w.place = pl
		s := "at " + w.span(pl.pos) + suffix("label", pl.label) + suffix("path", pl.path)
		if pl.remat != 0 {
			s += fmt.Sprintf(" remat %d", pl.remat)
		}
		w.line("%s", s)
	}
	s := instrText(i)
	region, ok := i.Op.(Region)
	if !ok {
		w.line("%s", s)
		return
	}
	w.line("%s {", s)
	w.depth++
	for _, f := range region.Bodies() {
		w.function(f)
	}
	w.depth--
	w.line("}")
}

// instrText is an instruction without its place and its bodies.
func instrText(i *Instr) string {
	defs, types := make([]string, len(i.Results)), make([]string, len(i.Results))
	for k, v := range i.Results {
		defs[k], types[k] = definition(v), v.Type.String()
	}
	s := fmt.Sprintf("%s = %s%s", strings.Join(defs, ", "), i.Op.Name(), Attributes(i.Op))
	if len(i.Args) > 0 {
		s += " " + refs(i.Args)
	}
	s += " : " + strings.Join(types, ", ")
	if i.Metric {
		s += " metric"
	}
	if i.Group != 0 {
		s += fmt.Sprintf(" group %d", i.Group)
	}
	return s
}

// String returns the instruction's text without its place and its bodies.
func (i *Instr) String() string { return instrText(i) }

// String returns the type in IR text: "f32[batch, 784]".
func (t Type) String() string { return t.DType.Short() + dimsText(t.Shape) }

func dimsText(shape []dim.Dim) string {
	s := make([]string, len(shape))
	for i, d := range shape {
		s[i] = d.String()
	}
	return "[" + strings.Join(s, ", ") + "]"
}

func ref(v *Value) string { return "%" + strconv.Itoa(v.ID) }

func refs(vs []*Value) string {
	s := make([]string, len(vs))
	for i, v := range vs {
		s[i] = ref(v)
	}
	return strings.Join(s, ", ")
}

// definition is a reference with the value's readable name.
func definition(v *Value) string {
	if v.Name == "" {
		return ref(v)
	}
	return ref(v) + ":" + strconv.Quote(v.Name)
}

// Attributes returns an operation's attributes in IR text, such as
// "[axis=1, op="sum"]"; fields with their type's zero value, functions and
// fields tagged `ir:"-"` are left out.
func Attributes(op Op) string {
	v := reflect.Indirect(reflect.ValueOf(op))
	if v.Kind() != reflect.Struct {
		return ""
	}
	var parts []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if hidden(f) || isZero(v.Field(i)) {
			continue
		}
		parts = append(parts, attrName(f.Name)+"="+attrText(v.Field(i)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// hidden reports whether a field is no attribute of the text form.
func hidden(f reflect.StructField) bool {
	return !f.IsExported() || f.Tag.Get("ir") == "-" || f.Type == reflect.TypeFor[*Func]()
}

// attrName is a field's name in text: its first letter in lower case, DType as dtype.
func attrName(field string) string {
	if field == "DType" {
		return "dtype"
	}
	return strings.ToLower(field[:1]) + field[1:]
}

func isZero(v reflect.Value) bool {
	switch x := v.Interface().(type) {
	case dim.Dim:
		return x.Is(0)
	}
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

func attrText(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case dim.Dim:
		return x.String()
	case dim.DType:
		return x.Short()
	case *scalar.Expr:
		return x.String()
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = attrText(v.Index(i))
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	return fmt.Sprint(v.Interface()) // int, int64, bool
}
