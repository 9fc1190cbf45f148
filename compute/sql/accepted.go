package sql

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/compute/suggest"
)

// candidate is a token that might have stood at the place of an error.
type candidate struct {
	kind  lexer.TokenType
	value string
	says  string
}

// candidates are tried in this order, which is the order of Error.Want.
var candidates = func() []candidate {
	list := []candidate{
		{tokenName, "x", "a name"}, {tokenString, "'x'", "'text'"}, {tokenNumber, "1", "a number"},
	}
	for _, p := range []string{"*", "(", ")", ",", "=", "<>", "<", "<=", ">", ">="} {
		says := p
		if p == "," {
			says = "a comma"
		}
		list = append(list, candidate{tokenPunct, p, says})
	}
	for _, k := range []string{"SELECT", "AS", "FROM", "JOIN", "USING", "WHERE", "NOT", "IN", "BETWEEN", "LIKE", "AND", "OR", "GROUP", "HAVING",
		"ORDER", "BY", "ASC", "DESC", "LIMIT"} {
		says := k
		if k == "GROUP" || k == "ORDER" {
			says += " BY"
		}
		list = append(list, candidate{tokenKeyword, k, says})
	}
	return list
}()

// maxProbe is the length in tokens up to which explain tries what would fit.
const maxProbe = 1024

// explain turns a syntax error into one that says what would have been accepted
// in place of the token that does not fit. It finds out by trying: whatever
// moves the error past its place is accepted, so the answer cannot drift from
// the grammar.
func explain(list []lexer.Token, at int, fault *Error) *Error {
	bad := list[at]
	if known := recognised(list, at); known != nil {
		return known
	}
	message := "the query ends too early"
	if !bad.EOF() {
		message = bad.Value + " does not fit here"
	} else if at == 0 {
		message = "the query is empty"
	}
	out := faultAt(bad.Pos, bad.Value, "%s", message)
	prefix := shorten(list[:at])
	if len(prefix) > maxProbe {
		out.Want = fault.Message
		return out
	}
	var accepted, words []string
	for _, c := range candidates {
		if obscure(prefix, c) || !fits(prefix, c) {
			continue
		}
		if c.says == "a name" && len(prefix) > 0 && prefix[len(prefix)-1].Value == "IN" {
			c.says = privateWord + "(name)"
		}
		accepted = append(accepted, c.says)
		if c.kind == tokenKeyword {
			words = append(words, c.says)
		}
	}
	if len(prefix) > 0 && complete(prefix) {
		accepted = append(accepted, "the end of the query")
	}
	if bad.Type == tokenName {
		out.Nearest = nearestKeyword(bad.Value, words)
	}
	if bad.Type == tokenKeyword && slices.Contains(accepted, "a name") {
		out.Message = bad.Value + " does not fit here: it is a reserved word, and a name only in double quotes"
	}
	if bad.Type == tokenPunct && strings.Contains("+-*/%||", bad.Value) && at > 0 && list[at-1].Type != tokenKeyword {
		out.Message = bad.Value + " does not fit here: what is computed stands in SELECT, and its alias or number elsewhere"
	}
	return out.want(accepted...)
}

// nearestKeyword is the keyword that a word was meant for. Of GROUP BY the word is
// the first.
func nearestKeyword(word string, accepted []string) string {
	firsts := make([]string, len(accepted))
	for i, k := range accepted {
		firsts[i], _, _ = strings.Cut(k, " ")
	}
	found := suggest.Nearest(word, firsts)
	if found == "" {
		return ""
	}
	return accepted[slices.Index(firsts, found)]
}

// obscure reports whether c after prefix is grammar that only leads to another
// error: the parenthesis of a function, or a product, after a name; a number or *
// as a column; a value of WHERE that is no text. Behind IN a name takes a parenthesis.
func obscure(prefix []lexer.Token, c candidate) bool {
	n := len(prefix)
	if n == 0 {
		return false
	}
	last := prefix[n-1]
	switch c.value {
	case "(", "*":
		if n > 1 && prefix[n-2].Value == "IN" {
			return false // of PRIVATE(name)
		}
		if last.Value == "SELECT" || last.Value == "," || last.Value == "*" {
			return true
		}
		return last.Value == ")" && c.value == "*" || last.Type == tokenName || last.Type == tokenQuoted || last.Type == tokenString || last.Type == tokenNumber
	}
	switch c.kind {
	case tokenString:
		return last.Value == "SELECT" || last.Value == "," && clauseOf(prefix) == "SELECT"
	case tokenNumber:
		return last.Value == "SELECT" || last.Value == "," && clauseOf(prefix) == "SELECT" || beforeText(prefix)
	case tokenName:
		return beforeText(prefix) && last.Value != "IN"
	}
	return false
}

// clauseOf is the keyword that begins the clause which prefix ends in; empty inside
// the parentheses of a call or list.
func clauseOf(prefix []lexer.Token) string {
	depth := 0
	for i := len(prefix) - 1; i >= 0; i-- {
		switch t := prefix[i]; t.Value {
		case ")":
			depth++
		case "(":
			if depth--; depth < 0 && i > 0 && prefix[i-1].Type == tokenName {
				return ""
			}
		case "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT":
			if t.Type == tokenKeyword {
				return t.Value
			}
		}
	}
	return ""
}

// beforeText reports whether a value of WHERE follows prefix.
func beforeText(prefix []lexer.Token) bool {
	if clauseOf(prefix) != "WHERE" {
		return false
	}
	n := len(prefix)
	behind := func(i int, values ...string) bool {
		return n >= i && prefix[n-i].Type != tokenString && slices.Contains(values, prefix[n-i].Value)
	}
	return behind(1, "=", "<>", "!=", "<", "<=", ">", ">=", "BETWEEN", ",") || behind(1, "(") && behind(2, "IN") ||
		behind(1, "AND") && behind(3, "BETWEEN")
}

// shorten drops all but the ends of long lists of literals, which changes
// nothing about what may follow.
func shorten(prefix []lexer.Token) []lexer.Token {
	out := make([]lexer.Token, 0, len(prefix))
	literal := func(t lexer.Token) bool { return t.Type == tokenString || t.Type == tokenNumber }
	for _, t := range prefix {
		if n := len(out); literal(t) && n >= 3 && out[n-1].Value == "," && literal(out[n-2]) && out[n-3].Value == "," {
			out = out[:n-2]
		}
		out = append(out, t)
	}
	return out
}

// fits reports whether the grammar accepts c after prefix.
func fits(prefix []lexer.Token, c candidate) bool {
	list := renumber(append(slices.Clip(prefix),
		lexer.Token{Type: c.kind, Value: c.value}, lexer.Token{Type: lexer.EOF}))
	_, at, fault := parseTokens(list)
	return fault == nil || at > len(prefix)
}

func complete(prefix []lexer.Token) bool {
	_, _, fault := parseTokens(renumber(append(slices.Clip(prefix), lexer.Token{Type: lexer.EOF})))
	return fault == nil
}

// renumber makes offsets the indexes of tokens, so that an error's position
// tells which token it is about.
func renumber(list []lexer.Token) []lexer.Token {
	out := slices.Clone(list)
	for i := range out {
		out[i].Pos = lexer.Position{Offset: i, Line: 1, Column: i + 1}
	}
	return out
}

func nameIs(s, upper string) bool { return strings.ToUpper(s) == upper }
