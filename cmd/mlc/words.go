package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlc-go/mlc/compiler/build"
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
	groups = append(groups, ownGroup)
	if group == "" || group == ownGroup {
		for _, in := range ownWords() {
			list = append(list, word{ownGroup, in.Name, in.Signature, in.Doc})
		}
	}
	if len(list) == 0 {
		return usage("there is no group %q, there are: %s", group, strings.Join(groups, ", "))
	}
	slices.SortStableFunc(list, func(a, b word) int { return slices.Index(groups, a.Group) - slices.Index(groups, b.Group) })
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

// ownGroup is the group of the words that no file of the library writes.
const ownGroup = "compiler"

// ownWords lists the compiler's own words that no file of the library covers.
func ownWords() (list []build.Intrinsic) {
	for _, in := range build.Intrinsics() {
		if prelude.Word(in.Name) == nil {
			list = append(list, in)
		}
	}
	return list
}

// vocabulary lists all words.
func vocabulary() []string {
	names := slices.Clone(prelude.Words())
	for _, in := range ownWords() {
		names = append(names, in.Name)
	}
	return names
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

// everyOptimizer follows the text of an optimizer.
const everyOptimizer = `
// Every optimizer also takes
//     clip_norm = 1.0     the gradients' norm together is at most that; norm_type = 2 says which norm
//     clip_value = 0.5    each gradient lies between -0.5 and 0.5
//     accumulate = 4      an update follows four micro-batches
//     ema = 0.999         moving averages of the parameters, which are evaluated and saved as the model
`

func newDoc(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doc WORD|GROUP",
		Short: "Show a word of the language: its formula, arguments and defaults; or the words of a group",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f := prelude.Word(args[0])
			if f == nil {
				for _, in := range ownWords() {
					if in.Name == args[0] {
						fmt.Fprintf(a.stdout, "%s\n\n%s: %s.\nIt is one of the compiler's own words, which no file of the library writes.\n", in.Signature, in.Name, strings.TrimSuffix(in.Doc, "."))
						return nil
					}
				}
				if args[0] == ownGroup || slices.ContainsFunc(prelude.Words(), func(w string) bool { return prelude.Word(w).Group == args[0] }) {
					return a.list(args[0], false)
				}
				hint := ""
				if near := diag.Suggest(args[0], vocabulary()); near != "" {
					hint = fmt.Sprintf("; did you mean %s?", near)
				}
				return usage("there is no word %q%s (mlc list shows all)", args[0], hint)
			}
			text := string(f.Source)
			if f.Group == "optimizers" {
				text += everyOptimizer
			}
			if _, err := io.WriteString(a.stdout, text); err != nil {
				return failure(err)
			}
			return nil
		},
	}
}
