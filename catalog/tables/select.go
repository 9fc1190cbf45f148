package tables

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Select returns which rows of the table meet the predicate, which Check
// accepts for the table's columns. nil selects all.
func Select(p *catalog.Predicate, t *Table) []bool {
	out := make([]bool, t.Rows())
	if p == nil {
		for i := range out {
			out[i] = true
		}
		return out
	}
	switch p.Op {
	case catalog.OpAnd, catalog.OpOr:
		for k := range p.Args {
			for i, hit := range Select(&p.Args[k], t) {
				switch {
				case k == 0:
					out[i] = hit
				case p.Op == catalog.OpAnd:
					out[i] = out[i] && hit
				default:
					out[i] = out[i] || hit
				}
			}
		}
	case catalog.OpNot:
		if len(p.Args) == 1 {
			for i, hit := range Select(&p.Args[0], t) {
				out[i] = !hit
			}
		}
	default:
		selectCells(p, t, out)
	}
	return out
}

func selectCells(p *catalog.Predicate, t *Table, out []bool) {
	if p.Column == "" && p.Op == catalog.OpIn { // mostly few of many
		for _, id := range p.Values {
			if i, there := t.Index(id); there {
				out[i] = true
			}
		}
		return
	}
	if p.Column == "" {
		for i, id := range t.IDs() {
			out[i] = p.MatchesCell(id)
		}
		return
	}
	c := slices.Index(t.columns, p.Column)
	if c < 0 {
		return
	}
	column := t.attrs[c]
	hits := make([]bool, len(column.values))
	for k, v := range column.values {
		hits[k] = p.MatchesCell(v)
	}
	for i := range out {
		out[i] = hits[column.codes[i]]
	}
}
