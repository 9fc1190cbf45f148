package seeds

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// waterMeasures are the measures of water_daily, in the order of the columns.
var waterMeasures = [4]string{"codmn", "nh3n", "tp", "do"}

// waterLimit is a limit of a class of GB 3838-2002 in the form EXCEEDANCE takes: the
// share of readings above it. Of oxygen there must be at least so much, so that its
// limit is one step lower and the share is of what keeps it.
type waterLimit struct {
	column, measure, limit string
	class                  int // 2 or 3
	lake, river            bool
	least                  bool
}

var waterLimits = [10]waterLimit{
	{column: "codmn_iii", measure: "codmn", limit: "6", class: 3, lake: true, river: true},
	{column: "nh3n_iii", measure: "nh3n", limit: "1", class: 3, lake: true, river: true},
	{column: "tp_iii", measure: "tp", limit: "0.2", class: 3, river: true},
	{column: "lake_tp_iii", measure: "tp", limit: "0.05", class: 3, lake: true},
	{column: "do_iii", measure: "do", limit: "4.9", class: 3, lake: true, river: true, least: true},
	{column: "codmn_ii", measure: "codmn", limit: "4", class: 2, lake: true, river: true},
	{column: "nh3n_ii", measure: "nh3n", limit: "0.5", class: 2, lake: true, river: true},
	{column: "tp_ii", measure: "tp", limit: "0.1", class: 2, river: true},
	{column: "lake_tp_ii", measure: "tp", limit: "0.025", class: 2, lake: true},
	{column: "do_ii", measure: "do", limit: "5.9", class: 2, lake: true, river: true, least: true},
}

// waterTruth has the readings of a year by section and measure as they were written.
type waterTruth map[string]map[string][]*big.Rat

func (g *Generator) waterTruth() (waterTruth, error) {
	truth := waterTruth{}
	err := piped(g.WriteWaterDaily, func(r io.Reader) error {
		return eachRow(r, append([]string{"section", "period"}, waterMeasures[:]...), func(cells []string) error {
			if !within(cells[1], "2024") {
				return nil
			}
			section := truth[cells[0]]
			if section == nil {
				section = map[string][]*big.Rat{}
				truth[strings.Clone(cells[0])] = section
			}
			for i, measure := range waterMeasures {
				if cells[i+2] == "" {
					continue
				}
				value, err := number(cells[i+2])
				if err != nil {
					return err
				}
				section[measure] = append(section[measure], value)
			}
			return nil
		})
	})
	return truth, err
}

// means reports whether every section's means are those of the plaintext.
func (w waterTruth) means(answer Result) (bool, error) {
	for _, measure := range waterMeasures {
		values, err := answer.keyed("section", measure)
		if err != nil {
			return false, err
		}
		for section, readings := range w {
			sum := new(big.Rat)
			for _, v := range readings[measure] {
				sum.Add(sum, v)
			}
			mean := sum.Quo(sum, big.NewRat(int64(len(readings[measure])), 1))
			if values[section] == nil || !equal(values[section], mean) {
				return false, nil
			}
		}
	}
	return true, nil
}

// share is the share of a section's readings above a limit.
func (w waterTruth) share(section string, l waterLimit) (*big.Rat, error) {
	limit, err := number(l.limit)
	if err != nil {
		return nil, err
	}
	readings, above := w[section][l.measure], int64(0)
	for _, v := range readings {
		if v.Cmp(limit) > 0 {
			above++
		}
	}
	if len(readings) == 0 {
		return nil, fmt.Errorf("%w: section %q has no reading of %s", ErrAnswer, section, l.measure)
	}
	return big.NewRat(above, int64(len(readings))), nil
}

// waterLimitQuestion asks how many of the daily readings of every section are beyond the
// limits of class III, where there must be none, and of class II.
func (g questioner) waterLimitQuestion() (Question, error) {
	figures, err := figuresByID([]string{"sections"})
	if err != nil {
		return Question{}, err
	}
	columns := make([]string, 0, len(waterLimits))
	for _, l := range waterLimits {
		columns = append(columns, fmt.Sprintf("EXCEEDANCE(%s, %s) AS %s", l.measure, l.limit, l.column))
	}
	return Question{
		ID: "water_limit_days", Title: Text{"control sections at which every daily reading of 2024 is within class III", "2024年逐日读数全部达到Ⅲ类的断面"},
		Label: Encrypted, Figures: []string{"sections"},
		Asks: []Ask{
			{Dataset: "water_daily", SQL: "SELECT section, " + strings.Join(columns, ", ") + " FROM water_daily WHERE period = '2024' GROUP BY section"},
			{Registry: "sections"},
		},
		Check: func(answers []Result) (Outcome, error) {
			if len(answers) != 2 {
				return Outcome{}, fmt.Errorf("%w: %d answers, want 2", ErrAnswer, len(answers))
			}
			truth, err := g.waterTruth()
			if err != nil {
				return Outcome{}, err
			}
			days, within, same, err := limitDays(answers[0], answers[1], truth)
			if err != nil {
				return Outcome{}, err
			}
			o, err := figureOutcome(big.NewRat(int64(within), 1), nil, figures[0])
			o.Agree = o.Agree && same
			o.Note = "below: on how many days a reading was beyond the limit of class II"
			o.Detail = &days
			return o, err
		},
	}, nil
}

