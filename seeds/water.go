package seeds

import (
	"io"
	"strconv"
)

// section is a control section of a river or lake.
type section struct {
	zh, en, riverZH, river, basin, level string
	lake                                 bool
}

// sections are 13, as many as the bureau reports on; their names number real
// waters and name no real section.
var sections = [13]section{
	{"滏阳河一断面", "Fuyang River 1", "滏阳河", "Fuyang River", "Ziya", "national", false},
	{"滏阳河二断面", "Fuyang River 2", "滏阳河", "Fuyang River", "Ziya", "provincial", false},
	{"滏阳新河断面", "Fuyang New River", "滏阳新河", "Fuyang New River", "Ziya", "national", false},
	{"滏东排河断面", "Fudong Drain", "滏东排河", "Fudong Drain", "Heilonggang", "provincial", false},
	{"滹沱河一断面", "Hutuo River 1", "滹沱河", "Hutuo River", "Ziya", "national", false},
	{"滹沱河二断面", "Hutuo River 2", "滹沱河", "Hutuo River", "Ziya", "provincial", false},
	{"清凉江断面", "Qingliang River", "清凉江", "Qingliang River", "Heilonggang", "national", false},
	{"江江河断面", "Jiangjiang River", "江江河", "Jiangjiang River", "Heilonggang", "provincial", false},
	{"索泸河断面", "Suolu River", "索泸河", "Suolu River", "Heilonggang", "provincial", false},
	{"卫运河断面", "Weiyun River", "卫运河", "Weiyun River", "Zhangwei", "national", false},
	{"南运河断面", "South Canal", "南运河", "South Canal", "Zhangwei", "national", false},
	{"衡水湖一断面", "Hengshui Lake 1", "衡水湖", "Hengshui Lake", "Heilonggang", "national", true},
	{"衡水湖二断面", "Hengshui Lake 2", "衡水湖", "Hengshui Lake", "Heilonggang", "provincial", true},
}

func sectionID(i int) string {
	return "section_" + strconv.Itoa(100 + i + 1)[1:]
}

// WriteSections writes the registry of the 13 control sections: id, name_zh,
// name_en, river_zh, river, basin, level (national or provincial).
func (g *Generator) WriteSections(w io.Writer) error {
	out := newRows(w, "id", "name_zh", "name_en", "river_zh", "river", "basin", "level")
	for i, s := range sections {
		out.text(sectionID(i), s.zh, s.en, s.riverZH, s.river, s.basin, s.level)
		out.end()
	}
	return out.close("sections")
}

// waterModel shapes one measure: middle · 2^noise, between low and high, in
// units of the last decimal. high (for oxygen: low) is the class III limit of
// GB 3838-2002, so that every reading is within target.
type waterModel struct {
	decimals          int
	middle, low, high int64
	lakeMiddle        int64
	lakeHigh          int64
	noise             int64
	season            season
}

var summerHigh = season{80, 80, 85, 95, 105, 115, 130, 130, 115, 100, 90, 85}

// waterModels: permanganate index, ammonia nitrogen, total phosphorus, oxygen.
var waterModels = [4]waterModel{
	{1, 38, 8, 60, 42, 60, 14000, summerHigh},
	{2, 32, 3, 100, 24, 100, 38000, season{135, 125, 110, 95, 85, 80, 85, 85, 90, 100, 110, 125}},
	{3, 90, 10, 200, 27, 50, 26000, summerHigh},
	{1, 88, 50, 160, 90, 160, 9000, season{135, 130, 118, 102, 90, 80, 74, 76, 86, 100, 115, 130}},
}

const waterMissingPerMille = 8

// WriteWaterDaily writes water_daily: section, period (day), codmn, nh3n, tp,
// do, all mg/L. Demo: 2024; Full: 1 January 2020 to 17 November 2025.
func (g *Generator) WriteWaterDaily(w io.Writer) error {
	first, last := utcDay(2024, 1, 1), utcDay(2024, 12, 31)
	if g.size == SizeFull {
		first, last = utcDay(2020, 1, 1), utcDay(2025, 11, 17)
	}
	out := newRows(w, "section", "period", "codmn", "nh3n", "tp", "do")
	for _, day := range days(first, last) {
		for i := range sections {
			out.text(sectionID(i), day.text)
			for m, model := range waterModels {
				value := g.waterValue(day, i, m)
				if perMille(g.draw(streamWaterMissing, day.index, i, m), waterMissingPerMille) {
					value = missing
				}
				out.fixed(value, model.decimals)
			}
			out.end()
		}
	}
	return out.close("water_daily")
}

func (g *Generator) waterValue(day date, i, m int) int64 {
	model := waterModels[m]
	middle, high := model.middle, model.high
	if sections[i].lake {
		middle, high = model.lakeMiddle, model.lakeHigh
	}
	place := normal(g.draw(streamSection, i, m, 0)) * 8000 >> 16
	noise := normal(g.draw(streamWater, day.index, i, m)) * model.noise >> 16
	value := middle * model.season.at(day) * exp2(place+noise) / (100 * one)
	return min(max(value, model.low), high)
}
