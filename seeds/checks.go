package seeds

import (
	"fmt"
	"io"
	"math/big"
	"slices"
)

// meanQuestion asks for the mean of a pollutant over all units and days of a year.
func (g *Generator) meanQuestion(measure, year, where string, ids ...string) asked {
	sql := "SELECT AVG(" + measure + ") AS " + measure + " FROM air_daily WHERE " + where
	return asked{
		Question: Question{Figures: ids, Label: Encrypted, Asks: []Ask{{Dataset: "air_daily", SQL: sql}}},
		truth:    g.air,
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			mean, err := answers[0].single(measure)
			if err != nil {
				return Outcome{}, err
			}
			return figureOutcome(mean[0], plain[[2]string{year, measure}].mean(), figures...)
		},
	}
}

// fallQuestion asks for the means of 2020 and 2024 in one query.
func (g *Generator) fallQuestion(measure, id string) asked {
	sql := "SELECT date_trunc('year', period) AS year, AVG(" + measure + ") AS " + measure +
		" FROM air_daily WHERE period IN ('2020', '2024') GROUP BY year"
	return asked{
		Question: Question{Figures: []string{id}, Label: Encrypted, Asks: []Ask{{Dataset: "air_daily", SQL: sql}}},
		truth:    g.air,
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			means, err := answers[0].keyed("year", measure)
			if err != nil {
				return Outcome{}, err
			}
			if len(means) != 2 || means["2020"] == nil || means["2024"] == nil {
				return Outcome{}, fmt.Errorf("%w: want a row for 2020 and one for 2024", ErrAnswer)
			}
			fall, err := fallPercent(means["2020"], means["2024"])
			if err != nil {
				return Outcome{}, err
			}
			before, after := plain[[2]string{"2020", measure}].mean(), plain[[2]string{"2024", measure}].mean()
			want, err := fallPercent(before, after)
			if err != nil {
				return Outcome{}, err
			}
			o, err := figureOutcome(fall, nil, figures...)
			o.Plaintext = decimalText(want) // of means that have all their places
			o.Agree = o.Agree && equal(means["2020"], before) && equal(means["2024"], after)
			return o, err
		},
	}
}

// indexQuestion asks for the four means of 2024. Encrypted aggregates give no
// percentiles, so the whole index comes from the plaintext, in the note.
func (g *Generator) indexQuestion() asked {
	return asked{
		Question: Question{
			ID:    "air_index_part_2024",
			Title: Text{"composite index 2024, the part made of means (PM2.5, PM10, SO2, NO2)", "2024年综合指数中由均值构成的部分（PM2.5、PM10、SO2、NO2）"},
			Label: EncryptedPart, Figures: []string{"air_index_2024", "air_index_fall"},
			Asks: []Ask{{Dataset: "air_daily", SQL: "SELECT AVG(pm25) AS pm25, AVG(pm10) AS pm10, AVG(so2) AS so2, AVG(no2) AS no2 FROM air_daily WHERE period = '2024'"}},
		},
		truth: g.air,
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			measures := airMeasures[:co] // those of which the index has means
			means, err := answers[0].single(measures...)
			if err != nil {
				return Outcome{}, err
			}
			same := true
			for i, measure := range measures {
				same = same && equal(means[i], plain[[2]string{"2024", measure}].mean())
			}
			part := meanPart(means)
			o := Outcome{Exact: decimalText(part), Answer: part.FloatString(2) + " (part)", Published: MeanPart2024 + " of " + figures[0].String()}
			o, err = g.addWholeIndex(o, part, figures)
			o.Agree = o.Agree && same
			return o, err
		},
	}
}

