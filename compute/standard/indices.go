package standard

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/compute/unit"
)

// Concentration is what was observed of a pollutant. Value is in Unit.
type Concentration struct {
	Pollutant string
	Unit      unit.Unit
	Value     *big.Rat
}

func (c Concentration) in(code string) *big.Rat {
	to, _ := unit.ByCode(code)
	factor, ok := unit.Factor(c.Unit, to)
	if !ok {
		return nil
	}
	return factor.Mul(factor, c.Value)
}

// Index is an index that is made of concentrations of one group.
type Index struct {
	Name    string   // in SQL
	Says    string   // what it takes, as messages write it
	Takes   []string // pollutants
	Textual bool     // it is a text, no number
	Dated   bool     // editions differ, so that all that it is made of has to be of one
	Daily   bool     // it is of a day
	Places  int      // of its decimals
	// Percentile is that of the daily readings that stands for a pollutant in place of the
	// mean, a decimal; empty: the mean.
	Percentile map[string]string
	// Of works it out on a day; lake is of water alone. A number or a text, or neither where
	// a concentration has no place in it.
	Of func(list []Concentration, day string, lake bool) (*big.Rat, string)
}

var airPollutants = []string{unit.SO2, unit.NO2, unit.PM10, unit.PM25, unit.CO, unit.O3}

// Indices are all indices.
var Indices = []Index{
	{Name: "AQI", Says: "(pm25, pm10, so2, no2, co, o3_8h)", Takes: airPollutants, Dated: true, Daily: true,
		Of: func(list []Concentration, day string, _ bool) (*big.Rat, string) { return aqi(list, day), "" }},
	{Name: "PRIMARY_POLLUTANT", Says: "(pm25, pm10, so2, no2, co, o3_8h)", Takes: airPollutants, Dated: true, Daily: true, Textual: true,
		Of: func(list []Concentration, day string, _ bool) (*big.Rat, string) { return nil, primary(list, day) }},
	{Name: "COMPOSITE_INDEX", Says: "(pm25, pm10, so2, no2, co, o3_8h)", Takes: airPollutants, Dated: true, Places: 2,
		Percentile: map[string]string{unit.CO: "0.95", unit.O3: "0.9"},
		Of:         func(list []Concentration, day string, _ bool) (*big.Rat, string) { return composite(list, day), "" }},
	{Name: "WATER_CLASS", Says: "(codmn, nh3n, tp, do), or with 'lake' behind", Takes: waterPollutants(), Textual: true,
		Of: func(list []Concentration, _ string, lake bool) (*big.Rat, string) { return nil, waterClass(list, lake) }},
}

// IndexNamed is the index of a name in SQL, in capitals or not; nil: there is none.
func IndexNamed(name string) *Index {
	name = strings.ToUpper(name)
	i := slices.IndexFunc(Indices, func(x Index) bool { return x.Name == name })
	if i < 0 {
		return nil
	}
	return &Indices[i]
}

// iaqiLevels are the values of an individual index at its breakpoints.
var iaqiLevels = []int64{0, 50, 100, 150, 200, 300, 400, 500}

// breakpoints are concentrations at the levels, in unit; where there are fewer, what is above
// the last one has its level.
type breakpoints struct {
	pollutant, unit string
	at              []int64
}

// Breakpoints of HJ 633 for a day: SO2, NO2, PM10, PM2.5 and CO of daily means, O3 of the
// greatest mean of eight hours.
var (
	iaqiCommon = []breakpoints{
		{unit.SO2, ug, []int64{0, 50, 150, 475, 800, 1600, 2100, 2620}},
		{unit.NO2, ug, []int64{0, 40, 80, 180, 280, 565, 750, 940}},
		{unit.CO, mg, []int64{0, 2, 4, 14, 24, 36, 48, 60}},
		{unit.O3, ug, []int64{0, 100, 160, 215, 265, 800}},
	}
	// HJ 633-2012, table 1 [S]: the text was not at hand. Several public programs of different
	// authors were compared for it, and agree on each of these numbers; of ozone's eight hours
	// some go on with 1000 and 1200, which are those of its single hour in the others.
	iaqi2012 = append(slices.Clone(iaqiCommon),
		breakpoints{unit.PM10, ug, []int64{0, 50, 150, 250, 350, 420, 500, 600}},
		breakpoints{unit.PM25, ug, []int64{0, 35, 75, 115, 150, 250, 350, 500}})
	// HJ 633-2026 [T].
	iaqi2026 = append(slices.Clone(iaqiCommon),
		breakpoints{unit.PM10, ug, []int64{0, 50, 120, 250, 350, 420, 500, 600}},
		breakpoints{unit.PM25, ug, []int64{0, 35, 60, 115, 150, 250, 350, 500}})
)

