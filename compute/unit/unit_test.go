package unit_test

import (
	"math/big"
	"testing"

	"github.com/weirdata/weir/compute/unit"
)

// How a unit is written on a dashboard, in a file of a bureau or in UCUM, it is the same one.
func TestUnitsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]string{
		"µg/m³": "ug/m3", "μg/m³": "ug/m3", "ug/m3": "ug/m3", "µg/m3": "ug/m3", "ug/m^3": "ug/m3", "微克/立方米": "ug/m3", "mg/L": "mg/L", "mg/l": "mg/L", "毫克/升": "mg/L",
		"t": "t", "t CO2e": "t", "tCO2e": "t", "t{CO2e}": "t", "tCO2": "t", "kg CO2-eq": "kg", "吨": "t", "万吨": "10*4.t", "kg": "kg", "pH": "[pH]", "mg/m³": "mg/m3",
		"Mt": "Mt", "mg": "mg", // case tells a million tonnes from a thousandth of a gram
		"MT": "", "KG": "", "MG/L": "", "ppm": "", "": "", "persons": "", "µg/m³ CO2": "", "CO2": "",
	} {
		u, known := unit.Read(text)
		if known != (want != "") || u.Code != want {
			t.Errorf("%q is read as %q (%v), want %q", text, u.Code, known, want)
		}
	}
}

func TestFactorsArePowersOfTen(t *testing.T) {
	for _, c := range []struct {
		from, to string
		num, den int64 // 0: none
	}{
		{"kg", "t", 1, 1000}, {"t", "kg", 1000, 1}, {"10*4.t", "t", 10_000, 1}, {"ug/m3", "mg/m3", 1, 1000}, {"mg/L", "ug/m3", 1_000_000, 1},
		{"mg/L", "mg/L", 1, 1}, {"Mt", "t", 1_000_000, 1}, {"ug/L", "mg/L", 1, 1000}, {"kg", "mg/L", 0, 0}, {"[pH]", "g", 0, 0},
	} {
		from, ok1 := unit.ByCode(c.from)
		to, ok2 := unit.ByCode(c.to)
		got, ok := unit.Factor(from, to)
		if !ok1 || !ok2 || ok != (c.den != 0) || ok && got.Cmp(big.NewRat(c.num, c.den)) != 0 {
			t.Errorf("%s in %s: %v %v, want %d/%d", c.from, c.to, got, ok, c.num, c.den)
		}
	}
	if _, ok := unit.Factor(unit.Unit{}, unit.Unit{}); ok {
		t.Error("two unknown units are converted")
	}
}

func TestPollutantsAreOfTheirUnits(t *testing.T) {
	for _, c := range []struct {
		pollutant, unit string
		fits            bool
	}{{unit.PM25, "ug/m3", true}, {unit.PM25, "t", true}, {unit.PM25, "[pH]", false}, {unit.PH, "[pH]", true}, {unit.PH, "mg/L", false}, {unit.COD, "t", true}, {unit.COD, "mg/L", true}, {"a99999", "kg", true}} {
		u, _ := unit.ByCode(c.unit)
		if got := unit.PollutantOf(c.pollutant).Fits(u); got != c.fits {
			t.Errorf("%s in %s: %v", c.pollutant, c.unit, got)
		}
	}
	if unit.IsPollutant("PM25") || !unit.IsPollutant("a34004") || unit.IsPollutant("a3400") {
		t.Error("the form of codes")
	}
}