// limitDays turns shares into per cent of days beyond class II, with how many sections
// are never beyond class III and whether every share is that of the plaintext.
func limitDays(shares, registry Result, truth waterTruth) (days Result, within int, same bool, err error) {
	lakes, err := idsWhere(registry, "river", "Hengshui Lake")
	if err != nil {
		return Result{}, 0, false, err
	}
	names, err := namesOf(registry)
	if err != nil {
		return Result{}, 0, false, err
	}
	answered := map[string]map[string]*big.Rat{}
	for _, l := range waterLimits {
		if answered[l.column], err = shares.keyed("section", l.column); err != nil {
			return Result{}, 0, false, err
		}
	}
	days.Columns = []string{"section", "断面", "codmn", "nh3n", "tp", "do"}
	same = len(answered[waterLimits[0].column]) == len(names)
	for _, section := range names {
		isLake, kept := slices.Contains(lakes, section.id), true
		row := []string{section.en, section.zh}
		for _, l := range waterLimits {
			got := answered[l.column][section.id]
			want, err := truth.share(section.id, l)
			if err != nil {
				return Result{}, 0, false, err
			}
			if got == nil {
				return Result{}, 0, false, fmt.Errorf("%w: no row for section %q", ErrAnswer, section.id)
			}
			same = same && equal(got, want)
			if isLake && !l.lake || !isLake && !l.river {
				continue
			}
			beyond := got
			if l.least {
				beyond = new(big.Rat).Sub(big.NewRat(1, 1), got)
			}
			if l.class == 3 {
				kept = kept && beyond.Sign() == 0
				continue
			}
			row = append(row, percent(beyond))
		}
		if kept {
			within++
		}
		days.Rows = append(days.Rows, row)
	}
	return days, within, same, nil
}

// percent prints a share as per cent with one place.
func percent(share *big.Rat) string {
	return new(big.Rat).Mul(share, big.NewRat(100, 1)).FloatString(1) + " %"
}

// airLimitQuestion asks by year on how many days the units' air was beyond the daily
// limits of grade II.
func (g questioner) airLimitQuestion() (Question, error) {
	measures := []string{"pm25", "pm10", "o3_8h"}
	sql := "SELECT date_trunc('year', period) AS year"
	for _, m := range measures {
		sql += fmt.Sprintf(", EXCEEDANCE(%s, %d) AS %s", m, dailyLimits[m], m)
	}
	return Question{
		ID: "air_limit_days", Title: Text{"share of days beyond the daily limits of grade II (GB 3095-2012)", "超过日均二级标准的天数比例（GB 3095-2012）"},
		Label: OwnTruth,
		Asks:  []Ask{{Dataset: "air_daily", SQL: sql + " FROM air_daily GROUP BY year"}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			truth, err := g.air()
			if err != nil {
				return Outcome{}, err
			}
			return compareYears(answer, measures, truth)
		},
	}, nil
}

// compareYears compares the shares of every year and measure with the plaintext.
func compareYears(answer Result, measures []string, truth airTruth) (Outcome, error) {
	same, years := 0, make([]string, 0, len(truth))
	for year := range truth {
		years = append(years, year)
	}
	slices.Sort(years)
	detail := Result{Columns: append([]string{"year"}, measures...)}
	rows := make([][]string, len(years))
	for i, year := range years {
		rows[i] = []string{year}
	}
	for _, m := range measures {
		shares, err := answer.keyed("year", m)
		if err != nil {
			return Outcome{}, err
		}
		for i, year := range years {
			got := shares[year]
			if got == nil {
				return Outcome{}, fmt.Errorf("%w: no row for %s", ErrAnswer, year)
			}
			if equal(got, truth[year][m].share()) {
				same++
			}
			rows[i] = append(rows[i], percent(got))
		}
	}
	detail.Rows = rows
	n := len(years) * len(measures)
	text := fmt.Sprintf("%d of %d equal", same, n)
	return Outcome{Exact: text, Answer: text, Published: "plaintext", Agree: same == n && len(answer.Rows) == len(years), Detail: &detail}, nil
}
