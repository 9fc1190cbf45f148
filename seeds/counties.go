package seeds

import (
	"fmt"
	"io"
	"math/big"
	"strconv"
)

// countySpec is a measure by county, over a period, to be held against the
// plaintext.
type countySpec struct {
	id              string
	title           Text
	dataset, entity string
	measure, unit   string
	period          string
	mean            bool // of the cells, else their sum
	registry, data  func(io.Writer) error
	// figures are ids of published figures that say how many counties there are.
	figures []string
}

// countyQuestions compare every group of a GROUP BY with the plaintext.
func (g *Generator) countyQuestions() []asked {
	return []asked{
		countySpec{
			"nox_by_county_2024", Text{"NOx of 25,137 enterprises by county, 2024", "2024年各县市区企业氮氧化物排放量"},
			"enterprise_monthly", "enterprise", "nox_kg", "kg", "2024", false, g.WriteEnterprises, g.WriteEnterpriseMonthly, nil,
		}.question(),
		countySpec{
			"rights_by_county_2024", Text{"NOx emission rights of the enterprises by county, 2024", "2024年各县市区企业氮氧化物排污权"},
			"emission_rights", "enterprise", "nox_right_t", "t", "2024", false, g.WriteEnterprises, g.WriteEmissionRights, nil,
		}.question(),
		countySpec{
			"dust_by_county_2024_05", Text{"mean PM10 at dust monitors by county, May 2024", "2024年5月各县市区扬尘监测PM10平均浓度"},
			"dust_hourly", "monitor", "pm10", "µg/m³", "2024-05", true, g.WriteDustMonitors, g.WriteDustHourly, []string{"units"},
		}.question(),
	}
}

func (s countySpec) question() asked {
	f := "SUM"
	if s.mean {
		f = "AVG"
	}
	sql := fmt.Sprintf("SELECT county, %s(%s) AS %s FROM %s WHERE period = '%s' GROUP BY county", f, s.measure, s.measure, s.dataset, s.period)
	return asked{
		Question: Question{
			ID: s.id, Title: s.title, Label: OwnTruth, Figures: s.figures,
			Asks: []Ask{{Dataset: s.dataset, SQL: sql}, {Registry: "districts"}},
		},
		truth: func() (truth, error) {
			return byAttributes(s.registry, s.data, s.entity, s.measure, s.period, "county")
		},
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			values, err := answers[0].keyed("county", s.measure)
			if err != nil {
				return Outcome{}, err
			}
			names, err := namesOf(answers[1])
			if err != nil {
				return Outcome{}, err
			}
			want := map[string]*big.Rat{}
			for at, cells := range plain {
				if want[at[0]], _ = cells.sum(); s.mean {
					want[at[0]] = cells.mean()
				}
			}
			o := s.compare(values, want)
			o.Detail = s.detail(values, names)
			for _, f := range figures {
				agrees, err := f.Agrees(big.NewRat(int64(len(values)), 1))
				if err != nil {
					return Outcome{}, err
				}
				o.Agree = o.Agree && agrees
				o.Published = f.String() + ", " + o.Published
			}
			return o, nil
		},
	}
}

// compare counts the groups that are equal; all must be, and no group may be
// without a counterpart. Means are compared to the 12 places that are printed.
func (s countySpec) compare(values, truth map[string]*big.Rat) Outcome {
	equal := 0
	total := new(big.Rat)
	var least, most *big.Rat
	for group, want := range truth {
		got := values[group]
		if got == nil {
			continue
		}
		total.Add(total, got)
		if least == nil || got.Cmp(least) < 0 {
			least = got
		}
		if most == nil || got.Cmp(most) > 0 {
			most = got
		}
		if got.Cmp(want) == 0 || s.mean && got.FloatString(12) == want.FloatString(12) {
			equal++
		}
	}
	n := strconv.Itoa(len(truth))
	o := Outcome{
		Exact:     decimalText(total) + " " + s.unit + " in all",
		Answer:    strconv.Itoa(equal) + " of " + n + " equal",
		Published: "plaintext",
		Agree:     equal == len(truth) && len(values) == len(truth) && equal > 0,
	}
	if s.mean && least != nil {
		o.Exact = decimalText(least) + " to " + decimalText(most) + " " + s.unit
	}
	return o
}

// detail is the answer with the counties' names.
func (s countySpec) detail(values map[string]*big.Rat, names []named) *Result {
	r := Result{Columns: []string{"county", "县市区", s.measure + ", " + s.unit}}
	for _, n := range names {
		value := values[n.id]
		if value == nil {
			continue
		}
		text := decimalText(value)
		if s.mean {
			text = value.FloatString(2)
		}
		r.Rows = append(r.Rows, []string{n.en, n.zh, text})
	}
	return &r
}

// named is an entity with its names.
type named struct{ id, zh, en string }

// namesOf reads the names out of a registry, in its order.
func namesOf(registry Result) ([]named, error) {
	columns, err := registry.columns("id", "name_zh", "name_en")
	if err != nil {
		return nil, err
	}
	names := make([]named, len(columns[0]))
	for i := range names {
		names[i] = named{columns[0][i], columns[1][i], columns[2][i]}
	}
	return names, nil
}
