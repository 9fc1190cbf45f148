package sql

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// Changed is the text of a query with a change that a refusal advises (catalog.Reason with a
// code change.* of package explain) applied; false: how to is not known. The text is cut at
// clauses and their elements, and what is kept stays as it was typed. What comes out counts only
// if it compiles to the request that the change makes of this one (Follows): a condition in a
// form that is cut wrongly is noticed there.
//
// Entity is what the dataset's descriptor calls the entity.
func Changed(text string, change catalog.Reason, entity string) (string, bool) {
	switch change.Code {
	case "change.both":
		for _, part := range change.Parts {
			next, ok := Changed(text, part, entity)
			if !ok {
				return "", false
			}
			text = next
		}
		return text, len(change.Parts) > 0
	case "change.partial":
		return text, true
	}
	list, fault := scan(text)
	if fault != nil {
		return "", false
	}
	r, ok := cutClauses(text, list)
	if !ok {
		return "", false
	}
	switch change.Code {
	case "change.no_condition":
		r.keepConditions(func(c element) bool { return c.mentions(periodName) || c.mentions(privateWord) })
	case "change.all_periods":
		r.keepConditions(func(c element) bool { return !c.mentions(periodName) })
	case "change.everything":
		r.keepConditions(func(c element) bool { return c.mentions(privateWord) })
		if !r.dropGroups(func(element) bool { return true }) {
			return "", false
		}
	case "change.dimension":
		if len(change.Args) != 1 || !r.dropGroups(func(e element) bool { return e.isDimension(change.Args[0]) }) {
			return "", false
		}
	case "change.period":
		if len(change.Args) != 1 || !r.truncate(change.Args[0]) {
			return "", false
		}
	case "change.add", "change.add_one":
		if !r.addEntities(change, entity) {
			return "", false
		}
	default:
		return "", false
	}
	return r.String(), true
}

// Follows reports whether after is the request that a change makes of before.
func (c *Compiled) Follows(before *Compiled, change catalog.Reason, entity string) bool {
	want := before.Request
	if !changeRequest(&want, change, entity) {
		return false
	}
	got := c.Request
	want.SQL, got.SQL = "", ""
	a, err := json.Marshal(want)
	if err != nil {
		return false
	}
	b, err := json.Marshal(got)
	return err == nil && string(a) == string(b)
}

// changeRequest makes of a request what package judge evaluates when it tries the change.
func changeRequest(q *catalog.Request, change catalog.Reason, entity string) bool {
	switch change.Code {
	case "change.both":
		for _, part := range change.Parts {
			if !changeRequest(q, part, entity) {
				return false
			}
		}
		return len(change.Parts) > 0
	case "change.partial":
		return true // it is no part of the SQL
	case "change.no_condition":
		q.Where = nil
	case "change.all_periods":
		q.Periods = nil
	case "change.everything":
		q.By, q.Where, q.Periods = nil, nil, nil
	case "change.dimension":
		at := slices.IndexFunc(q.By, func(d catalog.Dimension) bool {
			return len(change.Args) == 1 && d.Called(entity) == change.Args[0]
		})
		if at < 0 {
			return false
		}
		if q.By = slices.Delete(slices.Clone(q.By), at, at+1); len(q.By) == 0 {
			q.By = nil
		}
	case "change.period":
		at := slices.IndexFunc(q.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod })
		if at < 0 || len(change.Args) != 1 {
			return false
		}
		q.By = slices.Clone(q.By)
		q.By[at].Grain = calendar.Grain(change.Args[0])
	case "change.add", "change.add_one":
		ids, whole := entitiesOf(change)
		if !whole || q.Where == nil {
			return false
		}
		wider, always, never := canonical(catalog.Predicate{Op: catalog.OpOr, Args: []catalog.Predicate{*q.Where, {Op: catalog.OpIn, Values: ids}}})
		if never {
			return false
		}
		if q.Where = &wider; always {
			q.Where = nil
		}
	default:
		return false
	}
	return true
}

// entitiesOf are the ids that a change adds; false: it does not name all of them.
func entitiesOf(change catalog.Reason) ([]string, bool) {
	if len(change.Args) != 1 {
		return nil, false
	}
	ids, more, ok := catalog.ParseListArg(change.Args[0])
	return ids, ok && more == 0 && len(ids) > 0
}

// element is a part of a clause: an item of a list, or what AND joins.
type element struct {
	text   string // as typed
	tokens []lexer.Token
}

// mentions reports whether a name stands in the element.
func (e element) mentions(name string) bool {
	return slices.ContainsFunc(e.tokens, func(t lexer.Token) bool { return wordOf(t) != "" && strings.EqualFold(wordOf(t), name) })
}

