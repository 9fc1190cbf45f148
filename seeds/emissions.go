package seeds

import (
	"io"
	"strconv"
)

// emissionMax is the largest value written, in tenths of kilograms and tons;
// the descriptor's ranges say the same.
var emissionMax = [emissionMeasures]int64{1_000_000, 1_000_000, 500_000, 500_000, 50_000, 2_000_000}

var emissionSeason = season{112, 82, 100, 100, 98, 96, 94, 95, 98, 102, 108, 115}

const (
	emissionNoiseQ16       = 24_000 // log2, month to month
	reportMissingPerMille  = 6      // an enterprise that reports nothing in a month
	measureMissingPerMille = 4      // one figure that is missing
)

// demoFirstMonth is January 2024, in months since January 2020.
const demoFirstMonth = 48

// WriteEnterpriseMonthly writes enterprise_monthly: enterprise, period (month),
// so2_kg, nox_kg, voc_kg, cod_kg, nh3n_kg, co2_t. Demo: 2024, or its first
// EnterpriseMonths; Full: January 2020 to October 2025.
func (g *Generator) WriteEnterpriseMonthly(w io.Writer) error {
	out := newRows(w, "enterprise", "period", "so2_kg", "nox_kg", "voc_kg", "cod_kg", "nh3n_kg", "co2_t")
	first := 0
	if g.size == SizeDemo {
		first = demoFirstMonth
	}
	for month := first; month < first+g.months; month++ {
		period := monthText(month)
		for i, e := range g.enterprises {
			out.text(e.id, period)
			silent := perMille(g.draw(streamEmissionMissing, i, month, -1), reportMissingPerMille)
			for m := range emissionMeasures {
				if silent || perMille(g.draw(streamEmissionMissing, i, month, m), measureMissingPerMille) {
					out.fixed(missing, 1)
					continue
				}
				out.fixed(g.emission(i, month, m), 1)
			}
			out.end()
		}
	}
	return out.close("enterprise_monthly")
}

// emission is what an enterprise emits in a month, in tenths.
func (g *Generator) emission(i, month, m int) int64 {
	noise := normal(g.draw(streamEmission, i, month, m)) * emissionNoiseQ16 >> 16
	// A third of a per cent less from month to month: the years fall as the air does.
	trend := -int64(month) * 330
	value := g.typicalEmission(i, m, noise+trend) * emissionSeason[month%12] / 100
	return min(value, emissionMax[m])
}

// typicalEmission is median · size · 2^extra, in tenths.
func (g *Generator) typicalEmission(i, m int, extra int64) int64 {
	e := g.enterprises[i]
	value := industries[e.industry].medians[m] * exp2(e.size+extra)
	if !e.gas && (m == so2Kg || m == noxKg || m == vocKg) {
		value >>= gasMinorDivisorLog
	}
	return value >> 16
}

// rightMeasures are the columns of emission_rights and the emissions behind.
var rightMeasures = [4]int{noxKg, so2Kg, codKg, nh3nKg}

// rightMax is the largest right, in thousandths of a ton.
const rightMax = 2_000_000

// WriteEmissionRights writes emission_rights: enterprise, period (year),
// nox_right_t, so2_right_t, cod_right_t, nh3n_right_t. Demo: 2024; Full: 2020
// to 2025.
func (g *Generator) WriteEmissionRights(w io.Writer) error {
	out := newRows(w, "enterprise", "period", "nox_right_t", "so2_right_t", "cod_right_t", "nh3n_right_t")
	first, last := 2024, 2024
	if g.size == SizeFull {
		first, last = 2020, 2025
	}
	for year := first; year <= last; year++ {
		period := strconv.Itoa(year)
		for i, e := range g.enterprises {
			out.text(e.id, period)
			for column, m := range rightMeasures {
				// A year's emissions at the start of 2020, in kilograms, which
				// are thousandths of a ton, with 10 to 60 % to spare.
				yearly := g.typicalEmission(i, m, 0) * 12 / 10
				spare := int64(110 + below(g.draw(streamRight, i, year, column), 50))
				out.fixed(min(yearly*spare/100, rightMax), 3)
			}
			out.end()
		}
	}
	return out.close("emission_rights")
}
