package seeds

import (
	"fmt"
	"io"
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
func (g questioner) industryQuestion() (Question, error) {
	figure, err := FigureByID("home_industries")
	if err != nil {
		return Question{}, err
	}
	names := make([]string, 0, len(homes))
	for _, h := range homes {
		names = append(names, "'"+h.industry+"'")
	}
	return Question{
		ID: figure.ID, Title: Text{"counties that lead six industries in VOC emissions, 2024", "2024年六个特色产业挥发性有机物排放量居首的县市区"},
		Label: Encrypted, Figures: []string{figure.ID},
		Asks: []Ask{
			{Dataset: "enterprise_monthly", SQL: "SELECT industry, county, SUM(voc_kg) AS voc_kg FROM enterprise_monthly WHERE period = '2024' AND industry IN (" +
				strings.Join(names, ", ") + ") GROUP BY industry, county ORDER BY industry, voc_kg DESC"},
			{Registry: "districts"},
		},
		Check: func(answers []Result) (Outcome, error) {
			if len(answers) != 2 {
				return Outcome{}, fmt.Errorf("%w: %d answers, want 2", ErrAnswer, len(answers))
			}
			leading, err := leaders(answers[0])
			if err != nil {
				return Outcome{}, err
			}
			units, err := namesOf(answers[1])
			if err != nil {
				return Outcome{}, err
			}
			truth, err := g.vocOfHomes()
			if err != nil {
				return Outcome{}, err
			}
			return judgeHomes(leading, truth, units), nil
		},
	}, nil
}

// emitted is what a county's industry emitted.
type emitted struct {
	county string
	value  *big.Rat
}

// leaders are, by industry, the counties that were answered, the largest first.
func leaders(answer Result) (map[string][]emitted, error) {
	var columns [3][]string
	for i, name := range []string{"industry", "county", "voc_kg"} {
		var err error
		if columns[i], err = answer.column(name); err != nil {
			return nil, err
		}
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

// vocOfHomes adds up the plaintext of 2024 by industry and county.
func (g *Generator) vocOfHomes() (map[[2]string]*big.Rat, error) {
	group := make(map[string][2]string, len(g.enterprises))
	for _, e := range g.enterprises {
		group[e.id] = [2]string{industries[e.industry].id, districts[e.county].id}
	}
	sums := map[[2]string]*big.Rat{}
	err := piped(g.WriteEnterpriseMonthly, func(r io.Reader) error {
		return eachRow(r, []string{"enterprise", "period", "voc_kg"}, func(cells []string) error {
			if cells[2] == "" || !within(cells[1], "2024") {
				return nil
			}
			value, err := number(cells[2])
			if err != nil {
				return err
			}
			of := group[cells[0]]
			if sums[of] == nil {
				sums[of] = new(big.Rat)
			}
			sums[of].Add(sums[of], value)
			return nil
		})
	})
	return sums, err
}

// judgeHomes holds the leading counties against those that the industries are known in,
// and what they emitted against the plaintext.
func judgeHomes(by map[string][]emitted, truth map[[2]string]*big.Rat, units []named) Outcome {
	detail := Result{Columns: []string{"industry", "产业", "county", "县市区", "voc_kg, kg", "known for it"}}
	atHome, same := 0, true
	for _, h := range homes {
		list := by[h.industry]
		list = list[:min(len(h.counties), len(list))]
		led := make([]string, 0, len(list))
		at := slices.IndexFunc(industries[:], func(x industry) bool { return x.id == h.industry })
		for _, e := range list {
			led = append(led, e.county)
			want := truth[[2]string{h.industry, e.county}]
			same = same && want != nil && e.value.Cmp(want) == 0
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
