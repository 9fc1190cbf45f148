package catalog

import (
	"fmt"
	"slices"
)

// Scope narrows what a contract's queries may tell apart. Columns are what
// conditions and groups may use: attributes of the registry, and the entity by
// the descriptor's name for it. Grain, if set, is the finest period that groups
// and conditions may use. No Scope at all is the dataset's own policy.
type Scope struct {
	Columns []string `json:"columns"` // ascending
	Grain   Grain    `json:"grain,omitempty"`
}

// ScopeOf is the narrowest scope that allows a request on a dataset.
func ScopeOf(d Descriptor, q Request) Scope {
	s := Scope{Columns: []string{}}
	for _, c := range q.used(d) {
		s.Columns = append(s.Columns, c.name)
	}
	slices.Sort(s.Columns)
	s.Columns = slices.Compact(s.Columns)
	for _, g := range []Grain{GrainYear, GrainQuarter, GrainMonth, GrainDay, GrainHour} {
		if s.Grain = g; q.splits(d.Grain, g) == "" {
			break
		}
	}
	return s
}

// usedColumn is a column that a request uses, and where.
type usedColumn struct{ name, field string }

// used are the columns of a request's conditions and groups.
func (q Request) used(d Descriptor) []usedColumn {
	var all []usedColumn
	add := func(column, field string) {
		if column == "" {
			column = d.Entity
		}
		all = append(all, usedColumn{column, field})
	}
	for i, dim := range q.By {
		if dim.Kind != DimPeriod {
			add(dim.Column, fmt.Sprintf("by[%d]", i))
		}
	}
	if q.In != "" {
		add("", "in")
	}
	for i, a := range q.Select {
		if a.Weight != "" {
			add("", fmt.Sprintf("select[%d]", i))
		}
	}
	var walk func(p Predicate)
	walk = func(p Predicate) {
		switch p.Op {
		case "and", "or", "not":
			for _, a := range p.Args {
				walk(a)
			}
		default:
			add(p.Column, "where")
		}
	}
	if q.Where != nil {
		walk(*q.Where)
	}
	return all
}

// splits names the field of the request that tells periods finer than g apart;
// empty when none does.
func (q Request) splits(own, g Grain) string {
	for i, dim := range q.By {
		if dim.Kind == DimPeriod && dim.Grain.Finer(g) {
			return fmt.Sprintf("by[%d]", i)
		}
	}
	if !own.Finer(g) {
		return ""
	}
	whole := func(edge int64) bool { return g.Span(own.In(edge, g), own).From == edge }
	for i, p := range q.Periods {
		if !whole(p.From) || !whole(p.To) {
			return fmt.Sprintf("periods[%d]", i)
		}
	}
	return ""
}

// check refuses a scope that does not fit the dataset.
func (s *Scope) check(d Descriptor, columns []string) *Refusal {
	if s == nil {
		return nil
	}
	known := func(c string) bool { return c == d.Entity || slices.Contains(columns, c) }
	if r := checkNames("scope.columns", s.Columns, known, "an attribute of the registry: "+quoteList(append([]string{d.Entity}, columns...))); r != nil {
		return r
	}
	if s.Grain != "" && !s.Grain.Valid() {
		return invalid("scope.grain", "unknown grain %.40q", s.Grain).withFix("grains are hour, day, month, quarter and year")
	}
	return nil
}

// narrowScope returns what an approval grants of an order's scope.
func narrowScope(ordered, granted *Scope) (*Scope, *Refusal) {
	switch {
	case granted == nil:
		return ordered, nil
	case ordered == nil:
		return granted.sorted(), nil
	}
	for _, c := range granted.Columns {
		if !slices.Contains(ordered.Columns, c) {
			return nil, wider("scope.columns", "%.80q is not in the order, which has: %s", c, quoteList(ordered.Columns))
		}
	}
	out := granted.sorted()
	switch {
	case out.Grain == "":
		out.Grain = ordered.Grain
	case ordered.Grain != "" && out.Grain.Finer(ordered.Grain):
		return nil, wider("scope.grain", "the order asks for periods of one %s, the approval grants %s", ordered.Grain, out.Grain)
	}
	return out, nil
}

func (s *Scope) sorted() *Scope {
	out := &Scope{Columns: append([]string{}, s.Columns...), Grain: s.Grain}
	slices.Sort(out.Columns)
	return out
}

// InScope refuses a request that tells apart what the contract does not grant.
func (k Contract) InScope(d Descriptor, q Request) *Refusal {
	if k.Scope == nil {
		return nil
	}
	for _, c := range q.used(d) {
		if !slices.Contains(k.Scope.Columns, c.name) {
			granted := "it grants no condition and no group by a column"
			if len(k.Scope.Columns) > 0 {
				granted = "it grants: " + quoteList(k.Scope.Columns)
			}
			r := refuse(RefusedPolicy, "contract_scope", "contract %s does not grant the column %s", k.ID, c.name).
				withFix("%s; order more: weir order create --dataset %s --purpose TEXT --for SQL", granted, k.Dataset)
			r.Field = c.field
			return r
		}
	}
	if g := k.Scope.Grain; g != "" {
		if field := q.splits(d.Grain, g); field != "" {
			r := refuse(RefusedPolicy, "contract_scope", "contract %s grants periods of one %s and no finer ones", k.ID, g).
				withFix("ask for whole periods of one %s", g)
			r.Field = field
			return r
		}
	}
	return nil
}
