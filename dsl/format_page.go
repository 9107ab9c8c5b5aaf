package dsl

import (
	"slices"
	"sort"

	"github.com/alecthomas/participle/v2/lexer"
)

// lineBreak says whether a token begins a line.
type lineBreak uint8

const (
	joined    lineBreak = iota // on the line of the token before
	continued                  // on a further line of its statement
	forced                     // begins a statement, or closes a block
)

// alignment is what a token may be aligned with: another of the same kind.
type alignment uint8

const (
	notAligned alignment = iota
	alignAssign
	alignArrow
	alignName
	alignDType
	alignShape
)

// cell is what the formatter knows of one token, beyond the token itself.
type cell struct {
	lexer.Token
	brk       lineBreak
	align     alignment
	gap       bool // a space before it, when it does not begin a line
	decl      bool // begins a declaration or import
	word      bool // a word that begins a statement or declaration, not a name
	unary     bool
	rangeSign bool // the colon of a range, not that of a label
	inline    bool // a brace of a block that stands on one line
	depth     int  // number of blocks around it
	bracket   int  // index of the innermost open ( or [ of its statement, or -1
	exprStart int  // index of the first token of its expression
	arrow     int  // index of the first arrow of its chain, if it is an arrow
	statement int  // index of the first token of its statement
}

// page is a file ready to be laid out: its tokens with their roles, and the
// comments.
type page struct {
	cells    []cell
	comments []comment
}

// newPage finds out the role of each token. What only the tree knows comes
// first, then what follows from neighbours.
func newPage(f *File, l *lexed) *page {
	p := &page{cells: make([]cell, len(l.tokens)-1), comments: l.comments}
	for i := range p.cells {
		p.cells[i] = cell{Token: l.tokens[i], bracket: -1, arrow: -1}
	}
	p.cells[0].brk, p.cells[0].word = forced, true
	for _, imp := range f.Imports {
		p.declare(&imp.Node)
	}
	for _, d := range f.Decls {
		p.declare(&d.Node)
		for _, a := range d.Annots {
			p.mark(&a.Node).brk = forced
		}
		word := &p.cells[p.afterAnnots(&d.Node, d.Annots)]
		word.brk, word.word = forced, true
		if d.Unit != nil {
			p.statements(d.Unit.Body)
		}
	}
	p.blocks()
	p.operators()
	p.breaks()
	for i := 1; i < len(p.cells); i++ {
		p.cells[i].gap = p.spaced(i)
	}
	return p
}

// index returns the index of the token at an offset.
func (p *page) index(offset int) int {
	return sort.Search(len(p.cells), func(i int) bool { return p.cells[i].Pos.Offset >= offset })
}

// mark returns the cell of a node's first token.
func (p *page) mark(n *Node) *cell { return &p.cells[p.index(n.Pos().Offset)] }

// declare notes the start of a declaration or import.
func (p *page) declare(n *Node) {
	c := p.mark(n)
	c.brk, c.decl = forced, true
}

// afterAnnots returns the index of a node's first token behind its annotations.
func (p *page) afterAnnots(n *Node, annots []*Annot) int {
	i := p.index(n.Pos().Offset)
	for _, a := range annots {
		i += len(a.Tokens)
	}
	return i
}

// statements marks where statements, groups and settings begin, their words,
// and the parts of tensor declarations.
func (p *page) statements(list []*Stmt) {
	for _, s := range list {
		p.mark(&s.Node).brk = forced
		word := p.afterAnnots(&s.Node, s.Annots)
		p.cells[word].word = s.Assign == nil
		if len(s.Annots) > 0 && p.cells[word].Pos.Line != p.cells[word-1].Pos.Line {
			p.cells[word].brk = forced
		}
		for _, a := range s.Annots[min(1, len(s.Annots)):] {
			if i := p.index(a.Pos().Offset); p.cells[i].Pos.Line != p.cells[i-1].Pos.Line {
				p.cells[i].brk = forced
			}
		}
		switch {
		case s.Input != nil:
			p.tensor(s.Input.Tensor)
		case s.Param != nil:
			p.tensor(s.Param.Tensor)
		case s.Buffer != nil:
			p.tensor(s.Buffer.Tensor)
		case s.State != nil:
			p.tensor(s.State.Tensor)
		case s.Optimizer != nil:
			p.optimizer(s.Optimizer)
		}
		for _, body := range s.Bodies() {
			p.statements(body)
		}
	}
}

func (p *page) tensor(t *Tensor) {
	p.mark(&t.Name.Node).align = alignName
	if t.DType != nil {
		p.mark(&t.DType.Node).align = alignDType
		return
	}
	p.mark(&t.Shape.Node).align = alignShape
}

func (p *page) optimizer(o *Optimizer) {
	if o.On != nil {
		p.cells[p.index(o.On.Pos().Offset)-1].word = true
	}
	for _, g := range o.Groups {
		c := p.mark(&g.Node)
		c.brk, c.word = forced, true
		end := p.index(g.Pos().Offset) + len(g.Tokens) - 1
		open := p.index(g.Select.Pos().Offset) + len(g.Select.Tokens)
		if p.cells[open].Pos.Line == p.cells[end].Pos.Line {
			p.cells[open].inline, p.cells[end].inline = true, true
			continue
		}
		for _, s := range g.Settings {
			p.mark(&s.Node).brk = forced
		}
	}
}

