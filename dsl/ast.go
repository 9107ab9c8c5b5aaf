package dsl

// The structs below are the grammar: their tags are participle's. The line
// above each struct is its production in grammar.ebnf; structs without such a
// line hold a repeated part of the production before them. Pointers are nil
// where an optional part is absent.

// File is a whole model file.
//
// File = "edition" int { Import } { Decl } .
type File struct {
	Node
	Edition string    `parser:"'edition' @Int"`
	Imports []*Import `parser:"@@*"`
	Decls   []*Decl   `parser:"@@*"`
}

// Import makes the declarations of another file visible as Alias.Name. Without
// an alias the name of the file is used.
//
// Import = "import" [ ident ] string .
type Import struct {
	Node
	Alias *Ident `parser:"'import' @@?"`
	Path  *Text  `parser:"@@"`
}

// Decl is a top-level declaration: a Unit of the given Kind ("model", "block",
// "optimizer", "metric") or a Func. Doc is the comment directly above it,
// without the slashes, lines joined by newlines.
//
// Decl = { Annot } ( ( "model" | "block" | "optimizer" | "metric" ) Unit | "func" Func ) .
type Decl struct {
	Node
	Doc    string
	Annots []*Annot `parser:"@@*"`
	Kind   string   `parser:"( @( 'model' | 'block' | 'optimizer' | 'metric' )"`
	Unit   *Unit    `parser:"@@"`
	Func   *Func    `parser:"| 'func' @@ )"`
}

// Name returns the declared name.
func (d *Decl) Name() *Ident {
	if d.Func != nil {
		return d.Func.Name
	}
	return d.Unit.Name
}

// Annot is an annotation before a declaration or statement.
//
// Annot = "@" ident [ Args ] .
type Annot struct {
	Node
	Name *Ident `parser:"'@' @@"`
	Args *Args  `parser:"@@?"`
}

// Unit is the named body of a model, block, optimizer or metric.
//
// Unit = ident [ "(" [ Formal { "," Formal } ] ")" ] "{" { Stmt } "}" .
type Unit struct {
	Node
	Name    *Ident    `parser:"@@"`
	Formals []*Formal `parser:"( '(' ( @@ ( ',' @@ )* )? ')' )?"`
	Body    []*Stmt   `parser:"'{' @@* '}'"`
}

// Formal is an argument of a unit or function with its default.
//
// Formal = ident [ "=" Expr ] .
type Formal struct {
	Node
	Name    *Ident `parser:"@@"`
	Default *Expr  `parser:"( '=' @@ )?"`
}

// Func is a function: one expression of its arguments.
//
// Func = ident "(" [ Formal { "," Formal } ] ")" "=" Expr .
type Func struct {
	Node
	Name    *Ident    `parser:"@@"`
	Formals []*Formal `parser:"'(' ( @@ ( ',' @@ )* )? ')'"`
	Body    *Expr     `parser:"'=' @@"`
}

// Ident is a name.
type Ident struct {
	Node
	Name string `parser:"@Ident"`
}

// Text is a string. Quoted includes its quotes; there are no escapes.
type Text struct {
	Node
	Quoted string `parser:"@String"`
}

// Value returns the text between the quotes.
func (t *Text) Value() string {
	if len(t.Quoted) < 2 {
		return ""
	}
	return t.Quoted[1 : len(t.Quoted)-1]
}

// Stmt is a statement; exactly one of the pointers is set. Doc is the comment
// directly above it, as in Decl.
//
// Stmt = { Annot } ( Input | Output | Layer | Param | Buffer | State | For | If | Assert | Entry | Train | Loss | Metric | Optimizer | Freeze | Update | Yield | Assign ) .
type Stmt struct {
	Node
	Doc       string
	Annots    []*Annot   `parser:"@@*"`
	Input     *Input     `parser:"( @@"`
	Output    *Output    `parser:"| @@"`
	Layer     *Layer     `parser:"| @@"`
	Param     *Param     `parser:"| @@"`
	Buffer    *Buffer    `parser:"| @@"`
	State     *State     `parser:"| @@"`
	For       *For       `parser:"| @@"`
	If        *If        `parser:"| @@"`
	Assert    *Assert    `parser:"| @@"`
	Entry     *Entry     `parser:"| @@"`
	Train     *Train     `parser:"| @@"`
	Loss      *Loss      `parser:"| @@"`
	Metric    *Metric    `parser:"| @@"`
	Optimizer *Optimizer `parser:"| @@"`
	Freeze    *Freeze    `parser:"| @@"`
	Update    *Update    `parser:"| @@"`
	Yield     *Yield     `parser:"| @@"`
	Assign    *Assign    `parser:"| @@ )"`
}

