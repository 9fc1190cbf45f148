package seeds

import (
	"io"
	"math/bits"
)

// warningTotals are the warnings of 2020 to 2025 (to October). The bureau
// published more than 10,000 in all; 2024 alone has that many here, so that
// the demo's year shows it.
var warningTotals = [6]int{8114, 8832, 9406, 9873, 10347, 8921}

// WriteWarningsMonthly writes warnings_monthly: enterprise, period (month),
// warnings, for the 6,243 gas emitters; all others are absent. Demo: 2024;
// Full: January 2020 to October 2025.
func (g *Generator) WriteWarningsMonthly(w io.Writer) error {
	out := newRows(w, "enterprise", "period", "warnings")
	var emitters []int
	for i, e := range g.enterprises {
		if e.gas {
			emitters = append(emitters, i)
		}
	}
	first, last := 4, 4
	if g.size == SizeFull {
		first, last = 0, 5
	}
	for year := first; year <= last; year++ {
		months := 12
		if year == 5 {
			months = 10
		}
		counts := g.spreadWarnings(year, months, len(emitters))
		for month := range months {
			period := monthText(year*12 + month)
			for at, i := range emitters {
				out.text(g.enterprises[i].id, period)
				out.fixed(counts[at*months+month], 0)
				out.end()
			}
		}
	}
	return out.close("warnings_monthly")
}

// spreadWarnings gives every warning of a year an emitter and a month. A few
// emitters get many: the rank is the square of a uniform number.
func (g *Generator) spreadWarnings(year, months, emitters int) []int64 {
	counts := make([]int64, emitters*months)
	for n := range warningTotals[year] {
		u := g.draw(streamWarning, year, n, 0)
		square, _ := bits.Mul64(u, u)
		rank := below(square, emitters)
		at := rank * 3571 % emitters // 3571 is prime and no divisor of 6,243: scatters the ranks
		counts[at*months+below(g.draw(streamWarning, year, n, 1), months)]++
	}
	return counts
}
