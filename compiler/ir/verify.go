package ir

import (
	"fmt"

	"github.com/mlc-go/mlc/compiler/dim"
)

// Verify checks what every pass must keep: values are defined before they are
// used, types are those that the type rules infer, bindings fit their
// variables. An error is a bug of the stage that made the program.
func Verify(p *Program) error {
	vars, names := map[*Var]bool{}, map[string]bool{}
	for _, v := range p.Vars {
		if names[v.Name] {
			return fmt.Errorf("var %q is declared twice", v.Name)
		}
		names[v.Name], vars[v] = true, true
	}
	entries := map[string]bool{}
	for _, e := range p.Entries {
		key := e.Kind.String() + " " + e.Name
		if entries[key] {
			return fmt.Errorf("entry %q stands twice", key)
		}
		entries[key] = true
		if err := verifyEntry(e, vars); err != nil {
			return fmt.Errorf("entry %s: %w", e.Name, err)
		}
	}
	return nil
}

func verifyEntry(e *Entry, vars map[*Var]bool) error {
	known, err := verifyFunc(e.Func)
	if err != nil {
		return err
	}
	bound := map[*Value]bool{}
	bind := func(v *Value, what string) error {
		if v == nil || v.Def != nil || v.Index >= len(e.Func.Params) || e.Func.Params[v.Index] != v {
			return fmt.Errorf("%s is not bound to a parameter", what)
		}
		if bound[v] {
			return fmt.Errorf("%s is bound to %s, which is bound already", what, ref(v))
		}
		bound[v] = true
		return nil
	}
	for _, x := range e.Inputs {
		if err := bind(x.Value, "input "+x.Name); err != nil {
			return err
		}
	}
	for _, x := range e.Reads {
		if err := bind(x.Value, "read of "+x.Var.Name); err != nil {
			return err
		}
		if err := fits(x.Var, x.Value, vars); err != nil {
			return err
		}
	}
	if len(bound) != len(e.Func.Params) {
		return fmt.Errorf("%d of %d parameters are bound", len(bound), len(e.Func.Params))
	}
	stored := map[*Var]bool{}
	for _, x := range e.Stores {
		if stored[x.Var] {
			return fmt.Errorf("var %q is stored twice", x.Var.Name)
		}
		stored[x.Var] = true
		if !known[x.Value] {
			return fmt.Errorf("store of %q takes a value of no instruction", x.Var.Name)
		}
		if err := fits(x.Var, x.Value, vars); err != nil {
			return err
		}
	}
	for _, x := range e.Outputs {
		if !known[x.Value] {
			return fmt.Errorf("output %q takes a value of no instruction", x.Name)
		}
	}
	for _, m := range e.Metrics {
		if err := verifyMetric(e, m, vars); err != nil {
			return fmt.Errorf("metric %s: %w", m.Name, err)
		}
	}
	return nil
}

func verifyMetric(e *Entry, m Metric, vars map[*Var]bool) error {
	if m.Output >= len(e.Outputs) || m.Output < -1 {
		return fmt.Errorf("output %d of %d", m.Output, len(e.Outputs))
	}
	if m.Finish == nil {
		return nil
	}
	if _, err := verifyFunc(m.Finish); err != nil {
		return err
	}
	if len(m.Finish.Params) != len(m.States) || len(m.Finish.Results) != 1 {
		return fmt.Errorf("finish takes %d states of %d and gives %d results", len(m.Finish.Params), len(m.States), len(m.Finish.Results))
	}
	for i, v := range m.States {
		if err := fits(v, m.Finish.Params[i], vars); err != nil {
			return err
		}
	}
	return nil
}

// fits reports a variable that the program does not have, or one of another type.
func fits(v *Var, x *Value, vars map[*Var]bool) error {
	if !vars[v] {
		return fmt.Errorf("var %q is not the program's", v.Name)
	}
	if !EqualTypes(v.Type, x.Type) {
		return fmt.Errorf("var %q has type %s, %s has %s", v.Name, v.Type, ref(x), x.Type)
	}
	return nil
}

// EqualTypes reports whether two types are the same.
func EqualTypes(a, b Type) bool { return a.DType == b.DType && dim.EqualShapes(a.Shape, b.Shape) }

// verifyFunc checks a function and its regions and returns its values.
func verifyFunc(f *Func) (map[*Value]bool, error) {
	known, ids := map[*Value]bool{}, map[int]bool{}
	define := func(v *Value) error {
		if known[v] || ids[v.ID] {
			return fmt.Errorf("%s is defined twice", ref(v))
		}
		if v.ID >= f.nextID {
			return fmt.Errorf("%s has a number that the function did not give", ref(v))
		}
		known[v], ids[v.ID] = true, true
		return nil
	}
	for i, v := range f.Params {
		if v.Def != nil || v.Index != i {
			return nil, fmt.Errorf("func %s: parameter %s is not parameter %d", f.Name, ref(v), i)
		}
		if err := define(v); err != nil {
			return nil, fmt.Errorf("func %s: %w", f.Name, err)
		}
	}
	for _, i := range f.Instrs {
		err := verifyInstr(i, known)
		for _, v := range i.Results {
			if err == nil {
				err = define(v)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("func %s: %s: %w", f.Name, i, err)
		}
	}
	for _, v := range f.Results {
		if !known[v] {
			return nil, fmt.Errorf("func %s: result %s is not a value of it", f.Name, ref(v))
		}
	}
	return known, nil
}

func verifyInstr(i *Instr, known map[*Value]bool) error {
	in := make([]Type, len(i.Args))
	for k, a := range i.Args {
		if !known[a] {
			return fmt.Errorf("%s is used before it is defined", ref(a))
		}
		in[k] = a.Type
	}
	if region, ok := i.Op.(Region); ok {
		for _, f := range region.Bodies() {
			if _, err := verifyFunc(f); err != nil {
				return err
			}
		}
	}
	out, err := i.Op.Infer(in)
	if err != nil {
		return err
	}
	if len(out) != len(i.Results) {
		return fmt.Errorf("has %d results, its type rule gives %d", len(i.Results), len(out))
	}
	for k, v := range i.Results {
		if v.Def != i || v.Index != k {
			return fmt.Errorf("%s does not know its instruction", ref(v))
		}
		if !EqualTypes(v.Type, out[k]) {
			return fmt.Errorf("%s has type %s, its type rule gives %s", ref(v), v.Type, out[k])
		}
	}
	return nil
}
