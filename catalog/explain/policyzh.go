package explain

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// zhPolicyField says a field of a policy that says something in English, in Chinese.
func zhPolicyField(name string, d catalog.Descriptor) string {
	p := d.Policy
	switch name {
	case "aggregates":
		return "聚合函数：" + strings.Join(p.Aggregates, "、")
	case "public":
		return "公开：可以查询任意组，包括单个读数"
	case "grain":
		return "组由完整的周期构成，周期为一个" + cmp.Or(zhWords()[string(cmp.Or(p.Grain, d.Grain))], string(p.Grain))
	case "min_cohort":
		return fmt.Sprintf("一个组至少有 %d 个有读数的实体，否则不发布", p.MinCohort)
	case "min_coverage":
		return fmt.Sprintf("一行至少覆盖其组内 %s %% 的实体，否则不发布，除非查询允许覆盖不足的行", catalog.Percent(p.Coverage()))
	case "cubes":
		return "实体按以下顺序分类：" + zhLists(p.Cubes, "按 ", " 和 ", "；")
	case "moments":
		return "精确的乘积和：" + zhLists(pairs(p.Moments), "", " × ", "、")
	case "joins":
		return "与以下数据集的指标的精确乘积和（须对方也列出本数据集）：" + strings.Join(p.Joins, "、")
	case "related":
		return "反映相同读数的指标：" + zhLists(p.Related, "", "、", "；")
	case "unrelated":
		return "发布方保证与以下名录或数据集无关：" + strings.Join(p.Unrelated, "、")
	case "portfolios":
		if n := p.Owners(); n > 1 {
			return fmt.Sprintf("最多 %d 个持有者可得到私有名单的精确结果，发布方相信他们不会汇集各自所得", n)
		}
		return "同一时间只有一个持有者可得到私有名单的精确结果"
	case "portfolio_change":
		if p.Change() == catalog.PortfolioNever {
			return "每个持有者用于精确结果的私有名单始终是其第一份"
		}
		return "持有者可以为尚未回答的周期登记另一份私有名单"
	case "dp":
		return fmt.Sprintf("加噪结果：epsilon 每次查询 %s，每份合同 %s，总计 %s；delta 不超过 %s", p.DP.EpsilonPerQuery, p.DP.EpsilonPerContract, p.DP.EpsilonFamily, p.DP.Delta)
	case "retention_days":
		return fmt.Sprintf("查询内容和答案在回答后 %d 天内可以取得；之后节点将其忘记，只保留价格、预算和日志条目", cmp.Or(p.RetentionDays, catalog.DefaultRetention))
	case "version_days":
		return fmt.Sprintf("新版本发布后，旧版本在 %d 天内仍可查询；之后节点将其清除", p.VersionDays)
	case "caps":
		var all [][]string
		for _, m := range p.Capped() {
			all = append(all, []string{m, p.Caps[m]})
		}
		return "噪声按实体的上限而不是范围确定：" + zhLists(all, "", " 按其 ", "、")
	case "above_cap":
		if p.AboveCap == catalog.AboveCapClip {
			return "超过实体上限的读数按上限发布，因此总和可能偏小"
		}
		return "没有读数超过其实体的上限"
	}
	return ""
}

// zhLists writes lists, each begun with before and its names joined by within, with between between them.
func zhLists(lists [][]string, before, within, between string) string {
	texts := make([]string, len(lists))
	for i, l := range lists {
		texts[i] = before + strings.Join(l, within)
	}
	return strings.Join(texts, between)
}

func pairs(list [][2]string) [][]string {
	out := make([][]string, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}

// zhAmendRules are amendRules in Chinese.
func zhAmendRules() map[catalog.AmendRule]string {
	return map[catalog.AmendRule]string{
		catalog.AmendPlaces:   "密文块、类别和私有名单依实体在名录中的位置而定",
		catalog.AmendNames:    "查询、合同和版本都使用这一名称",
		catalog.AmendPeriods:  "版本按其布局并相互对照",
		catalog.AmendEncoding: "已发布的读数按该单位加密，以末位小数的倍数从范围中点计起；范围只能以同一中点放宽",
		catalog.AmendNarrower: "已发布的读数可能在范围之外；范围只能以同一中点放宽",
		catalog.AmendEarlier:  "已发布的版本没有这些列；新的指标可以有",
		catalog.AmendAdded:    "只能去掉：提供读数时并未告知会发布它",
		catalog.AmendPromised: "已发布的结果以此为依据",
		catalog.AmendMoments:  "已发布指标的平方和乘积所需的实体会多于其总和已有的实体；可以随新的指标加入",
		catalog.AmendRelated:  "哪些相关、哪些无关，在第一个版本时已经确定；新的指标可以与其他指标相关",
		catalog.AmendBudget:   "减少总是稳妥的，超过所承诺的则不是",
		catalog.AmendShared:   "您在该名录上的所有数据集共用一个预算，已用的也计入其中",
	}
}
