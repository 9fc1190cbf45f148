package route

import (
	"slices"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
)

// FaultIn is a fault of a file or of a descriptor, or what would be right, in a language. What the table does not have, or
// has a rare hint behind it, stays in English, as the commands say it.
func FaultIn(l explain.Language, text string) string {
	if l == explain.English || text == "" {
		return text
	}
	return worded(faultPatterns(), text)
}

// FaultsIn are copies of faults with their sentences in a language, which of points to: what is wrong, and what would be right.
func FaultsIn[T any](l explain.Language, faults []T, of func(*T) (message, want *string)) []T {
	out := slices.Clone(faults)
	for i := range out {
		message, want := of(&out[i])
		*message, *want = FaultIn(l, *message), FaultIn(l, *want)
	}
	return out
}

var faultPatterns = sync.OnceValue(func() []pattern { return compiled(chineseFaults()) })

// chineseFaults are the faults that are met most, in English as packages panel, table, pcaf and financed say them, and in Chinese.
func chineseFaults() [][2]string {
	return [][2]string{
		// notes on the figures of loan books
		{"the denominator %s is none of the Standard's, which has equity and debt, or EVIC: say so where the figure is disclosed", "分母 %s 不是该标准所用的分母（权益加债务，或 EVIC）：披露时请说明"},
		{"attribution above 1, more than a borrower's whole emissions, of %s", "归因系数大于 1，即超过借款人的全部排放：%s"},
		{"equity below nothing counts as nothing (footnote 90 of the Standard), of %s", "负的权益按零计（该标准脚注 90）：%s"},
		{"the Standard attributes the emissions of a year; these are of %s", "该标准归因的是一年的排放；此处是 %s 的排放"},
		{"the noise in the figure of %s is larger than the figure: nothing can be read from it", "%s 数字中的噪声大于数字本身：无法从中得出结论"},
		{"the emissions are not those of all of %s: nothing is published that can be asked of %s", "排放不是 %s 全部的排放：%s 没有可查询的已发布数据"},
		{"no data-quality score: %s says no PCAF option, and no loan has a score of its own", "没有数据质量评分：%s 没有说明 PCAF 选项，各贷款也没有自己的评分"},
		{"the data-quality score of %s is without %d loans that have none", "%s 的数据质量评分不含 %s 笔没有评分的贷款"},
		{"sums of pieces are exact; each piece is attributed by the mean factor of its borrowers, and where no reading is negative the figure by each borrower's own factor lies between least and most", "各片的和是精确的；每片按其借款人的平均系数归因；读数都不为负时，按各借款人自己的系数得出的数字在下限和上限之间"},
		{"factors are private weights of %d decimals, rounded half up: that moves the figure by at most %s of itself where no reading is negative", "系数是 %s 位小数的私有权重，四舍五入：读数都不为负时，由此引起的偏差不超过数字本身的 %s"},
		{"the figure carries noise; the 95 % interval is the noise's alone", "数字带有噪声；95％ 区间只反映噪声"},
		// readings
		{"%.40q is no number", "%s 不是数"},
		{"%.40q has more than 1 decimal", "%s 的小数位数超过 1 位"},
		{"%.40q has more than %d decimals", "%s 的小数位数超过 %s 位"},
		{"%.40q is outside the declared range", "%s 超出所声明的范围"},
		{"%.40q is known to be below a limit only", "%s 只表明低于某个限值"},
		{"%.40q is known to be above a limit only", "%s 只表明高于某个限值"},
		{"nothing is rounded: declare more decimals, or round: half_even", "不作舍入：请声明更多小数位，或写 round: half_even"},
		{"want a plain decimal from %s to %s, or nothing where there is no reading", "应为 %s 至 %s 的普通小数；没有读数时留空"},
		{"want a plain decimal from %s to %s, and a reading in every row: the descriptor's missing is empty", "应为 %s 至 %s 的普通小数，每行都要有读数：描述文件的 missing 为空"},
		{"numbers are said to be written with %s", "所声明的数字写法是 %s"},
		// periods
		{"period %.40q is no date", "时段 %s 不是日期"},
		{"period %.40q does not exist: an ISO year has 52 or 53 weeks", "时段 %s 不存在：ISO 年有 52 或 53 周"},
		{"period %.40q does not exist", "时段 %s 不存在"},
		{"year %.40q does not exist", "没有 %s 年"},
		{"want quarter_hours as %s", "应为刻钟，写法如 %s"},
		{"want half_hours as %s", "应为半小时，写法如 %s"},
		{"want hours as %s", "应为小时，写法如 %s"},
		{"want days as %s", "应为日，写法如 %s"},
		{"want weeks as %s", "应为周，写法如 %s"},
		{"want months as %s", "应为月，写法如 %s"},
		{"want quarters as %s", "应为季度，写法如 %s"},
		{"want years as %s", "应为年，写法如 %s"},
		{"%.40q has a year of two digits", "%s 的年份只有两位"},
		{"nobody can tell the century: write four, as in %s", "无法判断世纪：请写四位，例如 %s"},
		{"%.40q may begin with the day or the month", "%s 可能以日开头，也可能以月开头"},
		{"say which in the descriptor: period: {format: %q}, or %q", "请在描述文件中说明：period: {format: %s}，或 %s"},
		{"if it is Excel's number of a day say so: period: {format: excel}", "如果是 Excel 的日期序号，请说明：period: {format: excel}"},
		{"if it counts seconds or milliseconds since 1970 say so: period: {format: epoch}, or epoch_ms", "如果是 1970 年以来的秒数或毫秒数，请说明：period: {format: epoch}，或 epoch_ms"},
		{"%.40q is not of the format %q", "%s 不符合格式 %s"},
		// entities
		{"%.80q is not in the registry", "%s 不在名录中"},
		{"the entity's id is empty", "实体编号为空"},
		{"%.80q cannot be an entity's name", "%s 不能作为实体的名称"},
		{"%.80q cannot be a public attribute", "%s 不能作为公开属性"},
		{"%.40q for %.40q, but %.40q in the registry", "%s（实体 %s），名录中却是 %s"},
		{"%.80q has a row for %s already: %s:%d", "%s 在 %s 已有一行：%s:%s"},
		{"want one row for each entity and period; where there may be several say replicates: mean, first or last", "每个实体每个时段应只有一行；可能有多行时请写 replicates: mean、first 或 last"},
		{"did you mean %q?", "是否指 %s？"},
		// headers and rows
		{"the header is empty", "表头为空"},
		{"there is no such column", "没有这一列"},
		{"there are two columns of this name", "有两列同名"},
		{"rename or remove one", "请改名或去掉一列"},
		{"columns are separated by %q", "列以 %s 分隔"},
		{`want the comma ","`, `应为逗号 ","`},
		{"there are no rows", "没有数据行"},
		{"want one for each entity and period with a reading", "每个实体每个有读数的时段应有一行"},
		{"has %d fields", "有 %s 个字段"},
		{"want %d, as in the header; a field with a comma in it is quoted", "应为 %s 个，与表头一致；含逗号的字段要加引号"},
		{"the file has too many rows", "文件行数过多"},
		{"want a header and rows", "应有表头和数据行"},
		{"there is no sheet %q", "没有工作表 %s"},
		{"sheet %q is empty", "工作表 %s 为空"},
		{"the workbook has no sheet with rows", "工作簿中没有含数据行的工作表"},
		{"save the workbook anew", "请重新保存工作簿"},
		{"save it anew, without a password", "请去掉密码后重新保存"},
		{"copy it again", "请重新复制文件"},
		// lists
		{"the file lists no entities", "文件没有列出实体"},
		{"want one in a row", "每行应有一个实体"},
		{"stands in the header twice", "在表头中出现两次"},
		{"every column has its own name", "各列名称不能相同"},
		{"no column holds the entities' ids: want %q", "没有实体编号列：应有 %s"},
		{"is not in the header", "不在表头中"},
		{"entity %.80q stands in row %d already", "实体 %s 在第 %s 行已经出现"},
		{"list every entity once", "每个实体只列一次"},
		{"is empty", "为空"},
		{"name its piece, or leave the entity out of the list", "请写明所属分组，或从名单中去掉该实体"},
		{"%.40q is one piece too many", "%s 使分组过多"},
		{"sort the entities into at most %d pieces", "最多分为 %s 组"},
		{"%.40q is not a plain number", "%s 不是普通的数"},
		{"want digits, such as 12.5", "请写数字，例如 12.5"},
		{"allow more, or round the weights", "请增加小数位数，或对权重舍入"},
		{"%.40q is more than %s, the largest of %d bits with 1 decimal", "%s 大于 %s，即 %s 位、1 位小数的最大值"},
		{"%.40q is more than %s, the largest of %d bits with %d decimals", "%s 大于 %s，即 %s 位、%s 位小数的最大值"},
		{"allow more bits, or divide all weights", "请增加位数，或把所有权重按比例缩小"},
		{"%.40q is negative", "%s 为负数"},
		// descriptors
		{"missing", "缺少"},
		{"%.80q is no name", "%s 不能作为名称"},
		{"want a letter, then letters, digits and _, all lower case, at most 64", "应以小写字母开头，其后只用小写字母、数字和 _，最多 64 个字符"},
		{"%.40q is no decimal number", "%s 不是小数"},
		{"%.20q is neither true nor false", "%s 既不是 true 也不是 false"},
		{"%.20q is no offset", "%s 不是时差"},
		{"unknown grain %.20q", "没有粒度 %s"},
		{"%q is taken", "%s 已被占用"},
		{"another measure, the entity, the period or an attribute has this name", "另一个指标、实体、时段或属性已使用此名称"},
		{"%.40q is there twice", "%s 出现两次"},
		{"name it once", "请只写一次"},
		{"leave it out", "请去掉"},
		{"leave one of them out", "请去掉其中一个"},
		{"want [LOW, HIGH], which no reading may leave", "应为 [下限, 上限]，任何读数都不得超出"},
		{"the lower bound is not below the upper one", "下限不小于上限"},
		{"want [LOW, HIGH]", "应为 [下限, 上限]"},
		{"choose a larger unit or fewer decimals", "请选择更大的单位或更少的小数位"},
		// loan books
		{"the file has no loans", "文件中没有贷款"},
		{"more than %d loans", "贷款超过 %s 笔"},
		{"add up the loans of a borrower", "请合并同一借款人的贷款"},
		{"the borrower's id is empty", "借款人编号为空"},
		{"%.20q, and the book is declared to be in %s", "%s，而贷款簿声明的货币是 %s"},
		{"convert the amounts: nothing is converted here", "请先换算金额：此处不作换算"},
		{"want what the borrower owes, from 0", "应为借款人的欠款，不小于 0"},
		{"%.20q is no data-quality score", "%s 不是数据质量评分"},
		{"want 1, the best, to 5", "应为 1（最好）至 5"},
		{"is another for borrower %.80q than in row %d", "借款人 %s 的数额与第 %s 行不同"},
		{"give a borrower's own figures once, or the same in every row", "借款人自身的数额只写一次，或各行一致"},
		{"is negative", "为负数"},
		{"want a number from 0", "应为不小于 0 的数"},
		{"the denominator of borrower %.80q is 0", "借款人 %s 的分母为 0"},
		{"leave it empty where it is not known: the loan is then attributed nothing, and counted as such", "不知道时请留空：该贷款不归因任何排放，并如实计入"},
		{"want a number", "应为数"},
		{"want digits and a point, such as 1250000.50: no marks between thousands, at most 9 decimals", "请写数字和小数点，例如 1250000.50：不用千位分隔符，最多 9 位小数"},
		// what begins like others
		{"the file has %s", "文件中有 %s"},
		{"there is only %s", "只有 %s"},
		{"there are %s", "现有 %s"},
	}
}