// Input declares a tensor that the caller gives.
//
// Input = "input" Tensor .
type Input struct {
	Node
	Tensor *Tensor `parser:"'input' @@"`
}

// Param declares a learnable tensor.
//
// Param = "param" Tensor .
type Param struct {
	Node
	Tensor *Tensor `parser:"'param' @@"`
}

// Buffer declares a stored tensor that is not learned.
//
// Buffer = "buffer" Tensor .
type Buffer struct {
	Node
	Tensor *Tensor `parser:"'buffer' @@"`
}

// State declares a tensor that is kept from call to call.
//
// State = "state" Tensor .
type State struct {
	Node
	Tensor *Tensor `parser:"'state' @@"`
}

// Tensor is a name, dtype, shape and initial value. The dtype stands before the
// shape: after it, it could be the next statement's name.
//
// Tensor = ident [ ident ] Shape [ "=" Expr ] .
type Tensor struct {
	Node
	Name  *Ident `parser:"@@"`
	DType *Ident `parser:"@@?"`
	Shape *Shape `parser:"@@"`
	Init  *Expr  `parser:"( '=' @@ )?"`
}

// Shape is a list of dimensions; an empty one is that of a scalar.
//
// Shape = "[" [ Dim { "," Dim } ] "]" .
type Shape struct {
	Node
	Dims []*Dim `parser:"'[' ( @@ ( ',' @@ )* )? ']'"`
}

// Dim is one dimension, or "..." for any number of them.
//
// Dim = "..." | Sum .
type Dim struct {
	Node
	Ellipsis bool `parser:"@'...'"`
	Size     *Sum `parser:"| @@"`
}

// Output names the results of a unit or entry.
//
// Output = "output" Named { "," Named } .
type Output struct {
	Node
	Values []*Named `parser:"'output' @@ ( ',' @@ )*"`
}

// Named is a value with an optional name: an argument or an output. Two tokens
// of lookahead tell `a = x` from `a + x`.
//
// Named = [ ident "=" ] Expr .
type Named struct {
	Node
	Name  *Ident `parser:"( @@ '=' )?"`
	Value *Expr  `parser:"@@"`
}

// Ref is a dotted and indexed name, such as fc1.weight or h[i].attn.
//
// Ref = ident { "." ident | "[" Or "]" } .
type Ref struct {
	Node
	Name  *Ident     `parser:"@@"`
	Parts []*RefPart `parser:"@@*"`
}

// RefPart is a member or an index of a Ref; one of the two is set.
type RefPart struct {
	Node
	Member *Ident `parser:"'.' @@"`
	Index  *Or    `parser:"| '[' @@ ']'"`
}

// Layer makes one instance of a layer or block that is used in several places.
//
// Layer = "layer" Ref "=" Expr .
type Layer struct {
	Node
	Ref   *Ref  `parser:"'layer' @@"`
	Value *Expr `parser:"'=' @@"`
}

// For is a loop that runs at compile time.
//
// For = "for" ident "in" Expr Body .
type For struct {
	Node
	Var  *Ident `parser:"'for' @@"`
	In   *Expr  `parser:"'in' @@"`
	Body *Body  `parser:"@@"`
}

// If is a choice that is made at compile time. Its else-ifs are a list, because
// a recursive production would make the stack grow with the input.
//
// If = "if" Expr Body { "else" "if" Expr Body } [ "else" Body ] .
type If struct {
	Node
	Cond   *Expr     `parser:"'if' @@"`
	Then   *Body     `parser:"@@"`
	ElseIf []*ElseIf `parser:"@@*"`
	Else   *Body     `parser:"( 'else' @@ )?"`
}

// ElseIf is one further condition of an If.
type ElseIf struct {
	Node
	Cond *Expr `parser:"'else' 'if' @@"`
	Then *Body `parser:"@@"`
}

// Body is the statements between two braces.
//
// Body = "{" { Stmt } "}" .
type Body struct {
	Node
	Stmts []*Stmt `parser:"'{' @@* '}'"`
}

