package seeds

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// homes are the counties that industries are at home in, as the city is known for them
// (lineIndustries), in the industries' order.
var homes = []struct {
	industry string
	counties []string
}{
	{"frp", []string{"zaoqiang"}},
	{"rubber_plastics", []string{"jingxian", "taocheng"}},
	{"wire_mesh", []string{"anping"}},
	{"food_liquor", []string{"taocheng"}},
	{"fur", []string{"zaoqiang"}},
	{"instruments", []string{"wuqiang"}},
}

// industryQuestion asks where six industries emit most: at home. Nothing is calibrated to
// it; enterprises are drawn at random, by weights that make a county's industry large.
func (g *Generator) industryQuestion() asked {
	names := make([]string, 0, len(homes))
	for _, h := range homes {
		names = append(names, "'"+h.industry+"'")
	}
	return asked{
		Question: Question{
			Title: Text{"counties that lead six industries in VOC emissions, 2024", "2024年六个特色产业挥发性有机物排放量居首的县市区"},
			Label: Encrypted, Figures: []string{"home_industries"},
			Asks: []Ask{
				{Dataset: "enterprise_monthly", SQL: "SELECT industry, county, SUM(voc_kg) AS voc_kg FROM enterprise_monthly WHERE period = '2024' AND industry IN (" +
					strings.Join(names, ", ") + ") GROUP BY industry, county ORDER BY industry, voc_kg DESC"},
				{Registry: "districts"},
			},
		},
		truth: func() (truth, error) {
			return byAttributes(g.WriteEnterprises, g.WriteEnterpriseMonthly, "enterprise", "voc_kg", "2024", "industry", "county")
		},
		check: func(_ []Figure, answers []Result, plain truth) (Outcome, error) {
			leading, err := leaders(answers[0])
			if err != nil {
				return Outcome{}, err
			}
			units, err := namesOf(answers[1])
			if err != nil {
				return Outcome{}, err
			}
			return judgeHomes(leading, plain, units), nil
		},
	}
}

// emitted is what a county's industry emitted.
type emitted struct {
	county string
	value  *big.Rat
}

// leaders are, by industry, the counties that were answered, the largest first.
func leaders(answer Result) (map[string][]emitted, error) {
	columns, err := answer.columns("industry", "county", "voc_kg")
	if err != nil {
		return nil, err
	}
	by := map[string][]emitted{}
	for i, industry := range columns[0] {
		value, err := number(columns[2][i])
		if err != nil {
			return nil, err
		}
		by[industry] = append(by[industry], emitted{columns[1][i], value})
	}
	if len(by) == 0 {
		return nil, fmt.Errorf("%w: no industry is answered", ErrAnswer)
	}
	for _, list := range by {
		slices.SortStableFunc(list, func(a, b emitted) int { return b.value.Cmp(a.value) })
	}
	return by, nil
}

// judgeHomes holds the leading counties against those that the industries are known in,
// and what they emitted against the plaintext.
func judgeHomes(by map[string][]emitted, plain truth, units []named) Outcome {
	detail := Result{Columns: []string{"industry", "产业", "county", "县市区", "voc_kg, kg", "known for it"}}
	atHome, same := 0, true
	for _, h := range homes {
		list := by[h.industry]
		list = list[:min(len(h.counties), len(list))]
		led := make([]string, 0, len(list))
		at := slices.IndexFunc(industries[:], func(x industry) bool { return x.id == h.industry })
		for _, e := range list {
			led = append(led, e.county)
			want, count := plain[[2]string{h.industry + " " + e.county, "voc_kg"}].sum()
			same = same && count > 0 && e.value.Cmp(want) == 0
			unit := named{id: e.county, en: e.county}
			if i := slices.IndexFunc(units, func(n named) bool { return n.id == e.county }); i >= 0 {
				unit = units[i]
			}
			detail.Rows = append(detail.Rows, []string{industries[at].en, industries[at].zh, unit.en, unit.zh, decimalText(e.value), yesNo(slices.Contains(h.counties, e.county))})
		}
		slices.Sort(led)
		if slices.Equal(led, slices.Sorted(slices.Values(h.counties))) {
			atHome++
		}
	}
	n := len(homes)
	return Outcome{
		Exact: fmt.Sprintf("%d of %d", atHome, n), Answer: fmt.Sprintf("%d of %d at home", atHome, n),
		Published: fmt.Sprintf("%d at home", n), Agree: atHome == n && same, Detail: &detail,
		Note: "what leads is equal to the plaintext; nothing was calibrated to it",
	}
}
