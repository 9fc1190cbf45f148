package sql

import (
	"errors"
	"fmt"
	"slices"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Parsed is the text of a query that has been read, before it is known which dataset it is
// on.
type Parsed struct {
	sql  string
	stmt *statement
}

// Parse reads one query. Errors are *Error.
func Parse(sql string) (*Parsed, error) {
	stmt, fault := parse(sql)
	if fault != nil {
		return nil, fault
	}
	return &Parsed{sql: sql, stmt: stmt}, nil
}

// Datasets are those of the ids that stand after FROM and JOIN; the second is empty for
// SQL that joins nothing. Errors are *Error.
func (p *Parsed) Datasets(ids []string) (first, second string, err error) {
	named := []*name{p.stmt.From}
	if p.stmt.Join != nil {
		named = append(named, p.stmt.Join.Dataset)
	}
	var found [2]string
	for i, n := range named {
		id, ok := match(n, ids)
		if !ok {
			return "", "", faultAt(n.Pos, n.Raw, "there is no dataset %s here", n.text()).among(n.text(), ids...)
		}
		found[i] = id
	}
	return found[0], found[1], nil
}

// parse reads one statement.
func parse(sql string) (*statement, *Error) {
	list, fault := scan(sql)
	if fault != nil {
		return nil, fault
	}
	list = dialects(list)
	for _, check := range []func([]lexer.Token) *Error{nested, oversized, unanswered} {
		if fault := check(list); fault != nil {
			return nil, fault
		}
	}
	stmt, at, fault := parseTokens(list)
	if fault == nil {
		return stmt, nil
	}
	return nil, explain(list, at, fault)
}

// parseTokens parses tokens that end with EOF. When it fails it returns the
// index of the first token that does not fit.
func parseTokens(list []lexer.Token) (*statement, int, *Error) {
	peeking, err := lexer.Upgrade(&tokens{list: list})
	if err != nil {
		return nil, 0, faultAt(list[0].Pos, "", "%s", err)
	}
	stmt, err := grammar().ParseFromLexer(peeking)
	if err == nil {
		return stmt, 0, nil
	}
	pos, message := list[len(list)-1].Pos, err.Error()
	if parseErr, ok := errors.AsType[participle.Error](err); ok {
		pos, message = parseErr.Position(), parseErr.Message()
	}
	at := slices.IndexFunc(list, func(t lexer.Token) bool { return t.Pos.Offset >= pos.Offset })
	if at < 0 {
		at = len(list) - 1
	}
	return nil, at, faultAt(list[at].Pos, list[at].Value, "%s", message)
}

// nested refuses what would recurse too deep.
func nested(list []lexer.Token) *Error {
	depth, nots := 0, 0
	for _, t := range list {
		switch {
		case t.Type == tokenKeyword && t.Value == "NOT":
			nots++
		case t.Value == "(", t.Type == tokenKeyword && t.Value == "CASE":
			depth++
		case t.Value == ")", t.Type == tokenKeyword && t.Value == "END":
			depth--
		default:
			nots = 0
		}
		if depth+nots > MaxNesting {
			return faultAt(t.Pos, t.Value, "the condition is nested too deep").
				want(fmt.Sprintf("at most %d parentheses and NOTs within each other", MaxNesting))
		}
	}
	return nil
}

const notAnswered = "%s not answered by this version"

// unanswered recognises what the language reserves and this version does not
// answer, and what it never will.
func unanswered(list []lexer.Token) *Error {
	joins := slices.ContainsFunc(list, func(t lexer.Token) bool { return t.Type == tokenKeyword && t.Value == "JOIN" })
	for i, t := range list {
		if i > 0 && t.Type == tokenKeyword && t.Value == "SELECT" && list[i-1].Value == "(" {
			return faultAt(list[i-1].Pos, "(", "subqueries are not part of this language").want("a dataset after FROM", "'text' in conditions")
		}
		if t.Type == tokenPunct && t.Value == "." && !joins {
			return faultAt(t.Pos, t.Value, "a point stands between a dataset and a measure of two joined ones").want("one dataset's measures by their names alone")
		}
		if t.Type != tokenKeyword {
			continue
		}
		switch t.Value {
		case "DISTINCT":
			if i > 1 && list[i-1].Value == "(" && isName(list[i-2], "COUNT") {
				continue
			}
			return faultAt(t.Pos, t.Value, "DISTINCT is not part of this language: groups are distinct as they are").
				want("dimensions and aggregates", "COUNT(DISTINCT entity)")
		case "IS", "NULL":
			return faultAt(t.Pos, t.Value, "conditions on missing cells are not part of this language: aggregates skip them").
				want("COUNT(measure) and COUNT(*)")
		case "UNION", "OFFSET":
			return faultAt(t.Pos, t.Value, "%s is not part of this language", t.Value).
				want("SELECT … FROM … WHERE … GROUP BY … ORDER BY … LIMIT …")
		}
	}
	return nil
}
