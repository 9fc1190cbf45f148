package pgcatalog

import (
	"slices"
	"strings"
	"sync"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

// translate brings a query of Postgres to what SQLite reads. What it does not know it leaves, for SQLite to refuse.
func translate(list []token.Token) string {
	t := &translator{in: list}
	for t.at < len(t.in) {
		t.step()
	}
	return strings.Join(t.out, " ")
}

// translator writes pieces of SQL, each a token or something in parentheses that is complete.
type translator struct {
	in  []token.Token
	at  int
	out []string
	// subscripts are the brackets that are open, clauses the clause of each parenthesis that is.
	subscripts []int
	clauses    []string
	// outputs are columns of queries in FROM by their names, and the alias of each; empty: two have it.
	outputs map[string]string
}

// remember notes the columns of a query in FROM that begins here: ( SELECT … ) alias. In a condition of a join Postgres sees the
// tables that stand before it alone, and SQLite all, so that a name would be ambiguous there: [translator.step] writes the
// alias before it.
func (t *translator) remember() {
	end := token.Closing(t.in, t.at)
	if end < 0 || t.clause() == "SELECT" {
		return
	}
	at := end + 1
	if at < len(t.in) && t.in[at].Is("AS") {
		at++
	}
	if at >= len(t.in) || !t.in[at].Named() || t.in[at].Is("JOIN", "LEFT", "RIGHT", "INNER", "FULL", "CROSS", "ON", "UNION", "AND", "OR") {
		return
	}
	if t.outputs == nil {
		t.outputs = map[string]string{}
	}
	items := token.Split(t.in[t.at+2:end], "FROM")[0]
	for _, item := range token.Split(items, ",") {
		if n := len(item); n > 0 && item[n-1].Named() {
			name := item[n-1].Lower()
			alias := t.in[at].SQL()
			if _, twice := t.outputs[name]; twice {
				alias = ""
			}
			t.outputs[name] = alias
		}
	}
}

// clauseWords begin a clause of a query, in which a comma means something else.
var clauseWords = []string{"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "ON", "SET", "UNION"}

// clause is that of the parentheses that are open.
func (t *translator) clause() string {
	if len(t.clauses) == 0 {
		return ""
	}
	return t.clauses[len(t.clauses)-1]
}

// follow keeps count of parentheses and clauses.
func (t *translator) follow(x token.Token) {
	if len(t.clauses) == 0 {
		t.clauses = []string{""}
	}
	switch {
	case x.Is("("):
		t.clauses = append(t.clauses, "")
	case x.Is(")") && len(t.clauses) > 1:
		t.clauses = t.clauses[:len(t.clauses)-1]
	case x.Kind == token.Name && x.Is(clauseWords...):
		t.clauses[len(t.clauses)-1] = strings.ToUpper(x.Text)
	case x.Kind == token.Name && x.Is("JOIN"):
		t.clauses[len(t.clauses)-1] = "FROM"
	}
}

// schemas whose names are left out before a function.
var systemSchemas = []string{"pg_catalog", "information_schema", "public"}

// peek is the token i further on.
func (t *translator) peek(i int) token.Token {
	if t.at+i < len(t.in) {
		return t.in[t.at+i]
	}
	return token.Token{Kind: token.Sign}
}

func (t *translator) emit(pieces ...string) { t.out = append(t.out, pieces...) }

func (t *translator) step() {
	x := t.in[t.at]
	if x.Is("(") && t.peek(1).Is("SELECT") {
		t.remember()
	}
	t.follow(x)
	switch {
	case t.clause() == "ON" && x.Named() && !t.peek(1).Is(".", "(") && (t.at == 0 || !t.in[t.at-1].Is(".", "::", "AS")) && t.outputs[x.Lower()] != "":
		t.emit(t.outputs[x.Lower()], ".", x.SQL())
		t.at++
	case x.Is("AS") && t.peek(1).Kind == token.Name && !t.peek(2).Is("("): // a keyword may be a name there
		t.emit("AS", token.Token{Kind: token.Quoted, Text: t.peek(1).Lower()}.SQL())
		t.at += 2
	case x.Named() && t.peek(1).Is(".") && t.peek(2).Named():
		t.qualified(x)
	case x.Is("OPERATOR") && t.peek(1).Is("("):
		t.at += 2
		for ; t.at < len(t.in) && !t.in[t.at].Is(")"); t.at++ {
			if t.in[t.at].Kind == token.Sign && !t.in[t.at].Is(".") {
				t.operator(t.in[t.at].Text)
			}
		}
		t.at++
	case x.Is("COLLATE"):
		t.at += 2
		if t.peek(0).Is(".") {
			t.at += 2
		}
	case x.Is("::"):
		t.at++
		t.cast(t.typeName(), t.operand())
	case x.Is("CAST") && t.peek(1).Is("("):
		t.castCall()
	case x.Is("EXTRACT") && t.peek(1).Is("(") && t.peek(3).Is("FROM"):
		t.emit("date_part", "(", quoteText(strings.ToLower(t.peek(2).Text)), ",")
		t.at += 4
	case x.Is("ANY", "SOME", "ALL") && t.peek(1).Is("("):
		t.quantified(x)
	case x.Is("ARRAY") && t.peek(1).Is("["):
		t.emit("pg_array", "(")
		t.subscripts = append(t.subscripts, 1)
		t.at += 2
	case x.Is("ARRAY") && t.peek(1).Is("("):
		t.arrayOf()
	case x.Is("["):
		start := t.operand()
		t.out = slices.Insert(t.out, start, "pg_subscript", "(")
		t.emit(",")
		t.subscripts = append(t.subscripts, 1)
		t.at++
	case x.Is("]") && len(t.subscripts) > 0:
		t.subscripts = t.subscripts[:len(t.subscripts)-1]
		t.emit(")")
		t.at++
	case x.Is(".") && t.peek(1).Named() && len(t.out) > 0 && t.out[len(t.out)-1] == ")": // a field of a composite value
		t.at += 2
	case x.Is("NULLS") || x.Kind != token.Name:
		t.plain(x)
	default:
		t.word(x)
	}
}

// plain writes what is no word.
func (t *translator) plain(x token.Token) {
	t.at++
	switch {
	case x.Kind == token.String && len(t.out) > 0 && slices.Contains([]string{"date", "timestamp", "interval"}, strings.ToLower(t.out[len(t.out)-1])):
		t.out[len(t.out)-1] = quoteText(x.Text)
	case x.Kind == token.Sign && strings.ContainsAny(x.Text, "~"):
		t.operator(x.Text)
	default:
		t.emit(x.SQL())
	}
}

// values that Postgres has without parentheses.
var bareValues = []string{"CURRENT_USER", "SESSION_USER", "CURRENT_ROLE", "CURRENT_CATALOG", "CURRENT_SCHEMA", "LOCALTIMESTAMP", "USER"}

func (t *translator) word(x token.Token) {
	before := token.Token{}
	if t.at > 0 {
		before = t.in[t.at-1]
	}
	t.at++
	called := t.peek(0).Is("(")
	if called && t.clause() == "FROM" && len(t.out) > 0 && (token.Token{Text: t.out[len(t.out)-1]}).Is("FROM", ",", "JOIN") {
		t.rowsOf(x)
		return
	}
	switch {
	case x.Is(bareValues...) && !called && !before.Is(".", "AS") && !t.peek(0).Is("."):
		t.emit(strings.ToLower(x.Text), "(", ")")
	case x.Is("ILIKE"):
		t.emit("LIKE")
	case x.Is("FETCH") && t.peek(0).Is("FIRST", "NEXT"):
		t.emit("LIMIT")
		t.at++
		if t.peek(0).Kind == token.Number {
			t.emit(t.peek(0).Text)
			t.at++
		} else {
			t.emit("1")
		}
		t.at += 2 // ROWS ONLY
	case x.Is("LIMIT") && t.peek(0).Is("ALL"):
		t.at++
	case x.Is("LATERAL"):
	case x.Is("LEFT", "RIGHT", "REPLACE") && called:
		t.emit("pg_" + strings.ToLower(x.Text))
	case x.Is("TRIM", "SUBSTRING") && called && t.spelled(x):
	case x.Is("POSITION") && called:
		t.emit("pg_position")
		if to := token.Closing(t.in, t.at); to > 0 {
			for i := t.at; i < to; i++ {
				if t.in[i].Is("IN") {
					t.in = slices.Clone(t.in)
					t.in[i] = token.Token{Kind: token.Sign, Text: ","}
				}
			}
		}
	default:
		t.emit(x.Text)
	}
}

// spelled writes TRIM(BOTH a FROM b) and SUBSTRING(a FROM b FOR c), whose arguments have words between them; false: they have
// commas.
func (t *translator) spelled(x token.Token) bool {
	end := token.Closing(t.in, t.at)
	if end < 0 {
		return false
	}
	inner := t.in[t.at+1 : end]
	from := token.Split(inner, "FROM")
	if len(from) != 2 {
		if x.Is("SUBSTRING") { // SQLite counts from 0 in another way
			t.emit("pg_substring")
			return true
		}
		return false
	}
	t.at = end + 1
	if x.Is("SUBSTRING") {
		t.emit("pg_substring", "(", translate(from[0]))
		for _, part := range token.Split(from[1], "FOR") {
			t.emit(",", translate(part))
		}
		t.emit(")")
		return true
	}
	name, what := "trim", from[0]
	if len(what) > 0 && what[0].Is("BOTH", "LEADING", "TRAILING") {
		name = map[string]string{"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[strings.ToUpper(what[0].Text)]
		what = what[1:]
	}
	t.emit(name, "(", translate(from[1]))
	if len(what) > 0 {
		t.emit(",", translate(what))
	}
	t.emit(")")
	return true
}

// rowsOf writes a function in FROM as a query: of the elements of an array, or of the one value that it has.
func (t *translator) rowsOf(function token.Token) {
	end := token.Closing(t.in, t.at)
	if end < 0 {
		t.emit(function.Text)
		return
	}
	arguments := translate(t.in[t.at+1 : end])
	t.at = end + 1
	name := function
	if t.peek(0).Is("AS") {
		t.at++
	}
	if t.peek(0).Named() && !t.peek(0).Is(append([]string{"JOIN", "LEFT", "INNER", "CROSS", "ON"}, clauseWords...)...) {
		name = t.peek(0)
		t.at++
	}
	column := name
	if t.peek(0).Is("(") && t.peek(1).Named() && t.peek(2).Is(")") {
		column = t.peek(1)
		t.at += 3
	}
	as := token.Token{Kind: token.Quoted, Text: column.Lower()}.SQL()
	switch function.Lower() {
	case "pg_get_keywords":
		t.emit("pg_get_keywords")
		return
	case "unnest":
		t.emit("(", "SELECT value AS", as, "FROM json_each ( pg_array_json (", arguments, ") )", ")")
	case "generate_series":
		t.emit("(", "SELECT value AS", as, "FROM json_each ( pg_series (", arguments, ") )", ")")
	default:
		t.emit("(", "SELECT", function.Lower(), "(", arguments, ")", "AS", as, ")")
	}
	t.emit("AS", token.Token{Kind: token.Quoted, Text: name.Lower()}.SQL())
}

// qualified writes a name with the names before it: a function loses its schema, a table its database.
func (t *translator) qualified(x token.Token) {
	system := slices.Contains(systemSchemas, x.Lower())
	if x.Lower() == Database && t.peek(3).Is(".") || system && t.peek(3).Is("(") {
		t.at += 2
		return
	}
	if system && t.peek(3).Is(".") { // schema.table.column
		t.at += 2
		return
	}
	t.emit(x.SQL(), ".", t.peek(2).SQL())
	t.at += 3
}

func (t *translator) operator(sign string) {
	switch sign {
	case "~":
		t.emit("REGEXP")
	case "!~":
		t.emit("NOT", "REGEXP")
	case "~*":
		t.emit("REGEXP", "'(?i)'", "||")
	case "!~*":
		t.emit("NOT", "REGEXP", "'(?i)'", "||")
	case "~~", "~~*":
		t.emit("LIKE")
	case "!~~", "!~~*":
		t.emit("NOT", "LIKE")
	default:
		t.emit(sign)
	}
}

// typeName reads a type, and returns its last name in lower case.
func (t *translator) typeName() string {
	name := ""
	for t.peek(0).Named() {
		name = t.peek(0).Lower()
		t.at++
		if !t.peek(0).Is(".") {
			break
		}
		t.at++
	}
	switch {
	case name == "double" && t.peek(0).Is("PRECISION"), name == "character" && t.peek(0).Is("VARYING"):
		t.at++
	case t.peek(0).Is("WITH", "WITHOUT") && t.peek(1).Is("TIME"):
		t.at += 3
	}
	if t.peek(0).Is("(") {
		if to := token.Closing(t.in, t.at); to > 0 {
			t.at = to + 1
		}
	}
	for t.peek(0).Is("[") && t.peek(1).Is("]") {
		t.at += 2
		name += "[]"
	}
	return name
}

// operand is where the last operand begins that was written.
func (t *translator) operand() int {
	i := len(t.out) - 1
	if i < 0 {
		return 0
	}
	switch t.out[i] {
	case ")":
		depth := 0
		for ; i >= 0; i-- {
			switch t.out[i] {
			case ")":
				depth++
			case "(":
				depth--
			}
			if depth == 0 {
				break
			}
		}
		if i > 0 && isName(t.out[i-1]) && !(token.Token{Text: t.out[i-1]}).Is(notFunctions...) {
			i--
		}
		return max(i, 0)
	case "END", "end":
		for depth := 0; i >= 0; i-- {
			if strings.EqualFold(t.out[i], "END") {
				depth++
			}
			if strings.EqualFold(t.out[i], "CASE") {
				if depth--; depth == 0 {
					return i
				}
			}
		}
		return 0
	}
	for i >= 2 && t.out[i-1] == "." {
		i -= 2
	}
	return i
}

var notFunctions = []string{"AND", "OR", "NOT", "IN", "WHEN", "THEN", "ELSE", "SELECT", "WHERE", "ON", "BY", "FROM", "AS", "EXISTS", "LIKE", "REGEXP", "BETWEEN", "UNION", "ALL", "HAVING"}

func isName(piece string) bool {
	list, err := token.Scan(piece)
	return err == nil && len(list) == 1 && list[0].Named()
}

// casts are the functions that convert to a type; other casts are left out, SQLite compares texts with numbers as the
// columns have them.
var casts = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"regclass": "pg_regclass", "regtype": "pg_regtype", "regproc": "pg_regproc", "regnamespace": "pg_regnamespace", "regrole": "pg_regrole", "oid": "pg_oid",
		"int": "pg_int", "int2": "pg_int", "int4": "pg_int", "int8": "pg_int", "integer": "pg_int", "bigint": "pg_int", "smallint": "pg_int",
		"date": "pg_date", "bool": "pg_bool", "boolean": "pg_bool",
	}
})

