package dsl

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlc-go/mlc/dsl/diag"
)

// failure is where an item stopped being one of the grammar.
type failure struct {
	tokens   []lexer.Token
	at       int // index of the token that does not fit
	matched  int // number of tokens that a whole item takes
	expected []expectation
}

// explain says why an item does not parse, in the language's own terms. It
// returns nil if the grammar accepts the item.
func explain(item item) *diag.Diagnostic {
	r, end, ok := recognise(item.kind, item.tokens)
	f := &failure{tokens: item.tokens, at: r.furthest, expected: r.expected}
	if ok {
		if end == len(item.tokens)-1 {
			return nil
		}
		f.matched = end
		if end > f.at {
			f.at, f.expected = end, nil
		}
	}
	f.preferSpecific()
	f.undoAdjacent()
	for _, rule := range []func(*failure) *diag.Diagnostic{
		swallowedStatement, reservedWord, foreignWord, chainedComparison, assignmentAsCondition,
		colonInArguments, bareExpression, strayStatement, missingExpression,
	} {
		if d := rule(f); d != nil {
			return f.showLineBefore(d)
		}
	}
	d := diag.New(diag.Unexpected, tokenSpan(f.found()), "unexpected %s", describe(f.found()))
	if want := f.wanted(); want != "" {
		d.Label("expected " + want)
	}
	return f.showLineBefore(d)
}

// showLineBefore marks the token before a mistake that starts its line: since
// newlines are white space, what is missing may be missing there.
func (f *failure) showLineBefore(d *diag.Diagnostic) *diag.Diagnostic {
	t, last := f.found(), f.before(1)
	if d.Code != diag.StrayStatement && t.Value != "edition" && last.Value != "" && last.Pos.Line < t.Pos.Line && d.Primary.Span == tokenSpan(t) && len(d.Related) == 0 {
		d.Also(tokenSpan(last), "it follows this")
	}
	return d
}

// preferSpecific forgets what an assignment could have used where another
// statement, whose word would then be a name, could have gone on as well.
func (f *failure) preferSpecific() {
	specific := slices.DeleteFunc(slices.Clone(f.expected), fromAssign)
	if len(specific) > 0 && f.wants("=", "Assign") {
		f.expected = specific
	}
}

func fromAssign(x expectation) bool { return x.production == "Assign" || x.production == "Target" }

// startsAssign reports whether the failure is right behind a name that could
// only be the target of an assignment.
func (f *failure) startsAssign() bool {
	return f.wants("=", "Assign") && !slices.ContainsFunc(f.expected, func(x expectation) bool { return !fromAssign(x) })
}

// undoAdjacent moves the failure back to the second of two neighbouring operands
// such as `x relu`. The grammar takes the second one for the next statement and
// fails only behind it, but statements begin lines.
func (f *failure) undoAdjacent() {
	if f.at < 2 || !f.startsAssign() {
		return
	}
	second, first := f.before(1), f.before(2)
	if second.Type == tokenIdent && first.Pos.Line == second.Pos.Line && endsOperand(first) && first.Value != "}" {
		f.at--
		f.expected = []expectation{{terminal: "->", literal: true, production: "Expr"}}
	}
}

// found is the token that does not fit.
func (f *failure) found() lexer.Token { return f.tokens[f.at] }

// before returns the token n places before the one that does not fit; its kind
// is EOF if there is none.
func (f *failure) before(n int) lexer.Token {
	if f.at < n {
		return lexer.EOFToken(lexer.Position{})
	}
	return f.tokens[f.at-n]
}

// after returns the token after the one that does not fit.
func (f *failure) after() lexer.Token { return f.tokens[min(f.at+1, len(f.tokens)-1)] }

// wants reports whether a token of a kind, or a literal, was expected by one of
// the productions; by any if none is named.
func (f *failure) wants(terminal string, productions ...string) bool {
	return slices.ContainsFunc(f.expected, func(x expectation) bool {
		return x.terminal == terminal && (len(productions) == 0 || slices.Contains(productions, x.production))
	})
}

func (f *failure) wantsExpression() bool { return f.wants("none", "Primary") }
func (f *failure) wantsStatement() bool  { return f.wants("input", "Input") }

// describe names a token in a message.
func describe(t lexer.Token) string {
	switch t.Type {
	case lexer.EOF:
		return "end of the declaration"
	case tokenString:
		return "string " + t.Value
	case tokenKeyword:
		return "reserved word `" + t.Value + "`"
	}
	return "`" + t.Value + "`"
}

