package sql

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/suggest"
)

// textValue is a value of WHERE that an attribute, or the entity (column ""), is
// compared with for equality.
type textValue struct {
	column, value string
	ordered       bool // it is a bound of a range, and need not exist
	pos           lexer.Position
	raw           string
}

// compares notes the values of a comparison.
func (t *text) compares(test *comparison, column string) {
	ordered := test.Op != "=" && test.Op != "<>" && test.Op != "!=" && test.In == nil
	for _, l := range test.literals() {
		t.values = append(t.values, textValue{column, unquote(l.Text), ordered, l.Pos, l.Text})
	}
}

// ColumnValues are values of a column of a registry; column "" is the entity.
type ColumnValues struct {
	Column string   `json:"column,omitempty"`
	Values []string `json:"values"`
	// Ordered says that they are bounds of ranges, which need not exist.
	Ordered bool `json:"ordered,omitempty"`
}

// UnknownValue is a value that no row of a registry has, or a bound of a range of text where
// values are numbers that text puts into another order.
type UnknownValue struct {
	Ordered  bool     `json:"ordered,omitempty"`
	Column   string   `json:"column,omitempty"`
	Value    string   `json:"value"`
	Nearest  string   `json:"nearest,omitempty"`  // the value that it most resembles
	Accepted []string `json:"accepted,omitempty"` // the first values of the column
	Distinct int      `json:"distinct"`           // how many there are
}

// Values are the values that the query's condition compares with, by column and apart from
// bounds of ranges, each in the order of the text. A misspelt one means an empty group, or a group that
// silently lacks somebody: Unknown looks for them in the registry.
func (c *Compiled) Values() []ColumnValues {
	var out []ColumnValues
	for _, v := range c.text.values {
		i := slices.IndexFunc(out, func(o ColumnValues) bool { return o.Column == v.column && o.Ordered == v.ordered })
		if i < 0 {
			i = len(out)
			out = append(out, ColumnValues{Column: v.column, Ordered: v.ordered})
		}
		if !slices.Contains(out[i].Values, v.value) {
			out[i].Values = append(out[i].Values, v.value)
		}
	}
	return out
}

const (
	// maxUnknown is how many unknown values Unknown tells of.
	maxUnknown = 3
	// maxAccepted is how many values of a column it names.
	maxAccepted = 24
)

// Unknown finds the first values that no row of the table has.
func Unknown(t *tables.Table, asked []ColumnValues) []UnknownValue {
	out := []UnknownValue{}
	for _, a := range asked {
		values, known := t.Distinct(a.Column)
		if !known {
			continue
		}
		for _, v := range a.Values {
			if !a.Ordered && t.Has(a.Column, v) || a.Ordered && orderedAsNumbers(values, v) {
				continue
			}
			if len(out) == maxUnknown {
				return out
			}
			if a.Ordered {
				out = append(out, UnknownValue{Ordered: true, Column: a.Column, Value: v, Accepted: values[:min(len(values), maxAccepted)], Distinct: len(values)})
				continue
			}
			out = append(out, UnknownValue{
				Column: a.Column, Value: v, Nearest: suggest.Nearest(v, values), Accepted: values[:min(len(values), maxAccepted)], Distinct: len(values),
			})
		}
	}
	return out
}

// orderedAsNumbers reports whether the order of text puts a bound and the values that are
// numbers into the order of numbers, or whether the bound is no number. Codes of one length
// are so ordered; heights are not: '9' comes after '10'.
func orderedAsNumbers(values []string, bound string) bool {
	if !decimal.IsExact(bound) {
		return true
	}
	texts := slices.Sorted(slices.Values(append(slices.Clone(values), bound)))
	var last *big.Rat
	for _, text := range texts {
		n, ok := decimal.Exact(text)
		if !ok {
			continue
		}
		if last != nil && last.Cmp(n) > 0 {
			return false
		}
		last = n
	}
	return true
}

// orderOfText says why numbers are not compared by order.
func orderOfText(column string) string {
	text := "values are compared as text, in which the numbers here have another order: '9' comes after '10'; list those that are meant with IN (…)"
	if column != "" {
		text += fmt.Sprintf(", or ask the publisher to declare that %[1]s is a number: entity: {numbers: [%[1]s]}, with weir dataset amend", column)
	}
	return text
}

// Misspelt is the error about the first value of the text that is unknown; nil: none
// is.
func (c *Compiled) Misspelt(unknown []UnknownValue) *Error {
	for _, v := range c.text.values {
		i := slices.IndexFunc(unknown, func(u UnknownValue) bool { return u.Column == v.column && u.Value == v.value && u.Ordered == v.ordered })
		if i < 0 {
			continue
		}
		u := unknown[i]
		what := "no entity has the " + u.Column
		if u.Column == "" {
			what = "there is no entity"
		}
		fault := faultAt(v.pos, v.raw, "%s %s", what, v.raw)
		if u.Ordered {
			fault = faultAt(v.pos, v.raw, "%s", orderOfText(v.column))
		}
		if u.Nearest != "" {
			fault.Nearest = quotedText(u.Nearest)
		}
		accepted := make([]string, len(u.Accepted))
		for i, a := range u.Accepted {
			accepted[i] = quotedText(a)
		}
		fault = fault.want(accepted...)
		if more := u.Distinct - len(accepted); more > 0 {
			fault.Want += fmt.Sprintf(", … %d more", more)
		}
		return fault
	}
	return nil
}

// quotedText is text as SQL writes it.
func quotedText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
