package route

import (
	"cmp"
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
)

// SQLFaultIn is what is wrong with a query's SQL, in a language. What the table does not have stays in English.
func SQLFaultIn(l explain.Language, text string) string {
	if l == explain.English || text == "" {
		return text
	}
	return worded(sqlPatterns(), text)
}

// sqlPatterns begin with those that have most of their own: of two that a text has the form of, the narrower one is meant.
var sqlPatterns = sync.OnceValue(func() []pattern {
	table := chineseSQLFaults()
	own := func(s [2]string) int { return len(verb().ReplaceAllString(s[0], "")) }
	slices.SortStableFunc(table, func(a, b [2]string) int { return cmp.Compare(own(b), own(a)) })
	return compiled(table)
})

// chineseSQLFaults are the faults of SQL, in English as package sql says them, and in Chinese.
func chineseSQLFaults() [][2]string {
	return [][2]string{
		// what does not fit
		{"the query is empty", "查询为空"},
		{"the query ends too early", "查询不完整"},
		{"%s does not fit here", "%s 不能写在这里"},
		{"%s does not fit here: it is a reserved word, and a name only in double quotes", "%s 不能写在这里：它是保留字，作名称时须加双引号"},
		{"%s does not fit here: what is computed stands in SELECT, and its alias or number elsewhere", "%s 不能写在这里：计算写在 SELECT 中，别处写它的别名或序号"},
		{"a query begins with SELECT", "查询以 SELECT 开头"},
		{"a query begins with SELECT; what it would take says --explain, or POST /v1/explain", "查询以 SELECT 开头；费用与结果规模见 --explain 或 POST /v1/explain"},
		{"a query begins with SELECT: queries in queries are not part of this language", "查询以 SELECT 开头：不支持查询嵌套"},
		{"one query is answered at a time", "一次只回答一个查询"},
		{"a query is on one dataset, or on two that are joined", "查询针对一个数据集，或用 JOIN 联接的两个数据集"},
		{"%s JOIN is not part of this language: a join takes the cells that both datasets have", "不支持 %s JOIN：联接只取两个数据集都有的单元"},
		{"%s is not part of this language", "不支持 %s"},
		{"%s of joined datasets is not answered by this version", "本版本不支持联接数据集的 %s"},
		{"computations inside an aggregate are not answered by this version", "本版本不支持在聚合函数内计算"},
		{"DISTINCT is not part of this language: groups are distinct as they are", "不支持 DISTINCT：分组本来就不重复"},
		{"DISTINCT stands in COUNT(DISTINCT entity) alone", "DISTINCT 只能用于 COUNT(DISTINCT entity)"},
		{"conditions on missing cells are not part of this language: aggregates skip them", "不支持对缺失单元的条件：聚合函数会跳过它们"},
		{"subqueries are not part of this language", "不支持子查询"},
		{"a point stands between a dataset and a measure of two joined ones", "点号只用于联接查询中数据集与指标之间"},
		{"the condition is nested too deep", "条件嵌套过深"},
		{"the condition is too large: it joins more than %d comparisons", "条件过大：比较超过 %s 个"},
		{"%s lists more than %d elements", "%s 列出的元素超过 %s 个"},
		{"the query has more than %d words, values and signs", "查询的词、值和符号超过 %s 个"},
		{"LIMIT takes a whole number that is not negative", "LIMIT 后应为非负整数"},
		// names
		{"there is no dataset %s here", "这里没有数据集 %s"},
		{"there is no column %s", "没有列 %s"},
		{"there is no column %s in SELECT", "SELECT 中没有第 %s 列"},
		{"there is no column %s in the result", "结果中没有列 %s"},
		{"there is no function %s", "没有函数 %s"},
		{"there is no grain %s", "没有粒度 %s"},
		{"there is no %s %s", "没有这样的%[1]s：%[2]s"},
		{"%s is the name of a result, and WHERE works on the data", "%s 是结果列的名称，而 WHERE 作用于数据"},
		{"nothing is called %s", "没有名为 %s 的列或指标"},
		{"dataset %s has no measure %s", "数据集 %s 没有指标 %s"},
		{"no entity has the %s %s", "没有实体的 %s 是 %s"},
		{"two columns are called %s", "有两列都叫 %s"},
		{"both datasets are called %s", "两个数据集都叫 %s"},
		{"the registry's values are not at hand here", "这里没有名录中的取值"},
		{"this is so of %d values of %s, which are more than a query can name", "符合的取值有 %s 个（%s），多于一个查询所能列出的"},
		// what is selected
		{"single readings are never released", "从不发布单个读数"},
		{"readings are released as sums; the dataset is public, so a group may be of one", "读数以求和的形式发布；该数据集公开，因此一组可以只有一个实体"},
		{"%s is a measure, and measures are encrypted: only aggregates of it are released", "%s 是指标，指标是加密的：只发布它的聚合值"},
		{"%s is a measure, and readings are released as sums, in a public dataset of groups of one too", "%s 是指标，读数以求和的形式发布；公开数据集中一组也可以只有一个实体"},
		{"%s is the value of one reading, which is never released", "%s 是单个读数的值，从不发布"},
		{"%s compares readings, which are encrypted; but the dataset is public: ask for every reading, and have your machine sort them", "%s 需要比较加密的读数；但该数据集公开：可查询全部读数，在自己的机器上排序"},
		{"a number is nothing to select", "不能只选择一个数"},
		{"the query selects no aggregate", "查询没有选择聚合函数"},
		{"the result has more than %d columns", "结果超过 %s 列"},
		{"%s is neither aggregated nor in GROUP BY", "%s 既没有聚合，也不在 GROUP BY 中"},
		{"column %s is an aggregate", "第 %s 列是聚合值"},
		{"%s is an aggregate", "%s 是聚合值"},
		{"groups are not formed by aggregates", "不能按聚合值分组"},
		{"a histogram is several columns", "直方图占多列"},
		{"a histogram is several figures", "直方图是多个数字"},
		{"ORDER BY works on the result, and this is not among its columns", "ORDER BY 作用于结果，而结果中没有这一列"},
		// aggregates
		{"an aggregate takes a measure", "聚合函数的参数是指标"},
		{"an aggregate takes a measure, not a function", "聚合函数的参数是指标，不是函数"},
		{"entities are counted, and nothing else is", "只能对实体计数"},
		{"%s takes a measure", "%s 的参数是指标"},
		{"%s takes measures", "%s 的参数是若干指标"},
		{"%s takes measures of one dataset", "%s 的参数须是同一数据集的指标"},
		{"%s takes two different measures", "%s 的参数是两个不同的指标"},
		{"%s takes one argument", "%s 只有一个参数"},
		{"%s takes one aggregate", "%s 的参数是一个聚合函数"},
		{"%s takes one figure, not %s", "%s 的参数是一个数字，不是 %s"},
		{"%s takes a number from 0 to 1", "%s 需要一个 0 到 1 之间的数"},
		{"%s takes a bound of a bucket of %s", "%s 需要 %s 的一个区间端点"},
		{"%s takes one measure and one PRIVATE(name)", "%s 的参数是一个指标和一个 PRIVATE(名称)"},
		{"%s takes YEAR and period", "%s 的参数是 YEAR 和 period"},
		{"%s takes %s", "%s 的参数应为：%s"},
		{"%s needs buckets, and %s declares none", "%s 需要区间，而 %s 没有声明区间"},
		{"of %s the %s quantile counts, which needs buckets, and the measure declares none", "%s 取第 %s 分位数，需要区间，而该指标没有声明区间"},
		{"%s is of one day", "%s 是某一天的值"},
		{"%s would be of days of two editions of the standards: on %s the next one begins", "%s 会跨越标准的两个版本：新版本自 %s 起施行"},
		{"an index is of one period, and %s joins several", "指数针对一个时段，而 %s 合并了多个时段"},
		{"only counts and sums have a share of a total", "只有计数和求和才有占总量的比例"},
		{"the change of a root is not answered; compare variances", "不支持对平方根求变化；请比较方差"},
		// what is computed
		{"computations are of aggregates and numbers", "只能对聚合值和数进行计算"},
		{"computations are of aggregates and numbers; a text stands alone behind THEN or ELSE", "只能对聚合值和数进行计算；文本只能单独写在 THEN 或 ELSE 之后"},
		{"computations are of aggregates and numbers, and %s is neither", "只能对聚合值和数进行计算，而 %s 两者都不是"},
		{"computations are of aggregates and numbers; %s is a text", "只能对聚合值和数进行计算；%s 是文本"},
		{"%s is a root, of which nothing is computed exactly before it is rounded", "%s 是平方根，舍入之前不能用它精确计算"},
		{"this is no decimal number of at most %d digits", "这不是至多 %s 位的小数"},
		{"ROUND takes a figure and how many decimals it has", "ROUND 的参数是一个数字和小数位数"},
		{"ROUND takes a whole number of decimals", "ROUND 的小数位数应为整数"},
		{"the branches of a CASE are all numbers, or all texts", "CASE 的各分支须都是数，或都是文本"},
		{"a dataset stands before a measure in a product of two, and before nothing else", "数据集名只能写在两个指标乘积中的指标之前"},
		// conditions
		{"conditions compare columns, not functions of them", "条件比较的是列，不是列的函数"},
		{"%s is a measure: measures are encrypted; conditions are on entities and periods", "%s 是指标，指标是加密的；条件只能针对实体和时段"},
		{"a condition compares period itself: a coarser literal means its whole interval", "条件直接比较 period：较粗的写法代表整个区间"},
		{"no entity can satisfy this condition", "没有实体能满足此条件"},
		{"no period can satisfy this condition", "没有时段能满足此条件"},
		{"the condition on periods falls into %d intervals", "时段条件分成了 %s 个区间"},
		{"this takes more than %d intervals out of the periods that WHERE names, or these are too many", "从 WHERE 所指的时段中取出的区间超过 %s 个，或时段过多"},
		{"nothing lies between: %s comes after %s", "区间为空：%s 在 %s 之后"},
		{"a value is text in single quotes", "值是单引号中的文本"},
		{"a pattern has % and _, and no \\", "模式中可用 %% 和 _，不能用 \\"},
		{"%s is a number, and has no pattern", "%s 是数，没有模式"},
		{"%s is a number, and is compared with numbers", "%s 是数，应与数比较"},
		{"%s is declared a number, and %s of the registry is none: the publisher has to correct it", "%s 声明为数，而名录中的 %s 不是数：须由发布者更正"},
		{"LIKE is of entities and attributes; a period is compared with one that may be coarser", "LIKE 用于实体和属性；时段应与（可以较粗的）时段比较"},
		{"HAVING compares with a decimal number of at most %d digits", "HAVING 应与至多 %s 位的小数比较"},
		{"HAVING is a condition on aggregates; conditions on %s belong into WHERE", "HAVING 是对聚合值的条件；对 %s 的条件应写在 WHERE 中"},
		{"HAVING is a condition on aggregates; conditions on periods belong into WHERE", "HAVING 是对聚合值的条件；对时段的条件应写在 WHERE 中"},
		// periods
		{"a period is text in single quotes", "时段是单引号中的文本"},
		{"%s is not how a period is written", "%s 不是时段的写法"},
		{"the dataset has one period %s, and this literal is finer", "数据集%s一个时段，而此写法更细"},
		{"the dataset has one period %s, and nothing finer", "数据集%s一个时段，没有更细的"},
		{"the dataset has one period %s, and weeks lie in no month and no quarter", "数据集%s一个时段，而周不属于某个月或季度"},
		{"the dataset has one period %s, and weeks lie in no month and no quarter; the year of a week is the ISO year of its number", "数据集%s一个时段，而周不属于某个月或季度；周所在的年是其 ISO 周序号的年"},
		{"the dataset has one period %s, which lies in no one %s", "数据集%s一个时段，而它不属于单独一个 %s"},
		{"date_trunc takes a grain and period", "date_trunc 的参数是粒度和 period"},
		{"date_trunc works on period alone", "date_trunc 只用于 period"},
		{"the grain of date_trunc is text in single quotes", "date_trunc 的粒度是单引号中的文本"},
		{"%s is of period alone", "%s 只用于 period"},
		{"a year is compared with years", "年应与年比较"},
		{"a year has four digits", "年份是四位数字"},
		{"the %s of a period is compared with numbers", "时段的 %s 应与数比较"},
		{"the %s of a period is not compared", "时段的 %s 不能比较"},
		{"the %s of a period stands under %s, and takes periods out of what the rest of WHERE names", "时段的 %s 写在 %s 之下，而它是从 WHERE 其余部分所指的时段中取出一部分"},
		{"there are no groups by the %s of a period", "不能按时段的 %s 分组"},
		{"systems count weekdays differently", "各系统对星期的编号不同"},
		{"periods are grouped twice, by %s", "对时段分了两次组：%s"},
		{"periods are grouped by %s and %s, and a %s lies in no one %s", "时段按 %s 和 %s 分组，而一个 %s 不属于单独一个 %s"},
		{"an entity with readings in several of the periods that %s joins would be counted in each", "在 %s 所合并的多个时段中都有读数的实体会被重复计数"},
		{"YEAR_ON_YEAR compares periods, and the query joins those of all years", "YEAR_ON_YEAR 比较不同时段，而查询合并了所有年份"},
		{"YEAR_ON_YEAR compares the groups of a period with those of a year earlier, and the query groups by no period", "YEAR_ON_YEAR 把一个时段的分组与一年前的比较，而查询没有按时段分组"},
		// joins
		{"no second dataset is known here", "这里没有第二个数据集"},
		{"a dataset is not joined to itself", "数据集不能与自身联接"},
		{"cells belong together by entity and period", "单元按实体和时段对应"},
		{"cells belong together by entity and period, both", "单元须按实体和时段两者对应"},
		{"cells belong together by entity and period, and by nothing else", "单元只能按实体和时段对应"},
		{"entities of joined datasets are not counted", "不能对联接数据集的实体计数"},
		{"of joined datasets SUM takes the product of a measure of each", "联接数据集的 SUM 取两边各一个指标的乘积"},
		{"both measures are of one dataset", "两个指标属于同一数据集"},
		{"a product is of measures with their datasets before them", "乘积中的指标前须写数据集名"},
		// private vectors
		{"you have no private vector %s", "您没有私有向量 %s"},
		{"PRIVATE(name) stands in an aggregate, or behind IN", "PRIVATE(名称) 写在聚合函数中，或 IN 之后"},
		{"PRIVATE takes the name of a private vector", "PRIVATE 的参数是私有向量的名称"},
		{"PIECE takes the name of a private portfolio", "PIECE 的参数是私有组合的名称"},
		{"IN takes a list of values, or the name of a private vector", "IN 后应为值的列表，或私有向量的名称"},
		{"a private vector is called by its name, without single quotes", "私有向量直接写名称，不加单引号"},
		{"a private vector is a list of entities, and %s is none", "私有向量是实体的名单，而 %s 不是实体"},
		{"private weights are for SUM and WAVG", "私有权重用于 SUM 和 WAVG"},
		{"private weights multiply a measure", "私有权重与指标相乘"},
		{"the weights are PRIVATE(name), and stand behind the measure", "权重写作 PRIVATE(名称)，放在指标之后"},
		{"an average with private weights is WAVG", "带私有权重的平均是 WAVG"},
		{"%s is of registry %s, and dataset %s of %s", "%s 属于名录 %s，而数据集 %s 属于 %s"},
		{"%s is a vector of weights of %d bits, which select nobody", "%s 是 %s 位的权重向量，不能用于选择实体"},
		{"%s sorts entities into %d pieces, which do not weigh", "%s 把实体分为 %s 组，不能作权重"},
		{"%s is not answered of a private selection", "对私有选择不支持 %s"},
		{"the query selects by two private vectors, and one is answered at a time", "查询用了两个私有向量作选择，一次只能用一个"},
		{"the query has private weights and selects by a private vector, and one is answered at a time", "查询既有私有权重又用私有向量作选择，一次只能用一个"},
		{"which entities of a private selection have readings is not opened, so they are not counted", "私有选择中哪些实体有读数不会公开，因此不能计数"},
		{"the query groups by the pieces of %s already", "查询已经按 %s 的各组分组"},
		{"the query groups by the pieces of %s, and is not within it", "查询按 %s 的各组分组，但没有限定在其中"},
		{"the query groups by the pieces of %s, and is within %s", "查询按 %s 的各组分组，却限定在 %s 中"},
	}
}
