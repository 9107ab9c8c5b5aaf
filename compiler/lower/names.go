package lower

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/mlc-go/mlc/compiler/ir"
	"github.com/mlc-go/mlc/compiler/loop"
	"github.com/mlc-go/mlc/compiler/op"
)

// namer hands out names, each once.
type namer struct{ taken map[string]bool }

func newNamer() *namer { return &namer{map[string]bool{}} }

// unique returns name, or name with the smallest free number from 2 on.
func (n *namer) unique(name string) string {
	if name == "" {
		name = "value"
	}
	for i := 1; ; i++ {
		try := name
		if i > 1 {
			try += strconv.Itoa(i)
		}
		if !n.taken[try] {
			n.taken[try] = true
			return try
		}
	}
}

// camel joins the words of the first text that has any into one identifier:
// "h.0.attn" gives "h0Attn", "fc1.weight" gives "fc1Weight".
func camel(texts ...string) string {
	for _, t := range texts {
		if s := camelOne(t); s != "" {
			return s
		}
	}
	return ""
}

func camelOne(text string) string {
	var b strings.Builder
	upper := false
	for _, r := range text {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			upper = b.Len() > 0
			continue
		}
		switch {
		case b.Len() == 0 && unicode.IsDigit(r):
			continue
		case b.Len() == 0:
			r = unicode.ToLower(r)
		case upper:
			r = unicode.ToUpper(r)
		}
		upper = false
		b.WriteRune(r)
	}
	return b.String()
}

// stage returns the readable place of an instruction: the end of its unit's path
// and the head of its stage's label: the label, the name assigned to, or the word
// applied.
func stage(i *ir.Instr) string {
	head, _, labelled := strings.Cut(i.Label, ":")
	if !labelled || strings.Contains(head, "->") {
		head, _, _ = strings.Cut(head, "->")
		if left, _, ok := strings.Cut(head, "="); ok && !strings.ContainsAny(left, "(") {
			head = left
		}
		head, _, _ = strings.Cut(head, "(")
		for _, word := range []string{"loss", "metric", "optimizer", "update", "output"} {
			if rest, ok := strings.CutPrefix(head, word+" "); ok {
				head = rest
			}
		}
	}
	if end := strings.IndexAny(head, "+-*/%<>=!&|,("); end > 0 {
		head = head[:end]
	}
	parts := strings.FieldsFunc(i.Path, func(r rune) bool { return r == '.' })
	if last := strings.TrimSpace(head); last != "" && (len(parts) == 0 || parts[len(parts)-1] != last) {
		parts = append(parts, strings.FieldsFunc(last, func(r rune) bool { return r == '.' || r == ' ' || r == '[' || r == ']' })...)
	}
	return camel(loop.LastWords(strings.Join(parts, "."), placeWords))
}

// placeWords is how many words name a place: those before repeat what the model
// lines beside a kernel say, and make its calls long.
const placeWords = 2

// StoredName is the identifier of the end of a stored tensor's name.
func StoredName(name string) string { return camel(loop.LastWords(name, placeWords), "tensor") }

// valueName is the readable name of a value's buffer: its own, that of its stage
// for a stage's result, or the stage with the operation.
func valueName(v *ir.Value, leaves, adjoint bool) string {
	name := camel(v.Name)
	if name == "" && v.Def != nil {
		name = stage(v.Def)
		if !leaves || name == "" {
			name = camel(strings.TrimSpace(name + "." + opWord(v.Def)))
		}
	}
	if name == "" {
		name = "value"
	}
	if adjoint {
		return "d" + strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// opWord names what an instruction computes, in one word.
func opWord(i *ir.Instr) string {
	switch o := i.Op.(type) {
	case op.Reduce:
		return o.Op
	case op.ArgReduce:
		return "arg" + o.Op
	case op.Einsum:
		return "product"
	}
	return strings.ReplaceAll(i.Op.Name(), "_", ".")
}
