package sql

import (
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The grammar is wider than what is answered: products, unknown functions and
// quoted text in odd places parse, so that Compile can say what is wrong with
// them instead of "unexpected token".

type statement struct {
	Items  []*item     `parser:"'SELECT' @@ (',' @@)*"`
	From   *name       `parser:"'FROM' @@"`
	As     *name       `parser:"('AS' @@)?"`
	Join   *joining    `parser:"@@?"`
	Where  *orTree     `parser:"('WHERE' @@)?"`
	Group  []*value    `parser:"('GROUP' 'BY' @@ (',' @@)*)?"`
	Having *havingTree `parser:"('HAVING' @@)?"`
	Order  []*sortKey  `parser:"('ORDER' 'BY' @@ (',' @@)*)?"`
	Limit  *number     `parser:"('LIMIT' @@)? ';'*"`
}

// joining is the second dataset of a query.
type joining struct {
	Pos     lexer.Position
	Dataset *name   `parser:"'JOIN' @@"`
	As      *name   `parser:"('AS' @@)?"`
	Using   []*name `parser:"'USING' '(' @@ (',' @@)* ')'"`
}

type item struct {
	Pos   lexer.Position
	Star  bool   `parser:"( @'*'"`
	Value *value `parser:"| @@ )"`
	Alias *name  `parser:"('AS' @@)?"`
}

type sortKey struct {
	Value *value `parser:"@@"`
	Desc  bool   `parser:"(@'DESC' | 'ASC')?"`
}

// value is a column, a call, or a position in the list of results.
type value struct {
	Number *number `parser:"  @@"`
	Name   *name   `parser:"| @@"`
	Call   *call   `parser:"  @@?"`
}

type call struct {
	Args []*product `parser:"'(' (@@ (',' @@)*)? ')'"`
}

type product struct {
	First *factor `parser:"@@"`
	Rest  []*term `parser:"@@*"`
}

type term struct {
	Pos    lexer.Position
	Op     string  `parser:"@('*' | '/' | '+' | '-')"`
	Factor *factor `parser:"@@"`
}

type factor struct {
	Pos     lexer.Position
	Star    bool     `parser:"  @'*'"`
	Literal *literal `parser:"| @@"`
	Call    *call    `parser:"  @@?"`
}

type name struct {
	Pos lexer.Position
	Raw string `parser:"@(Name | Quoted)"`
}

type number struct {
	Pos lexer.Position
	Raw string `parser:"@Number"`
}

type literal struct {
	Pos  lexer.Position
	Text string `parser:"  @String"`
	Num  string `parser:"| @Number"`
	Name *name  `parser:"| ( @@"`
	Of   *name  `parser:"    ('.' @@)? )"` // a measure, Name being its dataset; only in products
}

type orTree struct {
	Pos    lexer.Position
	First  *andTree `parser:"@@"`
	Rest   []*orArm `parser:"@@*"`
	EndPos lexer.Position
}

type orArm struct {
	Pos lexer.Position
	Arm *andTree `parser:"'OR' @@"`
}

type andTree struct {
	Arms []*notTree `parser:"@@ ('AND' @@)*"`
}

type notTree struct {
	Pos  lexer.Position
	Not  *notTree    `parser:"  'NOT' @@"`
	Tree *orTree     `parser:"| '(' @@ ')'"`
	Test *comparison `parser:"| @@"`
}

type comparison struct {
	Name *name `parser:"@@"`
	Call *call `parser:"@@?"`

	Op      string     `parser:"( @('=' | '<>' | '!=' | '<' | '<=' | '>' | '>=')"`
	Operand *literal   `parser:"  @@"`
	Not     bool       `parser:"| @'NOT'?"`
	In      []*literal `parser:"  ( 'IN' ( '(' @@ (',' @@)* ')'"`
	Of      *inVector  `parser:"         | @@ )"`
	From    *literal   `parser:"  | 'BETWEEN' @@"`
	To      *literal   `parser:"    'AND' @@ ) )"`
}

// inVector is what follows IN beside a list.
type inVector struct {
	Func *name    `parser:"@@ '('"`
	Arg  *literal `parser:"@@ ')'"`
}

// grammar is LL(1): with no lookahead beyond it an error is reported exactly where
// the text stops to fit, instead of where the parser gave up guessing.
var grammar = participle.MustBuild[statement](participle.Lexer(definition{}), participle.UseLookahead(0))

// text is the name without its quotes.
func (n *name) text() string {
	if n.quoted() {
		return unquote(n.Raw)
	}
	return n.Raw
}

func (n *name) quoted() bool { return strings.HasPrefix(n.Raw, `"`) }

// raw is the literal as it was written.
func (l *literal) raw() string {
	switch {
	case l.Text != "":
		return l.Text
	case l.Num != "":
		return l.Num
	}
	return l.Name.Raw
}

// havingTree is a condition of HAVING.
type havingTree struct {
	First *havingAnd   `parser:"@@"`
	Rest  []*havingAnd `parser:"('OR' @@)*"`
}

type havingAnd struct {
	Arms []*havingNot `parser:"@@ ('AND' @@)*"`
}

type havingNot struct {
	Not  *havingNot  `parser:"  'NOT' @@"`
	Tree *havingTree `parser:"| '(' @@ ')'"`
	Test *havingTest `parser:"| @@"`
}

type havingTest struct {
	Name   *name   `parser:"@@"`
	Call   *call   `parser:"@@?"`
	Op     string  `parser:"@('=' | '<>' | '!=' | '<' | '<=' | '>' | '>=')"`
	Number *signed `parser:"@@"`
}

type signed struct {
	Pos   lexer.Position
	Minus bool   `parser:"@'-'?"`
	Raw   string `parser:"@Number"`
}
