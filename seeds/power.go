package seeds

import (
	"io"
	"strconv"
)

// powerCompanies are the four under carbon quota, made up, with median yearly
// emissions in tons.
var powerCompanies = [4]struct {
	id, zh, en string
	county     int
	co2        int64
}{
	{"power_1", "合成发电企业一", "Synthetic power company 1", 0, 3_100_000},
	{"power_2", "合成发电企业二", "Synthetic power company 2", 1, 1_450_000},
	{"power_3", "合成发电企业三", "Synthetic power company 3", 8, 720_000},
	{"power_4", "合成发电企业四", "Synthetic power company 4", 10, 410_000},
}

// firstPowerSerial numbers the power companies' credit codes behind those of the
// enterprises.
const firstPowerSerial = 90_001

// WritePowerCompanies writes the registry of the four power companies: id,
// name_zh, name_en, county, credit_code.
func (g *Generator) WritePowerCompanies(w io.Writer) error {
	out := newRows(w, "id", "name_zh", "name_en", "county", "credit_code")
	for i, p := range powerCompanies {
		unit := districts[p.county]
		out.text(p.id, p.zh, p.en, unit.id, syntheticCreditCode(unit.division, firstPowerSerial+i))
		out.end()
	}
	return out.close("power_companies")
}

// WritePowerCarbon writes power_carbon: company, period (year), co2_t, quota_t,
// whole tons. Demo: 2024; Full: 2020 to 2024, the years that are settled.
func (g *Generator) WritePowerCarbon(w io.Writer) error {
	out := newRows(w, "company", "period", "co2_t", "quota_t")
	first := 2024
	if g.size == SizeFull {
		first = 2020
	}
	for year := first; year <= 2024; year++ {
		for i, p := range powerCompanies {
			emitted := p.co2 * exp2(normal(g.draw(streamPower, i, year, 0))*6000>>16) >> 16
			out.text(p.id, strconv.Itoa(year))
			out.fixed(emitted, 0)
			out.fixed(emitted*int64(960+below(g.draw(streamPower, i, year, 1), 80))/1000, 0)
			out.end()
		}
	}
	return out.close("power_carbon")
}
