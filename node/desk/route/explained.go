package route

import (
	"regexp"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/wire"
)

// ExplainedIn is what a query would release and take, with its sentences in a language. Those of a newer node that no table
// has stay in English.
func ExplainedIn(l explain.Language, x *wire.Explained) *wire.Explained {
	if x == nil || l == explain.English {
		return x
	}
	out := *x
	out.Verdict, out.WithheldGroups, out.LeftOut = explainedInChinese(x.Verdict), explainedInChinese(x.WithheldGroups), explainedInChinese(x.LeftOut)
	out.Nodes = explained.chinese(x.Nodes)
	out.Coverage = nil
	for _, row := range x.Coverage {
		row.Group = explained.chinese(row.Group)
		out.Coverage = append(out.Coverage, row)
	}
	if x.Noise != nil {
		noise := *x.Noise
		noise.Sums = nil
		for _, c := range x.Noise.Sums {
			noise.Sums = append(noise.Sums, noiseInChinese(c))
		}
		out.Noise = &noise
	}
	return &out
}

func explainedInChinese(list []string) (out []string) {
	for _, text := range list {
		out = append(out, periodsInChinese(explained.chinese(text)))
	}
	return out
}

func noiseInChinese(c plan.ColumnNoise) plan.ColumnNoise {
	c.What = worded(sumPatterns(), c.What)
	return c
}

// from and beside stand between periods.
var from, beside = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(\d[\w:+-]*) to (\d)`) }),
	sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(\d[\w:+-]*)(?: and|,) (\d{4})`) })

// periodsInChinese has the words between periods in Chinese.
func periodsInChinese(text string) string {
	return beside().ReplaceAllString(from().ReplaceAllString(text, "$1 至 $2"), "$1、$2")
}

var (
	explained   = telling{patterns: sync.OnceValue(func() []pattern { return compiled(chineseExplained()) })}
	sumPatterns = sync.OnceValue(func() []pattern { return compiled(chineseSums()) })
)

// chineseExplained are the sentences with which a node explains a query, in English as node/api/explainwords.go has them, and
// in Chinese.
func chineseExplained() [][2]string {
	return [][2]string{
		// the verdict
		{"accepted under contract %s", "按合同 %s 接受"},
		{"query %s released this already: the same verdict, not counted, the price alone", "查询 %s 已发布过此结果：裁定相同，不计次数，只收费"},
		{"joined with version %d of dataset %s under contract %s", "按合同 %[3]s 与数据集 %[2]s 的版本 %[1]s 联接"},
		{"joined with version %d of dataset %s under contract %s, which pays %s %s", "按合同 %[3]s 与数据集 %[2]s 的版本 %[1]s 联接，由该合同支付 %[4]s %[5]s"},
		{"the dataset is public: every group is released", "数据集是公开的：所有组都发布"},
		{"min_cohort is %d: %d of %d entities are included", "min_cohort 为 %[1]s：%[3]s 个实体中计入 %[2]s 个"},
		{"1 group would cover too few of its entities and is withheld", "有 1 组涉及的实体过少，不发布"},
		{"%d groups would cover too few of their entities and are withheld", "有 %s 组涉及的实体过少，不发布"},
		// groups
		{"all selected entities", "全部所选实体"},
		{"%s: %d of %d entities", "%[1]s：缺 %[2]s 个实体，共 %[3]s 个"},
		{"%s: a class of entities, in %s, of %s", "%s：一类实体，时段 %s，指标 %s"},
		{"%d classes of entities, the last in %s, in %s, of %s", "%s 类实体，最后一类属于 %s，时段 %s，指标 %s"},
		{"all measures", "全部指标"},
		// what nodes learn
		{"the request, the groups and how many there are", "请求、各组及组数"},
		{"of the values, uniformly random shares and nothing else", "对于数值，只见到均匀随机的份额，别无其他"},
		{"that %s over the %d entities of the registry was used, not which of them it selects or weighs, nor how many", "用到了%s（名录有 %s 个实体），但不知道其中选取或加权的是哪些实体，也不知道有多少"},
		{"private vector %s", "私有向量 %s"},
		{"a private vector that is yet to be registered", "尚未登记的私有向量"},
		{"and one bit: whether anywhere fewer than %d entities are selected or left over, in which case there is no answer", "另有一个比特：是否有某处所选或剩余的实体少于 %s 个，若有则不作回答"},
	}
}

// chineseSums are the sums that carry noise, in English as plan.ColumnText names them, and in Chinese.
func chineseSums() [][2]string {
	return [][2]string{
		{"counts of the buckets of %s", "%s 各区间的计数"},
		{"sums of squares of %s", "%s 的平方和"},
		{"sums of %s × %s", "%s × %s 之和"},
		{"sums of %s", "%s 之和"},
	}
}
