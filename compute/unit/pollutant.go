package unit

import (
	"regexp"
	"slices"
)

// Pollutant is what a measure is of, by its code in HJ 212 (air: a, water: w).
type Pollutant struct {
	Code string
	Name string // as standards write it
	kind string // of its units
}

// Pollutants are those that have a name here. HJ 212 has hundreds: a code of its form that is
// not here is a pollutant without a limit.
var Pollutants = []Pollutant{
	{"a05001", "CO2", ""}, // of emissions
	{"a05024", "O3", density},
	{"a21002", "NOx", ""},
	{"a21004", "NO2", density},
	{"a21005", "CO", density},
	{"a21026", "SO2", ""},
	{"a34001", "TSP", density},
	{"a34002", "PM10", density},
	{"a34004", "PM2.5", density},
	{"a34013", "soot", ""},
	{"w01001", "pH", acidity},
	{"w01009", "dissolved oxygen", density},
	{"w01017", "BOD5", ""},
	{"w01018", "COD", ""},
	{"w01019", "CODMn", ""},
	{"w21001", "total nitrogen", ""},
	{"w21003", "NH3-N", ""},
	{"w21011", "total phosphorus", ""},
}

// Codes of the pollutants that standards have limits of.
const (
	O3    = "a05024"
	NO2   = "a21004"
	CO    = "a21005"
	SO2   = "a21026"
	PM10  = "a34002"
	PM25  = "a34004"
	PH    = "w01001"
	DO    = "w01009"
	BOD5  = "w01017"
	COD   = "w01018"
	CODMn = "w01019"
	NH3N  = "w21003"
	TP    = "w21011"
)

var pollutantForm = regexp.MustCompile(`^[aw][0-9]{5}$`)

// IsPollutant reports whether a text has the form of a pollutant's code.
func IsPollutant(code string) bool { return pollutantForm.MatchString(code) }

// PollutantOf is the pollutant of a code; one that has no name here has none.
func PollutantOf(code string) Pollutant {
	i := slices.IndexFunc(Pollutants, func(p Pollutant) bool { return p.Code == code })
	if i < 0 {
		return Pollutant{Code: code}
	}
	return Pollutants[i]
}

// Fits reports whether the pollutant can be measured in a unit. A mass, as of emissions, or
// a concentration is told apart where it matters.
func (p Pollutant) Fits(u Unit) bool {
	switch p.kind {
	case "":
		return u.kind != acidity
	default:
		return u.kind == p.kind || p.kind == density && u.kind == mass
	}
}

// IsConcentration reports whether a unit is of concentrations, or of acidity, and not of
// masses.
func IsConcentration(u Unit) bool { return u.kind == density || u.kind == acidity }
