package seeds

// The source lines, in the words of the bureau's figures as the project
// restates them.
const (
	lineAir2024     = "air, 2024, whole city: composite index 4.22 (19.2 % below 2020); PM2.5 41 µg/m³ (19.6 % below 2020, so 51); PM10 69 µg/m³ (16.9 % below 2020, so 83)"
	lineAir2025     = "air, 2025 to 17 November: PM2.5 34 µg/m³, the first time within the national class 2 limit of 35"
	lineRivers      = "rivers: 13 national and provincial control sections, daily readings, all within target; Hengshui Lake steady at class III; drinking water sources 100 % class III or better"
	lineOutfalls    = "outfalls: 871 river outfalls surveyed, all traced and put right"
	lineVillages    = "villages: sewage treated in 3,281 villages, 65.7 %"
	lineRights      = "emission rights: rights of more than 25,000 enterprises confirmed and kept current; 40 secondary-market trades; first loan secured on emission rights in the province; permit opinions within 3 working days"
	lineSupervision = "supervision: more than 6,200 gas-emitting enterprises on the supervision platform, more than 10,000 warnings pushed"
	lineGrades      = "performance grades: 220 enterprises graded: 38 A, 152 B, 30 leading"
	lineEnforcement = "enforcement: 408 enterprises on the positive list are not inspected on site without a lead"
	lineCarbon      = "carbon market: 4 power companies under quota, all settled"
	lineHazardous   = "hazardous waste: disposal capacity 133,000 t a year; utilisation up from 24,600 to 173,000 t a year (activated carbon 15,000, nickel-cadmium batteries 3,000, spent hydrochloric acid 100,000)"
	lineZeroWaste   = "zero-waste city: 733 zero-waste cells; the first zero-waste marathon standard"
	lineData        = "data: a privacy computing platform for ecological data built with a digital technology company and the first on-exchange data trade closed; a self-built data evidence platform (timestamped, tamper-evident evidence for enforcement)"
)

// What is known of the city, and no figure of the press conference.
const (
	lineUnits      = "administrative units (11): Taocheng, Jizhou, Zaoqiang, Wuyi, Wuqiang, Raoyang, Anping, Gucheng, Jingxian, Fucheng, Shenzhou"
	lineIndustries = "well-known local industries: fibre-reinforced plastics (Zaoqiang), rubber and plastics (Jingxian, Taocheng), wire mesh (Anping), food and liquor (Taocheng), furs (Zaoqiang), musical instruments (Wuqiang)"
)

// Topics that have several figures.
var (
	topicAir         = Text{"air, whole city", "全市空气质量"}
	topicRivers      = Text{"rivers and lakes", "河湖水质"}
	topicRights      = Text{"emission rights", "排污权"}
	topicSupervision = Text{"supervision", "智慧监管"}
	topicGrades      = Text{"performance grades", "绩效分级"}
	topicHazardous   = Text{"hazardous waste", "危险废物"}
	topicZeroWaste   = Text{"zero-waste city", "无废城市"}
	topicData        = Text{"data", "数据"}
	topicCity        = Text{"the city", "衡水市"}
)

