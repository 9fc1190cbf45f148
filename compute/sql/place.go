package sql

import (
	"fmt"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog"
	say "github.com/weirdata/weir/catalog/explain"
)

// text remembers where the parts of a request stand in the SQL that it was compiled
// of, so that what is found out later, about values and by the state machine, is
// shown under the words it is about.
type text struct {
	where     lexer.Position // of the condition
	condition string         // as written; empty without one
	periods   []*literal     // that periods are compared with
	values    []textValue
	fields    map[string]spot // of the request: select[0], by[0], in
}

// spot is a place and what stands there.
type spot struct {
	pos lexer.Position
	raw string
}

// fault says something about the spot.
func (s spot) fault(format string, args ...any) *Error { return faultAt(s.pos, s.raw, format, args...) }

// at notes where a field of the request stands, the first place if there are more.
func (t *text) at(field string, pos lexer.Position, raw string) {
	if t.fields == nil {
		t.fields = map[string]spot{}
	}
	if _, known := t.fields[field]; !known {
		t.fields[field] = spot{pos, raw}
	}
}

// between is the SQL from one position up to another, without space at its ends.
func (w *conditionReader) between(from, to lexer.Position) string {
	return strings.TrimSpace(w.sql[from.Offset:to.Offset])
}

// Locate turns a refusal of the request into an error at the words of the SQL that
// it is about; nil when it is about none of them, as of a contract that is used up.
func (c *Compiled) Locate(r *catalog.Refusal) *Error {
	s, found := c.text.spotOf(r.Field)
	if !found {
		return nil
	}
	return s.fault("%s", say.Refusal(r))
}

// spotOf finds a field of the request: select[3], by, by[0], where, periods[1], in.
func (t *text) spotOf(field string) (spot, bool) {
	switch name, _, _ := strings.Cut(field, "["); {
	case name == "periods" && len(t.periods) > 0:
		return spot{t.periods[0].Pos, t.periods[0].raw()}, true
	case name == "periods" || name == "where":
		return spot{t.where, t.condition}, t.condition != ""
	}
	s, found := t.fields[field]
	return s, found
}

// placed notes where the request's aggregates, dimensions and selector stand.
func (c *compiler) placed() {
	for i, o := range c.out.Output {
		n := c.columns.origins[i].name()
		for _, of := range o.figures() {
			c.text.at(fmt.Sprintf("select[%d]", of.Index), n.Pos, n.Raw)
		}
		if o.Kind != OutputDimension {
			continue
		}
		c.text.at(fmt.Sprintf("by[%d]", o.Index), n.Pos, n.Raw)
		if c.out.Request.By[o.Index].Kind == catalog.DimPeriod {
			c.text.at("by", n.Pos, n.Raw)
		}
	}
	if c.in != nil {
		c.text.at("in", c.in.pos, c.in.raw)
	}
}
