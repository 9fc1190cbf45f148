package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// policyWords says a descriptor's policy in sentences.
func policyWords(d catalog.Descriptor) []string {
	p := d.Policy
	words := []string{"aggregates: " + strings.Join(p.Aggregates, ", ")}
	if p.Public {
		words = append(words, "public: any group may be asked, single readings included")
		return append(words, priceWords(d)...)
	}
	grain := p.Grain
	if grain == "" {
		grain = d.Grain
	}
	words = append(words,
		fmt.Sprintf("a group is made of whole periods of one %s", grain),
		fmt.Sprintf("a group has at least %d entities with readings, or it is withheld", p.MinCohort))
	if len(p.Cubes) > 0 {
		cubes := make([]string, len(p.Cubes))
		for i, c := range p.Cubes {
			cubes[i] = strings.Join(c, " and ")
		}
		words = append(words, "always answerable by "+strings.Join(cubes, "; by "))
	}
	if len(p.Moments) > 0 {
		products := make([]string, len(p.Moments))
		for i, m := range p.Moments {
			products[i] = m[0] + " × " + m[1]
		}
		words = append(words, "exact sums of products: "+strings.Join(products, ", "))
	}
	if p.DP != nil {
		words = append(words, fmt.Sprintf("noised answers: epsilon %s a query, %s a contract, %s in all",
			p.DP.EpsilonPerQuery, p.DP.EpsilonPerContract, p.DP.EpsilonFamily))
	}
	return append(words, priceWords(d)...)
}

// priceWords say what a query costs; nothing where it is free.
func priceWords(d catalog.Descriptor) []string {
	if d.Price == nil {
		return nil
	}
	return []string{fmt.Sprintf("a query costs %s %s", d.Price.PerQuery, d.Price.Currency)}
}

// decimal prints units of 10^-places.
func decimal(units int64, places int) string {
	if places == 0 {
		return strconv.FormatInt(units, 10)
	}
	sign, digits := "", strconv.FormatInt(units, 10)
	if units < 0 {
		sign, digits = "-", digits[1:]
	}
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	at := len(digits) - places
	return strings.TrimSuffix(strings.TrimRight(sign+digits[:at]+"."+digits[at:], "0"), ".")
}