func (t *translator) cast(to string, start int) {
	function, known := casts()[to]
	if !known {
		return
	}
	t.out = slices.Insert(t.out, start, function, "(")
	t.emit(")")
}

// castCall writes CAST(x AS type).
func (t *translator) castCall() {
	end := token.Closing(t.in, t.at+1)
	as, depth := -1, 0
	for i := t.at + 2; i < end; i++ {
		if depth += token.Depth(t.in[i]); depth == 0 && t.in[i].Is("AS") {
			as = i
		}
	}
	if as < 0 {
		t.emit("CAST")
		t.at++
		return
	}
	inner := &translator{in: t.in[t.at+2 : as]}
	for inner.at < len(inner.in) {
		inner.step()
	}
	t.at = as + 1
	name := t.typeName()
	t.at = end + 1
	start := len(t.out)
	t.emit("(")
	t.emit(inner.out...)
	t.emit(")")
	t.cast(name, start)
}

// quantified writes = ANY (array) as IN, and <> ALL (array) as NOT IN.
func (t *translator) quantified(x token.Token) {
	n := len(t.out)
	end := token.Closing(t.in, t.at+1)
	if n == 0 || end < 0 || t.out[n-1] != "=" && t.out[n-1] != "<>" && t.out[n-1] != "!=" {
		t.emit(x.Text)
		t.at++
		return
	}
	not := t.out[n-1] != "="
	t.out = t.out[:n-1]
	if not {
		t.emit("NOT")
	}
	inner := t.in[t.at+2 : end]
	t.at = end + 1
	if len(inner) > 0 && inner[0].Is("SELECT") {
		t.emit("IN", "(", translate(inner), ")")
		return
	}
	t.emit("IN", "(", "SELECT", "value", "FROM", "json_each", "(", "pg_array_json", "(", translate(inner), ")", ")", ")")
}

// arrayOf writes ARRAY(SELECT …).
func (t *translator) arrayOf() {
	end := token.Closing(t.in, t.at+1)
	if end < 0 {
		t.emit("ARRAY")
		t.at++
		return
	}
	t.emit("(", "WITH pg_a(x) AS (", translate(t.in[t.at+2:end]), ") SELECT array_agg(x) FROM pg_a", ")")
	t.at = end + 1
}

func quoteText(s string) string { return token.Token{Kind: token.String, Text: s}.SQL() }
