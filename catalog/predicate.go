package catalog

import (
	"fmt"
	"slices"
)

// Ops of a Predicate.
const (
	OpAnd = "and"
	OpOr  = "or"
	OpNot = "not"
	OpIn  = "in"
	OpLt  = "lt"
	OpLe  = "le"
	OpGt  = "gt"
	OpGe  = "ge"
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
		return Invalid(at, "condition.size", maxPredicate, maxDepth)
	}
	switch p.Op {
	case OpAnd, OpOr, OpNot:
		if p.Column != "" || len(p.Values) > 0 {
			return Invalid(at, "condition.own_column", p.Op)
		}
		if len(p.Args) == 0 || p.Op == OpNot && len(p.Args) != 1 {
			return Invalid(at, "condition.arguments", p.Op, len(p.Args))
		}
		for i := range p.Args {
			if r := p.Args[i].check(fmt.Sprintf("%s.args[%d]", at, i), columns, depth+1, nodes); r != nil {
				return r
			}
		}
		return nil
	case OpIn, OpLt, OpLe, OpGt, OpGe:
	default:
		return Invalid(at, "condition.operator", p.Op)
	}
	if len(p.Args) > 0 {
		return Invalid(at, "condition.nested", p.Op)
	}
	if p.Column != "" && !slices.Contains(columns, p.Column) {
		return Invalid(at, "registry.no_attribute", p.Column, columns)
	}
	if len(p.Values) == 0 || p.Op != OpIn && len(p.Values) != 1 {
		return Invalid(at, "condition.values", p.Op, len(p.Values))
	}
	for i, v := range p.Values {
		if i > 0 && p.Values[i-1] >= v {
			return Invalid(at, "condition.order", v, p.Values[i-1])
		}
	}
	return nil
}

// MatchesCell reports whether one cell meets a comparison.
func (p *Predicate) MatchesCell(cell string) bool {
	if len(p.Values) == 0 {
		return false
	}
	switch p.Op {
	case OpIn:
		_, found := slices.BinarySearch(p.Values, cell)
		return found
	case OpLt:
		return cell < p.Values[0]
	case OpLe:
		return cell <= p.Values[0]
	case OpGt:
		return cell > p.Values[0]
	case OpGe:
		return cell >= p.Values[0]
	}
	return false
}

// Columns are the columns that a condition looks at, in the order in which they stand, the
// entity's id as an empty name; some may come more than once.
func (p *Predicate) Columns() []string {
	if p == nil {
		return nil
	}
	switch p.Op {
	case OpAnd, OpOr, OpNot:
		var out []string
		for i := range p.Args {
			out = append(out, p.Args[i].Columns()...)
		}
		return out
	}
	return []string{p.Column}
}
