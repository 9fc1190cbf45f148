package seeds

import (
	"io"
	"strconv"
)

// dustKinds are kinds of sites: how the registry has them, and in the names.
var dustKinds = [4]struct{ id, zh, en string }{
	{"construction", "建筑工地", "construction site"},
	{"road", "道路", "road"},
	{"yard", "料场", "stockyard"},
	{"demolition", "拆迁工地", "demolition site"},
}

func dustID(i int) string { return "dust_" + strconv.Itoa(10_001 + i)[1:] }

// WriteDustMonitors writes the registry of dust monitors: id, name_zh, name_en,
// county, kind of site. Counties take turns, so that each has five.
func (g *Generator) WriteDustMonitors(w io.Writer) error {
	out := newRows(w, "id", "name_zh", "name_en", "county", "kind")
	for i := range g.dustMonitors {
		unit, kind := districts[i%len(districts)], dustKinds[i/len(districts)%len(dustKinds)]
		number := strconv.Itoa(10_001 + i)[1:]
		out.text(dustID(i), unit.zh+kind.zh+"扬尘监测点"+number, unit.en+" "+kind.en+" dust monitor "+number)
		out.text(unit.id, kind.id)
		out.end()
	}
	return out.close("dust_monitors")
}

// dustDiurnal is the course of a working day, in per cent.
var dustDiurnal = [24]int64{
	62, 58, 56, 55, 57, 66, 84, 104, 122, 130, 132, 126,
	112, 118, 128, 130, 128, 122, 116, 108, 98, 86, 76, 68,
}

// dustMax is the largest value of tsp, in µg/m³.
const dustMax = 5000

const dustMissingPerMille = 12

// WriteDustHourly writes dust_hourly: monitor, period (hour), tsp, pm10, both
// µg/m³, from 1 May 2024 for as many days as the options say.
func (g *Generator) WriteDustHourly(w io.Writer) error {
	out := newRows(w, "monitor", "period", "tsp", "pm10")
	first := utcDay(2024, 5, 1)
	for _, day := range days(first, first.AddDate(0, 0, g.dustDays-1)) {
		weather := normal(g.draw(streamDust, day.index, -1, 0)) * 30_000 >> 16
		for hour, percent := range dustDiurnal {
			period := day.text + "T" + strconv.Itoa(100 + hour)[1:]
			for i := range g.dustMonitors {
				out.text(dustID(i), period)
				at := day.index*24 + hour
				if perMille(g.draw(streamDustMissing, at, i, 0), dustMissingPerMille) {
					out.fixed(missing, 0)
					out.fixed(missing, 0)
				} else {
					noise := normal(g.draw(streamDust, at, i, 1)) * 34_000 >> 16
					tsp := min(140*percent*exp2(weather+noise)/(100*one), dustMax)
					share := int64(35 + below(g.draw(streamDust, at, i, 2), 30))
					out.fixed(tsp, 0)
					out.fixed(tsp*share/100, 0)
				}
				out.end()
			}
		}
	}
	return out.close("dust_hourly")
}
