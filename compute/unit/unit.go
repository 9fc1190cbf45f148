// Package unit knows the units that emissions and concentrations are measured in, by their
// code in UCUM (the Unified Code for Units of Measure, version 2.2) and as publishers write
// them, and the pollutants by their codes in HJ 212. Units of one kind differ by a power of
// ten, so that a figure is converted exactly. It is a closed list: there is no library of
// UCUM in Go, and its grammar of prefixes and annotations would accept units that no
// environmental standard has.
//
// It is pure and imports nothing of ours. A unit that it does not know is no error: measures
// may be in any, and only what compares or converts figures needs to know it.
package unit

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// Unit is a unit of measure: 10^power of its kind's base.
type Unit struct {
	Code  string // in UCUM, case-sensitive
	kind  string
	power int
	as    []string // how publishers write it
}

// The kinds of units, by the base that all are powers of ten of.
const (
	mass    = "g"
	density = "g/m3" // mass in a volume, of air or of water: 1 mg/L is 1 g/m3
	acidity = "[pH]"
)

// Units are all that are known.
var Units = []Unit{
	{Code: "ug", kind: mass, power: -6, as: []string{"微克"}},
	{Code: "mg", kind: mass, power: -3, as: []string{"毫克"}},
	{Code: "g", kind: mass, power: 0, as: []string{"克"}},
	{Code: "kg", kind: mass, power: 3, as: []string{"千克", "公斤"}},
	{Code: "t", kind: mass, power: 6, as: []string{"tonne", "tonnes", "吨"}},
	{Code: "10*4.t", kind: mass, power: 10, as: []string{"万吨"}},
	{Code: "kt", kind: mass, power: 9, as: []string{"千吨"}},
	{Code: "Mt", kind: mass, power: 12, as: []string{"百万吨"}},
	{Code: "ng/m3", kind: density, power: -9, as: []string{"纳克/立方米"}},
	{Code: "ug/m3", kind: density, power: -6, as: []string{"微克/立方米"}},
	{Code: "mg/m3", kind: density, power: -3, as: []string{"毫克/立方米"}},
	{Code: "g/m3", kind: density, power: 0, as: []string{"克/立方米"}},
	{Code: "ng/L", kind: density, power: -6, as: []string{"纳克/升"}},
	{Code: "ug/L", kind: density, power: -3, as: []string{"微克/升"}},
	{Code: "mg/L", kind: density, power: 0, as: []string{"毫克/升"}},
	{Code: "g/L", kind: density, power: 3, as: []string{"克/升"}},
	{Code: "[pH]", kind: acidity, as: []string{"pH"}},
}

var (
	annotation = regexp.MustCompile(`\{[ -z|~]*\}$`) // of UCUM, such as t{CO2e}: it changes nothing
	gas        = regexp.MustCompile(` ?(CO2-?eq?|CO₂-?eq?|CO2|CO₂)$`)
	signs      = strings.NewReplacer("µ", "u", "μ", "u", "³", "3", "^3", "3", "m⁻³", "/m3", " ", "", "／", "/")
)

// ByCode is the unit of a UCUM code, such as ug/m3 or t{CO2e}; false: it is not known.
func ByCode(code string) (Unit, bool) {
	code = annotation.ReplaceAllString(code, "")
	i := slices.IndexFunc(Units, func(u Unit) bool { return u.Code == code })
	if i < 0 {
		return Unit{}, false
	}
	return Units[i], true
}

// Read is the unit that is written in one of the ways in which publishers do: as its code,
// with µ and ³, in Chinese, or with the gas behind a mass (t CO2e); false: it is not known.
func Read(text string) (Unit, bool) {
	plain := annotation.ReplaceAllString(strings.TrimSpace(text), "")
	short := signs.Replace(plain)
	for _, u := range Units {
		if u.Code == short || strings.EqualFold(u.Code, short) && strings.HasSuffix(short, "/l") || slices.Contains(u.as, plain) {
			return u, true
		}
	}
	if without := gas.ReplaceAllString(plain, ""); without != plain {
		if u, known := Read(without); known && u.kind == mass {
			return u, true
		}
	}
	return Unit{}, false
}

// Of is the unit of a measure that says its code, or only how it is written; false: neither
// is known.
func Of(code, written string) (Unit, bool) {
	if code != "" {
		return ByCode(code)
	}
	return Read(written)
}

// Codes are the codes of all units.
func Codes() []string {
	out := make([]string, len(Units))
	for i, u := range Units {
		out[i] = u.Code
	}
	return out
}

// Factor is what a figure in one unit is multiplied with to be in another: an exact power of
// ten; false: they are of two kinds.
func Factor(from, to Unit) (*big.Rat, bool) {
	if from.kind != to.kind || from.kind == "" {
		return nil, false
	}
	power := from.power - to.power
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(power, -power))), nil)
	factor := new(big.Rat).SetInt(ten)
	if power < 0 {
		factor.Inv(factor)
	}
	return factor, true
}
