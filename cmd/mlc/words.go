package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/compiler/prelude"
	"github.com/mlc-go/mlc/dsl"
	"github.com/mlc-go/mlc/dsl/diag"
)

// word is an entry of the vocabulary.
type word struct {
	Group     string `json:"group"`
	Word      string `json:"word"`
	Signature string `json:"signature"`
	Summary   string `json:"summary"`
}

func newList(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [GROUP]",
		Short: "List the words of the language with their arguments",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			group := ""
			if len(args) == 1 {
				group = args[0]
			}
			return a.list(group, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

func (a *app) list(group string, asJSON bool) error {
	var list []word
	var groups []string
	for _, name := range prelude.Words() {
		f := prelude.Word(name)
		if !slices.Contains(groups, f.Group) {
			groups = append(groups, f.Group)
		}
		if group == "" || f.Group == group {
			list = append(list, describeWord(f))
		}
	}
	slices.Sort(groups)
	if len(list) == 0 {
		return usage("there is no group %q, there are: %s", group, strings.Join(groups, ", "))
	}
	slices.SortStableFunc(list, func(a, b word) int { return strings.Compare(a.Group, b.Group) })
	if asJSON {
		enc := json.NewEncoder(a.stdout)
		for _, w := range list {
			if err := enc.Encode(w); err != nil {
				return failure(err)
			}
		}
		return nil
	}
	last := ""
	for _, w := range list {
		if w.Group != last {
			fmt.Fprintf(a.stdout, "%s\n", w.Group)
			last = w.Group
		}
		fmt.Fprintf(a.stdout, "  %s\n      %s\n", w.Signature, w.Summary)
	}
	return nil
}

// describeWord reads a word's declaration: the first sentence of its comment is
// its summary.
func describeWord(f *prelude.File) word {
	w := word{Group: f.Group, Word: f.Word, Signature: f.Word}
	i := slices.IndexFunc(f.AST.Decls, func(d *dsl.Decl) bool { return d.Name().Name == f.Word })
	if i < 0 {
		return w
	}
	d := f.AST.Decls[i]
	w.Summary = firstSentence(d.Doc)
	var formals []*dsl.Formal
	if d.Func != nil {
		formals = d.Func.Formals
	} else {
		formals = d.Unit.Formals
	}
	args := make([]string, len(formals))
	for i, formal := range formals {
		span := formal.Span()
		args[i] = string(f.Source[span.Start:span.End])
	}
	w.Signature = f.Word + "(" + strings.Join(args, ", ") + ")"
	return w
}

// firstSentence returns a comment's text up to its first full stop or formula.
func firstSentence(doc string) string {
	doc, _, _ = strings.Cut(doc, "\n\n")
	words := strings.Fields(doc)
	for i, w := range words {
		if end := w[len(w)-1]; end == ':' || end == '.' && w != "al." && w != "e.g." {
			return strings.TrimRight(strings.Join(words[:i+1], " "), ":.")
		}
	}
	return strings.Join(words, " ")
}

func newDoc(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doc WORD",
		Short: "Show a word of the language: its formula, arguments and defaults",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f := prelude.Word(args[0])
			if f == nil {
				hint := ""
				if near := diag.Suggest(args[0], prelude.Words()); near != "" {
					hint = fmt.Sprintf("; did you mean %s?", near)
				}
				return usage("the prelude has no word %q%s (mlc list shows all)", args[0], hint)
			}
			if _, err := a.stdout.Write(f.Source); err != nil {
				return failure(err)
			}
			return nil
		},
	}
}
