package build

import (
	"slices"

	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// nearby helps with a name that stands for nothing: it proposes one of the given
// names and shows its declaration. Without one it shows the only name that this
// unit declares and never uses, which may be the one that is misspelt.
func (e *evaluator) nearby(fr *frame, d *diag.Diagnostic, id *dsl.Ident, known ...[]string) {
	var declared, unused []*dsl.Ident
	var once []string
	for _, unit := range fr.src.ast.Decls {
		declared = append(declared, unit.Name())
		if unit.Span().Start <= id.Span().Start && id.Span().End <= unit.Span().End {
			declared = append(declared, unitNames(unit, true)...)
			unused, once = unusedNames(unit, unitNames(unit, false)), identNames(unusedNames(unit, unitNames(unit, true)))
		}
	}
	proposed := ""
	for _, names := range append(known, once) {
		if proposed = diag.Suggest(id.Name, names); proposed != "" {
			d.HelpText("did you mean %s?", proposed)
			break
		}
	}
	for _, n := range declared {
		if n.Name == proposed {
			d.Also(n.Span(), proposed+" is declared here")
			return
		}
	}
	if proposed == "" && len(unused) == 1 {
		d.Also(unused[0].Span(), unused[0].Name+" is declared here and never used")
	}
}

func identNames(ids []*dsl.Ident) (names []string) {
	for _, id := range ids {
		names = append(names, id.Name)
	}
	return names
}

// unitNames lists the names that a declaration's text declares, with those of
// dimensions if asked.
func unitNames(d *dsl.Decl, dims bool) []*dsl.Ident {
	if d.Func != nil {
		return formalNames(nil, d.Func.Formals)
	}
	return bodyNames(formalNames(nil, d.Unit.Formals), d.Unit.Body, dims)
}

func formalNames(names []*dsl.Ident, formals []*dsl.Formal) []*dsl.Ident {
	for _, f := range formals {
		names = append(names, f.Name)
	}
	return names
}

func bodyNames(names []*dsl.Ident, body []*dsl.Stmt, dims bool) []*dsl.Ident {
	for _, s := range body {
		switch {
		case s.Input != nil:
			names = append(names, s.Input.Tensor.Name)
			if dims {
				names = append(names, dimNames(s.Input.Tensor.Shape)...)
			}
		case s.Param != nil:
			names = append(names, s.Param.Tensor.Name)
		case s.Buffer != nil:
			names = append(names, s.Buffer.Tensor.Name)
		case s.State != nil:
			names = append(names, s.State.Tensor.Name)
		case s.Layer != nil:
			names = append(names, s.Layer.Ref.Name)
		case s.Assign != nil:
			for _, t := range s.Assign.Targets {
				names = append(names, t.Name)
			}
		}
		for _, b := range s.Bodies() {
			names = bodyNames(names, b, dims)
		}
	}
	return names
}

// dimNames lists the bare names in a shape.
func dimNames(shape *dsl.Shape) (names []*dsl.Ident) {
	for _, d := range shape.Dims {
		if d.Ellipsis {
			continue
		}
		if p := d.Size.Postfix(); p != nil && p.Primary.Name != nil && len(p.Suffixes) == 0 {
			names = append(names, p.Primary.Name)
		}
	}
	return names
}

// unusedNames keeps the names that stand nowhere else in the declaration but
// where another thing is named: before `=`, `:` and the `{` of a statement.
func unusedNames(d *dsl.Decl, names []*dsl.Ident) (unused []*dsl.Ident) {
	used := map[string]bool{}
	for i, t := range d.Tokens {
		if next := i + 1; next < len(d.Tokens) && (d.Tokens[next].Value == "=" || d.Tokens[next].Value == ":" || d.Tokens[next].Value == "{") {
			continue
		}
		if !slices.ContainsFunc(names, func(n *dsl.Ident) bool { return n.Span().Start == t.Pos.Offset }) {
			used[t.Value] = true
		}
	}
	for _, n := range names {
		if !used[n.Name] {
			unused = append(unused, n)
		}
	}
	return unused
}