// wanted lists what could have stood there: the more specific, the fewer.
func (f *failure) wanted() string {
	var list []string
	add := func(what string) {
		if !slices.Contains(list, what) {
			list = append(list, what)
		}
	}
	operator := false
	for _, x := range f.expected {
		switch {
		case f.wantsStatement() && slices.Contains(statementProductions, x.production):
			add("a statement")
		case x.production == "Decl":
			add("a declaration")
		case f.wantsExpression() && slices.Contains(operandProductions, x.production):
			add("an expression")
		case x.literal && x.terminal != "]" && x.terminal != "," && slices.Contains(operatorProductions, x.production):
			operator = true
		case x.terminal == "@", x.production == "Args" && x.terminal == "(", x.production == "Named" && x.terminal == "=":
		case x.literal:
			add("`" + x.terminal + "`")
		default:
			add(map[string]string{"ident": "a name", "int": "an integer", "float": "a number", "string": "a string"}[x.terminal])
		}
	}
	if slices.Contains(list, "a statement") {
		list = slices.DeleteFunc(list, func(s string) bool { return s == "`,`" || s == "`=`" })
	}
	if operator && len(list) == 0 {
		return "an operator"
	}
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " or " + list[n-1]
	}
	return strings.Join(list, "")
}

// Productions whose first words stand for a whole class in messages.
var (
	statementProductions = []string{
		"Input", "Output", "Layer", "Param", "Buffer", "State", "For", "If", "Assert", "Entry", "Train", "Loss",
		"Metric", "Optimizer", "Freeze", "Update", "Yield", "Target",
	}
	operandProductions  = []string{"Primary", "Unary", "Named"}
	operatorProductions = []string{"Expr", "Or", "And", "Cmp", "Sum", "Product", "Postfix", "Ref", "Stage", "Path"}
)

// statementWords begin a statement at the start of a line. They are names too.
var statementWords = []string{
	"input", "output", "layer", "param", "buffer", "state", "entry", "train", "loss", "metric", "optimizer", "freeze", "update",
}

// swallowedStatement finds `y = x +` before a line such as `output y`, whose
// first word was taken for the missing operand.
func swallowedStatement(f *failure) *diag.Diagnostic {
	for _, i := range []int{f.lineStart(f.at), f.lineStart(f.at - 1)} {
		if i < 1 || i+1 >= len(f.tokens) {
			continue
		}
		word, operator, next := f.tokens[i], f.tokens[i-1], f.tokens[i+1]
		if word.Type == tokenIdent && slices.Contains(statementWords, word.Value) && next.Type != tokenPunct &&
			(operator.Type == tokenPunct && !endsOperand(operator) && operator.Value != "{" || operator.Value == "assert" || operator.Value == "yield") {
			return missing(operator, operator).Also(tokenSpan(word), "the next statement starts here")
		}
	}
	return nil
}

// missing says that what must follow a token does not.
func missing(after, at lexer.Token) *diag.Diagnostic {
	what := "an expression"
	switch after.Value {
	case "->":
		what = "a stage"
	case ":":
		what = "a layer"
	}
	return diag.New(diag.MissingExpression, tokenSpan(at), "%s is missing after `%s`", what, after.Value)
}

// lineStart returns the index of the first token on the line of tokens[i].
func (f *failure) lineStart(i int) int {
	for i > 0 && f.tokens[i-1].Pos.Line == f.tokens[i].Pos.Line {
		i--
	}
	return i
}

// keywordHelp is what to do instead of using a statement's word as a value.
var keywordHelp = map[string]string{
	"if": "a choice between values is `select(condition, a, b)`", "for": "a loop is a statement of its own",
	"scan":   "a scan stands alone at the right of an assignment: `ys = scan x in xs over time carry h = …`",
	"assert": "an assertion is a statement of its own", "yield": "a yield is a statement of its own",
}

// reservedWord finds a keyword where a name is needed.
func reservedWord(f *failure) *diag.Diagnostic {
	t := f.found()
	if t.Type != tokenKeyword || !f.wants("ident") || f.wantsStatement() || f.wantsExpression() && keywordHelp[t.Value] != "" {
		return nil
	}
	return diag.New(diag.ReservedWord, tokenSpan(t), "`%s` is a reserved word and cannot be a name", t.Value).
		HelpText("choose another name, such as `%s_`", t.Value)
}

// foreignWords are words of other languages that a name cannot be told from
// until what follows makes no sense.
var foreignWords = map[string]string{
	"and": "a conjunction is `&&`", "or": "a disjunction is `||`", "not": "a negation is `!`", "is": "equality is `==`",
	"let": "write `name = value`", "var": "write `name = value`", "const": "write `name = value`",
	"def": "a function is `func f(x) = …`, a sub-network is a `block`", "fn": "a function is `func f(x) = …`", "class": "a network is a `model`, a sub-network a `block`",
	"return": "results are named by `output`", "elif": "write `else if`", "while": "loops are `for i in range(n)`", "from": "write `import \"file.ml\"`",
	"net": "a network is a `model`", "module": "a network is a `model`", "function": "a function is `func f(x) = …`", "lambda": "a function is `func f(x) = …`",
}

