package sql

import (
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/compute/suggest"
)

// recognised says what is wrong with token at where the grammar stops to fit, for
// what people write who know other dialects of SQL; nil for anything else.
func recognised(list []lexer.Token, at int) *Error {
	bad := list[at]
	switch {
	case at == 0:
		return beginning(bad)
	case list[at-1].Value == ";" && !bad.EOF():
		return faultAt(bad.Pos, bad.Value, "one query is answered at a time").want("the end of the query")
	case list[at-1].Value == "LIMIT" && list[at-1].Type == tokenKeyword && bad.Value == "-":
		return faultAt(bad.Pos, "-", limitTakes).want(limitForms)
	case bad.Value == "-" && list[at-1].Type == tokenNumber && clauseOf(list[:at]) == "WHERE":
		return bareDate(list, at-1)
	case isName(bad, "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL") && clauseOf(list[:at]) == "FROM":
		return faultAt(bad.Pos, bad.Value, "%s JOIN is not part of this language: a join takes the cells that both datasets have", strings.ToUpper(bad.Value)).
			want("JOIN dataset " + usingBoth)
	case isName(bad, "ON") && clauseOf(list[:at]) == "FROM":
		return faultAt(bad.Pos, bad.Value, "cells belong together by entity and period, and by nothing else").want(usingBoth)
	case bad.Value == "," && clauseOf(list[:at]) == "FROM":
		return faultAt(bad.Pos, ",", "a query is on one dataset, or on two that are joined").want("JOIN dataset " + usingBoth)
	}
	return nil
}

// beginning says that a query begins with SELECT; nil for one that is empty.
func beginning(first lexer.Token) *Error {
	if first.EOF() {
		return nil
	}
	out := faultAt(first.Pos, first.Value, "a query begins with SELECT").want("SELECT")
	switch {
	case isName(first, "EXPLAIN"):
		out.Message += "; what it would take says --explain, or POST /v1/explain"
	case isName(first, "WITH"):
		out.Message += ": queries in queries are not part of this language"
	case first.Type == tokenName:
		out.Nearest = suggest.Nearest(first.Value, []string{"SELECT"})
	}
	return out
}

func isName(t lexer.Token, words ...string) bool {
	return t.Type == tokenName && slices.ContainsFunc(words, func(w string) bool { return nameIs(t.Value, w) })
}

// bareDate is a date without quotes, which reads as a subtraction, from its first
// number on.
func bareDate(list []lexer.Token, first int) *Error {
	text := list[first].Value
	end := first + 1
	for ; end+1 < len(list) && list[end].Value == "-" && adjacent(list[end-1], list[end]) && adjacent(list[end], list[end+1]); end += 2 {
		text += "-" + list[end+1].Value
	}
	fault := faultAt(list[first].Pos, text, "a period is text in single quotes")
	if fault.Nearest = guessPeriod(text, ""); fault.Nearest == "" {
		return fault.want("'" + text + "'")
	}
	return fault.want(fault.Nearest)
}

// adjacent reports whether b follows a without a space.
func adjacent(a, b lexer.Token) bool { return a.Pos.Offset+len(a.Value) == b.Pos.Offset }