// iaqi is the individual index of a concentration on a day, by linear interpolation, rounded
// up (HJ 633); nil: the pollutant has none.
func iaqi(c Concentration, day string) *big.Int {
	table := iaqi2026
	if air2012.holds(day) {
		table = iaqi2012
	}
	i := slices.IndexFunc(table, func(b breakpoints) bool { return b.pollutant == c.Pollutant })
	if i < 0 {
		return nil
	}
	v, at := c.in(table[i].unit), table[i].at
	if v == nil {
		return nil
	}
	if v.Sign() < 0 {
		v = new(big.Rat)
	}
	whole := func(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }
	for j := 1; j < len(at); j++ {
		if v.Cmp(whole(at[j])) > 0 {
			continue
		}
		x := new(big.Rat).Sub(v, whole(at[j-1]))
		x.Mul(x, big.NewRat(iaqiLevels[j]-iaqiLevels[j-1], at[j]-at[j-1]))
		return ceiling(x.Add(x, whole(iaqiLevels[j-1])))
	}
	return big.NewInt(iaqiLevels[len(at)-1])
}

func ceiling(v *big.Rat) *big.Int {
	quotient, rest := new(big.Int).DivMod(v.Num(), v.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}

// aqi is the largest individual index; nil where one has none.
func aqi(list []Concentration, day string) *big.Rat {
	most := new(big.Int)
	for _, c := range list {
		i := iaqi(c, day)
		if i == nil {
			return nil
		}
		if i.Cmp(most) > 0 {
			most = i
		}
	}
	return new(big.Rat).SetInt(most)
}

// primary names the pollutants of the largest individual index, where it is above 50.
func primary(list []Concentration, day string) string {
	most := aqi(list, day)
	if most == nil || most.Cmp(big.NewRat(50, 1)) <= 0 {
		return ""
	}
	var names []string
	for _, c := range list {
		if iaqi(c, day).Cmp(most.Num()) == 0 {
			names = append(names, name(c.Pollutant))
		}
	}
	return strings.Join(names, ", ")
}

// composite is the sum of each concentration over its limit (HJ 663): the annual limits of
// grade 2, of CO that of a day, of O3 that of eight hours. Weights are 1.
func composite(list []Concentration, day string) *big.Rat {
	sum := new(big.Rat)
	for _, c := range list {
		averaging := map[string]string{unit.CO: Day, unit.O3: EightHour}[c.Pollutant]
		limits, err := Limits(GB3095, cmp.Or(averaging, Year), 2, c.Pollutant, day, day)
		if err != nil || len(limits) != 1 {
			return nil
		}
		v := c.in(limits[0].Unit.Code)
		if v == nil {
			return nil
		}
		sum.Add(sum, v.Quo(v, rat(limits[0].Text)))
	}
	return sum
}

// Water classes, the best first.
var waterClasses = []string{"I", "II", "III", "IV", "V"}

// worseThanV is what is in no class.
const worseThanV = "worse than V"

// waterLimit are the limits of a pollutant in the five classes of GB 3838-2002, table 1 [T], in
// mg/L, pH without a unit.
type waterLimit struct {
	pollutant string
	unit      string
	limits    []string
	lakes     []string // of lakes and reservoirs; nil: the same
	least     bool     // there has to be as much
}

var waterLimits = []waterLimit{
	{pollutant: unit.DO, unit: "mg/L", limits: []string{"7.5", "6", "5", "3", "2"}, least: true},
	{pollutant: unit.CODMn, unit: "mg/L", limits: []string{"2", "4", "6", "10", "15"}},
	{pollutant: unit.COD, unit: "mg/L", limits: []string{"15", "15", "20", "30", "40"}},
	{pollutant: unit.BOD5, unit: "mg/L", limits: []string{"3", "3", "4", "6", "10"}},
	{pollutant: unit.NH3N, unit: "mg/L", limits: []string{"0.15", "0.5", "1.0", "1.5", "2.0"}},
	{pollutant: unit.TP, unit: "mg/L", limits: []string{"0.02", "0.1", "0.2", "0.3", "0.4"}, lakes: []string{"0.01", "0.025", "0.05", "0.1", "0.2"}},
}

func waterPollutants() []string {
	out := []string{unit.PH}
	for _, l := range waterLimits {
		out = append(out, l.pollutant)
	}
	return out
}

// waterClass is the class of the worst single factor; empty where one has no limits.
func waterClass(list []Concentration, lake bool) string {
	worst := 0
	for _, c := range list {
		class := classOf(c, lake)
		if class < 0 {
			return ""
		}
		worst = max(worst, class)
	}
	if worst == len(waterClasses) {
		return worseThanV
	}
	return waterClasses[worst]
}

// classOf is the number of the class of one factor, len(waterClasses) beyond all; −1: it has
// no limits.
func classOf(c Concentration, lake bool) int {
	if c.Pollutant == unit.PH {
		if c.Value.Cmp(big.NewRat(6, 1)) >= 0 && c.Value.Cmp(big.NewRat(9, 1)) <= 0 {
			return 0
		}
		return len(waterClasses)
	}
	i := slices.IndexFunc(waterLimits, func(l waterLimit) bool { return l.pollutant == c.Pollutant })
	if i < 0 {
		return -1
	}
	l := waterLimits[i]
	v, limits := c.in(l.unit), l.limits
	if v == nil {
		return -1
	}
	if lake && l.lakes != nil {
		limits = l.lakes
	}
	for class, text := range limits {
		if d := v.Cmp(rat(text)); d == 0 || d < 0 != l.least {
			return class
		}
	}
	return len(waterClasses)
}