// blocks finds the depth of each token and breaks the lines of blocks. An empty
// block without a comment stands on one line.
func (p *page) blocks() {
	depth := 0
	for i := range p.cells {
		c := &p.cells[i]
		if c.is("}") {
			depth--
		}
		c.depth = depth
		if !c.is("{") {
			continue
		}
		depth++
		if next := &p.cells[i+1]; next.is("}") && !p.commentBefore(i+1) {
			c.inline, next.inline = true, true
		}
	}
	for i := range p.cells {
		if c := &p.cells[i]; c.is("}") && !c.inline {
			c.brk = forced
		}
	}
}

// commentBefore reports whether a comment stands between a token and the one
// before it.
func (p *page) commentBefore(i int) bool {
	_, found := slices.BinarySearchFunc(p.comments, i, func(c comment, i int) int { return c.next - i })
	return found
}

// is reports whether the token is a sign or keyword, and not a string or name.
func (c *cell) is(value string) bool {
	return c.Value == value && (c.Type == tokenPunct || c.Type == tokenKeyword)
}

// bracketLevel is an open bracket, or a statement, while walking the tokens.
type bracketLevel struct{ open, exprStart, arrow int }

// operators finds brackets, expressions, chains and the roles of signs.
func (p *page) operators() {
	levels := []bracketLevel{{-1, 0, -1}}
	statement := 0
	for i := range p.cells {
		c := &p.cells[i]
		if c.brk == forced {
			levels, statement = append(levels[:0], bracketLevel{-1, i, -1}), i
		}
		top := &levels[len(levels)-1]
		c.statement, c.bracket, c.exprStart = statement, top.open, top.exprStart
		switch {
		case c.is("(") || c.is("["):
			levels = append(levels, bracketLevel{i, i + 1, -1})
		case c.is(")") || c.is("]"):
			if len(levels) > 1 {
				levels = levels[:len(levels)-1]
			}
		case c.is("->"):
			if top.arrow < 0 {
				top.arrow = i
			}
			c.arrow, c.align = top.arrow, alignArrow
		case c.is("-") || c.is("!"):
			c.unary = i == 0 || !endsOperand(p.cells[i-1].Token) || p.cells[i-1].word
		case c.is(":"):
			c.rangeSign = top.open >= 0 && p.cells[top.open].is("[") && p.follows(top.open)
		case c.is("="):
			c.align = alignAssign
		}
		if c.is(",") || c.is("=") || c.word || c.Type == tokenKeyword && !endsOperand(c.Token) {
			top.exprStart, top.arrow = i+1, -1
		}
	}
}

// follows reports whether the bracket at i belongs to the operand before it, as
// in a call or an index.
func (p *page) follows(i int) bool {
	return i > 0 && endsOperand(p.cells[i-1].Token) && !p.cells[i-1].word
}

// breaks keeps the line breaks within statements that the layout knows how to
// indent, and those that comments force.
func (p *page) breaks() {
	for i := 1; i < len(p.cells); i++ {
		c, before := &p.cells[i], &p.cells[i-1]
		switch {
		case c.brk == forced || c.Pos.Line == before.Pos.Line:
		case p.commentBefore(i):
			c.brk = continued
		case before.is("->"):
			if before.brk == joined {
				before.brk = continued
			}
		case p.mayBreak(i):
			c.brk = continued
		}
	}
}

// breakable are the signs beside which a line may be broken.
var breakable = []string{"+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"}

func (p *page) mayBreak(i int) bool {
	c, before := &p.cells[i], &p.cells[i-1]
	if before.Type == tokenPunct && !before.unary && (slices.Contains(breakable, before.Value) || before.is(",") || before.is("=")) {
		return true
	}
	if (before.is("(") || before.is("[")) && !c.is(")") && !c.is("]") {
		return true
	}
	if (c.is(")") || c.is("]")) && !before.is("(") && !before.is("[") {
		return true
	}
	return c.is("->") || c.Type == tokenPunct && !c.unary && slices.Contains(breakable, c.Value)
}

// spaced reports whether a space stands between a token and the one before.
func (p *page) spaced(i int) bool {
	c, before := &p.cells[i], &p.cells[i-1]
	switch {
	case c.is("}") || before.is("{"):
		return !(before.is("{") && c.is("}"))
	case c.is(",") || c.is(")") || c.is("]") || c.is("."):
		return false
	case before.is("(") || before.is("[") || before.is(".") || before.is("@") || before.unary:
		return false
	case c.is("("):
		return !p.follows(i)
	case c.is("["):
		return c.align == alignShape || !p.follows(i)
	case c.is(":"):
		return c.rangeSign && before.is(",")
	case before.is(":"):
		return !before.rangeSign
	}
	return true
}
