package route

import (
	"strings"
	"sync"
)

var acceptedPatterns = sync.OnceValue(func() []pattern { return compiled(chineseAccepted()) })

// acceptedInChinese is what would have been accepted at the place of a fault of SQL (sql.Error.Want): a list, of which
// those elements are said in Chinese that are words. Names, values and SQL stay as they are.
func acceptedInChinese(list string) string {
	if list == "" {
		return ""
	}
	elements := elementsOf(list)
	var out []string
	for at := 0; at < len(elements); {
		next, said := at+1, elements[at]
		for end := min(len(elements), at+mostParts); end > at; end-- { // an element in words may have commas
			text := strings.Join(elements[at:end], ", ")
			if chinese := worded(acceptedPatterns(), text); chinese != text {
				next, said = end, chinese
				break
			}
		}
		out, at = append(out, said), next
	}
	return strings.Join(out, "、")
}

// mostParts is the most parts between commas that an element in words has.
const mostParts = 4

// elementsOf are the elements of a list between commas, without those in parentheses and quotes.
func elementsOf(list string) (out []string) {
	open := ""
	for _, part := range strings.Split(list, ", ") {
		if open == "" && (part == "(" || part == ")") { // these signs themselves
			out = append(out, part)
			continue
		}
		if open != "" {
			part = open + ", " + part
		}
		if open = ""; !closed(part) {
			open = part
			continue
		}
		out = append(out, part)
	}
	if open != "" {
		out = append(out, open)
	}
	return out
}

// closed reports whether every parenthesis and quote of a text ends in it.
func closed(text string) bool {
	depth, quote := 0, rune(0)
	for _, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == '(':
			depth++
		case r == ')':
			depth--
		}
	}
	return depth <= 0 && quote == 0
}

// chineseAccepted are what package sql accepts in words, in English as it says them, and in Chinese
// (TestWhatSQLAcceptsIsInChinese).
func chineseAccepted() [][2]string {
	return [][2]string{
		{"%d to %d", "%s 至 %s"},
		{"0 to %s", "0 至 %s"},
		{"%s AND the other conditions", "%s AND 其他条件"},
		{"%s IN PRIVATE(name)", "%s IN PRIVATE(名称)"},
		{"%s(name)", "%s(名称)"},
		{"'text' in conditions", "条件中的 '文本'"},
		{"'text'", "'文本'"},
		{"'text%'", "'文本%%'"},
		{"'%text%'", "'%%文本%%'"},
		{"IN ('text', …)", "IN ('文本', …)"},
		{"IN ('value', …)", "IN ('值', …)"},
		{"<>, IN or BETWEEN in place of NOT and OR", "用 <>、IN 或 BETWEEN 代替 NOT 和 OR"},
		{"AND between the two", "两者之间写 AND"},
		{"AS and another name", "AS 和另一个名称"},
		{"COUNT(measure) and COUNT(*)", "COUNT(指标) 和 COUNT(*)"},
		{"EXTRACT(DOW FROM period), where 0 is Sunday", "EXTRACT(DOW FROM period)（0 为星期日）"},
		{"EXTRACT(ISODOW FROM period), where 1 is Monday and 7 Sunday", "EXTRACT(ISODOW FROM period)（1 为星期一，7 为星期日）"},
		{"GROUP BY date_trunc('day', period), of a dataset with one period a day or hour", "GROUP BY date_trunc('day', period)，用于每日或每小时一个时段的数据集"},
		{"IN PRIVATE(name)", "IN PRIVATE(名称)"},
		{"entity IN PRIVATE(name)", "entity IN PRIVATE(名称)"},
		{"IN with a list of values", "IN 后接值的列表"},
		{"JOIN dataset %s", "JOIN 数据集 %s"},
		{"PRIVATE(name)", "PRIVATE(名称)"},
		{"SUM(PRIVATE(name))", "SUM(PRIVATE(名称))"},
		{"SUM(measure * PRIVATE(name))", "SUM(指标 * PRIVATE(名称))"},
		{"WAVG(measure, PRIVATE(name))", "WAVG(指标, PRIVATE(名称))"},
		{"a bound, such as AND period BETWEEN '2024-01' AND '2024-12', of fewer periods", "更窄的时段范围，例如 AND period BETWEEN '2024-01' AND '2024-12'"},
		{"a branch like the first one", "与第一个分支同类的分支"},
		{"a comma", "逗号"},
		{"a condition on another attribute", "对其他属性的条件"},
		{"a condition on fewer of them", "范围更小的条件"},
		{"a condition that some entity meets", "至少有一个实体满足的条件"},
		{"a condition that some period meets", "至少有一个时段满足的条件"},
		{"a condition, such as hour(period) BETWEEN 7 AND 9, on the periods of one figure", "对一个数字所含时段的条件，例如 hour(period) BETWEEN 7 AND 9"},
		{"a dataset after FROM", "FROM 后的数据集"},
		{"a dataset with one period a %s", "%s一个时段的数据集"},
		{"a dataset with one period a day", "每日一个时段的数据集"},
		{"a measure", "指标"},
		{"a name", "名称"},
		{"a name that `weir portfolio register` gave to a file", "用 `weir portfolio register` 登记的名称"},
		{"a number", "数"},
		{"a number from 0 to 1073741823", "0 至 1073741823 的数"},
		{"a number from 1 to %d", "1 至 %s 的数"},
		{"a number in %s", "以 %s 为单位的数"},
		{"a portfolio of the entities that are meant", "只含所指实体的私有名单"},
		{"a statistic such as STDDEV_SAMP(measure) or MEDIAN(measure)", "统计量，例如 STDDEV_SAMP(指标) 或 MEDIAN(指标)"},
		{"another dataset", "另一个数据集"},
		{"another measure", "另一个指标"},
		{"another name", "另一个名称"},
		{"at most %d columns", "最多 %s 列"},
		{"at most %d comparisons", "最多 %s 个比较"},
		{"at most %d elements, and further ones in another query", "最多 %s 个元素，其余放入另一次查询"},
		{"at most %d intervals", "最多 %s 个区间"},
		{"at most %d parentheses and NOTs within each other", "括号和 NOT 最多嵌套 %s 层"},
		{"at most %d, and further values in another query", "最多 %s 个，其余的值放入另一次查询"},
		{"computations outside, such as SUM(measure) * 1.5", "在聚合函数之外计算，例如 SUM(指标) * 1.5"},
		{"dimensions and aggregates", "维度和聚合函数"},
		{"fewer conditions", "减少条件"},
		{"no measure of this dataset has buckets", "此数据集没有带区间的指标"},
		{"no measure of this dataset says its pollutant", "此数据集没有声明了污染物的指标"},
		{"one dataset after FROM", "FROM 后只写一个数据集"},
		{"one dataset's measures by their names alone", "同一数据集的指标直接写名称"},
		{"one of them", "其中之一"},
		{"one portfolio of the entities that are in both", "同在两者之中的实体组成的一个私有名单"},
		{"the end of the query", "查询结束"},
		{"the number of one of them", "其中一列的序号"},
		{"the smaller value first", "较小的值写在前面"},
		{"two queries", "两次查询"},
		{"weights that are 0 for the entities outside, and no selector", "不选实体，而用对其外实体取 0 的权重"},
		{"year, quarter, month or hour of period", "period 的 year、quarter、month 或 hour"},
		{"… %d more", "… 另有 %s 个"},
	}
}
