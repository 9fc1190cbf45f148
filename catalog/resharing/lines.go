package resharing

import (
	"slices"

	"github.com/weirdata/weir/catalog/polynomial"
)

// What nodes publish in the checks of a move (PROTOCOL.md section 6.9).

// SameLine reports whether what all published of a vector lies on two polynomials, of the
// degrees of the two rosters, that have the same value at 0.
func (m Move) SameLine(k int, f polynomial.Modulus) bool {
	var before, after []int
	var old, next [][]uint64
	for i, id := range m.Members() {
		line := m.Lines[i]
		if p := slices.Index(m.From, id); p >= 0 && len(line.Old[k]) > 0 {
			before, old = append(before, p+1), append(old, line.Old[k])
		}
		if p := slices.Index(m.To, id); p >= 0 {
			after, next = append(after, p+1), append(next, line.New[k])
		}
	}
	a, one := f.Interpolate(before, old, m.FromThreshold)
	b, another := f.Interpolate(after, next, m.ToThreshold)
	return one && another && slices.Equal(a, b)
}

// SumsToZero reports whether what all published of a vector adds up to 0 in every run.
func (m Move) SumsToZero(k int, f polynomial.Modulus) bool {
	for run := range Runs {
		var sum uint64
		for _, list := range m.Checks {
			sum = f.Add(sum, list[k][run])
		}
		if sum != 0 {
			return false
		}
	}
	return true
}
