package seeds

import "io"

// district is an administrative unit of Hengshui.
type district struct {
	id, zh, en, kind string
	division         string // six digits of GB/T 2260
	weight           int    // enterprises, relative
}

// districts are the 11 units, in the order of the published list.
var districts = [11]district{
	{"taocheng", "桃城区", "Taocheng", "district", "131102", 190},
	{"jizhou", "冀州区", "Jizhou", "district", "131103", 100},
	{"zaoqiang", "枣强县", "Zaoqiang", "county", "131121", 130},
	{"wuyi", "武邑县", "Wuyi", "county", "131122", 70},
	{"wuqiang", "武强县", "Wuqiang", "county", "131123", 55},
	{"raoyang", "饶阳县", "Raoyang", "county", "131124", 60},
	{"anping", "安平县", "Anping", "county", "131125", 160},
	{"gucheng", "故城县", "Gucheng", "county", "131126", 90},
	{"jingxian", "景县", "Jingxian", "county", "131127", 140},
	{"fucheng", "阜城县", "Fucheng", "county", "131128", 65},
	{"shenzhou", "深州市", "Shenzhou", "city", "131182", 110},
}

// WriteDistricts writes the registry of the 11 administrative units: id (pinyin
// in lower case), name_zh, name_en, kind (district, county or city).
func (g *Generator) WriteDistricts(w io.Writer) error {
	out := newRows(w, "id", "name_zh", "name_en", "kind")
	for _, d := range districts {
		out.text(d.id, d.zh, d.en, d.kind)
		out.end()
	}
	return out.close("districts")
}
