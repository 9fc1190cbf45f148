package seeds

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
)

func figuresByID(ids []string) ([]Figure, error) {
	figures := make([]Figure, len(ids))
	for i, id := range ids {
		var err error
		if figures[i], err = FigureByID(id); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// meanQuestion asks for the mean of a pollutant over all units and days.
func meanQuestion(measure, where string, ids ...string) (Question, error) {
	figures, err := figuresByID(ids)
	if err != nil {
		return Question{}, err
	}
	sql := "SELECT AVG(" + measure + ") AS " + measure + " FROM air_daily WHERE " + where
	return Question{
		ID: ids[0], Title: figures[0].Text, Figures: ids, Label: Encrypted,
		Asks: []Ask{{Dataset: "air_daily", SQL: sql}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			mean, err := answer.single(measure)
			if err != nil {
				return Outcome{}, err
			}
			return figureOutcome(mean, figures...)
		},
	}, nil
}

// fallQuestion asks for the means of 2020 and 2024 in one query.
func fallQuestion(measure, id string) (Question, error) {
	figure, err := FigureByID(id)
	if err != nil {
		return Question{}, err
	}
	sql := "SELECT date_trunc('year', period) AS year, AVG(" + measure + ") AS " + measure +
		" FROM air_daily WHERE period IN ('2020', '2024') GROUP BY year"
	return Question{
		ID: id, Title: figure.Text, Figures: []string{id}, Label: Encrypted,
		Asks: []Ask{{Dataset: "air_daily", SQL: sql}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			means, err := answer.keyed("year", measure)
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
			return figureOutcome(fall, figure)
		},
	}, nil
}

// indexQuestion asks for the four means of 2024. Encrypted aggregates give no
// percentiles, so the whole index comes from the plaintext, in the note.
func (g *Generator) indexQuestion() (Question, error) {
	ids := []string{"air_index_2024", "air_index_fall"}
	figures, err := figuresByID(ids)
	if err != nil {
		return Question{}, err
	}
	return Question{
		ID:    "air_index_part_2024",
		Title: Text{"composite index 2024, the part made of means (PM2.5, PM10, SO2, NO2)", "2024年综合指数中由均值构成的部分（PM2.5、PM10、SO2、NO2）"},
		Label: EncryptedPart, Figures: ids,
		Asks: []Ask{{Dataset: "air_daily", SQL: "SELECT AVG(pm25) AS pm25, AVG(pm10) AS pm10, AVG(so2) AS so2, AVG(no2) AS no2 FROM air_daily WHERE period = '2024'"}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			var means [4]*big.Rat
			for i, measure := range []string{"pm25", "pm10", "so2", "no2"} {
				if means[i], err = answer.single(measure); err != nil {
					return Outcome{}, err
				}
			}
			part := meanPart(means[0], means[1], means[2], means[3])
			o := Outcome{Exact: decimalText(part), Answer: part.FloatString(2) + " (part)", Published: MeanPart2024 + " of " + figures[0].String()}
			return g.addWholeIndex(o, part, figures)
		},
	}, nil
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

// classIII are the limits of GB 3838-2002 in mg/L: at most, but oxygen at
// least. Phosphorus in a lake is held to the limit for lakes.
var classIII = struct{ codmn, nh3n, tp, lakeTP, do *big.Rat }{
	big.NewRat(6, 1), big.NewRat(1, 1), big.NewRat(2, 10), big.NewRat(5, 100), big.NewRat(5, 1),
}

// sectionsQuestion asks for the yearly means of every section, which decide
// its class.
func sectionsQuestion() (Question, error) {
	ids := []string{"sections", "lake_class"}
	figures, err := figuresByID(ids)
	if err != nil {
		return Question{}, err
	}
	return Question{
		ID: ids[0], Title: figures[0].Text, Figures: ids, Label: Encrypted,
		Asks: []Ask{
			{Dataset: "water_daily", SQL: "SELECT section, AVG(codmn) AS codmn, AVG(nh3n) AS nh3n, AVG(tp) AS tp, AVG(do) AS do FROM water_daily WHERE period = '2024' GROUP BY section"},
			{Registry: "sections"},
		},
		Check: func(answers []Result) (Outcome, error) {
			if len(answers) != 2 {
				return Outcome{}, fmt.Errorf("%w: %d answers, want 2", ErrAnswer, len(answers))
			}
			within, err := withinClassIII(answers[0], answers[1])
			if err != nil {
				return Outcome{}, err
			}
			o, err := figureOutcome(big.NewRat(int64(within), 1), figures[0])
			o.Note = "sections within class III of GB 3838-2002 by their yearly means, Hengshui Lake among them"
			return o, err
		},
	}, nil
}

func withinClassIII(means, registry Result) (int, error) {
	lakes, err := idsWhere(registry, "river", "Hengshui Lake")
	if err != nil {
		return 0, err
	}
	var by [4]map[string]*big.Rat
	for i, measure := range []string{"codmn", "nh3n", "tp", "do"} {
		if by[i], err = means.keyed("section", measure); err != nil {
			return 0, err
		}
	}
	within := 0
	for section := range by[0] {
		phosphorus := classIII.tp
		if slices.Contains(lakes, section) {
			phosphorus = classIII.lakeTP
		}
		if by[0][section].Cmp(classIII.codmn) <= 0 && by[1][section].Cmp(classIII.nh3n) <= 0 &&
			by[2][section].Cmp(phosphorus) <= 0 && by[3][section].Cmp(classIII.do) >= 0 {
			within++
		}
	}
	return within, nil
}

func warningsQuestion() (Question, error) {
	figure, err := FigureByID("warnings")
	if err != nil {
		return Question{}, err
	}
	return Question{
		ID: figure.ID, Title: figure.Text, Figures: []string{figure.ID}, Label: Encrypted,
		Asks: []Ask{{Dataset: "warnings_monthly", SQL: "SELECT SUM(warnings) AS warnings FROM warnings_monthly WHERE period = '2024'"}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			sum, err := answer.single("warnings")
			if err != nil {
				return Outcome{}, err
			}
			return figureOutcome(sum, figure)
		},
	}, nil
}

// countyQuestion compares every group of a GROUP BY with the plaintext.
func (g *Generator) countyQuestion() (Question, error) {
	return Question{
		ID:    "nox_by_county_2024",
		Title: Text{"NOx of 25,137 enterprises by county, 2024", "2024年各县市区企业氮氧化物排放量"},
		Label: OwnTruth,
		Asks:  []Ask{{Dataset: "enterprise_monthly", SQL: "SELECT county, SUM(nox_kg) AS nox_kg FROM enterprise_monthly WHERE period = '2024' GROUP BY county"}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			sums, err := answer.keyed("county", "nox_kg")
			if err != nil {
				return Outcome{}, err
			}
			var truth map[string]*big.Rat
			err = piped(g.WriteEnterprises, func(registry io.Reader) error {
				return piped(g.WriteEnterpriseMonthly, func(data io.Reader) (err error) {
					truth, err = SumBy(registry, data, "enterprise", "county", "nox_kg", "2024")
					return err
				})
			})
			if err != nil {
				return Outcome{}, err
			}
			return compareGroups(sums, truth), nil
		},
	}, nil
}

// compareGroups counts the groups that are equal; all must be, and no group
// may be without a counterpart.
func compareGroups(sums, truth map[string]*big.Rat) Outcome {
	equal := 0
	total := new(big.Rat)
	for group, want := range truth {
		if got := sums[group]; got != nil {
			total.Add(total, got)
			if got.Cmp(want) == 0 {
				equal++
			}
		}
	}
	n := strconv.Itoa(len(truth))
	return Outcome{
		Exact:     decimalText(total) + " kg in all",
		Answer:    strconv.Itoa(equal) + " of " + n + " counties equal",
		Published: n + " counties, plaintext",
		Agree:     equal == len(truth) && len(sums) == len(truth) && equal > 0,
	}
}
