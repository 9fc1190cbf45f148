package query

import (
	"strings"

	"github.com/weirdata/weir/catalog"
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
// attributes, attributes before measures. A name matches as written; one that is
// not quoted also matches without regard to case if only one thing does.
type scope struct {
	schema   Schema
	entity   []string
	measures []string
	calendar calendar
}

func newScope(s Schema) *scope {
	sc := &scope{schema: s, entity: []string{"entity"}, calendar: newCalendar(s.Descriptor.Grain)}
	for _, n := range []string{s.Descriptor.Entity, s.IDColumn} {
		if n != "" && n != "period" {
			sc.entity = append(sc.entity, n)
		}
	}
	for _, m := range s.Descriptor.Measures {
		sc.measures = append(sc.measures, m.Name)
	}
	return sc
}

const periodName = "period"

// resolve finds what n stands for as a dimension or in a condition.
func (sc *scope) resolve(n *name) ref {
	if _, ok := match(n, sc.entity); ok {
		return ref{kind: refEntity}
	}
	if _, ok := match(n, []string{periodName}); ok {
		return ref{kind: refPeriod}
	}
	if c, ok := match(n, sc.schema.Columns); ok {
		return ref{kind: refAttribute, column: c}
	}
	return sc.measure(n)
}

// measure finds the measure n, or refNone.
func (sc *scope) measure(n *name) ref {
	if m, ok := match(n, sc.measures); ok {
		return ref{kind: refMeasure, column: m}
	}
	return ref{}
}

func match(n *name, among []string) (string, bool) {
	text, folded, found := n.text(), "", 0
	for _, a := range among {
		if a == text {
			return a, true
		}
		if strings.EqualFold(a, text) {
			folded = a
			found++
		}
	}
	return folded, found == 1 && !n.quoted()
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
	out := append([]string{sc.entityName()}, sc.schema.Columns...)
	return append(out, periodName)
}

// grains are all grains, finest first.
var grains = []catalog.Grain{catalog.GrainHour, catalog.GrainDay, catalog.GrainMonth, catalog.GrainQuarter, catalog.GrainYear}

// grainsFrom lists the grains that are not finer than the dataset's.
func (sc *scope) grainsFrom() []string {
	var out []string
	for _, g := range grains {
		if !g.Finer(sc.schema.Descriptor.Grain) {
			out = append(out, string(g))
		}
	}
	return out
}

// grainNamed reads the name of a grain, in any case.
func grainNamed(s string) (catalog.Grain, bool) {
	g := catalog.Grain(strings.ToLower(s))
	return g, g.Valid()
}
