package build

import (
	"slices"
	"strings"

	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// annotate gives the settings inside a declaration or statement.
func (e *evaluator) annotate(fr *frame, set settings, annots []*dsl.Annot) settings {
	set.name, set.copyOf = "", nil
	for _, a := range annots {
		var args []*dsl.Named
		if a.Args != nil {
			args = a.Args.List
		}
		switch name := a.Name.Name; name {
		case "remat":
			if set.remat == 0 { // one inside another is computed again with it
				e.remat++
				set.remat = e.remat
			}
		case "frozen":
			set.frozen = true
		case "role":
			set.roles = e.annotateRoles(set.roles, a, args)
		case "dtype":
			if id := annotWord(args); id != nil {
				set.dtype = e.dtype(id)
			} else {
				e.report(diag.BadAnnotation, a.Span(), "@dtype takes one dtype, such as @dtype(bfloat16)")
			}
		case "quantize":
			e.report(diag.BadAnnotation, a.Span(), "@quantize has a meaning in the language, but this compiler has no integer kernels yet").
				HelpText("leave it out; @dtype(bfloat16) before a param halves the memory of its tensor")
		case "name":
			set.name = e.annotateName(fr, a, args)
		case "init":
			e.annotateInit(fr, &set, a, args)
		default:
			d := e.report(diag.UnknownAnnotation, a.Name.Span(), "there is no annotation @%s", name)
			if s := diag.Suggest(name, []string{"remat", "frozen", "dtype", "quantize", "init", "role", "name"}); s != "" {
				d.HelpText("did you mean @%s?", s)
			}
		}
	}
	return set
}

// annotWord is the only argument when it is a bare word.
func annotWord(args []*dsl.Named) *dsl.Ident {
	if len(args) != 1 || args[0].Name != nil {
		return nil
	}
	return args[0].Value.Name()
}

func (e *evaluator) annotateRoles(roles []string, a *dsl.Annot, args []*dsl.Named) []string {
	roles = slices.Clone(roles)
	for _, n := range args {
		id := n.Value.Name()
		if n.Name != nil || id == nil {
			e.report(diag.BadAnnotation, n.Span(), "@role takes words, such as @role(norm)")
			continue
		}
		if !slices.Contains(roles, id.Name) {
			roles = append(roles, id.Name)
		}
	}
	if len(args) == 0 {
		e.report(diag.BadAnnotation, a.Span(), "@role takes words, such as @role(norm)")
	}
	return roles
}

// annotateName expands @name("weight_l{l}").
func (e *evaluator) annotateName(fr *frame, a *dsl.Annot, args []*dsl.Named) string {
	var t text
	if len(args) == 1 && args[0].Name == nil {
		t, _ = e.expr(fr, args[0].Value).(text)
	}
	if t == "" {
		e.report(diag.BadAnnotation, a.Span(), "@name takes one string, such as @name(\"weight_ih_l{l}\")")
		return ""
	}
	var out strings.Builder
	rest := string(t)
	for {
		before, after, ok := strings.Cut(rest, "{")
		out.WriteString(before)
		if !ok {
			break
		}
		word, tail, ok := strings.Cut(after, "}")
		b := fr.scope.find(strings.TrimSpace(word))
		if !ok || b == nil {
			e.report(diag.BadAnnotation, a.Span(), "there is no value %q for the braces of @name", word)
			return ""
		}
		e.uses.use(b)
		switch v := b.v.(type) {
		case text:
			out.WriteString(string(v))
		case number:
			out.WriteString(v.String())
		default:
			e.report(diag.BadAnnotation, a.Span(), "%s in @name is %s, and a number or string is needed", word, v.kind())
			return ""
		}
		rest = tail
	}
	return out.String()
}

func (e *evaluator) annotateInit(fr *frame, set *settings, a *dsl.Annot, args []*dsl.Named) {
	if len(args) != 1 || args[0].Name != nil {
		e.report(diag.BadAnnotation, a.Span(), "@init takes one initializer or layer, such as @init(normal(std = 0.02))")
		return
	}
	switch v := e.expr(fr, args[0].Value).(type) {
	case *instance:
		set.copyOf = v
	case *initializer, number:
		set.init = v
	case *callable:
		if !v.isInitializer() {
			e.report(diag.BadAnnotation, args[0].Span(), "%s is not an initializer", v.name)
		}
		set.init = v
	case bad:
	default:
		e.report(diag.BadAnnotation, args[0].Span(), "@init takes an initializer or a layer, not %s", v.kind())
	}
}

// checkAnnots refuses annotations on statements that they say nothing about.
func (e *evaluator) checkAnnots(s *dsl.Stmt) {
	for _, a := range s.Annots {
		ok := true
		switch a.Name.Name {
		case "name":
			ok = s.Param != nil || s.Buffer != nil || s.Layer != nil || s.State != nil
		case "frozen", "init", "role":
			ok = s.Param != nil || s.Buffer != nil || s.Layer != nil || s.Assign != nil || s.Output != nil || s.For != nil || s.If != nil
		case "remat":
			ok = s.Layer != nil || s.Assign != nil || s.Output != nil || s.For != nil || s.If != nil
		}
		if !ok {
			e.report(diag.BadAnnotation, a.Span(), "@%s does not fit this statement", a.Name.Name)
		}
	}
}
