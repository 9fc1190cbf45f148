package sql

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// maxListed bounds the values, in bytes, that a comparison may be made a list of: an envelope
// takes a megabyte.
const maxListed = 512 << 10

// columnName is what a column of entities is called; "" is the entity.
func (sc *scope) columnName(column string) string {
	if column == "" {
		return sc.entityName()
	}
	return column
}

// registryValues are the values of the registry's columns, read where a condition needs them.
type registryValues struct {
	scope  *scope
	failed error // not of the text: they could not be read
}

// distinct are the registry's values of a column.
func (v *registryValues) distinct(l *literal, column string) ([]string, *Error) {
	if v.scope.schema.Distinct == nil {
		return nil, faultAt(l.Pos, l.raw(), "the registry's values are not at hand here").want("IN ('text', …)")
	}
	values, err := v.scope.schema.Distinct(column)
	if err != nil {
		v.failed = fmt.Errorf("read the values of %s: %w", v.scope.columnName(column), err)
		return nil, faultAt(l.Pos, l.raw(), "%s", v.failed)
	}
	return values, nil
}

// fitting is the list of a column's values that pass; none is the fault.
func (v *registryValues) fitting(l *literal, column, none string, pass func(string) bool) (catalog.Predicate, *Error) {
	values, fault := v.distinct(l, column)
	if fault != nil {
		return catalog.Predicate{}, fault
	}
	var list []string
	size := 0
	for _, v := range values {
		if pass(v) {
			list = append(list, v)
			size += len(v) + len(`"",`)
		}
	}
	switch {
	case size > maxListed:
		return catalog.Predicate{}, faultAt(l.Pos, l.raw(), "this is so of %d values of %s, which are more than a query can name", len(list), v.scope.columnName(column)).
			want("a condition on fewer of them")
	case len(list) == 0:
		return catalog.Predicate{}, faultAt(l.Pos, l.raw(), "%s", none).want(firstOf(values)...)
	}
	slices.Sort(list)
	return catalog.Predicate{Op: catalog.OpIn, Column: column, Values: slices.Compact(list)}, nil
}

// firstOf quotes the first of some values.
func firstOf(values []string) []string {
	var out []string
	for _, v := range values[:min(len(values), maxAccepted)] {
		out = append(out, quotedText(v))
	}
	if more := len(values) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("… %d more", more))
	}
	return out
}

// numberTest compiles a comparison of an attribute that is a number: exactly and by value,
// into the list of the registry's values of which it is true. An empty one is missing, and
// meets no comparison.
func (w *conditionReader) numberTest(t *comparison, column string) (parts, *Error) {
	if t.Like != nil {
		return parts{}, faultAt(t.Like.Pos, t.Like.raw(), "%s is a number, and has no pattern", column).want(column+" > 9", column+" BETWEEN 9 AND 10")
	}
	bounds := make([]*big.Rat, len(t.literals()))
	for i, l := range t.literals() {
		n, ok := decimal.Exact(strings.TrimSpace(l.plain()))
		if !ok || l.Name != nil {
			return parts{}, faultAt(l.Pos, l.raw(), "%s is a number, and is compared with numbers", column).want(column + " > 9.5")
		}
		bounds[i] = n
	}
	if t.To != nil && bounds[0].Cmp(bounds[1]) > 0 {
		return parts{}, t.backwards()
	}
	first := t.literals()[0]
	values, fault := w.values.distinct(first, column)
	if fault != nil {
		return parts{}, fault
	}
	numbers := make(map[string]*big.Rat, len(values))
	for _, v := range values {
		n, ok := decimal.Exact(v)
		if !ok && v != "" {
			return parts{}, faultAt(t.Name.Pos, t.Name.Raw, "%s is declared a number, and %s of the registry is none: the publisher has to correct it", column, quotedText(v)).want("a condition on another attribute")
		}
		numbers[v] = n
	}
	equal := t.In != nil || t.Op == "=" || t.Op == "<>" || t.Op == "!="
	for i, b := range bounds {
		if equal && !slices.ContainsFunc(values, func(v string) bool { return numbers[v] != nil && numbers[v].Cmp(b) == 0 }) {
			at := t.literals()[i]
			return parts{}, faultAt(at.Pos, at.raw(), "no entity has the %s %s", column, at.raw()).want(firstOf(values)...)
		}
	}
	p, fault := w.values.fitting(first, column, "no entity has such a value of "+column, func(v string) bool {
		n := numbers[v]
		switch {
		case n == nil:
			return false
		case equal:
			return slices.ContainsFunc(bounds, func(b *big.Rat) bool { return n.Cmp(b) == 0 })
		case t.To != nil:
			return n.Cmp(bounds[0]) >= 0 && n.Cmp(bounds[1]) <= 0
		}
		return Compares(comparisons[t.Op], n.Cmp(bounds[0]))
	})
	if fault != nil {
		return parts{}, fault
	}
	if t.Not || t.Op == "<>" || t.Op == "!=" {
		p = catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{p}}
	}
	return parts{entities: &p}, nil
}
