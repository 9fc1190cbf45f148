package sql

import (
	"strings"
	"sync"

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

// item is an element of SELECT. Value is what it is when it is a column or a call.
type item struct {
	Pos   lexer.Position
	Of    *product `parser:"@@"`
	Alias *name    `parser:"('AS' @@)?"`
}

// value is the item as a column, a call or a number; nil of anything else.
func (it *item) value() *value {
	f := it.Of.First
	switch {
	case len(it.Of.Rest) > 0 || f.Minus || f.Literal == nil || f.Literal.Text != "" || f.Literal.Of != nil:
		return nil
	case f.Literal.Name == nil && f.Call == nil:
		return &value{Number: &number{Pos: f.Literal.Pos, Raw: f.Literal.Num}}
	case f.Literal.Name == nil:
		return nil
	}
	return &value{Name: f.Literal.Name, Call: f.Call}
}

// name is the item's name, or one that stands for what it begins with.
func (it *item) name() *name {
	if v := it.value(); v != nil && v.Name != nil {
		return v.Name
	}
	pos, raw := it.place()
	return &name{Pos: pos, Raw: raw}
}

// place is where the item stands and how it begins.
func (it *item) place() (lexer.Position, string) { return it.Of.First.Pos, it.Of.First.raw() }

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
	Distinct bool       `parser:"'(' @'DISTINCT'?"`
	Args     []*product `parser:"(@@ (',' @@)*)? ')'"`
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
	Minus   bool     `parser:"@'-'?"`
	Star    bool     `parser:"( @'*'"`
	Tree    *product `parser:"| '(' @@ ')'"`
	Case    *cases   `parser:"| @@"`
	Literal *literal `parser:"| @@"`
	Call    *call    `parser:"  @@? )"`
}

// cases are CASE WHEN … END.
type cases struct {
	Arms []*caseArm `parser:"'CASE' @@+"`
	Else *product   `parser:"('ELSE' @@)? 'END'"`
}

type caseArm struct {
	If   *havingTree `parser:"'WHEN' @@"`
	Then *product    `parser:"'THEN' @@"`
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
	Num  string `parser:"| @('-'? Number)"`
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
	To      *literal   `parser:"    'AND' @@"`
	Like    *literal   `parser:"  | 'LIKE' @@ ) )"`
}

// inVector is what follows IN beside a list.
type inVector struct {
	Func *name    `parser:"@@ '('"`
	Arg  *literal `parser:"@@ ')'"`
}

// grammar is LL(1): with no lookahead beyond it an error is reported exactly where
// the text stops to fit, instead of where the parser gave up guessing. It is built by the
// first query: that takes milliseconds, which programs that read none do not have to wait.
var grammar = sync.OnceValue(func() *participle.Parser[statement] {
	return participle.MustBuild[statement](participle.Lexer(definition{}), participle.UseLookahead(0))
})

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
