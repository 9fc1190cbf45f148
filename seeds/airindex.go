package seeds

import (
	"fmt"
	"io"
	"math/big"
	"slices"
)

// indexLimits are the annual (SO2, NO2, PM10, PM2.5), daily (CO) and 8-hour (O3) limits of
// grade II, GB 3095-2012, in the unit of the measure. The 2012 limits hold for every
// observation of the seeds (before 1 March 2026).
var indexLimits = [pollutants]int64{pm25: 35, pm10: 70, so2: 60, no2: 40, co: 4, o3: 160}

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

// meanPart adds up the means of PM2.5, PM10, SO2 and NO2, each over its limit.
func meanPart(means []*big.Rat) *big.Rat {
	sum := new(big.Rat)
	for m, limit := range indexLimits[:co] {
		sum.Add(sum, new(big.Rat).Quo(means[m], big.NewRat(limit, 1)))
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
	day := func(keys []string) (string, error) { return keys[0], nil }
	plain, err := readTruth(airDaily, year, nil, airMeasures[:], day)
	if err != nil {
		return Index{}, fmt.Errorf("composite index of %s: %w", year, err)
	}
	var daily [pollutants][]*big.Rat
	means, counts := make([]*big.Rat, pollutants), make([]int64, pollutants)
	for m, measure := range airMeasures {
		means[m] = new(big.Rat)
		for at, cells := range plain {
			if at[1] == measure {
				sum, count := cells.sum()
				means[m].Add(means[m], sum)
				counts[m] += count
				daily[m] = append(daily[m], cells.mean())
			}
		}
		if counts[m] == 0 {
			return Index{}, fmt.Errorf("composite index of %s: no value of %s", year, measure)
		}
		means[m].Quo(means[m], big.NewRat(counts[m], 1))
	}
	x := Index{
		PM25: means[pm25], PM10: means[pm10], SO2: means[so2], NO2: means[no2],
		CO95: percentile(daily[co], 95), O390: percentile(daily[o3], 90),
		Part: meanPart(means),
	}
	x.Whole = new(big.Rat).Add(x.Part, new(big.Rat).Quo(x.CO95, big.NewRat(indexLimits[co], 1)))
	x.Whole.Add(x.Whole, new(big.Rat).Quo(x.O390, big.NewRat(indexLimits[o3], 1)))
	return x, nil
}

// percentile returns a percentile of values, which it sorts.
func percentile(values []*big.Rat, percent int64) *big.Rat {
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
