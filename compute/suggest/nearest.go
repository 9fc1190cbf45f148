// Package suggest finds what somebody meant who wrote something else: the nearest name
// ([Nearest]), the sign that a look-alike stands for ([Lookalike]), the period that a date
// in another notation is ([Period]). It also measures text as terminals show it, which
// whoever points at a fault needs. All of it is pure, and knows nothing of queries.
package suggest

import (
	"strings"
)

// Nearest returns the candidate that s most resembles, or "" when none is close
// enough to be what was meant: a third of the characters may differ. Of equally
// close ones it returns the first.
func Nearest(s string, candidates []string) string {
	return NearestWithin(s, candidates, max(1, len([]rune(narrow(s)))/3))
}

// NearestWithin is Nearest where so many characters may differ at most.
func NearestWithin(s string, candidates []string, most int) string {
	word := []rune(strings.ToLower(narrow(s)))
	if len(word) > 64 {
		return ""
	}
	best, distance := "", most+1
	for _, c := range candidates {
		other := []rune(strings.ToLower(strings.Trim(c, `"`)))
		if d := len(word) - len(other); d >= distance || -d >= distance {
			continue
		}
		if d := editDistance(word, other, distance); d < distance && d < len(word) {
			best, distance = c, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbours between a and b (optimal string alignment). It ends with what it has, enough or
// more, as soon as there are enough: of two rows one after the other no way leads past both, and
// the count never falls along a way.
func editDistance(a, b []rune, enough int) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	least := 0 // of the last row
	for i := 1; i <= len(a); i++ {
		row[0] = i
		above := least
		least = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if min(above, least) >= enough {
			return min(above, least)
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
