package seeds

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
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

// waterTruth has the readings of 2024 by section.
func (g *Generator) waterTruth() (truth, error) {
	section := func(keys []string) (string, error) { return keys[1], nil }
	return plaintext(g.WriteWaterDaily, "2024", []string{"section"}, waterMeasures[:], section)
}

// share is the share of a section's readings above the limit.
func (l waterLimit) share(section string, plain truth) (*big.Rat, error) {
	limit, err := number(l.limit)
	if err != nil {
		return nil, err
	}
	cells := plain[[2]string{section, l.measure}]
	if len(cells) == 0 {
		return nil, fmt.Errorf("%w: section %q has no reading of %s", ErrAnswer, section, l.measure)
	}
	return cells.above(limit), nil
}

// waterLimitQuestion asks how many of the daily readings of every section are beyond the
// limits of class III, where there must be none, and of class II.
func (g *Generator) waterLimitQuestion() asked {
	columns := make([]string, 0, len(waterLimits))
	for _, l := range waterLimits {
		columns = append(columns, fmt.Sprintf("EXCEEDANCE(%s, %s) AS %s", l.measure, l.limit, l.column))
	}
	return asked{
		Question: Question{
			ID: "water_limit_days", Title: Text{"control sections at which every daily reading of 2024 is within class III", "2024年逐日读数全部达到Ⅲ类的断面"},
			Label: Encrypted, Figures: []string{"sections"},
			Asks: []Ask{
				{Dataset: "water_daily", SQL: "SELECT section, " + strings.Join(columns, ", ") + " FROM water_daily WHERE period = '2024' GROUP BY section"},
				{Registry: "sections"},
			},
		},
		truth: g.waterTruth,
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			days, within, same, err := limitDays(answers[0], answers[1], plain)
			if err != nil {
				return Outcome{}, err
			}
			o, err := figureOutcome(big.NewRat(int64(within), 1), nil, figures...)
			o.Agree = o.Agree && same
			o.Note = "below: on how many days a reading was beyond the limit of class II"
			o.Detail = &days
			return o, err
		},
	}
}

// limitDays turns shares into per cent of days beyond class II, with how many sections
// are never beyond class III and whether every share is that of the plaintext.
func limitDays(shares, registry Result, plain truth) (days Result, within int, same bool, err error) {
	names, lakes, err := sectionsOf(registry)
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
			want, err := l.share(section.id, plain)
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

// dailyLimits are the 24-hour limits of grade II (of ozone: of the daily maximum of
// 8-hour means), GB 3095-2012, in the unit of the measure.
var dailyLimits = []struct {
	measure string
	limit   int64
}{{"pm25", 75}, {"pm10", 150}, {"o3_8h", 160}}

// airTruth has the cells of air_daily by year.
func (g *Generator) airTruth() (truth, error) {
	year := func(keys []string) (string, error) { return keys[0][:4], nil }
	return plaintext(g.WriteAirDaily, "", nil, airMeasures[:], year)
}

// airLimitQuestion asks by year on how many days the units' air was beyond the daily
// limits of grade II.
func (g *Generator) airLimitQuestion() asked {
	sql := "SELECT date_trunc('year', period) AS year"
	for _, l := range dailyLimits {
		sql += fmt.Sprintf(", EXCEEDANCE(%s, %d) AS %s", l.measure, l.limit, l.measure)
	}
	return asked{
		Question: Question{
			ID: "air_limit_days", Title: Text{"share of days beyond the daily limits of grade II (GB 3095-2012)", "超过日均二级标准的天数比例（GB 3095-2012）"},
			Label: OwnTruth,
			Asks:  []Ask{{Dataset: "air_daily", SQL: sql + " FROM air_daily GROUP BY year"}},
		},
		truth: g.air,
		check: func(_ []Figure, answers []Result, plain truth) (Outcome, error) {
			return compareYears(answers[0], plain)
		},
	}
}

// compareYears compares the shares of every year and measure with the plaintext.
func compareYears(answer Result, plain truth) (Outcome, error) {
	detail, same := Result{Columns: []string{"year"}}, 0
	for _, target := range airTargets {
		detail.Rows = append(detail.Rows, []string{strconv.Itoa(target.year)})
	}
	for _, l := range dailyLimits {
		detail.Columns = append(detail.Columns, l.measure)
		shares, err := answer.keyed("year", l.measure)
		if err != nil {
			return Outcome{}, err
		}
		for i, row := range detail.Rows {
			got := shares[row[0]]
			if got == nil {
				return Outcome{}, fmt.Errorf("%w: no row for %s", ErrAnswer, row[0])
			}
			if equal(got, plain[[2]string{row[0], l.measure}].above(big.NewRat(l.limit, 1))) {
				same++
			}
			detail.Rows[i] = append(row, percent(got))
		}
	}
	n := len(detail.Rows) * len(dailyLimits)
	text := fmt.Sprintf("%d of %d equal", same, n)
	return Outcome{Exact: text, Answer: text, Published: "plaintext", Agree: same == n && len(answer.Rows) == len(detail.Rows), Detail: &detail}, nil
}
