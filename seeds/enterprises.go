package seeds

import (
	"cmp"
	"io"
	"slices"
	"strconv"
)

// The numbers of the enterprise registry. The bureau publishes "more than
// 25,000" and "more than 6,200", and the grades and the positive list exactly.
const (
	enterpriseCount    = 25137
	gasEmitterCount    = 6243
	gradeACount        = 38
	gradeBCount        = 152
	gradeLeadingCount  = 30
	positiveListCount  = 408
	enterpriseSizeQ16  = 170_000 // standard deviation of log2 size: the largest are thousands of medians
	gasMinorDivisorLog = 6       // an enterprise that is no gas emitter has 1/64 of the gas
)

type enterprise struct {
	id       string
	serial   int
	county   int
	industry int
	grade    string
	gas      bool
	positive bool
	size     int64 // log2 in Q16
}

// buildEnterprises lays out the registry: counties and industries at random by
// weight, gas emitters by the industry's propensity, grades among them.
func (g *Generator) buildEnterprises() []enterprise {
	all := make([]enterprise, enterpriseCount)
	countyWeights := make([]int, len(districts))
	industryWeights := make([][]int, len(districts))
	for c, unit := range districts {
		countyWeights[c] = unit.weight
		for _, branch := range industries {
			weight := branch.weight
			if local, ok := branch.local[unit.id]; ok {
				weight = local
			}
			industryWeights[c] = append(industryWeights[c], weight)
		}
	}
	for i := range all {
		e := &all[i]
		e.serial = i + 1
		e.grade = "none"
		e.county = pick(g.draw(streamEnterprise, i, 0, 0), countyWeights)
		e.industry = pick(g.draw(streamEnterprise, i, 1, 0), industryWeights[e.county])
		e.size = normal(g.draw(streamEnterpriseSize, i, 0, 0)) * enterpriseSizeQ16 >> 16
		e.id = syntheticCreditCode(districts[e.county].division, e.serial)
	}
	g.markEnterprises(all)
	return all
}

// markEnterprises sets gas emitters, grades and the positive list: the first
// so many in an order drawn for each.
func (g *Generator) markEnterprises(all []enterprise) {
	byGas := g.order(all, streamGas, func(e enterprise) int64 { return industries[e.industry].gas })
	for _, i := range byGas[:gasEmitterCount] {
		all[i].gas = true
	}
	emitters := func(e enterprise) int64 {
		if e.gas {
			return 1
		}
		return 0
	}
	byGrade := g.order(all, streamGrade, emitters)
	for rank, i := range byGrade[:gradeACount+gradeBCount+gradeLeadingCount] {
		switch {
		case rank < gradeACount:
			all[i].grade = "A"
		case rank < gradeACount+gradeBCount:
			all[i].grade = "B"
		default:
			all[i].grade = "leading"
		}
	}
	for _, i := range g.order(all, streamPositive, emitters)[:positiveListCount] {
		all[i].positive = true
	}
}

// order returns the indexes of all enterprises, those with large
// weight × uniform first.
func (g *Generator) order(all []enterprise, s stream, weight func(enterprise) int64) []int {
	indexes, scores := make([]int, len(all)), make([]int64, len(all))
	for i, e := range all {
		indexes[i], scores[i] = i, weight(e)*int64(g.draw(s, i, 0, 0)>>32)
	}
	slices.SortFunc(indexes, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b))
	})
	return indexes
}

// pick returns an index with probability in proportion to its weight.
func pick(u uint64, weights []int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := below(u, total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// WriteEnterprises writes the registry of 25,137 enterprises: id (a unified
// social credit code), name_zh, name_en, county (a district's id), industry,
// grade (A, B, leading, none), gas_emitter (yes, no), positive_list (yes, no).
func (g *Generator) WriteEnterprises(w io.Writer) error {
	out := newRows(w, "id", "name_zh", "name_en", "county", "industry", "grade", "gas_emitter", "positive_list")
	for _, e := range g.enterprises {
		unit, branch := districts[e.county], industries[e.industry]
		number := strconv.Itoa(100_000 + e.serial)[1:]
		out.text(e.id, unit.zh+branch.zh+"合成企业"+number, unit.en+" "+branch.en+" (synthetic) "+number)
		out.text(unit.id, branch.id, e.grade, yesNo(e.gas), yesNo(e.positive))
		out.end()
	}
	return out.close("enterprises")
}
