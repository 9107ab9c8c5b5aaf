package dsl

import (
	"errors"
	"sort"
	"strings"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlc-go/mlc/dsl/diag"
)

// Edition is the edition of the language that this package reads.
const Edition = "1"

// lookahead is what the grammar needs: `a = x` against `a + x` in arguments.
const lookahead = 2

// parsers are the entry points into the one grammar. Building it takes about a
// millisecond, so it waits for the first file.
type parsers struct {
	file   *participle.Parser[File]
	imp    *participle.Parser[Import]
	decl   *participle.Parser[Decl]
	failed error
}

var grammarParsers = sync.OnceValue(func() parsers {
	file, err := participle.Build[File](participle.Lexer(Lexer), participle.UseLookahead(lookahead))
	if err != nil {
		return parsers{failed: err}
	}
	imp, err1 := participle.ParserForProduction[Import](file)
	decl, err2 := participle.ParserForProduction[Decl](file)
	return parsers{file, imp, decl, errors.Join(err1, err2)}
})

// Parse reads a model file. name is the name that spans carry. It reports
// several mistakes in one run: at most one of syntax in each top-level item,
// and all that are found before parsing. The file is never nil; it holds the
// items that could be parsed, so when the list has errors the file is partial.
//
// Parse may be called by several goroutines at once.
func Parse(name string, src []byte) (*File, diag.List) {
	f, l := parse(name, string(src))
	return f, l.diags.Sorted()
}

// parse is Parse that also gives the tokens.
func parse(name, text string) (*File, *lexed) {
	f := &File{}
	if bad := checkBytes(name, text); len(bad) > 0 {
		return f, &lexed{name: name, text: text, diags: bad}
	}
	l := lex(name, text)
	if d := checkLimits(l); d != nil {
		l.diags.Add(d)
		return f, l
	}
	if len(l.tokens) == 1 {
		l.diags.Add(diag.New(diag.EmptyFile, diag.Span{File: name}, "the file is empty").
			HelpText("a model file starts with `edition %s` and holds a model", Edition))
		return f, l
	}
	f.Tokens = l.tokens[:len(l.tokens)-1]
	p := grammarParsers()
	if p.failed != nil {
		panic("dsl: the grammar is not one participle can read: " + p.failed.Error())
	}
	for _, item := range l.items() {
		l.parseItem(p, f, item)
		if f.Edition != "" && f.Edition != Edition {
			return f, l // a later edition may have another syntax
		}
	}
	l.attachDocs(f)
	return f, l
}

// parseItem parses one top-level item into the file, or reports why not.
func (l *lexed) parseItem(p parsers, f *File, item item) {
	if d := brackets(item.tokens); d != nil {
		l.report(item, d)
		return
	}
	switch item.kind {
	case "File":
		if head, ok := parseAs(l, p.file, item); ok {
			f.Edition = head.Edition
			if f.Edition != Edition {
				l.diags.Add(diag.New(diag.UnknownEdition, tokenSpan(item.tokens[1]), "edition %s is not known to this compiler", f.Edition).
					Label("this compiler knows edition " + Edition))
			}
		}
	case "Import":
		if len(f.Decls) > 0 {
			l.report(item, diag.New(diag.ImportPlace, tokenSpan(item.tokens[0]), "an import stands after a declaration").
				Also(f.Decls[0].Name().Span(), "the first declaration").
				HelpText("imports stand between the edition and the first declaration"))
			return
		}
		if imp, ok := parseAs(l, p.imp, item); ok {
			f.Imports = append(f.Imports, imp)
		}
	default:
		if decl, ok := parseAs(l, p.decl, item); ok {
			f.Decls = append(f.Decls, decl)
		}
	}
}

// parseAs parses an item as one production.
func parseAs[P any](l *lexed, p *participle.Parser[P], item item) (*P, bool) {
	lex, err := lexer.Upgrade(&sliceLexer{item.tokens})
	if err != nil {
		panic("dsl: a lexer that cannot fail failed: " + err.Error())
	}
	node, err := p.ParseFromLexer(lex)
	if err == nil {
		return node, true
	}
	if d := explain(item); d != nil {
		l.report(item, d)
		return nil, false
	}
	at := item.tokens[0]
	var perr participle.Error
	if errors.As(err, &perr) {
		at = tokenAt(item.tokens, perr.Position().Offset)
	}
	l.report(item, diag.New(diag.Unexpected, tokenSpan(at), "unexpected %s", describe(at)))
	return nil, false
}

// report adds a diagnostic about an item, unless something lexical in it has
// been reported: what follows from that would be noise.
func (l *lexed) report(item item, d *diag.Diagnostic) {
	start, end := item.tokens[0].Pos.Offset, item.tokens[len(item.tokens)-1].Pos.Offset
	i := sort.SearchInts(l.broken, start)
	if i < len(l.broken) && l.broken[i] <= end {
		return
	}
	l.diags.Add(d)
}

// tokenAt returns the first token at or after an offset.
func tokenAt(tokens []lexer.Token, offset int) lexer.Token {
	i := sort.Search(len(tokens), func(i int) bool { return tokens[i].Pos.Offset >= offset })
	return tokens[min(i, len(tokens)-1)]
}

// attachDocs gives each declaration and statement the comment directly above
// it.
func (l *lexed) attachDocs(f *File) {
	if len(l.comments) == 0 {
		return
	}
	var stmts func(list []*Stmt)
	stmts = func(list []*Stmt) {
		for _, s := range list {
			s.Doc = l.docAbove(s.Pos())
			for _, body := range s.Bodies() {
				stmts(body)
			}
		}
	}
	for _, d := range f.Decls {
		d.Doc = l.docAbove(d.Pos())
		if d.Unit != nil {
			stmts(d.Unit.Body)
		}
	}
}

// docAbove returns the text of the comments that end on the line above, if pos
// begins its line.
func (l *lexed) docAbove(pos lexer.Position) string {
	last := sort.Search(len(l.comments), func(i int) bool { return l.comments[i].offset >= pos.Offset })
	first, line := last, pos.Line
	for first > 0 && l.comments[first-1].ownLine && l.comments[first-1].line == line-1 {
		first, line = first-1, line-1
	}
	if first == last || strings.TrimLeft(l.text[pos.Offset-(pos.Column-1):pos.Offset], " \t") != "" {
		return ""
	}
	lines := make([]string, 0, last-first)
	for _, c := range l.comments[first:last] {
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(c.text, "//"), " "))
	}
	return strings.Join(lines, "\n")
}

// Bodies returns the lists of statements that stand within a statement, in
// their order: of loops, branches, entries, train blocks and scans.
func (s *Stmt) Bodies() [][]*Stmt {
	switch {
	case s.For != nil:
		return [][]*Stmt{s.For.Body.Stmts}
	case s.If != nil:
		list := [][]*Stmt{s.If.Then.Stmts}
		for _, e := range s.If.ElseIf {
			list = append(list, e.Then.Stmts)
		}
		if s.If.Else != nil {
			list = append(list, s.If.Else.Stmts)
		}
		return list
	case s.Entry != nil:
		return [][]*Stmt{s.Entry.Body.Stmts}
	case s.Train != nil:
		return [][]*Stmt{s.Train.Body.Stmts}
	case s.Assign != nil && s.Assign.Scan != nil:
		return [][]*Stmt{s.Assign.Scan.Body.Stmts}
	}
	return nil
}