// figureTable has the figures of the bureau's press conference on the 14th five-year plan,
// 20 November 2025; its last two rows are known of the city.
var figureTable = []Figure{
	{ID: "air_index_2024", Topic: topicAir, Text: Text{"composite index 2024", "2024年环境空气质量综合指数"}, Relation: Exactly, Value: "4.22", Decimals: 2, Source: lineAir2024, Data: "air_daily"},
	{ID: "air_index_fall", Topic: topicAir, Text: Text{"fall of the composite index, 2020 to 2024", "综合指数2024年较2020年下降"}, Relation: Exactly, Value: "19.2", Unit: "%", Decimals: 1, Source: lineAir2024, Data: "air_daily"},
	{ID: "pm25_2020", Topic: topicAir, Text: Text{"PM2.5 mean 2020", "2020年PM2.5平均浓度"}, Relation: Exactly, Value: "51", Unit: "µg/m³", Source: lineAir2024, Derived: true, Data: "air_daily"},
	{ID: "pm25_2024", Topic: topicAir, Text: Text{"PM2.5 mean 2024", "2024年PM2.5平均浓度"}, Relation: Exactly, Value: "41", Unit: "µg/m³", Source: lineAir2024, Data: "air_daily"},
	{ID: "pm25_fall", Topic: topicAir, Text: Text{"fall of PM2.5, 2020 to 2024", "PM2.5 2024年较2020年下降"}, Relation: Exactly, Value: "19.6", Unit: "%", Decimals: 1, Source: lineAir2024, Data: "air_daily"},
	{ID: "pm10_2020", Topic: topicAir, Text: Text{"PM10 mean 2020", "2020年PM10平均浓度"}, Relation: Exactly, Value: "83", Unit: "µg/m³", Source: lineAir2024, Derived: true, Data: "air_daily"},
	{ID: "pm10_2024", Topic: topicAir, Text: Text{"PM10 mean 2024", "2024年PM10平均浓度"}, Relation: Exactly, Value: "69", Unit: "µg/m³", Source: lineAir2024, Data: "air_daily"},
	{ID: "pm10_fall", Topic: topicAir, Text: Text{"fall of PM10, 2020 to 2024", "PM10 2024年较2020年下降"}, Relation: Exactly, Value: "16.9", Unit: "%", Decimals: 1, Source: lineAir2024, Data: "air_daily"},
	{ID: "pm25_2025", Topic: topicAir, Text: Text{"PM2.5 mean 2025 to 17 November", "2025年截至11月17日PM2.5平均浓度"}, Relation: Exactly, Value: "34", Unit: "µg/m³", Source: lineAir2025, Data: "air_daily"},
	{ID: "pm25_2025_limit", Topic: topicAir, Text: Text{"PM2.5 2025 to 17 November within the class 2 limit (GB 3095-2012)", "2025年截至11月17日PM2.5达到国家二级标准"}, Relation: AtMost, Value: "35", Unit: "µg/m³", Source: lineAir2025, Data: "air_daily"},
	{ID: "sections", Topic: topicRivers, Text: Text{"national and provincial control sections, all within target", "国省控断面，全部达标"}, Relation: Exactly, Value: "13", Unit: "sections", Source: lineRivers, Data: "water_daily"},
	{ID: "lake_class", Topic: topicRivers, Text: Text{"Hengshui Lake steady at class III", "衡水湖稳定保持Ⅲ类水质"}, Relation: Statement, Source: lineRivers, Data: "water_daily"},
	{ID: "drinking_water", Topic: topicRivers, Text: Text{"drinking water sources at class III or better", "饮用水水源地水质达到或优于Ⅲ类比例"}, Relation: Exactly, Value: "100", Unit: "%", Source: lineRivers},
	{ID: "outfalls", Topic: Text{"outfalls", "入河排污口"}, Text: Text{"river outfalls surveyed, all traced and put right", "入河排污口排查，全部溯源整治"}, Relation: Exactly, Value: "871", Unit: "outfalls", Source: lineOutfalls},
	{ID: "villages", Topic: Text{"villages", "农村生活污水"}, Text: Text{"villages whose sewage is treated", "完成生活污水治理的村庄"}, Relation: Exactly, Value: "3281", Unit: "villages", Source: lineVillages},
	{ID: "villages_share", Topic: Text{"villages", "农村生活污水"}, Text: Text{"share of villages whose sewage is treated", "农村生活污水治理率"}, Relation: Exactly, Value: "65.7", Unit: "%", Decimals: 1, Source: lineVillages},
	{ID: "rights_enterprises", Topic: topicRights, Text: Text{"enterprises whose rights are confirmed and kept current", "完成排污权确权的企业"}, Relation: MoreThan, Value: "25000", Unit: "enterprises", Source: lineRights, Data: "emission_rights"},
	{ID: "rights_trades", Topic: topicRights, Text: Text{"secondary-market trades", "排污权二级市场交易"}, Relation: Exactly, Value: "40", Unit: "trades", Source: lineRights},
	{ID: "rights_loan", Topic: topicRights, Text: Text{"first loan in the province secured on emission rights", "全省首笔排污权抵押贷款"}, Relation: Statement, Source: lineRights},
	{ID: "permit_days", Topic: topicRights, Text: Text{"permit opinions within so many working days", "许可审核意见时限"}, Relation: AtMost, Value: "3", Unit: "working days", Source: lineRights},
	{ID: "gas_enterprises", Topic: topicSupervision, Text: Text{"gas-emitting enterprises on the supervision platform", "纳入监管平台的涉气企业"}, Relation: MoreThan, Value: "6200", Unit: "enterprises", Source: lineSupervision, Data: "enterprises"},
	{ID: "warnings", Topic: topicSupervision, Text: Text{"warnings pushed", "推送预警信息"}, Relation: MoreThan, Value: "10000", Unit: "warnings", Source: lineSupervision, Data: "warnings_monthly"},
	{ID: "graded", Topic: topicGrades, Text: Text{"enterprises graded", "绩效评级企业"}, Relation: Exactly, Value: "220", Unit: "enterprises", Source: lineGrades, Data: "enterprises"},
	{ID: "graded_a", Topic: topicGrades, Text: Text{"graded A", "A级企业"}, Relation: Exactly, Value: "38", Unit: "enterprises", Source: lineGrades, Data: "enterprises"},
	{ID: "graded_b", Topic: topicGrades, Text: Text{"graded B", "B级企业"}, Relation: Exactly, Value: "152", Unit: "enterprises", Source: lineGrades, Data: "enterprises"},
	{ID: "graded_leading", Topic: topicGrades, Text: Text{"graded leading", "引领性企业"}, Relation: Exactly, Value: "30", Unit: "enterprises", Source: lineGrades, Data: "enterprises"},
	{ID: "positive_list", Topic: Text{"enforcement", "执法"}, Text: Text{"enterprises on the positive list", "执法正面清单企业"}, Relation: Exactly, Value: "408", Unit: "enterprises", Source: lineEnforcement, Data: "enterprises"},
	{ID: "power_companies", Topic: Text{"carbon market", "碳市场"}, Text: Text{"power companies under quota, all settled", "纳入配额管理的发电企业，全部完成清缴"}, Relation: Exactly, Value: "4", Unit: "companies", Source: lineCarbon, Data: "power_companies"},
	{ID: "hazardous_capacity", Topic: topicHazardous, Text: Text{"disposal capacity", "处置能力"}, Relation: Exactly, Value: "133000", Unit: "t/a", Source: lineHazardous},
	{ID: "hazardous_use_before", Topic: topicHazardous, Text: Text{"utilisation before", "原利用能力"}, Relation: Exactly, Value: "24600", Unit: "t/a", Source: lineHazardous},
	{ID: "hazardous_use", Topic: topicHazardous, Text: Text{"utilisation now", "现利用能力"}, Relation: Exactly, Value: "173000", Unit: "t/a", Source: lineHazardous},
	{ID: "hazardous_carbon", Topic: topicHazardous, Text: Text{"utilisation of activated carbon", "废活性炭利用能力"}, Relation: Exactly, Value: "15000", Unit: "t/a", Source: lineHazardous},
	{ID: "hazardous_batteries", Topic: topicHazardous, Text: Text{"utilisation of nickel-cadmium batteries", "废镍镉电池利用能力"}, Relation: Exactly, Value: "3000", Unit: "t/a", Source: lineHazardous},
	{ID: "hazardous_acid", Topic: topicHazardous, Text: Text{"utilisation of spent hydrochloric acid", "废盐酸利用能力"}, Relation: Exactly, Value: "100000", Unit: "t/a", Source: lineHazardous},
	{ID: "zero_waste_cells", Topic: topicZeroWaste, Text: Text{"zero-waste cells", "无废细胞"}, Relation: Exactly, Value: "733", Unit: "cells", Source: lineZeroWaste},
	{ID: "zero_waste_marathon", Topic: topicZeroWaste, Text: Text{"the first zero-waste marathon standard", "首个无废马拉松标准"}, Relation: Statement, Source: lineZeroWaste},
	{ID: "privacy_platform", Topic: topicData, Text: Text{"a privacy computing platform for ecological data, and the first on-exchange data trade", "生态数据隐私计算平台，首笔场内数据交易"}, Relation: Statement, Source: lineData},
	{ID: "evidence_platform", Topic: topicData, Text: Text{"a self-built data evidence platform", "自建数据存证平台"}, Relation: Statement, Source: lineData},
	{ID: "units", Topic: topicCity, Text: Text{"administrative units", "县市区"}, Relation: Exactly, Value: "11", Unit: "units", Source: lineUnits, Data: "dust_hourly"},
	{ID: "home_industries", Topic: topicCity, Text: Text{"industries that counties are known for", "县域特色产业"}, Relation: Statement, Source: lineIndustries, Data: "enterprise_monthly"},
}