// isDimension reports whether the element is the dimension that a change calls so, with or without an alias.
func (e element) isDimension(word string) bool {
	of, _ := e.aliased()
	if word == "periods" {
		return of.isPeriod()
	}
	return len(of.tokens) == 1 && strings.EqualFold(wordOf(of.tokens[0]), word)
}

// isPeriod reports whether the element is period or date_trunc('grain', period).
func (e element) isPeriod() bool {
	if len(e.tokens) == 1 {
		return strings.EqualFold(wordOf(e.tokens[0]), periodName)
	}
	return len(e.tokens) == 6 && isName(e.tokens[0], "DATE_TRUNC") && e.tokens[2].Type == tokenString && strings.EqualFold(wordOf(e.tokens[4]), periodName)
}

// aliased splits an item into what it is of and its alias.
func (e element) aliased() (element, string) {
	n := len(e.tokens)
	if n > 2 && e.tokens[n-2].Type == tokenKeyword && e.tokens[n-2].Value == "AS" {
		return element{tokens: e.tokens[:n-2]}, wordOf(e.tokens[n-1])
	}
	if n > 1 && wordOf(e.tokens[n-1]) != "" && (wordOf(e.tokens[n-2]) != "" || e.tokens[n-2].Value == ")") {
		return element{tokens: e.tokens[:n-1]}, wordOf(e.tokens[n-1])
	}
	return e, ""
}

// wordOf is the name that a token is; empty: it is none.
func wordOf(t lexer.Token) string {
	switch t.Type {
	case tokenName:
		return t.Value
	case tokenQuoted:
		return strings.ReplaceAll(strings.Trim(t.Value, `"`), `""`, `"`)
	}
	return ""
}

// clauseWords begin the clauses, in their order.
var clauseWords = []string{"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT"}

// clauses are a query cut at its clauses: the elements of each by its word. FROM, HAVING and LIMIT are one element.
type clauses map[string][]element

// cutClauses cuts a query; false: it has a form that is not cut here.
func cutClauses(text string, list []lexer.Token) (clauses, bool) {
	out := clauses{}
	word, depth, from, between := "", 0, 0, false
	end := func(at int) bool {
		if word == "" {
			return at == 0
		}
		if at <= from {
			return false
		}
		part := list[from:at]
		last := part[len(part)-1]
		out[word] = append(out[word], element{text: text[part[0].Pos.Offset : last.Pos.Offset+len(last.Value)], tokens: part})
		return true
	}
	for i, t := range list {
		switch {
		case t.EOF() || t.Value == ";" && depth == 0:
			return out, end(i) && out["SELECT"] != nil
		case t.Value == "(" || t.Type == tokenKeyword && t.Value == "CASE":
			depth++
		case t.Value == ")" || t.Type == tokenKeyword && t.Value == "END":
			depth--
		case depth > 0:
		case t.Type == tokenKeyword && slices.Contains(clauseWords, t.Value):
			if !end(i) || out[t.Value] != nil {
				return nil, false
			}
			word, from, between = t.Value, i+1, false
		case t.Type == tokenKeyword && t.Value == "BY" && from == i:
			from++
		case word == "WHERE" && t.Type == tokenKeyword && t.Value == "BETWEEN":
			between = true
		case word == "WHERE" && t.Type == tokenKeyword && t.Value == "AND" && between:
			between = false
		case word == "WHERE" && t.Type == tokenKeyword && t.Value == "OR":
			return cutOr(text, list, i)
		case word == "WHERE" && t.Type == tokenKeyword && t.Value == "AND",
			t.Value == "," && (word == "SELECT" || word == "GROUP" || word == "ORDER"):
			if !end(i) {
				return nil, false
			}
			from = i + 1
		}
	}
	return nil, false
}

// cutOr cuts a query whose condition has an OR outside of parentheses: the whole is one element.
func cutOr(text string, list []lexer.Token, or int) (clauses, bool) {
	begin := or
	for list[begin].Type != tokenKeyword || list[begin].Value != "WHERE" {
		begin--
	}
	end, depth := or, 0
	for ; !list[end].EOF(); end++ {
		if list[end].Value == "(" {
			depth++
		} else if list[end].Value == ")" {
			depth--
		} else if depth == 0 && (list[end].Value == ";" || list[end].Type == tokenKeyword && slices.Contains(clauseWords, list[end].Value)) {
			break
		}
	}
	first, last := list[begin+1].Pos.Offset, list[end-1].Pos.Offset+len(list[end-1].Value)
	wrapped := text[:first] + "(" + text[first:last] + ")" + text[last:]
	tokens, fault := scan(wrapped)
	if fault != nil {
		return nil, false
	}
	return cutClauses(wrapped, tokens)
}

