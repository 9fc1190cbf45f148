package route

import (
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
)

// PublishingIn is what a publication waits for, notes or warns of, in a language.
func PublishingIn(l explain.Language, text string) string {
	if l == explain.English || text == "" {
		return text
	}
	return publishing.chinese(text)
}

// EachPublishingIn is PublishingIn of each.
func EachPublishingIn(l explain.Language, texts []string) []string {
	out := slices.Clone(texts)
	for i, text := range out {
		out[i] = PublishingIn(l, text)
	}
	return out
}

// ClosedIn is which periods become final, in a language.
func ClosedIn(l explain.Language, text string) string {
	if l == explain.English {
		return text
	}
	return worded(closedPatterns(), text)
}

var (
	publishing = telling{
		patterns: sync.OnceValue(func() []pattern {
			return compiled(slices.Concat(chinesePublishing(), chineseKeyWaits(), chineseTroubles()))
		}),
		otherwise: otherwise,
	}
	closedPatterns = sync.OnceValue(func() []pattern { return compiled(chineseClosed()) })
)

// chinesePublishing are what a publication waits for, notes and warns of, in English as packages publish and panel say it, and
// in Chinese.
func chinesePublishing() [][2]string {
	return [][2]string{
		{"version %d is stored by %s, and waits for enough of them to open its parity", "版本 %s 已由 %s 存储，等待足够多的节点打开其校验"},
		{"version %d is %s, and waits for enough nodes to hold it; not yet: %s", "版本 %s（%s）等待足够多的节点存储；尚未存储的：%s"},
		{"not compared with what is published: %s", "未与已发布的内容比较：%s"},
		{"not compared with other datasets: %s", "未与其他数据集比较：%s"},
		{"%s: %d readings are within the range and were taken as missing, since missing lists their number for all measures; list it under the measures that it is meant for",
			"%s：有 %s 个读数在允许范围内却作为缺失处理，因为 missing 对所有指标列出了这个数；请只在所指的指标下列出"},
		{"%s: %d ids look like numbers that a spreadsheet has shortened, such as %s: different entities may have become one; export the column as text",
			"%s：有 %s 个编号像是被电子表格缩短的数字，例如 %s：不同的实体可能已并为一个；请将该列按文本导出"},
		{"%s: %d rows for %d cells; if so few are not what is meant, a date is wrong", "%s：%s 行数据对应 %s 个单元；若不应如此稀少，则有日期写错"},
		{"periods run from %s (%s:%d) to %s (%s:%d)", "时段从 %s（%s:%s）到 %s（%s:%s）"},
		{"%s and %s are %s in %d of %d cells and not declared as related: if they tell of the same, write related: [[%s, %s]] under policy, or figures of both tell of single entities",
			"%[1]s 与 %[2]s 在 %[5]s 个单元中有 %[4]s 个%[3]s，却未声明为相关：若两者反映同一事物，请在 policy 下写 related: [[%[6]s, %[7]s]]，否则合看两者的结果会泄露单个实体"},
		{"equal", "相等"},
		{"%s times each other", "互为 %s 倍"},
		{"registry %s, on which dataset %s is protected, has %d of the same ids, such as %q: if they are the same entities, publish on that registry, so that figures of both are held against each other; if they are not, write unrelated: [%s] under policy",
			"名录 %s（受保护的数据集 %s 所用）有 %s 个相同的编号，例如 %s：若为相同的实体，请在该名录上发布，使两者的结果相互核对；若不是，请在 policy 下写 unrelated: [%s]"},
	}
}

// chineseClosed are which periods become final, in English as publish.Prepared says it, and in Chinese.
func chineseClosed() [][2]string {
	return [][2]string{
		{"none: the data does not reach the end of %s", "无：数据未到 %s 的期末"},
		{"%s to %s; from %s on nothing is released yet", "%s 至 %s；自 %s 起暂不发布"},
		{"%s to %s", "%s 至 %s"},
	}
}