// Assert is a condition that must hold, with the message when it does not.
//
// Assert = "assert" Expr [ "," string ] .
type Assert struct {
	Node
	Cond    *Expr `parser:"'assert' @@"`
	Message *Text `parser:"( ',' @@ )?"`
}

// Entry is another entry point of a model.
//
// Entry = "entry" ident Body .
type Entry struct {
	Node
	Name *Ident `parser:"'entry' @@"`
	Body *Body  `parser:"@@"`
}

// Train is one training step. Its name is optional.
//
// Train = "train" [ ident ] Body .
type Train struct {
	Node
	Name *Ident `parser:"'train' @@?"`
	Body *Body  `parser:"@@"`
}

// Loss is the value that training makes small.
//
// Loss = "loss" Named .
type Loss struct {
	Node
	Value *Named `parser:"'loss' @@"`
}

// Metric is a value that is reported.
//
// Metric = "metric" Named .
type Metric struct {
	Node
	Value *Named `parser:"'metric' @@"`
}

// Optimizer is the point of a training step where its parameters change.
//
// Optimizer = "optimizer" Path [ Args ] [ "on" Select ] [ "{" { Group } "}" ] .
type Optimizer struct {
	Node
	Path   *Path    `parser:"'optimizer' @@"`
	Args   *Args    `parser:"@@?"`
	On     *Select  `parser:"( 'on' @@ )?"`
	Groups []*Group `parser:"( '{' @@* '}' )?"`
}

// Group changes an optimizer's settings for some parameters.
//
// Group = "group" Select "{" { ident "=" Expr } "}" .
type Group struct {
	Node
	Select   *Select    `parser:"'group' @@ '{'"`
	Settings []*Setting `parser:"@@* '}'"`
}

// Setting is one changed setting of a Group.
type Setting struct {
	Node
	Name  *Ident `parser:"@@"`
	Value *Expr  `parser:"'=' @@"`
}

// Select is a union of selectors.
//
// Select = Selector { "," Selector } .
type Select struct {
	Node
	Selectors []*Selector `parser:"@@ ( ',' @@ )*"`
}

// Selector is a glob, or a role or name; one of the two is set.
//
// Selector = string | Ref .
type Selector struct {
	Node
	Glob *Text `parser:"@@"`
	Ref  *Ref  `parser:"| @@"`
}

// Freeze keeps parameters as they are.
//
// Freeze = "freeze" Select .
type Freeze struct {
	Node
	Select *Select `parser:"'freeze' @@"`
}

// Update assigns to a stored tensor, or to each tensor of a layer.
//
// Update = "update" Ref "=" Expr .
type Update struct {
	Node
	Target *Ref  `parser:"'update' @@"`
	Value  *Expr `parser:"'=' @@"`
}

// Yield gives one element of a scan's result.
//
// Yield = "yield" Expr .
type Yield struct {
	Node
	Value *Expr `parser:"'yield' @@"`
}

// Assign binds names to values; one of Scan and Value is set.
//
// Assign = Target { "," Target } "=" ( Scan | Expr ) .
type Assign struct {
	Node
	Targets []*Target `parser:"@@ ( ',' @@ )* '='"`
	Scan    *Scan     `parser:"( @@"`
	Value   *Expr     `parser:"| @@ )"`
}

// Target is a name, or an indexed name such as skip[i].
//
// Target = ident { "[" Expr "]" } .
type Target struct {
	Node
	Name  *Ident  `parser:"@@"`
	Index []*Expr `parser:"( '[' @@ ']' )*"`
}

// Scan is a recurrence over one dimension of its inputs.
//
// Scan = "scan" ident { "," ident } "in" Expr { "," Expr } "over" Sum "carry" ident "=" Expr { "," ident "=" Expr } Body .
type Scan struct {
	Node
	Vars    []*Ident `parser:"'scan' @@ ( ',' @@ )*"`
	In      []*Expr  `parser:"'in' @@ ( ',' @@ )*"`
	Over    *Sum     `parser:"'over' @@"`
	Carries []*Carry `parser:"'carry' @@ ( ',' @@ )*"`
	Body    *Body    `parser:"@@"`
}

// Carry is a value that a Scan hands from step to step, with its first value.
type Carry struct {
	Node
	Name *Ident `parser:"@@"`
	Init *Expr  `parser:"'=' @@"`
}