// addWholeIndex checks the part, and the whole and its fall in plaintext.
func (g *Generator) addWholeIndex(o Outcome, part *big.Rat, figures []Figure) (Outcome, error) {
	var whole [2]*big.Rat
	for i, year := range []string{"2020", "2024"} {
		err := piped(g.WriteAirDaily, func(r io.Reader) error {
			index, err := AirIndex(r, year)
			whole[i] = index.Whole
			return err
		})
		if err != nil {
			return Outcome{}, err
		}
	}
	fall, err := fallPercent(whole[0], whole[1])
	if err != nil {
		return Outcome{}, err
	}
	wholeAgrees, err := figures[0].Agrees(whole[1])
	if err != nil {
		return Outcome{}, err
	}
	fallAgrees, err := figures[1].Agrees(fall)
	if err != nil {
		return Outcome{}, err
	}
	o.Agree = part.FloatString(2) == MeanPart2024 && wholeAgrees && fallAgrees
	o.Note = "the whole, with the percentiles of CO and O3 from the plaintext: " + whole[1].FloatString(2) +
		", " + fall.FloatString(1) + " % below 2020"
	return o, nil
}

// warningsQuestion asks for the warnings of a year. Few enterprises have any, so that some
// classes are too small for the policy: up to a hundredth may be missing.
func (g *Generator) warningsQuestion() asked {
	return asked{
		Question: Question{
			Figures: []string{"warnings"}, Label: Encrypted,
			Asks: []Ask{{Dataset: "warnings_monthly", SQL: "SELECT SUM(warnings) AS warnings FROM warnings_monthly WHERE period = '2024'"}},
		},
		truth: func() (truth, error) {
			return plaintext(g.WriteWarningsMonthly, "2024", nil, []string{"warnings"}, nil)
		},
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			sum, err := answers[0].single("warnings")
			if err != nil {
				return Outcome{}, err
			}
			o, err := figureOutcome(sum[0], nil, figures...)
			if err != nil {
				return Outcome{}, err
			}
			want, _ := plain[[2]string{"", "warnings"}].sum()
			o.Plaintext = decimalText(want)
			left := new(big.Rat).Sub(want, sum[0])
			most := new(big.Rat).Quo(want, big.NewRat(100, 1))
			o.Agree = o.Agree && left.Sign() >= 0 && left.Cmp(most) <= 0
			if left.Sign() != 0 {
				o.Note = decimalText(left) + " fewer than in the plaintext: the policy leaves out classes in which fewer enterprises count than min_cohort"
			}
			return o, nil
		},
	}
}

// countQuestion counts the entities of a public registry, all of them or those
// whose attribute has one of the values.
func countQuestion(id, registry, attribute string, values ...string) asked {
	return asked{
		Question: Question{Figures: []string{id}, Label: PublicCount, Asks: []Ask{{Registry: registry}}},
		check: func(figures []Figure, answers []Result, _ truth) (Outcome, error) {
			count := len(answers[0].Rows)
			if attribute != "" {
				ids, err := idsWhere(answers[0], attribute, values...)
				if err != nil {
					return Outcome{}, err
				}
				count = len(ids)
			}
			return figureOutcome(big.NewRat(int64(count), 1), nil, figures...)
		},
	}
}

func idsWhere(registry Result, attribute string, values ...string) ([]string, error) {
	columns, err := registry.columns("id", attribute)
	if err != nil {
		return nil, err
	}
	var found []string
	for i, cell := range columns[1] {
		if slices.Contains(values, cell) {
			found = append(found, columns[0][i])
		}
	}
	return found, nil
}

func refusalQuestion() asked {
	return asked{Question: Question{
		ID:    "power_carbon_refused",
		Title: Text{"carbon dioxide of the power companies", "发电企业二氧化碳排放总量"},
		Label: PolicyRefusal,
		Asks:  []Ask{{Dataset: "power_carbon", SQL: "SELECT SUM(co2_t) AS co2_t FROM power_carbon"}},
		Refused: &Refusal{Rule: "min_cohort", Why: Text{
			"four companies are fewer than the min_cohort of 5: from their sum each could work out what the others emit",
			"四家企业少于最小群体5家：任何一家都可由总和推算他人的排放",
		}},
	}}
}
