package seeds

import (
	"errors"
	"slices"
	"sort"
)

// errUnreachable is returned when no values in a pollutant's limits have the
// mean or percentile a year is calibrated to.
var errUnreachable = errors.New("calibration target out of reach")

// calibrateAir turns the raw cells of a year into values that meet its target.
func (g *Generator) calibrateAir(year *airYear, target airTarget) error {
	var masks [pollutants][]bool // whether a cell is present
	for p := range masks {
		for _, day := range year.days {
			for s := range districts {
				masks[p] = append(masks[p], !g.airMissing(day, s, p))
			}
		}
	}
	for _, mean := range []struct {
		p      int
		target int64
	}{{pm25, target.pm25}, {so2, target.so2}, {no2, target.no2}} {
		if err := fitMean(year.cells[mean.p], masks[mean.p], mean.target, 0, airModels[mean.p]); err != nil {
			return err
		}
	}
	// PM10 is PM2.5 and the coarse fraction; the latter takes what remains of
	// the target over the cells in which PM10 is present.
	fine := int64(0)
	for i, ok := range masks[pm10] {
		if ok {
			fine += year.cells[pm25][i]
		}
	}
	if err := fitMean(year.cells[pm10], masks[pm10], target.pm10, fine, airModels[pm10]); err != nil {
		return err
	}
	for i := range year.cells[pm10] {
		year.cells[pm10][i] += year.cells[pm25][i]
	}
	if err := fitPercentile(year.cells[co], masks[co], 95, target.co95*10, airModels[co]); err != nil {
		return err
	}
	return fitPercentile(year.cells[o3], masks[o3], 90, target.o390, airModels[o3])
}

// fitMean scales cells to whole values whose sum over the mask, with already
// added, is the mean (in hundredths) times the number of masked cells, rounded
// to a whole number.
func fitMean(cells []int64, mask []bool, mean, already int64, model pollutantModel) error {
	var raw, count int64
	for i, ok := range mask {
		if ok {
			raw += cells[i]
			count++
		}
	}
	want := (mean*count+50)/100 - already
	if want <= 0 || raw == 0 {
		return errUnreachable
	}
	rest := want
	for i := range cells {
		cells[i] = clamp((cells[i]*want+raw/2)/raw, model)
		if mask[i] {
			rest -= cells[i]
		}
	}
	return spread(cells, mask, rest, model)
}

// spread adds rest to the masked cells in steps of one, each to another cell,
// scattered over the year.
func spread(cells []int64, mask []bool, rest int64, model pollutantModel) error {
	step := int64(1)
	if rest < 0 {
		step = -1
	}
	const stride = 1009 // prime, and no divisor of 11 times a year's days
	for at, idle := 0, 0; rest != 0; at = (at + stride) % len(cells) {
		if next := cells[at] + step; mask[at] && next == clamp(next, model) {
			cells[at], idle = next, 0
			rest -= step
			continue
		}
		if idle++; idle > len(cells) {
			return errUnreachable
		}
	}
	return nil
}

func clamp(value int64, model pollutantModel) int64 {
	return min(max(value, model.low), model.high)
}

// fitPercentile scales cells by the smallest factor with which the percentile
// of the city's daily values reaches want, in hundredths of the last decimal.
func fitPercentile(cells []int64, mask []bool, percent int, want int64, model pollutantModel) error {
	scaled := make([]int64, len(cells))
	scale := func(factor int) {
		for i, raw := range cells {
			scaled[i] = clamp(raw*int64(factor)>>36, model)
		}
	}
	const factors = 1 << 24
	factor := sort.Search(factors, func(factor int) bool {
		scale(factor)
		return cityPercentile(scaled, mask, percent) >= want*stationFactor
	})
	if factor == factors {
		return errUnreachable
	}
	scale(factor)
	copy(cells, scaled)
	return nil
}

// stationFactor is the least common multiple of 1 to 11: means over any number
// of the 11 stations are whole multiples of 1/stationFactor.
const stationFactor = 27720

// cityPercentile returns a percentile of the city's daily values in units of
// 1/(100·stationFactor) of the cells' unit. A day's value is the mean over its
// present stations; between ranks it interpolates linearly (HJ 663-2013).
func cityPercentile(cells []int64, mask []bool, percent int) int64 {
	var daily []int64
	for start := 0; start < len(cells); start += len(districts) {
		var sum, count int64
		for i := start; i < start+len(districts); i++ {
			if mask[i] {
				sum += cells[i]
				count++
			}
		}
		if count > 0 {
			daily = append(daily, sum*stationFactor/count)
		}
	}
	slices.Sort(daily)
	rank := (len(daily) - 1) * percent
	s, part := rank/100, int64(rank%100)
	if part == 0 {
		return daily[s] * 100
	}
	return daily[s]*(100-part) + daily[s+1]*part
}
