package standard_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/standard"
	"github.com/weirdata/weir/compute/unit"
)

func of(t testing.TB, pollutant, code string, num, den int64) standard.Concentration {
	t.Helper()
	u, ok := unit.ByCode(code)
	if !ok {
		t.Fatalf("no unit %s", code)
	}
	return standard.Concentration{Pollutant: pollutant, Unit: u, Value: big.NewRat(num, den)}
}

// The day of the observation decides, the last of an edition and the first of the next.
func TestLimitsAreThoseOfTheDay(t *testing.T) {
	for _, c := range []struct {
		pollutant, averaging string
		grade                int
		first, last          string
		want                 string // empty: none
	}{
		{unit.PM25, standard.Day, 2, "2026-02-28", "2026-02-28", "75"},
		{unit.PM25, standard.Day, 2, "2026-03-01", "2026-03-01", "60"},
		{unit.PM25, standard.Day, 2, "2030-12-31", "2030-12-31", "60"},
		{unit.PM25, standard.Day, 2, "2031-01-01", "2040-01-01", "50"},
		{unit.PM25, standard.Day, 2, "2026-01-01", "2031-12-31", "75 60 50"},
		{unit.PM25, standard.Year, 1, "2020-01-01", "2020-12-31", "15"},
		{unit.SO2, standard.Day, 2, "2026-01-01", "2026-12-31", "150 150"},
		{unit.O3, standard.EightHour, 2, "2024-01-01", "2024-01-01", "160"},
		{unit.O3, standard.Day, 2, "2024-01-01", "2024-01-01", ""},
		{unit.PM25, standard.Hour, 2, "2024-01-01", "2024-01-01", ""},
		{unit.PM25, standard.Day, 1, "2027-01-01", "2027-01-01", ""},
		{unit.PM25, standard.Day, 1, "2031-01-01", "2031-12-31", "25"},
		{unit.PM25, standard.Year, 1, "2031-01-01", "2031-12-31", "10"},
		{unit.PM25, standard.Year, 1, "2030-01-01", "2031-12-31", ""},
		{unit.PM10, standard.Day, 1, "2031-01-01", "2031-12-31", ""},
		{unit.PM25, standard.Day, 3, "2024-01-01", "2024-01-01", ""},
		{"a99999", standard.Day, 2, "2024-01-01", "2024-01-01", ""},
	} {
		limits, err := standard.Limits(standard.GB3095, c.averaging, c.grade, c.pollutant, c.first, c.last)
		var texts []string
		for _, l := range limits {
			texts = append(texts, l.Text)
		}
		if got := strings.Join(texts, " "); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	limits, err := standard.Limits(standard.GB3095, standard.Day, 2, unit.CO, "2024-01-01", "2024-01-01")
	if err != nil {
		t.Fatal(err)
	}
	micro, _ := unit.ByCode("ug/m3")
	if v, ok := limits[0].In(micro); !ok || v.Cmp(big.NewRat(4000, 1)) != 0 {
		t.Errorf("4 mg/m3 are %v ug/m3", v)
	}
	if days := standard.ChangesWithin("2026-02-28", "2031-01-01"); strings.Join(days, " ") != "2026-03-01 2031-01-01" {
		t.Errorf("changes %v", days)
	}
	if days := standard.ChangesWithin("2026-03-01", "2030-12-31"); len(days) != 0 {
		t.Errorf("changes within one edition: %v", days)
	}
}

// Indices by hand. 2012: PM2.5 of 80 is 100 + 50·5/40 = 106.25, up to 107; of 2026 it is 100 +
// 50·20/55 = 118.18, up to 119.
func TestIndices(t *testing.T) {
	aqi, primary := standard.IndexNamed("AQI"), standard.IndexNamed("PRIMARY_POLLUTANT")
	for _, c := range []struct {
		list []standard.Concentration
		day  string
		want int64
		says string
	}{
		{[]standard.Concentration{of(t, unit.PM25, "ug/m3", 80, 1)}, "2024-01-01", 107, "PM2.5"},
		{[]standard.Concentration{of(t, unit.PM25, "ug/m3", 80, 1)}, "2026-02-28", 107, "PM2.5"},
		{[]standard.Concentration{of(t, unit.PM25, "ug/m3", 80, 1)}, "2026-03-01", 119, "PM2.5"},
		{[]standard.Concentration{of(t, unit.PM25, "mg/m3", 75, 1000), of(t, unit.PM10, "ug/m3", 150, 1)}, "2024-01-01", 100, "PM2.5, PM10"},
		{[]standard.Concentration{of(t, unit.PM25, "ug/m3", 35, 1), of(t, unit.O3, "ug/m3", 100, 1)}, "2024-01-01", 50, ""},
		{[]standard.Concentration{of(t, unit.PM25, "ug/m3", 35_000_001, 1_000_000)}, "2024-01-01", 51, "PM2.5"},
		{[]standard.Concentration{of(t, unit.O3, "ug/m3", 900, 1)}, "2024-01-01", 300, "O3"},
		{[]standard.Concentration{of(t, unit.PM10, "ug/m3", 601, 1)}, "2024-01-01", 500, "PM10"},
		{[]standard.Concentration{of(t, unit.CO, "mg/m3", 3, 1), of(t, unit.SO2, "ug/m3", 0, 1)}, "2024-01-01", 75, "CO"},
		{[]standard.Concentration{of(t, unit.NO2, "ug/m3", -3, 1)}, "2024-01-01", 0, ""},
	} {
		got, _ := aqi.Of(c.list, c.day, false)
		_, says := primary.Of(c.list, c.day, false)
		if got == nil || got.Cmp(big.NewRat(c.want, 1)) != 0 || says != c.says {
			t.Errorf("%+v on %s: AQI %v of %q, want %d of %q", c.list, c.day, got, says, c.want, c.says)
		}
	}
	composite := standard.IndexNamed("COMPOSITE_INDEX")
	six := []standard.Concentration{
		of(t, unit.SO2, "ug/m3", 12, 1), of(t, unit.NO2, "ug/m3", 30, 1), of(t, unit.PM10, "ug/m3", 69, 1), of(t, unit.PM25, "ug/m3", 41, 1), of(t, unit.CO, "mg/m3", 1, 1), of(t, unit.O3, "ug/m3", 180, 1),
	}
	for day, limits := range map[string][6]int64{"2024-12-31": {60, 40, 70, 35, 4, 160}, "2027-01-01": {60, 40, 60, 30, 4, 160}, "2031-01-01": {20, 30, 50, 25, 4, 160}} {
		want := new(big.Rat)
		for i, c := range six {
			want.Add(want, new(big.Rat).Quo(c.Value, big.NewRat(limits[i], 1)))
		}
		if got, _ := composite.Of(six, day, false); got.Cmp(want) != 0 {
			t.Errorf("composite index on %s: %s, want %s", day, got, want)
		}
	}
}

func TestWaterClassesAreThoseOfTheWorstFactor(t *testing.T) {
	water := standard.IndexNamed("WATER_CLASS")
	for _, c := range []struct {
		list []standard.Concentration
		lake bool
		want string
	}{
		{[]standard.Concentration{of(t, unit.DO, "mg/L", 75, 10), of(t, unit.CODMn, "mg/L", 2, 1)}, false, "I"},
		{[]standard.Concentration{of(t, unit.DO, "mg/L", 749, 100)}, false, "II"},
		{[]standard.Concentration{of(t, unit.DO, "mg/L", 19, 10)}, false, "worse than V"},
		{[]standard.Concentration{of(t, unit.TP, "mg/L", 2, 10)}, false, "III"},
		{[]standard.Concentration{of(t, unit.TP, "mg/L", 2, 10)}, true, "V"},
		{[]standard.Concentration{of(t, unit.TP, "ug/L", 51, 1)}, true, "IV"},
		{[]standard.Concentration{of(t, unit.NH3N, "mg/L", 5, 10), of(t, unit.COD, "mg/L", 31, 1)}, false, "V"},
		{[]standard.Concentration{of(t, unit.PH, "[pH]", 5, 1)}, false, "worse than V"},
		{[]standard.Concentration{of(t, unit.PH, "[pH]", 7, 1)}, false, "I"},
	} {
		if _, got := water.Of(c.list, "2024-01-01", c.lake); got != c.want {
			t.Errorf("%+v, lake %v: %q, want %q", c.list, c.lake, got, c.want)
		}
	}
}

// An individual index never falls as the concentration rises, and is a whole number.
func TestIndexRisesWithTheConcentration(t *testing.T) {
	aqi := standard.IndexNamed("AQI")
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(aqi.Takes).Draw(t, "pollutant")
		a, b := rapid.Int64Range(0, 700_000).Draw(t, "a"), rapid.Int64Range(0, 700_000).Draw(t, "b")
		u, _ := unit.ByCode("ug/m3")
		at := func(n int64) *big.Rat {
			v, _ := aqi.Of([]standard.Concentration{{Pollutant: p, Unit: u, Value: big.NewRat(n, 100)}}, rapid.SampledFrom([]string{"2024-01-01"}).Draw(t, "day"), false)
			return v
		}
		if x, y := at(min(a, b)), at(max(a, b)); x.Cmp(y) > 0 || !x.IsInt() {
			t.Fatalf("%s at %d and %d: %s, %s", p, min(a, b), max(a, b), x, y)
		}
	})
}
