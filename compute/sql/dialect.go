package sql

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// dialects brings to one form what is written in several: DATE before a text is left out,
// EXTRACT(a FROM b) becomes EXTRACT(a, b), LIMIT(…) within parentheses is a name, and AS stands
// before every alias. Columns of one dataset lose its name.
func dialects(list []lexer.Token) []lexer.Token {
	out := make([]lexer.Token, 0, len(list))
	clause, depth := "", 0
	for i, t := range list {
		switch {
		case t.Type == tokenPunct && t.Value == "(":
			depth++
		case t.Type == tokenPunct && t.Value == ")":
			depth--
		case t.Type == tokenKeyword && depth == 0 && slices.Contains([]string{"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT"}, t.Value):
			clause = t.Value
		}
		n := len(out)
		switch {
		case t.Type == tokenKeyword && t.Value == limitWord && depth > 0 && list[i+1].Value == "(": // the limit of a standard
			t.Type = tokenName
		case isName(t, "DATE", "TIMESTAMP") && list[i+1].Type == tokenString: // EOF is behind any name
			continue
		case t.Type == tokenKeyword && t.Value == "FROM" && n > 2 && out[n-2].Value == "(" && isName(out[n-3], extractWord):
			t = lexer.Token{Type: tokenPunct, Value: ",", Pos: t.Pos}
		case depth == 0 && n > 0 && bareAlias(clause, out[n-1], t, list[i+1:]):
			out = append(out, lexer.Token{Type: tokenKeyword, Value: "AS", Pos: t.Pos})
		}
		out = append(out, t)
	}
	return unqualified(out)
}

// unqualified leaves out the name of the dataset, or its alias, before the name of a column and
// the point, where the query is on one dataset.
func unqualified(list []lexer.Token) []lexer.Token {
	from := slices.IndexFunc(list, func(t lexer.Token) bool { return t.Type == tokenKeyword && t.Value == "FROM" })
	joins := func(t lexer.Token) bool { return t.Type == tokenKeyword && t.Value == "JOIN" }
	if from < 0 || from+1 >= len(list) || slices.ContainsFunc(list, joins) {
		return list
	}
	names := []string{list[from+1].Value}
	if from+3 < len(list) && list[from+2].Type == tokenKeyword && list[from+2].Value == "AS" {
		names = append(names, list[from+3].Value)
	}
	named := func(t lexer.Token) bool { return t.Type == tokenName || t.Type == tokenQuoted }
	out := make([]lexer.Token, 0, len(list))
	for i := 0; i < len(list); i++ {
		if i+2 < len(list) && named(list[i]) && list[i+1].Value == "." && named(list[i+2]) && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, list[i].Value) }) {
			i++
			continue
		}
		out = append(out, list[i])
	}
	return out
}

// notAliases are words that other dialects have behind a dataset.
var notAliases = []string{"LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL", "ON"}

// bareAlias reports whether t, behind before, is an alias without AS: the name of a column
// before the next one or FROM, or of a dataset before the next clause. A misspelt keyword is
// followed by something else.
func bareAlias(clause string, before, t lexer.Token, rest []lexer.Token) bool {
	named := func(t lexer.Token) bool { return t.Type == tokenName || t.Type == tokenQuoted }
	if !named(t) || len(rest) == 0 {
		return false
	}
	next := rest[0]
	switch clause {
	case "SELECT":
		ends := named(before) || before.Type == tokenNumber || before.Type == tokenString || before.Value == ")" || before.Value == "END"
		return ends && (next.Value == "," || next.Type == tokenKeyword && next.Value == "FROM")
	case "FROM":
		follows := next.EOF() || next.Value == ";" ||
			next.Type == tokenKeyword && slices.Contains([]string{"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "JOIN", "USING"}, next.Value)
		return named(before) && follows && !isName(t, notAliases...)
	}
	return false
}
