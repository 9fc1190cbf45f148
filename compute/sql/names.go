package sql

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/weirdata/weir/catalog/calendar"
)

// refKind is what a name stands for.
type refKind int

const (
	refNone refKind = iota
	refEntity
	refAttribute
	refPeriod
	refMeasure
)

// ref is a resolved name; column is the attribute or measure as declared.
type ref struct {
	kind   refKind
	column string
}

// scope resolves the names of one schema. The entity and period come before
// attributes, attributes before measures. A name matches as written; when nothing
// does, one that is not quoted matches without regard to case.
type scope struct {
	schema   Schema
	entity   []string
	measures []string
	literals periods
	pieces   *name // of the portfolio by whose pieces groups are formed; nil: by none
}

func newScope(s Schema) *scope {
	sc := &scope{
		schema: s, entity: []string{"entity"}, measures: s.Descriptor.MeasureNames(),
		literals: periods{s.Descriptor.Grain, s.Descriptor.Grain.Bounds()},
	}
	for _, n := range []string{s.Descriptor.Entity, s.IDColumn} {
		if n != "" && n != "period" {
			sc.entity = append(sc.entity, n)
		}
	}
	return sc
}

const periodName = "period"

// resolve finds what n stands for as a dimension or in a condition.
func (sc *scope) resolve(n *name) ref {
	for _, how := range []func(n *name, among []string) (string, bool){exactly, folded} {
		if _, ok := how(n, sc.entity); ok {
			return ref{kind: refEntity}
		}
		if _, ok := how(n, []string{periodName}); ok {
			return ref{kind: refPeriod}
		}
		if c, ok := how(n, sc.schema.Columns); ok {
			return ref{kind: refAttribute, column: c}
		}
		if m, ok := how(n, sc.measures); ok {
			return ref{kind: refMeasure, column: m}
		}
	}
	return ref{}
}

// match finds n as written, else without regard to case.
func match(n *name, among []string) (string, bool) {
	if found, ok := exactly(n, among); ok {
		return found, true
	}
	return folded(n, among)
}

func exactly(n *name, among []string) (string, bool) {
	text := n.text()
	return text, slices.Contains(among, text)
}

// folded finds the only one that n equals without regard to case; a quoted name
// has none.
func folded(n *name, among []string) (string, bool) {
	text, out, found := n.text(), "", 0
	for _, a := range among {
		if strings.EqualFold(a, text) {
			out = a
			found++
		}
	}
	return out, found == 1 && !n.quoted()
}

// entityName is what the entity is best called in a message.
func (sc *scope) entityName() string {
	if sc.schema.Descriptor.Entity != "" {
		return sc.schema.Descriptor.Entity
	}
	return "entity"
}

// dimensions are the names that may stand in a condition or a GROUP BY.
func (sc *scope) dimensions() []string {
	return slices.Concat(writables(sc.entityName()), writables(sc.schema.Columns...), []string{periodName})
}

// measureNames are the measures as a query writes them.
func (sc *scope) measureNames() []string { return writables(sc.measures...) }

func writables(names ...string) []string {
	var out []string
	for _, n := range names {
		out = append(out, writable(n))
	}
	return out
}

// writable is a name as a query must write it: in double quotes when it is
// reserved or not made of letters, digits and underscores.
func writable(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if isNameStart(first) && span(s, isNamePart) == len(s) && !isKeyword(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// grainNamed reads the name of a grain, in any case.
func grainNamed(s string) (calendar.Grain, bool) {
	g := calendar.Grain(strings.ToLower(s))
	return g, g.Valid()
}
