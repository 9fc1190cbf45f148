package sql

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
)

// heights is beijing with an attribute that is a number, and values at hand.
func heights(values ...string) Schema {
	s := beijing()
	s.Columns = append(slices.Clone(s.Columns), "elevation")
	s.Descriptor.Numbers = []string{"elevation"}
	s.Distinct = func(column string) ([]string, error) {
		if column != "elevation" {
			return []string{"north", "north-west", "n_rth", "West", "南区", ""}, nil
		}
		return values, nil
	}
	return s
}

func listOf(t *testing.T, where string, s Schema) string {
	t.Helper()
	c, err := Compile("SELECT COUNT(*) FROM beijing_air WHERE "+where, s)
	if err != nil {
		return err.Error()
	}
	if c.Request.Where == nil {
		return "all"
	}
	return predicateText(*c.Request.Where)
}

func predicateText(p catalog.Predicate) string {
	if p.Op == catalog.OpNot {
		return "not " + predicateText(p.Args[0])
	}
	return fmt.Sprintf("%s %s %s", p.Column, p.Op, strings.Join(p.Values, "|"))
}

// Numbers compare by value, whatever their zeros, and exactly.
func TestNumbersCompareByValue(t *testing.T) {
	s := heights("10", "100", "1000", "5", "50", "9", "9.5", "-3", "0.30000000000000004", "")
	for where, want := range map[string]string{
		"elevation > 10":                        "elevation in 100|1000|50",
		"elevation > '10'":                      "elevation in 100|1000|50",
		"elevation > 9":                         "elevation in 10|100|1000|50|9.5",
		"elevation < 0.3":                       "elevation in -3",
		"elevation <= -3":                       "elevation in -3",
		"elevation IN (-3.0, 9)":                "elevation in -3|9",
		"elevation BETWEEN -5 AND 5":            "elevation in -3|0.30000000000000004|5",
		"elevation <= 0.30000000000000004":      "elevation in -3|0.30000000000000004",
		"elevation = 10.00":                     "elevation in 10",
		"elevation IN (9.50, 50)":               "elevation in 50|9.5",
		"elevation <> 10":                       "not elevation in 10",
		"elevation BETWEEN 5 AND 9.5":           "elevation in 5|9|9.5",
		"elevation NOT BETWEEN 5 AND 1000":      "not elevation in 10|100|1000|5|50|9|9.5",
		"elevation >= 5 AND elevation <= 9":     "elevation in 5|9",
		"elevation = 11":                        "no entity has the elevation 11",
		"elevation > 1000":                      "no entity has such a value of elevation",
		"elevation > 'high'":                    "elevation is a number, and is compared with numbers",
		"elevation LIKE '1%'":                   "elevation is a number, and has no pattern",
		"elevation BETWEEN 100 AND 5":           "nothing lies between: 100 comes after 5; did you mean 5 AND 100?",
		"elevation > 10 OR elevation < 0":       "elevation in -3|100|1000|50",
		"elevation > 10 AND elevation IN (100)": "elevation in 100",
	} {
		if got := listOf(t, where, s); got != want && !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", where, got, want)
		}
	}
	if got := listOf(t, "elevation > 9", heights("10", "high")); !strings.Contains(got, "elevation is declared a number, and 'high' of the registry is none") {
		t.Error(got)
	}
	long := make([]string, 100_000)
	for i := range long {
		long[i] = strconv.Itoa(i)
	}
	if got := listOf(t, "elevation >= 0", heights(long...)); !strings.Contains(got, "this is so of 100000 values of elevation, which are more than a query can name") {
		t.Error(got)
	}
	s.Distinct = func(string) ([]string, error) { return nil, errors.New("no node answers") }
	if got := listOf(t, "elevation > 9", s); got != "read the values of elevation: no node answers" {
		t.Error(got)
	}
	undeclared := heights("10", "9")
	undeclared.Descriptor.Numbers = nil
	if got := listOf(t, "elevation BETWEEN '9' AND '10'", undeclared); !strings.Contains(got, "ask the publisher to declare that elevation is a number: entity: {numbers: [elevation]}") {
		t.Error(got)
	}
}

// Every comparison of drawn numbers is that of package math/big.
func TestNumbersCompareAsTheirRationals(t *testing.T) {
	number := rapid.StringMatching(`-?[0-9]{1,3}(\.[0-9]{1,3})?`)
	rapid.Check(t, func(t *rapid.T) {
		values := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(number, 1, 20).Draw(t, "values"))))
		bound, op := number.Draw(t, "bound"), rapid.SampledFrom([]string{"<", "<=", ">", ">="}).Draw(t, "op")
		b, _ := new(big.Rat).SetString(bound)
		var want []string
		for _, v := range values {
			n, _ := new(big.Rat).SetString(v)
			sign := n.Cmp(b)
			if op == "<" && sign < 0 || op == "<=" && sign <= 0 || op == ">" && sign > 0 || op == ">=" && sign >= 0 {
				want = append(want, v)
			}
		}
		c, err := Compile("SELECT COUNT(*) FROM beijing_air WHERE elevation "+op+" '"+bound+"'", heights(values...))
		if len(want) == 0 {
			if err == nil {
				t.Fatalf("%s %s of %q: %+v", op, bound, values, c.Request.Where)
			}
			return
		}
		if err != nil || c.Request.Where == nil || !slices.Equal(c.Request.Where.Values, want) {
			t.Fatalf("%s %s of %q: %v, want %q", op, bound, values, err, want)
		}
	})
}

// Patterns are the list of the values that they fit.
func TestPatternsAreTheValuesThatTheyFit(t *testing.T) {
	s := heights()
	column := s.Columns[0]
	for pattern, want := range map[string]string{
		"%rth":      column + " in n_rth|north",
		"%rth%":     column + " in n_rth|north|north-west",
		"n_rth":     column + " in n_rth|north",
		"%-%":       column + " in north-west",
		"_区":        column + " in 南区",
		"%":         "all",
		"%%":        column + " in |West|n_rth|north|north-west|南区",
		"%est":      column + " in West|north-west",
		"%south%":   "there is no " + column + " like '%south%'",
		`50\%`:      `a pattern has % and _, and no \`,
		"_____":     column + " in n_rth|north",
		"%n%r%t%h%": column + " in n_rth|north|north-west",
	} {
		if got := listOf(t, column+" LIKE '"+pattern+"'", s); got != want && !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", pattern, got, want)
		}
	}
	if got := listOf(t, column+" NOT LIKE '%rth%'", s); got != "not "+column+" in n_rth|north|north-west" {
		t.Error(got)
	}
	s.Distinct = nil
	if got := listOf(t, column+" LIKE '%rth'", s); !strings.Contains(got, "the registry's values are not at hand here") {
		t.Error(got)
	}
}
