package seeds

import (
	"io"
	"math/big"
	"strings"
)

// airMeasures are the measures of air_daily, in the order of the columns.
var airMeasures = [pollutants]string{"pm25", "pm10", "so2", "no2", "co", "o3_8h"}

// dailyLimits are the 24-hour limits of grade II (of ozone: of the daily maximum of
// 8-hour means), GB 3095-2012, in the unit of the measure.
var dailyLimits = map[string]int64{"pm25": 75, "pm10": 150, "o3_8h": 160}

// airTruth has, by year and measure, the cells of air_daily as the generator wrote
// them, and those above the daily limit.
type airTruth map[string]map[string]*measuredCells

type measuredCells struct {
	tally
	above int64
}

func (c measuredCells) share() *big.Rat { return big.NewRat(c.above, c.count) }

// readAirTruth adds up the plaintext.
func (g *Generator) readAirTruth() (airTruth, error) {
	truth := airTruth{}
	err := piped(g.WriteAirDaily, func(r io.Reader) error {
		return eachRow(r, append([]string{"period"}, airMeasures[:]...), func(cells []string) error {
			year := cells[0][:4]
			if truth[year] == nil {
				truth[strings.Clone(year)] = map[string]*measuredCells{}
			}
			for i, measure := range airMeasures {
				if cells[i+1] == "" {
					continue
				}
				value, err := number(cells[i+1])
				if err != nil {
					return err
				}
				c := truth[year][measure]
				if c == nil {
					c = &measuredCells{tally: tally{sum: new(big.Rat)}}
					truth[year][measure] = c
				}
				c.sum.Add(c.sum, value)
				c.count++
				if limit, ok := dailyLimits[measure]; ok && value.Cmp(big.NewRat(limit, 1)) > 0 {
					c.above++
				}
			}
			return nil
		})
	})
	return truth, err
}

// equal reports whether an answer is what the plaintext gives, to the 12 places that
// are printed.
func equal(answer, truth *big.Rat) bool { return answer.FloatString(12) == truth.FloatString(12) }
