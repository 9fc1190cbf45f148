package postgres

import (
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// clauses are the parts of a query without the words that begin them.
type clauses struct {
	items, from, where, group, having, order []token.Token
	limit, offset                            []token.Token
	distinct                                 bool
}

// clausesOf cuts a query into its clauses; false: it is none of one SELECT.
func clausesOf(list []token.Token) (c clauses, ok bool) {
	if len(list) == 0 || !list[0].Is("SELECT") {
		return c, false
	}
	into, depth := &c.items, 0
	for i := 1; i < len(list); i++ {
		t := list[i]
		depth += token.Depth(t)
		if depth != 0 {
			*into = append(*into, t)
			continue
		}
		switch {
		case t.Is("UNION", "INTERSECT", "EXCEPT", "WINDOW"):
			return c, false
		case t.Is("DISTINCT") && i == 1:
			c.distinct = true
		case t.Is("FROM"):
			into = &c.from
		case t.Is("WHERE"):
			into = &c.where
		case t.Is("GROUP", "ORDER") && i+1 < len(list) && list[i+1].Is("BY"):
			into = &c.group
			if t.Is("ORDER") {
				into = &c.order
			}
			i++
		case t.Is("HAVING"):
			into = &c.having
		case t.Is("LIMIT"):
			into = &c.limit
		case t.Is("OFFSET"):
			into = &c.offset
		case t.Is("FETCH") && i+1 < len(list) && list[i+1].Is("FIRST", "NEXT"):
			into = &c.limit
			i++
		case t.Is("ROW", "ROWS", "ONLY") && (into == &c.limit || into == &c.offset):
		default:
			*into = append(*into, t)
		}
	}
	return c, len(c.items) > 0
}

func (c clauses) tokens() []token.Token {
	out := []token.Token{word("SELECT")}
	if c.distinct {
		out = append(out, word("DISTINCT"))
	}
	out = append(out, c.items...)
	for _, part := range []struct {
		words string
		list  []token.Token
	}{{"FROM", c.from}, {"WHERE", c.where}, {"GROUP BY", c.group}, {"HAVING", c.having}, {"ORDER BY", c.order}, {"LIMIT", c.limit}, {"OFFSET", c.offset}} {
		if len(part.list) > 0 {
			for w := range strings.SplitSeq(part.words, " ") {
				out = append(out, word(w))
			}
			out = append(out, part.list...)
		}
	}
	return out
}

func word(text string) token.Token { return token.Token{Kind: token.Name, Text: text} }

func sign(text string) token.Token { return token.Token{Kind: token.Sign, Text: text} }

// reference is what stands in FROM: a dataset and the name that the query has for it.
type reference struct {
	dataset, alias string
	rest           []token.Token // JOIN and what follows
}

// referenceOf reads the beginning of FROM; false: no name stands there.
func referenceOf(from []token.Token) (r reference, ok bool) {
	i := 0
	for i+2 < len(from) && from[i].Named() && from[i+1].Is(".") && from[i+2].Named() {
		i += 2
	}
	if i >= len(from) || !from[i].Named() || i > 0 && !slices.Contains([]string{"public"}, from[i-2].Lower()) {
		return r, false
	}
	r.dataset = from[i].Lower()
	r.alias = r.dataset
	i++
	if i < len(from) && from[i].Is("AS") {
		i++
	}
	if i < len(from) && from[i].Named() && !from[i].Is("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL") {
		r.alias = from[i].Lower()
		i++
	}
	r.rest = from[i:]
	return r, true
}

// dialect is what a query on a dataset is brought to Weir's language by.
type dialect struct {
	names  []string // that stand before columns and are left out; none in a join
	grain  calendar.Grain
	offset time.Duration
}

// plain brings an expression to Weir's language: without casts, names of schemas and tables, and NULLS FIRST.
func (d *dialect) plain(list []token.Token) []token.Token {
	out := make([]token.Token, 0, len(list))
	for i := 0; i < len(list); i++ {
		t := list[i]
		switch {
		case t.Named() && t.Lower() == "public" && i+2 < len(list) && list[i+1].Is("."):
			i++
		case t.Named() && i+2 < len(list) && list[i+1].Is(".") && slices.Contains(d.names, t.Lower()):
			i++
		case t.Is("=", "<>", "!=") && i+2 < len(list) && list[i+1].Is("ANY", "SOME", "ALL"):
			of, end := quantified(list, i)
			if end == 0 {
				out = append(out, t)
				continue
			}
			out = append(out, of...)
			i = end - 1
		case t.Is("::"):
			i = typeEnd(list, i+1) - 1
		case t.Is("CAST") && i+1 < len(list) && list[i+1].Is("("):
			end := token.Closing(list, i+1)
			as := lastAs(list, i+2, end)
			if end < 0 || as < 0 {
				out = append(out, t)
				continue
			}
			out = append(out, d.plain(list[i+2:as])...)
			i = end
		case t.Is("NULLS") && i+1 < len(list) && list[i+1].Is("FIRST", "LAST"):
			i++
		case t.Is("TIMESTAMP", "TIMESTAMPTZ", "DATE") && i+1 < len(list) && (list[i+1].Kind == token.String || list[i+1].Is("WITH", "WITHOUT")):
			if list[i+1].Is("WITH", "WITHOUT") {
				i += 3
			}
		case t.Is("DATE_PART") && i+4 < len(list) && list[i+2].Kind == token.String:
			out = append(out, word("EXTRACT"), list[i+1], word(strings.ToUpper(list[i+2].Text)), word("FROM"))
			i += 3
		case t.Is("COUNT") && i+3 < len(list) && list[i+1].Is("(") && list[i+2].Kind == token.Number && list[i+3].Is(")"):
			out = append(out, t, list[i+1], sign("*"), list[i+3])
			i += 3
		default:
			out = append(out, t)
		}
	}
	return out
}

// typeEnd is where the name of a type ends that begins at i.
func typeEnd(list []token.Token, i int) int {
	for i < len(list) && list[i].Named() {
		first := list[i]
		i++
		if i < len(list) && (list[i].Is(".") || first.Is("DOUBLE") && list[i].Is("PRECISION") || first.Is("CHARACTER") && list[i].Is("VARYING")) {
			if list[i].Is(".") {
				i++
			}
			continue
		}
		break
	}
	if i < len(list) && list[i].Is("WITH", "WITHOUT") && i+2 < len(list) && list[i+1].Is("TIME") {
		i += 3
	}
	if i < len(list) && list[i].Is("(") {
		if end := token.Closing(list, i); end > 0 {
			i = end + 1
		}
	}
	for i+1 < len(list) && list[i].Is("[") && list[i+1].Is("]") {
		i += 2
	}
	return i
}

// lastAs is the AS of a CAST.
func lastAs(list []token.Token, from, to int) int {
	at, depth := -1, 0
	for i := from; i < to; i++ {
		if depth += token.Depth(list[i]); depth == 0 && list[i].Is("AS") {
			at = i
		}
	}
	return at
}

// bare takes off parentheses around the whole of an expression: Weir has none around a dimension.
func bare(list []token.Token) []token.Token {
	for len(list) > 2 && list[0].Is("(") && token.Closing(list, 0) == len(list)-1 {
		list = list[1 : len(list)-1]
	}
	return list
}

// unparenthesized takes off parentheses around a literal, with its cast: pgJDBC writes them around values by the simple protocol.
// Those after a name are a call's or a list's, and stay; so do the rows of VALUES.
func unparenthesized(list []token.Token) []token.Token {
	out := make([]token.Token, 0, len(list))
	values := slices.ContainsFunc(list, func(t token.Token) bool { return t.Is("VALUES") })
	for i := 0; i < len(list); i++ {
		after := i == 0 || !list[i-1].Is("(", ",", "BETWEEN", "AND", "LIKE", "ILIKE", "LIMIT", "OFFSET") && (list[i-1].Kind != token.Sign || list[i-1].Is(")", "]", "."))
		if after || !list[i].Is("(") || values && list[i-1].Is(",") {
			out = append(out, list[i])
			continue
		}
		from := i + 1
		if from < len(list) && list[from].Is("-") {
			from++
		}
		end := from + 1
		if from < len(list) && (list[from].Kind == token.String || list[from].Kind == token.Number) && end < len(list) && list[end].Is("::") {
			end = typeEnd(list, end+1)
		}
		if from >= len(list) || list[from].Kind != token.String && list[from].Kind != token.Number || end >= len(list) || !list[end].Is(")") {
			out = append(out, list[i])
			continue
		}
		out = append(out, list[i+1:end]...)
		i = end
	}
	return out
}

// each does something to every element of a list.
func each(list []token.Token, do func([]token.Token) []token.Token) []token.Token {
	if len(list) == 0 {
		return nil
	}
	var out []token.Token
	for i, part := range token.Split(list, ",") {
		if i > 0 {
			out = append(out, sign(","))
		}
		out = append(out, do(part)...)
	}
	return out
}

// condition is WHERE without what is always true: 1 = 1, TRUE, and a column that is asked for being there.
func condition(list []token.Token, present func(column string) bool) []token.Token {
	if len(list) == 0 {
		return nil
	}
	if inner := bare(list); len(inner) < len(list) {
		return condition(inner, present)
	}
	between := false
	var arms [][]token.Token
	depth, from := 0, 0
	for i, t := range list {
		depth += token.Depth(t)
		switch {
		case depth != 0:
		case t.Is("OR"):
			return list
		case t.Is("BETWEEN"):
			between = true
		case t.Is("AND") && between:
			between = false
		case t.Is("AND"):
			arms = append(arms, list[from:i])
			from = i + 1
		}
	}
	arms = append(arms, list[from:])
	var out []token.Token
	for _, arm := range arms {
		inner := bare(arm)
		switch {
		case len(inner) == 1 && inner[0].Is("TRUE"):
			continue
		case len(inner) == 3 && inner[0].Kind == token.Number && inner[1].Is("=") && inner[2].Kind == token.Number && inner[0].Text == inner[2].Text:
			continue
		case len(inner) == 4 && inner[0].Named() && inner[1].Is("IS") && inner[2].Is("NOT") && inner[3].Is("NULL") && present(inner[0].Lower()):
			continue
		case len(inner) < len(arm):
			if flat := condition(inner, present); len(flat) == 0 {
				continue
			}
		}
		if len(out) > 0 {
			out = append(out, word("AND"))
		}
		out = append(out, arm...)
	}
	return out
}
