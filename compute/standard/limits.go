package standard

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/compute/unit"
)

// Edition is an edition of a standard, or a stage of one.
type Edition struct {
	Name        string
	From, Until string // days that it holds for, both included; empty: no bound
	Source      string
}

func (e Edition) holds(day string) bool {
	return (e.From == "" || day >= e.From) && (e.Until == "" || day <= e.Until)
}

// touches reports whether the edition holds on some of the days from first to last.
func (e Edition) touches(first, last string) bool {
	return (e.From == "" || last >= e.From) && (e.Until == "" || first <= e.Until)
}

// The editions of GB 3095. Those of HJ 633 and HJ 663 change on the same day.
var (
	air2012       = Edition{Name: "GB 3095-2012", Until: "2026-02-28", Source: "GB 3095-2012, tables 1 and 2: grade 2 [T], grade 1 [S]"}
	airTransition = Edition{Name: "GB 3095-2026, transition", From: "2026-03-01", Until: "2030-12-31", Source: "GB 3095-2026, limits to the end of 2030 [T]"}
	airFinal      = Edition{Name: "GB 3095-2026", From: "2031-01-01", Source: "GB 3095-2026, limits from 2031: grade 2 [T], grade 1 of PM2.5 [S]"}
)

// Averaging times of limits.
const (
	Year      = "year"
	Day       = "day"
	Hour      = "hour"
	EightHour = "8h" // the greatest mean of eight hours of a day
)

// airLimit has the limits of a pollutant in an edition and grade; empty: there is none.
type airLimit struct {
	edition             Edition
	grade               int
	pollutant, unit     string
	year, day, h8, hour string
}

const (
	ug = "ug/m3"
	mg = "mg/m3"
)

// airLimits are the limits of GB 3095. Of grade 1 of 2026 those of PM2.5 from 2031 are known here,
// from what the ministry told the press when it was published [S]; those up to 2030, and those
// of the other pollutants, are not.
var airLimits = []airLimit{
	{air2012, 1, unit.SO2, ug, "20", "50", "", "150"},
	{air2012, 1, unit.NO2, ug, "40", "80", "", "200"},
	{air2012, 1, unit.PM10, ug, "40", "50", "", ""},
	{air2012, 1, unit.PM25, ug, "15", "35", "", ""},
	{air2012, 1, unit.CO, mg, "", "4", "", "10"},
	{air2012, 1, unit.O3, ug, "", "", "100", "160"},

	{air2012, 2, unit.SO2, ug, "60", "150", "", "500"},
	{air2012, 2, unit.NO2, ug, "40", "80", "", "200"},
	{air2012, 2, unit.PM10, ug, "70", "150", "", ""},
	{air2012, 2, unit.PM25, ug, "35", "75", "", ""},
	{air2012, 2, unit.CO, mg, "", "4", "", "10"},
	{air2012, 2, unit.O3, ug, "", "", "160", "200"},

	{airTransition, 2, unit.SO2, ug, "60", "150", "", "500"},
	{airTransition, 2, unit.NO2, ug, "40", "80", "", "200"},
	{airTransition, 2, unit.PM10, ug, "60", "120", "", ""},
	{airTransition, 2, unit.PM25, ug, "30", "60", "", ""},
	{airTransition, 2, unit.CO, mg, "", "4", "", "10"},
	{airTransition, 2, unit.O3, ug, "", "", "160", "200"},

	{airFinal, 1, unit.PM25, ug, "10", "25", "", ""},

	{airFinal, 2, unit.SO2, ug, "20", "50", "", "150"},
	{airFinal, 2, unit.NO2, ug, "30", "50", "", "200"},
	{airFinal, 2, unit.PM10, ug, "50", "100", "", ""},
	{airFinal, 2, unit.PM25, ug, "25", "50", "", ""},
	{airFinal, 2, unit.CO, mg, "", "4", "", "10"},
	{airFinal, 2, unit.O3, ug, "", "", "160", "200"},
}

func (l airLimit) of(averaging string) string {
	return map[string]string{Year: l.year, Day: l.day, EightHour: l.h8, Hour: l.hour}[averaging]
}

// GB3095 is how queries call the standard of air.
const GB3095 = "GB3095"

// Averagings are the averaging times that limits have.
func Averagings() []string { return []string{Hour, EightHour, Day, Year} }

// Limit is a limit with the unit that it is in and the edition that it is of.
type Limit struct {
	Text    string // a decimal in Unit
	Unit    unit.Unit
	Edition Edition
}

// In is the limit in another unit; false: it is of another kind.
func (l Limit) In(u unit.Unit) (*big.Rat, bool) {
	factor, ok := unit.Factor(l.Unit, u)
	if !ok {
		return nil, false
	}
	return factor.Mul(factor, rat(l.Text)), true
}

// Limits are the limits of a pollutant that hold on the days from first to last, the earliest
// first: one for each edition. An error says which there is none of.
func Limits(standard, averaging string, grade int, pollutant, first, last string) ([]Limit, error) {
	if standard != GB3095 {
		return nil, fmt.Errorf("there is no standard %.40q of limits; want '%s'", standard, GB3095)
	}
	if !slices.Contains(Averagings(), averaging) {
		return nil, fmt.Errorf("%.40q is no averaging time; want '%s'", averaging, strings.Join(Averagings(), "', '"))
	}
	var out []Limit
	for _, e := range []Edition{air2012, airTransition, airFinal} {
		if !e.touches(first, last) {
			continue
		}
		i := slices.IndexFunc(airLimits, func(l airLimit) bool { return l.edition == e && l.grade == grade && l.pollutant == pollutant })
		if i < 0 || airLimits[i].of(averaging) == "" {
			return nil, fmt.Errorf("%s has no limit of %s for one %s in grade %d that is known here", e.Name, name(pollutant), averaging, grade)
		}
		u, _ := unit.ByCode(airLimits[i].unit)
		out = append(out, Limit{Text: airLimits[i].of(averaging), Unit: u, Edition: e})
	}
	return out, nil
}

// name is what a pollutant is called.
func name(code string) string {
	if p := unit.PollutantOf(code); p.Name != "" {
		return p.Name
	}
	return code
}

// rat is a number of a table.
func rat(text string) *big.Rat {
	v, _ := new(big.Rat).SetString(text)
	return v
}

// changes are the days on which one of the standards of air begins to hold.
var changes = []string{airTransition.From, airFinal.From}

// ChangesWithin are the days behind first, up to last, on which another edition begins to hold.
func ChangesWithin(first, last string) []string {
	return slices.DeleteFunc(slices.Clone(changes), func(day string) bool { return day <= first || day > last })
}