// foreignWord finds a word of another language, as what does not fit or before.
func foreignWord(f *failure) *diag.Diagnostic {
	for _, t := range []lexer.Token{f.found(), f.before(1)} {
		if help, ok := foreignWords[t.Value]; ok && t.Type == tokenIdent {
			return diag.New(diag.ForeignSyntax, tokenSpan(t), "`%s` is not a word of this language", t.Value).HelpText("%s", help)
		}
	}
	return nil
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func chainedComparison(f *failure) *diag.Diagnostic {
	t := f.found()
	if !slices.Contains(comparisons, t.Value) || f.wants(t.Value) || !f.wants("&&") {
		return nil
	}
	return diag.New(diag.ChainedComparison, tokenSpan(t), "comparisons do not chain").
		HelpText("compare twice and join both by `&&`")
}

func assignmentAsCondition(f *failure) *diag.Diagnostic {
	if f.found().Value != "=" || !f.wants("{", "Body") && !f.wants(",", "Assert") {
		return nil
	}
	at := tokenSpan(f.found())
	return diag.New(diag.Unexpected, at, "a condition cannot hold `=`").
		Fix("write `==`", diag.Edit{Span: at, New: "=="})
}

func colonInArguments(f *failure) *diag.Diagnostic {
	if f.found().Value != ":" || f.before(1).Type != tokenIdent || !f.wants(")", "Args", "Unit", "Func") {
		return nil
	}
	at := tokenSpan(f.found())
	return diag.New(diag.ForeignSyntax, at, "an argument is given by `=`").
		Fix("write `=`", diag.Edit{Span: at, New: " ="})
}

// bareExpression finds a statement such as `x -> relu`, which names no result.
func bareExpression(f *failure) *diag.Diagnostic {
	if !f.startsAssign() || f.found().Type == tokenIdent || f.found().Type == lexer.EOF || f.found().Value == "}" {
		return nil
	}
	d := diag.New(diag.Unexpected, tokenSpan(f.found()), "unexpected %s after `%s`", describe(f.found()), f.before(1).Value).
		Label("expected `=`")
	if f.found().Value == ":" {
		return d.HelpText("a labelled layer stands in a pipe, as in `x -> %s: linear(10)`; `layer %[1]s = linear(10)` declares one for later", f.before(1).Value)
	}
	return d.
		HelpText("an expression alone is no statement: name its value with `name = …`, or return it with `output …`")
}

// strayStatement finds statements and other text between declarations.
func strayStatement(f *failure) *diag.Diagnostic {
	t := f.found()
	if f.matched == 0 && f.at > 0 || f.matched > 0 && f.at > f.matched || t.Type == lexer.EOF {
		return nil
	}
	if slices.Contains(statementWords, t.Value) || t.Type == tokenIdent && f.after().Value == "=" ||
		slices.Contains([]string{"for", "if", "assert", "yield"}, t.Value) && t.Type == tokenKeyword {
		return diag.New(diag.StrayStatement, tokenSpan(t), "a statement stands outside of a model or block").
			HelpText("move it between the braces of a `model` or `block`")
	}
	if t.Value == "@" {
		d := diag.New(diag.Unexpected, tokenSpan(t), "an annotation stands before no declaration")
		line := t.Pos.Line
		for _, t := range f.tokens[f.at:] {
			if t.Pos.Line > line && t.Value != "@" && t.Type != lexer.EOF {
				d.Also(tokenSpan(t), "this is none: `model`, `block`, `func`, `optimizer` and `metric` begin one")
				break
			}
			line = t.Pos.Line
		}
		return d
	}
	if t.Type == tokenKeyword && t.Value == "edition" {
		return diag.New(diag.Unexpected, tokenSpan(t), "the edition is stated again")
	}
	if last := f.before(1); last.Pos.Line == t.Pos.Line && last.Value != "}" {
		return nil // it goes on with the line before it
	}
	d := diag.New(diag.Unexpected, tokenSpan(t), "unexpected %s between declarations", describe(t)).
		Label("expected a declaration")
	if word := diag.Suggest(t.Value, []string{"model", "block", "func", "import", "optimizer", "metric", "edition"}); word != "" {
		d.HelpText("did you mean `%s`?", word)
	}
	return d
}

// missingExpression finds an operator or bracket without its operand. When the
// next token is on another line, the place to look at is the operator.
func missingExpression(f *failure) *diag.Diagnostic {
	found, last := f.found(), f.before(1)
	if !f.wantsExpression() || f.wantsStatement() {
		return nil
	}
	at := found
	if last.Pos.Line != found.Pos.Line || found.Type == lexer.EOF {
		at = last
	}
	d := missing(last, at).Label("found " + describe(found))
	if help := keywordHelp[found.Value]; found.Type == tokenKeyword && help != "" {
		d.HelpText("%s", help)
	}
	return d
}
