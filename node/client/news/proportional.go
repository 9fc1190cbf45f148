package news

import (
	"math"
	"slices"
)

// Bounds of what is looked at for columns that tell of the same: cells of two columns,
// how many there must be at least, and the least magnitude of a reading of which a ratio
// says something.
const (
	maxCompared = 20_000
	minCompared = 20
	leastCount  = 50
)

// Proportional is two columns that are equal, or one a multiple of the other, in most of
// the cells that both have.
type Proportional struct {
	Ratio float64 // of the readings themselves, of the first to the second; 1: equal
	Same  int     // cells in which they are so, up to the last digit
	Of    int     // cells that were looked at
}

// FindProportional holds two columns of records of one registry and grain against each
// other. It reports false where they are not proportional in most cells, and where
// there are too few cells that say anything, or only one reading.
func FindProportional(a *Record, x *Column, b *Record, y *Column) (Proportional, bool, error) {
	from := max(a.First+int64(a.Unknown), b.First+int64(b.Unknown))
	to := min(a.First+int64(a.Periods), b.First+int64(b.Periods))
	if from >= to {
		return Proportional{}, false, nil
	}
	entities := min(a.Entities, b.Entities)
	step := 1 + entities*int(to-from)/maxCompared
	var pairs [][2]float64
	var one, other Line
	at := from - 1 // the period that is at hand
	first, second := make([]int64, a.Entities), make([]int64, b.Entities)
	for i := 0; i < entities*int(to-from); i += step {
		e, p := i%entities, from+int64(i/entities)
		if p != at {
			at = p
			var err error
			if one, err = a.Line(x, int(p-a.First), first); err != nil {
				return Proportional{}, false, err
			}
			if other, err = b.Line(y, int(p-b.First), second); err != nil {
				return Proportional{}, false, err
			}
		}
		v, has := one.cell(e)
		w, also := other.cell(e)
		if has && also && magnitude(v) >= leastCount && magnitude(w) >= leastCount {
			pairs = append(pairs, [2]float64{float64(v), float64(w)})
		}
	}
	if len(pairs) < minCompared || !slices.ContainsFunc(pairs, func(p [2]float64) bool { return p[0] != pairs[0][0] }) {
		return Proportional{}, false, nil
	}
	ratios := make([]float64, len(pairs))
	for i, p := range pairs {
		ratios[i] = p[0] / p[1]
	}
	slices.Sort(ratios)
	ratio := ratios[len(ratios)/2]
	out := Proportional{Ratio: ratio * math.Pow10(y.Decimals-x.Decimals), Of: len(pairs)}
	for _, p := range pairs {
		if math.Abs(p[0]-ratio*p[1]) <= (1+math.Abs(ratio))/2 {
			out.Same++
		}
	}
	return out, 2*out.Same > out.Of, nil
}
