package seeds

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// Annual (SO2, NO2, PM10, PM2.5), daily (CO) and 8-hour (O3) limits of grade
// II, GB 3095-2012: µg/m³, CO in mg/m³. The 2012 limits hold for every
// observation of the seeds (before 1 March 2026).
const (
	limitPM25 = 35
	limitPM10 = 70
	limitSO2  = 60
	limitNO2  = 40
	limitCO   = 4
	limitO3   = 160
)

// MeanPart2024 is the part of the composite index of 2024 that consists of
// means (PM10, PM2.5, SO2, NO2) for the data the generator is calibrated to:
// 40.98/35 + 69.04/70 + 9.10/60 + 25.20/40 = 2.9388. The CO and O3 percentiles
// add 0.90/4 + 169.0/160, which makes the published 4.22.
const MeanPart2024 = "2.94"

// Index is a year's composite index of the whole city, and what it is made of.
type Index struct {
	// PM25, PM10, SO2 and NO2 are means in µg/m³, CO95 is in mg/m³, O390 in
	// µg/m³.
	PM25, PM10, SO2, NO2, CO95, O390 *big.Rat
	// Part is the sum over the four means, Whole over all six.
	Part, Whole *big.Rat
}

// meanPart adds up the four means, each over its limit.
func meanPart(pm25, pm10, so2, no2 *big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, term := range []struct {
		value *big.Rat
		limit int64
	}{{pm25, limitPM25}, {pm10, limitPM10}, {so2, limitSO2}, {no2, limitNO2}} {
		sum.Add(sum, new(big.Rat).Quo(term.value, big.NewRat(term.limit, 1)))
	}
	return sum
}

// AirIndex computes the composite index of a year ("2024") from air_daily as
// CSV, exactly and in plaintext: Σ C/S over six pollutants with weight 1 and
// nothing rounded on the way. C is the mean over all present cells of the year
// for SO2, NO2, PM10 and PM2.5 (what AVG answers), the 95th percentile of the
// city's daily values for CO and the 90th for O3; a daily value is the mean
// over the units present that day, and percentiles interpolate linearly at
// rank 1 + (n−1)·p (HJ 663-2013). The standard takes the means over daily city
// values as well, which differs only through missing cells.
func AirIndex(airDaily io.Reader, year string) (Index, error) {
	columns := []string{"period", "pm25", "pm10", "so2", "no2", "co", "o3_8h"}
	var sums, counts [6]big.Rat
	daily := [6]map[string]*[2]big.Rat{}
	for m := range daily {
		daily[m] = map[string]*[2]big.Rat{}
	}
	unit := big.NewRat(1, 1)
	err := eachRow(airDaily, columns, func(cells []string) error {
		if !strings.HasPrefix(cells[0], year+"-") {
			return nil
		}
		for m, cell := range cells[1:] {
			if cell == "" {
				continue
			}
			value, err := number(cell)
			if err != nil {
				return err
			}
			sums[m].Add(&sums[m], value)
			counts[m].Add(&counts[m], unit)
			if m < 4 {
				continue
			}
			day := daily[m][cells[0]]
			if day == nil {
				day = new([2]big.Rat)
				daily[m][strings.Clone(cells[0])] = day
			}
			day[0].Add(&day[0], value)
			day[1].Add(&day[1], unit)
		}
		return nil
	})
	if err != nil {
		return Index{}, fmt.Errorf("composite index of %s: %w", year, err)
	}
	var means [4]*big.Rat
	for m := range counts {
		if counts[m].Sign() == 0 {
			return Index{}, fmt.Errorf("composite index of %s: no value of %s", year, columns[m+1])
		}
	}
	for m := range means {
		means[m] = new(big.Rat).Quo(&sums[m], &counts[m])
	}
	x := Index{
		PM25: means[0], PM10: means[1], SO2: means[2], NO2: means[3],
		CO95: dailyPercentile(daily[4], 95), O390: dailyPercentile(daily[5], 90),
	}
	x.Part = meanPart(x.PM25, x.PM10, x.SO2, x.NO2)
	x.Whole = new(big.Rat).Add(x.Part, new(big.Rat).Quo(x.CO95, big.NewRat(limitCO, 1)))
	x.Whole.Add(x.Whole, new(big.Rat).Quo(x.O390, big.NewRat(limitO3, 1)))
	return x, nil
}

// dailyPercentile returns a percentile of days given as (sum, count).
func dailyPercentile(days map[string]*[2]big.Rat, percent int64) *big.Rat {
	values := make([]*big.Rat, 0, len(days))
	for _, day := range days {
		values = append(values, new(big.Rat).Quo(&day[0], &day[1]))
	}
	slices.SortFunc(values, (*big.Rat).Cmp)
	rank := int64(len(values)-1) * percent
	low := values[rank/100]
	if rank%100 == 0 {
		return low
	}
	step := new(big.Rat).Sub(values[rank/100+1], low)
	return step.Add(step.Mul(step, big.NewRat(rank%100, 100)), low)
}

// fallPercent returns by how many per cent later is below earlier.
func fallPercent(earlier, later *big.Rat) (*big.Rat, error) {
	if earlier.Sign() == 0 {
		return nil, fmt.Errorf("%w: a fall from zero", ErrAnswer)
	}
	fall := new(big.Rat).Quo(new(big.Rat).Sub(earlier, later), earlier)
	return fall.Mul(fall, big.NewRat(100, 1)), nil
}
