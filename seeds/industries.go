package seeds

// industry is a branch of the enterprise registry. Emissions are medians of a
// gas emitter's month: kilograms in tenths, carbon dioxide in tenths of a ton.
type industry struct {
	id, zh, en string
	weight     int            // enterprises, relative, where nothing else is said
	local      map[string]int // counties it is at home in: weight instead
	gas        int64          // propensity to emit gas, relative
	medians    [emissionMeasures]int64
}

// The measures of enterprise_monthly, in the order of the columns.
const (
	so2Kg = iota
	noxKg
	vocKg
	codKg
	nh3nKg
	co2T
	emissionMeasures
)

// industries: those the city is known for, and the rest of an economy.
var industries = [15]industry{
	{"frp", "玻璃钢", "fibre-reinforced plastics", 20, map[string]int{"zaoqiang": 420, "jizhou": 80}, 40, [6]int64{60, 180, 900, 120, 9, 90}},
	{"rubber_plastics", "橡塑", "rubber and plastics", 40, map[string]int{"jingxian": 420, "taocheng": 200}, 40, [6]int64{110, 320, 800, 160, 12, 180}},
	{"wire_mesh", "丝网", "wire mesh", 15, map[string]int{"anping": 620, "shenzhou": 70}, 22, [6]int64{90, 260, 200, 240, 18, 150}},
	{"chemicals", "化工", "chemicals", 25, map[string]int{"wuyi": 60, "jizhou": 60, "shenzhou": 60}, 60, [6]int64{420, 980, 1400, 900, 90, 900}},
	{"food_liquor", "食品酿酒", "food and liquor", 70, map[string]int{"taocheng": 160, "fucheng": 90}, 14, [6]int64{120, 340, 160, 1300, 110, 260}},
	{"fur", "皮毛", "furs", 12, map[string]int{"zaoqiang": 260, "gucheng": 110}, 16, [6]int64{70, 190, 320, 1500, 160, 110}},
	{"instruments", "乐器", "musical instruments", 6, map[string]int{"wuqiang": 240}, 34, [6]int64{20, 60, 420, 40, 3, 30}},
	{"foundry", "铸造", "foundry", 30, map[string]int{"jizhou": 110, "fucheng": 80}, 70, [6]int64{620, 1100, 320, 110, 8, 820}},
	{"machinery", "机械", "machinery", 90, nil, 22, [6]int64{80, 240, 260, 140, 10, 160}},
	{"furniture", "家具", "furniture", 45, map[string]int{"wuyi": 150, "shenzhou": 100}, 38, [6]int64{20, 70, 640, 60, 4, 40}},
	{"textiles", "纺织", "textiles", 50, map[string]int{"raoyang": 110, "gucheng": 110}, 12, [6]int64{140, 330, 180, 980, 70, 230}},
	{"building_materials", "建材", "building materials", 60, nil, 60, [6]int64{700, 1900, 130, 90, 6, 1700}},
	{"paper_packaging", "纸制品包装", "paper and packaging", 40, map[string]int{"wuqiang": 90}, 26, [6]int64{130, 300, 420, 760, 40, 240}},
	{"metal_products", "金属制品", "metal products", 80, nil, 26, [6]int64{130, 330, 230, 190, 14, 210}},
	{"other", "其他", "other", 220, nil, 4, [6]int64{30, 90, 60, 80, 8, 50}},
}
