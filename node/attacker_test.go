package node

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// fact is what a figure is summed from: a reading of a quantity in one of its states, for
// a reading that was corrected is another number, or a product of two.
type fact struct {
	quantity     string
	firm, month  int
	value, times int // times 0: no product
}

func (f fact) number() int64 {
	if f.times == 0 {
		return int64(f.value)
	}
	return int64(f.value) * int64(f.times)
}

// form is a figure: how often it has each fact.
type form map[fact]int64

// fieldPrime is that of the field in which figures are added and subtracted.
const fieldPrime = 1<<61 - 1

func mulMod(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rem := bits.Div64(hi, lo, fieldPrime)
	return rem
}

func invMod(a uint64) uint64 {
	out, base := uint64(1), a
	for e := uint64(fieldPrime - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			out = mulMod(out, base)
		}
		base = mulMod(base, base)
	}
	return out
}

// matrix are figures as rows, with a column for each fact of those that an entity is
// not left out of. Columns that are equal are one.
func matrix(figures []form, out ...int) [][]uint64 {
	index := map[fact]int{}
	var facts []fact
	for _, f := range figures {
		for x := range f {
			if _, known := index[x]; !known && !slices.Contains(out, x.firm) {
				index[x] = len(facts)
				facts = append(facts, x)
			}
		}
	}
	columns := make([][]uint64, len(facts))
	for i := range columns {
		columns[i] = make([]uint64, len(figures))
	}
	for i, f := range figures {
		for x, n := range f {
			if c, in := index[x]; in {
				columns[c][i] = uint64(n) //nolint:gosec // counts of cells
			}
		}
	}
	m, seen := make([][]uint64, len(figures)), map[string]bool{}
	for _, c := range columns {
		if key := fmt.Sprint(c); !seen[key] {
			seen[key] = true
			for i := range m {
				m[i] = append(m[i], c[i])
			}
		}
	}
	return m
}

// rankOf eliminates a matrix in place.
func rankOf(m [][]uint64) int {
	r := 0
	for c := 0; len(m) > 0 && c < len(m[0]); c++ {
		at := slices.IndexFunc(m[r:], func(row []uint64) bool { return row[c] != 0 })
		if at < 0 {
			continue
		}
		m[r], m[r+at] = m[r+at], m[r]
		inverse := invMod(m[r][c])
		for i := r + 1; i < len(m); i++ {
			if m[i][c] == 0 {
				continue
			}
			by := mulMod(m[i][c], inverse)
			for j := c; j < len(m[i]); j++ {
				m[i][j] = (m[i][j] + fieldPrime - mulMod(by, m[r][j])) % fieldPrime
			}
		}
		if r++; r == len(m) {
			break
		}
	}
	return r
}

// isolated are fewer than k firms, of so many, of whom alone a combination of figures
// tells; nil: there is none. A combination tells of nobody else when it vanishes
// everywhere else, which it does where the rank falls without them.
func isolated(figures []form, k, firms int) []int {
	figures = different(figures)
	all := rankOf(matrix(figures))
	var search func(chosen []int) []int
	search = func(chosen []int) []int {
		if len(chosen) == k-1 {
			if rankOf(matrix(figures, chosen...)) < all {
				return chosen
			}
			return nil
		}
		from := 0
		if len(chosen) > 0 {
			from = chosen[len(chosen)-1] + 1
		}
		for f := from; f < firms; f++ {
			if found := search(append(slices.Clone(chosen), f)); found != nil {
				return found
			}
		}
		return nil
	}
	return search(nil)
}

// different drops figures that are told twice.
func different(figures []form) []form {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(figures), func(f form) bool {
		var text []string
		for x, n := range f {
			text = append(text, fmt.Sprint(x, n))
		}
		slices.Sort(text)
		key := strings.Join(text, ";")
		again := seen[key]
		seen[key] = true
		return again || len(f) == 0
	})
}
