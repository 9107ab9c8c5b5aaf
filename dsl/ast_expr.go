package dsl

// Expr is a value and the stages it is piped through, from left to right.
//
// Expr = Or { "->" Stage } .
type Expr struct {
	Node
	Head   *Or      `parser:"@@"`
	Stages []*Stage `parser:"( '->' @@ )*"`
}

// Stage is one step of a pipe. With Op it is a labelled layer `Ref: Op(Args)`;
// without, Ref is a layer, block, entry, function or value applied to Args.
//
// Stage = Ref [ ":" Path [ Args ] | Args ] .
type Stage struct {
	Node
	Ref  *Ref  `parser:"@@"`
	Op   *Path `parser:"( ':' @@"`
	Args *Args `parser:"@@? | @@ )?"`
}

// Path is a dotted name.
//
// Path = ident { "." ident } .
type Path struct {
	Node
	Names []*Ident `parser:"@@ ( '.' @@ )*"`
}

// String returns the names joined by dots.
func (p *Path) String() string {
	s := ""
	for i, n := range p.Names {
		if i > 0 {
			s += "."
		}
		s += n.Name
	}
	return s
}

// Args are the arguments of a call, positional and named.
//
// Args = "(" [ Named { "," Named } [ "," ] ] ")" .
type Args struct {
	Node
	List []*Named `parser:"'(' ( @@ ( ',' @@ )* ','? )? ')'"`
}

// Or is a disjunction of one or more terms.
//
// Or = And { "||" And } .
type Or struct {
	Node
	Terms []*And `parser:"@@ ( '||' @@ )*"`
}

// And is a conjunction of one or more terms.
//
// And = Cmp { "&&" Cmp } .
type And struct {
	Node
	Terms []*Cmp `parser:"@@ ( '&&' @@ )*"`
}

// Cmp is a comparison, or its Left alone when Op is empty.
//
// Cmp = Sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) Sum ] .
type Cmp struct {
	Node
	Left  *Sum   `parser:"@@"`
	Op    string `parser:"( @( '==' | '!=' | '<' | '<=' | '>' | '>=' )"`
	Right *Sum   `parser:"@@ )?"`
}

// Sum is First, then Ops[i] applied to Rest[i] from left to right.
//
// Sum = Product { ( "+" | "-" ) Product } .
type Sum struct {
	Node
	First *Product   `parser:"@@"`
	Ops   []string   `parser:"( @( '+' | '-' )"`
	Rest  []*Product `parser:"@@ )*"`
}

// Product is First, then Ops[i] applied to Rest[i] from left to right.
//
// Product = Unary { ( "*" | "/" | "%" ) Unary } .
type Product struct {
	Node
	First *Unary   `parser:"@@"`
	Ops   []string `parser:"( @( '*' | '/' | '%' )"`
	Rest  []*Unary `parser:"@@ )*"`
}

// Unary is a sign and its operand, or a Postfix when Op is empty.
//
// Unary = ( "-" | "!" ) Unary | Postfix .
type Unary struct {
	Node
	Op      string   `parser:"( @( '-' | '!' )"`
	Operand *Unary   `parser:"@@ )"`
	Postfix *Postfix `parser:"| @@"`
}

// Postfix is a primary and what is applied to it, from left to right.
//
// Postfix = Primary { Args | "." ident | "[" Index { "," Index } "]" } .
type Postfix struct {
	Node
	Primary  *Primary  `parser:"@@"`
	Suffixes []*Suffix `parser:"@@*"`
}

// Suffix is a call, a member or an index; one of the three is set.
type Suffix struct {
	Node
	Args   *Args    `parser:"@@"`
	Member *Ident   `parser:"| '.' @@"`
	Index  []*Index `parser:"| '[' @@ ( ',' @@ )* ']'"`
}

// Index is one axis of an indexing: "..." , a position (Start without Range) or
// a range (with Range).
//
// Index = "..." | ":" [ Or ] [ ":" Or ] | Or [ ":" [ Or ] [ ":" Or ] ] .
type Index struct {
	Node
	Ellipsis bool   `parser:"@'...'"`
	Start    *Or    `parser:"| @@"`
	Range    *Range `parser:"@@? | @@"`
}

// Range is an Index from its first colon on.
type Range struct {
	Node
	Stop *Or `parser:"':' @@?"`
	Step *Or `parser:"( ':' @@ )?"`
}

// Primary is a literal, a name, a tuple or parenthesised expression (Tuple, of
// one or more), or a list. Numbers are kept as text: the compiler's are exact.
// Of the fields exactly one is set; an empty list has IsList alone. Names come
// first here because they are the most frequent.
//
// Primary = int | float | string | "true" | "false" | ident | "none" | "(" Expr { "," Expr } ")" | "[" [ Expr { "," Expr } ] "]" .
type Primary struct {
	Node
	Name   *Ident  `parser:"@@"`
	Int    string  `parser:"| @Int"`
	Float  string  `parser:"| @Float"`
	Text   *Text   `parser:"| @@"`
	Bool   string  `parser:"| @( 'true' | 'false' )"`
	None   bool    `parser:"| @'none'"`
	Tuple  []*Expr `parser:"| '(' @@ ( ',' @@ )* ')'"`
	IsList bool    `parser:"| @'['"`
	List   []*Expr `parser:"( @@ ( ',' @@ )* )? ']'"`
}

// Postfix returns the expression's only operand, or nil if it has a stage or an
// operator. Callers use it to recognise plain names, literals and calls.
func (e *Expr) Postfix() *Postfix {
	if e == nil || len(e.Stages) > 0 {
		return nil
	}
	return e.Head.Postfix()
}

// Postfix returns the expression's only operand, or nil if it has an operator.
func (o *Or) Postfix() *Postfix {
	if o == nil || len(o.Terms) != 1 || len(o.Terms[0].Terms) != 1 || o.Terms[0].Terms[0].Op != "" {
		return nil
	}
	return o.Terms[0].Terms[0].Left.Postfix()
}

// Postfix returns the sum's only operand, or nil if it has an operator.
func (s *Sum) Postfix() *Postfix {
	if s == nil || len(s.Rest) > 0 || len(s.First.Rest) > 0 {
		return nil
	}
	return s.First.First.Postfix
}

// Primary returns the expression when it is a bare literal, name, tuple or
// list, and nil otherwise.
func (e *Expr) Primary() *Primary {
	p := e.Postfix()
	if p == nil || len(p.Suffixes) > 0 {
		return nil
	}
	return p.Primary
}

// Name returns the expression when it is a bare name, and nil otherwise.
func (e *Expr) Name() *Ident {
	if p := e.Primary(); p != nil {
		return p.Name
	}
	return nil
}