// keepConditions keeps of the condition what AND joins and keep holds of.
func (r clauses) keepConditions(keep func(element) bool) {
	r["WHERE"] = slices.DeleteFunc(r["WHERE"], func(e element) bool { return !keep(e) })
}

// dropGroups leaves dimensions out of SELECT, GROUP BY and ORDER BY; false: a list counts its elements by
// their positions, or there would be nothing left to select.
func (r clauses) dropGroups(drop func(element) bool) bool {
	for _, word := range []string{"GROUP", "ORDER"} {
		for _, e := range r[word] {
			if e.tokens[0].Type == tokenNumber {
				return false
			}
		}
	}
	var gone []element // of GROUP BY, and what SELECT calls them
	aliases := map[string]element{}
	for _, e := range r["SELECT"] {
		if of, alias := e.aliased(); alias != "" {
			aliases[strings.ToLower(alias)] = of
		}
	}
	meant := func(e element) element {
		if len(e.tokens) == 1 {
			if of, ok := aliases[strings.ToLower(wordOf(e.tokens[0]))]; ok {
				return of
			}
		}
		return e
	}
	r["GROUP"] = slices.DeleteFunc(r["GROUP"], func(e element) bool {
		if !drop(meant(e)) {
			return false
		}
		gone = append(gone, meant(e))
		return true
	})
	isGone := func(e element) bool {
		return slices.ContainsFunc(gone, func(g element) bool { return sameWords(g.tokens, e.tokens) })
	}
	r["SELECT"] = slices.DeleteFunc(r["SELECT"], func(e element) bool { of, _ := e.aliased(); return isGone(of) })
	r["ORDER"] = slices.DeleteFunc(r["ORDER"], func(e element) bool {
		if n := len(e.tokens) - 1; n > 0 && e.tokens[n].Type == tokenKeyword { // ASC, DESC
			e.tokens = e.tokens[:n]
		}
		return isGone(meant(e))
	})
	return len(gone) > 0 && len(r["SELECT"]) > 0
}

func sameWords(a, b []lexer.Token) bool {
	return slices.EqualFunc(a, b, func(x, y lexer.Token) bool {
		return x.Value == y.Value || wordOf(x) != "" && strings.EqualFold(wordOf(x), wordOf(y))
	})
}

// truncate groups by a coarser grain.
func (r clauses) truncate(grain string) bool {
	found := false
	for _, word := range []string{"SELECT", "GROUP", "ORDER"} {
		for i, e := range r[word] {
			of, alias := e.aliased()
			behind := ""
			if n := len(e.tokens) - 1; word == "ORDER" && n > 0 && e.tokens[n].Type == tokenKeyword {
				of, alias, behind = element{tokens: e.tokens[:n]}, "", " "+e.tokens[n].Value
			}
			if !of.isPeriod() {
				continue
			}
			found = true
			r[word][i].text = "date_trunc('" + grain + "', period)" + behind
			if alias != "" {
				r[word][i].text += " AS " + e.tokens[len(e.tokens)-1].Value
			}
		}
	}
	return found
}

// addEntities lets the condition on entities hold of others, too.
func (r clauses) addEntities(change catalog.Reason, entity string) bool {
	ids, whole := entitiesOf(change)
	if !whole {
		return false
	}
	var kept []element
	var on []string
	for _, e := range r["WHERE"] {
		if e.mentions(periodName) || e.mentions(privateWord) {
			kept = append(kept, e)
		} else {
			on = append(on, e.text)
		}
	}
	if len(on) == 0 {
		return false
	}
	for i, id := range ids {
		ids[i] = quotedText(id)
	}
	wider := "(" + strings.Join(on, " AND ") + " OR " + writable(entity) + " IN (" + strings.Join(ids, ", ") + "))"
	r["WHERE"] = append([]element{{text: wider}}, kept...)
	return true
}

// String writes the clauses as one query.
func (r clauses) String() string {
	var parts []string
	for _, word := range clauseWords {
		list := r[word]
		if len(list) == 0 {
			continue
		}
		texts := make([]string, len(list))
		for i, e := range list {
			texts[i] = e.text
		}
		join := ", "
		if word == "WHERE" {
			join = " AND "
		}
		if word == "GROUP" || word == "ORDER" {
			word += " BY"
		}
		parts = append(parts, word+" "+strings.Join(texts, join))
	}
	return strings.Join(parts, " ")
}
