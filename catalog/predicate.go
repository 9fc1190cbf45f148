package catalog

import (
	"fmt"
	"slices"
)

// Ops of a Predicate.
const (
	opAnd = "and"
	opOr  = "or"
	opNot = "not"
	opIn  = "in"
	opLt  = "lt"
	opLe  = "le"
	opGt  = "gt"
	opGe  = "ge"
)

// Check refuses a predicate that does not have the form that Predicate
// describes or names an attribute that is none of columns. nil is every entity.
func (p *Predicate) Check(columns []string) *Refusal {
	if p == nil {
		return nil
	}
	nodes := 0
	return p.check("where", columns, 1, &nodes)
}

func (p *Predicate) check(at string, columns []string, depth int, nodes *int) *Refusal {
	if *nodes++; *nodes > maxPredicate || depth > maxDepth {
		return invalid(at, "the condition is too large: at most %d parts, nested at most %d deep", maxPredicate, maxDepth)
	}
	switch p.Op {
	case opAnd, opOr, opNot:
		if p.Column != "" || len(p.Values) > 0 {
			return invalid(at, "%s has a column or values of its own", p.Op)
		}
		if len(p.Args) == 0 || p.Op == opNot && len(p.Args) != 1 {
			return invalid(at, "%s of %d conditions", p.Op, len(p.Args))
		}
		for i := range p.Args {
			if r := p.Args[i].check(fmt.Sprintf("%s.args[%d]", at, i), columns, depth+1, nodes); r != nil {
				return r
			}
		}
		return nil
	case opIn, opLt, opLe, opGt, opGe:
	default:
		return invalid(at, "unknown operator %.20q", p.Op)
	}
	if len(p.Args) > 0 {
		return invalid(at, "%s has conditions as arguments", p.Op)
	}
	if p.Column != "" && !slices.Contains(columns, p.Column) {
		return invalid(at, "the registry has no attribute %.80q", p.Column).withFix("its attributes are: %s", quoteList(columns))
	}
	if len(p.Values) == 0 || p.Op != opIn && len(p.Values) != 1 {
		return invalid(at, "%s with %d values", p.Op, len(p.Values))
	}
	for i, v := range p.Values {
		if i > 0 && p.Values[i-1] >= v {
			return invalid(at, "the values are not sorted and distinct: %.80q after %.80q", v, p.Values[i-1])
		}
	}
	return nil
}

// MatchRow reports whether a row (id, then attributes in the order of columns)
// meets the predicate, which Check accepts for the columns. nil matches
// everything.
func (p *Predicate) MatchRow(columns, row []string) bool {
	if p == nil {
		return true
	}
	switch p.Op {
	case opAnd:
		for i := range p.Args {
			if !p.Args[i].MatchRow(columns, row) {
				return false
			}
		}
		return true
	case opOr:
		for i := range p.Args {
			if p.Args[i].MatchRow(columns, row) {
				return true
			}
		}
		return false
	case opNot:
		return len(p.Args) == 1 && !p.Args[0].MatchRow(columns, row)
	}
	cell := 0
	if p.Column != "" {
		cell = 1 + slices.Index(columns, p.Column)
		if cell == 0 {
			return false
		}
	}
	return cell < len(row) && p.matchCell(row[cell])
}

func (p *Predicate) matchCell(cell string) bool {
	if len(p.Values) == 0 {
		return false
	}
	switch p.Op {
	case opIn:
		_, found := slices.BinarySearch(p.Values, cell)
		return found
	case opLt:
		return cell < p.Values[0]
	case opLe:
		return cell <= p.Values[0]
	case opGt:
		return cell > p.Values[0]
	case opGe:
		return cell >= p.Values[0]
	}
	return false
}

// Select returns which rows of the table meet the predicate, which Check
// accepts for the table's columns. nil selects all.
func (p *Predicate) Select(t *Table) []bool {
	out := make([]bool, t.Rows())
	if p == nil {
		for i := range out {
			out[i] = true
		}
		return out
	}
	switch p.Op {
	case opAnd, opOr:
		for k := range p.Args {
			for i, hit := range p.Args[k].Select(t) {
				switch {
				case k == 0:
					out[i] = hit
				case p.Op == opAnd:
					out[i] = out[i] && hit
				default:
					out[i] = out[i] || hit
				}
			}
		}
	case opNot:
		if len(p.Args) == 1 {
			for i, hit := range p.Args[0].Select(t) {
				out[i] = !hit
			}
		}
	default:
		p.selectCells(t, out)
	}
	return out
}

func (p *Predicate) selectCells(t *Table, out []bool) {
	if p.Column == "" {
		for i, id := range t.IDs() {
			out[i] = p.matchCell(id)
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
		hits[k] = p.matchCell(v)
	}
	for i := range out {
		out[i] = hits[column.codes[i]]
	}
}
