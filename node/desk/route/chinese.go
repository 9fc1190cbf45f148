package route

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// inChinese is a sentence of the desk's own, or of its client, in Chinese; one that the table does not have is returned
// as it is.
func inChinese(text string) string {
	return worded(patterns(), text)
}

// worded is a text as the first pattern has it that is its; as it is, where none is.
func worded(all []pattern, text string) string {
	for _, p := range all {
		found := p.english.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		args := make([]any, len(found)-1)
		for i, a := range found[1:] {
			args[i] = cmp.Or(chineseArguments()[a], a)
		}
		return fmt.Sprintf(p.chinese, args...)
	}
	return text
}

// chineseArguments are the arguments that are words of the program, as calendar.Grain.One has them.
var chineseArguments = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"a quarter_hour": "每刻钟", "a half_hour": "每半小时", "an hour": "每小时", "a day": "每日", "a week": "每周", "a month": "每月", "a quarter": "每季度", "a year": "每年",
	}
})

// pattern is a sentence: what it reads in English, with its arguments in groups, and the format in Chinese.
type pattern struct {
	english *regexp.Regexp
	chinese string
}

// verb is the place of an argument in an English format.
var verb = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%(?:\.[0-9]+)?[sdq]`) })

// patterns are compiled when the first sentence is wanted.
var patterns = sync.OnceValue(func() []pattern { return compiled(chineseSentences()) })

// compiled are the patterns of formats in English and in Chinese. Those with most of their own stand first: of two that a
// text has the form of, the narrower one is meant.
func compiled(table [][2]string) []pattern {
	own := func(s [2]string) int { return len(verb().ReplaceAllString(s[0], "")) }
	table = slices.SortedStableFunc(slices.Values(table), func(a, b [2]string) int { return cmp.Compare(own(b), own(a)) })
	var out []pattern
	for _, s := range table {
		var b strings.Builder
		b.WriteString(`(?s)^`)
		at := 0
		for _, place := range verb().FindAllStringIndex(s[0], -1) {
			b.WriteString(regexp.QuoteMeta(s[0][at:place[0]]) + `(.*)`)
			at = place[1]
		}
		b.WriteString(regexp.QuoteMeta(s[0][at:]) + `$`)
		out = append(out, pattern{regexp.MustCompile(b.String()), s[1]})
	}
	return out
}

// chineseSentences are formats in English, as they stand in the code, and in Chinese, with the same arguments as texts
// (TestEverySentenceOfTheDeskIsInChinese).
func chineseSentences() [][2]string {
	return [][2]string{
		// the gate
		{"the desk is at http://%s alone", "工作台的地址只有 http://%s"},
		{"open the link that `weir desk` prints", "请打开 `weir desk` 显示的链接"},
		{"open the link that `weir desk` prints; each counts once", "请打开 `weir desk` 显示的链接；每个链接只能使用一次"},
		{"the desk answers GET and POST alone", "工作台只应答 GET 和 POST"},
		{"the desk has no other protocols, WebSocket neither", "工作台没有其他协议，也没有 WebSocket"},
		{"the header %s stands there twice", "请求头 %s 重复出现"},
		{"the request is another origin's", "请求来自其他来源"},
		{"the request is another site's", "请求来自其他网站"},
		{"the desk is shown in no other page", "工作台不能嵌入其他页面"},
		{"open it in a tab of its own", "请在单独的标签页中打开"},
		{"this desk is read-only: it spends, signs and changes nothing", "此工作台为只读：不消费、不签名，也不作任何更改"},
		{"start `weir desk` without --read-only", "请不带 --read-only 启动 `weir desk`"},
		{"a body is application/json, and no form", "请求正文须为 application/json，不能是表单"},
		{"the desk does not know this browser", "此工作台不认识这个浏览器"},
		{"the desk is ending", "工作台正在结束"},
		// requests
		{"the parameters cannot be read", "参数无法读取"},
		{"parameter %s stands there twice", "参数 %s 重复出现"},
		{"parameter %s is %.40q, want a number", "参数 %s 为 %s，应为数字"},
		{"there is no parameter %.40q", "没有参数 %s"},
		{"nothing is read from a body here", "此处不接受请求正文"},
		{"the body is larger than %d bytes", "请求正文超过 %s 字节"},
		{"the body cannot be read", "请求正文无法读取"},
		{"the body is not as the API has it: %s", "请求正文不符合接口：%s"},
		// what failed beside refusals
		{"no node answers: %s", "没有节点应答：%s"},
		{"look whether the cluster runs and this machine is on the network; what is asked stays asked, and is charged once", "请查看集群是否在运行、本机是否联网；已提交的查询仍然有效，只计费一次"},
		{"no figure is shown; tell the operators of the nodes, and keep this message", "不显示任何结果；请告知节点的运营方，并保存此消息"},
		{"its price was given back; ask again", "费用已退还；请重新查询"},
		{"it proves nothing: ask who gave it to you for the file as it was written, and look whether the desk's profile is of the same cluster", "它不能证明任何事项：请向提供者索取原始文件，并查看工作台的配置是否属于同一集群"},
		{"this desk has no key", "此工作台没有密钥"},
		{"start it with `weir desk --key FILE`", "请用 `weir desk --key FILE` 启动"},
		{"try again; what is asked stays asked, and is charged once", "请重试；已提交的查询仍然有效，只计费一次"},
		{"context deadline exceeded", "等待超时"},
		{"the parity of query %s does not add up (nodes %s): an accident in storage, addition or opening; no figure is printed", "查询 %s 的校验不成立（节点 %s）：存储、求和或打开时出现差错；不显示任何结果"},
		{"the %d sets of nodes that opened query %s do not agree (nodes %s): one of them has lied or is at fault, and of one node more than open together the answers do not tell which; no figure is printed", "打开查询 %[2]s 的 %[1]s 组节点结果不一致（节点 %[3]s）：其中某个节点作假或出现故障；只比共同打开所需多一个节点，无法判断是哪一个；不显示任何结果"},
		{"the %d sets of nodes that opened query %s do not agree (nodes %s): more than one node has lied or is at fault; no figure is printed", "打开查询 %[2]s 的 %[1]s 组节点结果不一致（节点 %[3]s）：作假或出现故障的节点不止一个；不显示任何结果"},
		{"the %s over %d readings (%s) came out as %s, and must lie from %s to %s; no figure is printed", "%[2]s 个读数（%[3]s）的 %[1]s 得出 %[4]s，而应在 %[5]s 至 %[6]s 之间；不显示任何结果"},
		{"a node hands out something else than what the ledger decided", "某个节点给出的内容与账本的裁定不符"},
		{"a node tells something else of the order than its buyer has signed", "某个节点所述的订单与买方签名的内容不符"},
		// what nodes say without a code
		{"there is no dataset %.120q", "没有数据集 %s"},
		{"there is no registry %.120q", "没有名录 %s"},
		{"there is no order %.120q", "没有订单 %s"},
		{"there is no contract %.120q", "没有合同 %s"},
		{"there is no query %.120q", "没有查询 %s"},
		{"there is no vector %.120q", "没有私有向量 %s"},
		{"there is no principal %.120q", "没有机构 %s"},
		{"there is no version %.120q", "没有版本 %s"},
		{"there is no key %.120q", "没有密钥 %s"},
		{"there is no proposal %.120q", "没有提案 %s"},
		{"no quorum: %s", "节点不足多数：%s"},
		{"start the missing nodes, then try again", "请启动缺少的节点，然后重试"},
		{"trust nothing that this node proves; ask another, and tell the operators", "请勿相信该节点的任何证明；请询问其他节点，并告知运营方"},
		{"ask another node, or try again", "请询问其他节点，或重试"},
		{"ask another node, or come back after the time in Retry-After", "请询问其他节点，或在 Retry-After 所示时间之后再来"},
		{"it was not done in time", "没有及时完成"},
		{"the node failed at this; its log says more", "节点处理失败；其日志中有更多说明"},
		{"use another key (--key or --as)", "请使用另一密钥（--key 或 --as）"},
		{"query %s is %s", "查询 %s 的状态为 %s"},
		{"the answer to query %s is gone since %s: it was kept for as long as the dataset's policy says", "查询 %s 的答案自 %s 起已不再保留：按数据集政策规定的时间保留"},
		{"ask again, as a query like any other; its receipt is still to be had: weir evidence prove %s", "请作为新查询重新查询；其凭证仍可取得：weir evidence prove %s"},
		// buyers
		{"there is no query", "没有查询"},
		{"write one, or take a sample query of a dataset's listing", "请编写查询，或采用数据集页面上的示例查询"},
		{"the query is longer than %d bytes", "查询超过 %s 字节"},
		{"register a private list in place of a long condition", "请登记私有名单，以代替过长的条件"},
		{"a query is complete or partial, not both", "“要求完整”和“允许覆盖不足”不能同时选择"},
		{"take one away", "请去掉其中之一"},
		{"delta needs an epsilon", "指定 delta 时须同时指定 epsilon"},
		{"give both, or neither", "请两者都填，或都不填"},
		{"this machine has no answer of query %s", "本机没有查询 %s 的答案"},
		{"ask the query again; a repeat within 24 hours is not charged", "请重新查询；24 小时内的重复不计费"},
		{"an answer is written as csv, excel-csv, xlsx, parquet or json", "答案可以写成 csv、excel-csv、xlsx、parquet 或 json"},
		{"ask for one of them", "请选择其中之一"},
		{"start it again; the same question takes up what was asked", "请重新启动；再次提出同一查询即可继续"},
		{"eight queries are under way", "已有八个查询正在进行"},
		{"wait until one of them is answered", "请等待其中一个得到回答"},
		{"this desk knows no such query", "此工作台没有这个查询"},
		{"what was answered is in the history", "已回答的查询在“历史”页"},
		{"the order is on no dataset", "订单没有指定数据集"},
		{"order from a dataset's listing, or from a query", "请从数据集页面或从查询订购"},
		{"the purpose is missing", "没有填写用途"},
		{"say what the figures are for; the publisher reads it and decides by it", "请说明数据的用途；发布方据此决定"},
		{"a number is negative", "有的数为负"},
		{"leave it empty for any number", "不填表示不限"},
		{"%.20q is no grain", "%s 不是粒度"},
		{"take one of %q", "请从以下选择：%s"},
		{"%q is not a day such as 2027-12-31", "%s 不是日期，写法如 2027-12-31"},
		{"%s is in the past", "%s 已经过去"},
		{"give a day to come, such as 2027-12-31, or none for a year from the grant", "请填写将来的日期，例如 2027-12-31；不填则自批准起一年"},
		// portfolios
		{"%.40q is no name of a portfolio", "%s 不能作为私有名单的名称"},
		{"want a letter, then letters, digits and _, all lower case", "请以小写字母开头，其后只用小写字母、数字和 _"},
		{"drop a file that lists an entity in a row", "请拖入每行一个实体的文件"},
		{"the file is larger than %d MB", "文件超过 %s MB"},
		{"use `weir portfolio register` in a terminal", "请在终端使用 `weir portfolio register`"},
		{"mend the fields that it names", "请修改所述各栏"},
		{"bits and decimals need weights", "位数和小数位数只用于权重"},
		{"pieces and by exclude weights", "权重不能分片，也不能分组"},
		{"within needs weights, and bound needs within", "上限值只用于权重，最大值须与上限值一起指定"},
		{"within is %q, want DATASET.MEASURE", "上限值为 %s，应写作“数据集.指标”"},
		{"bits is %d and decimals is %d, want 1 to %d and 0 to %d", "位数为 %s，小数位数为 %s；应为 1 至 %s 和 0 至 %s"},
		{"registry is needed: the list of entities that the ids are of", "没有选择名录，即编号所属的实体清单"},
		{"for excludes weights: weighted sums are answered with noise, and nothing is tested", "权重没有要检验的查询：加权的和带噪声回答，不做检验"},
		{"%d of the file's ids are not in registry %s", "文件中有 %s 个编号不在名录 %s 中"},
		{"mend them, or go on without them", "请修正，或略去它们继续"},
		{"take a bound of %s, or none, or write smaller weights", "请取 %s 为最大值，或不填，或减小权重"},
		{"take a measure whose caps the policy names, or bound weights by their bits alone", "请选择政策中有上限值的指标，或只按位数限制权重"},
		{"nothing is registered; tell the operators of the nodes, and register it again", "没有登记任何内容；请告知节点的运营方，并重新登记"},
		{"mend the file by what it says, and drop it again", "请按所述修正文件，并重新拖入"},
		{"portfolio %s is being registered", "私有名单 %s 正在登记"},
		{"wait for that registration to end", "请等待那次登记结束"},
		{"start it again, and drop the file anew", "请重新启动，并重新拖入文件"},
		{"%d portfolios are being registered", "有 %s 个私有名单正在登记"},
		{"wait until one of them is", "请等待其中一个登记完成"},
		{"this desk knows no such registration", "此工作台没有这次登记"},
		{"look at the list of portfolios", "请查看私有名单列表"},
		{"this very file is portfolio %s version %d as it is registered", "此文件已登记为私有名单 %s 的版本 %s"},
		{"use it as it is; a next version of it would be another portfolio, for which nothing that was answered exactly for this one is answered again", "请直接使用；若登记为新版，它就是另一个名单，已为此版精确回答过的内容不会再次回答"},
		// loan books
		{"drop a file with a loan in a row", "请拖入每行一笔贷款的文件"},
		{"use `weir portfolio pcaf` in a terminal", "请在终端使用 `weir portfolio pcaf`"},
		{"no dataset is chosen", "没有选择数据集"},
		{"choose the one with the emissions", "请选择含排放数据的数据集"},
		{"no measure is chosen, or too many", "没有选择指标，或选择过多"},
		{"choose the measures of emissions", "请选择排放指标"},
		{"no period is named", "没有填写时期"},
		{"name the year of the emissions, such as 2024", "请填写排放的年份，例如 2024"},
		{"nobody said what an outstanding amount is a part of", "没有说明未偿余额的分母"},
		{"choose equity_debt for unlisted borrowers, evic for listed ones", "非上市借款人请选 equity_debt，上市的请选 evic"},
		{"%.20q is no currency", "%s 不是货币代码"},
		{"want three letters, such as CNY", "应为三个字母，例如 CNY"},
		{"factors cannot have %d bits and %d decimals", "系数不能有 %s 位（二进制）和 %s 位小数"},
		{"want 1 to 32 bits, and 0 to 9 decimals", "应为 1 至 32 位，0 至 9 位小数"},
		{"change the question, or mend the book", "请修改问题，或修正贷款簿"},
		{"dataset %s has no measure %q; it has %s", "数据集 %s 没有指标 %s；现有 %s"},
		{"measure %s is in %q, which is no mass that is known here; its publisher can say ucum: kg or t in the descriptor", "指标 %s 的单位是 %s，不是已知的质量单位；其发布方可在描述文件中写明 ucum: kg 或 t"},
		{"none of the %d borrowers of %s is in registry %s with an outstanding amount and a denominator%s", "%[2]s 的 %[1]s 个借款人中，没有一个在名录 %[3]s 中且有未偿余额和分母%[4]s"},
		{"the factor %s of borrower %q (row %d) is no weight of %d bits with %d decimals; allow more bits, which makes the noise larger", "系数 %s（借款人 %s，第 %s 行）不能写成 %s 位、%s 位小数的权重；请增加位数，但噪声会变大"},
		{"nothing of %s has a reading in %s", "%s 在 %s 没有任何读数"},
		{"a book is being asked about by the list %s", "名单 %s 正用于查询另一份贷款簿"},
		{"wait for that to end", "请等待其结束"},
		{"%d books are being asked about", "有 %s 份贷款簿正在查询"},
		{"this desk knows no such book", "此工作台没有这份贷款簿的查询"},
		{"what was answered is in the history; asked again within 24 hours it is free", "已回答的查询在“历史”页；24 小时内重新查询不收费"},
		{"this desk has no report of such a book", "此工作台没有这份贷款簿的报告"},
		{"ask about it again; within 24 hours it is free", "请重新查询；24 小时内不收费"},
		{"a report is written as csv, excel-csv or json", "报告可以写成 csv、excel-csv 或 json"},
		// maps
		{"a map is of a column of a dataset", "地图属于某个数据集的某一列"},
		{"say which", "请指明"},
		{"that is the name of no property", "没有这个名称的属性"},
		{"take one that the areas of the map have", "请选择地图各区域具有的属性"},
		{"drop a GeoJSON file with the areas that the column names", "请拖入含该列所述区域的 GeoJSON 文件"},
		{"there is no map of %s", "%s 没有地图"},
		{"drop a GeoJSON file with its areas", "请拖入含其区域的 GeoJSON 文件"},
		{"no area of the map has a name there", "地图的各区域在该属性下没有名称"},
		{"give every feature a property that has its name, as the column writes it", "请给每个要素一个属性，写明与该列一致的名称"},
		{"mend the file, or ask its publisher for another", "请修正文件，或向发布者另要一份"},
		{"the answer has no such column of names", "答案没有这样的名称列"},
		{"take one by which the query groups", "请选择查询用来分组的一列"},
		// faults of a map's file (package geojson)
		{"the map has %d bytes, at most %d are read; draw it with fewer points", "地图有 %s 字节，最多读取 %s 字节；请减少点数"},
		{"the map is not UTF-8; GeoJSON always is", "地图不是 UTF-8；GeoJSON 总是 UTF-8"},
		{"the map is no JSON object; want a GeoJSON FeatureCollection", "地图不是 JSON 对象；应为 GeoJSON 的 FeatureCollection"},
		{"the map is no JSON object (byte %d); want a GeoJSON FeatureCollection", "地图不是 JSON 对象（第 %s 字节处）；应为 GeoJSON 的 FeatureCollection"},
		{"the map is TopoJSON; write it as GeoJSON, for example with topo2geo", "地图是 TopoJSON；请转换为 GeoJSON，例如用 topo2geo"},
		{"the map has the type %.40q, want FeatureCollection", "地图的类型是 %s，应为 FeatureCollection"},
		{"the map has coordinates of the system %.60q, want longitude and latitude of WGS 84 (RFC 7946)", "地图的坐标系是 %s，应为 WGS 84 经纬度（RFC 7946）"},
		{"the map has no list of features; want \"features\": [ … ]", "地图没有要素列表；应有 \"features\": [ … ]"},
		{"the map has %d features, want 1 to %d", "地图有 %s 个要素，应为 1 至 %s 个"},
		{"feature %d of the map %shas the type %.40q, want Feature", "地图的第 %s 个要素%s类型是 %s，应为 Feature"},
		{"feature %d of the map %shas no geometry; want a Polygon or MultiPolygon, or leave the feature out", "地图的第 %s 个要素%s没有几何；应为 Polygon 或 MultiPolygon，或去掉此要素"},
		{"feature %d of the map %sis a %.40q, want a Polygon or MultiPolygon", "地图的第 %s 个要素%s是 %s，应为 Polygon 或 MultiPolygon"},
		{"feature %d of the map %shas no polygon; leave the feature out", "地图的第 %s 个要素%s没有多边形；请去掉此要素"},
		{"feature %d of the map %shas coordinates of another shape; want lists of rings of [longitude, latitude]", "地图的第 %s 个要素%s坐标结构不对；应为由 [经度, 纬度] 组成的环的列表"},
		{"feature %d of the map %shas %d positions in ring %d, want at least 4, of which the last is the first", "地图的第 %s 个要素%s有 %s 个位置在第 %s 个环中，至少应有 4 个，末位与首位相同"},
		{"feature %d of the map %sis not closed in ring %d; the last position of a ring is its first", "地图的第 %s 个要素%s的第 %s 个环没有闭合；环的末位应与首位相同"},
		{"feature %d of the map %shas a polygon without a ring; want an outer ring, then its holes", "地图的第 %s 个要素%s有没有环的多边形；应有外环，其后为内环"},
		{"feature %d of the map %shas a position of %d numbers in ring %d, want [longitude, latitude]", "地图的第 %s 个要素%s有含 %s 个数的位置（第 %s 个环），应为 [经度, 纬度]"},
		{"feature %d of the map %sis beyond the %d positions that a map may have; draw it with fewer points", "地图的第 %s 个要素%s超出地图最多 %s 个位置的限制；请减少点数"},
		{"feature %d of the map %shas the position [%s, %s] in ring %d: latitude and longitude are exchanged, want [longitude, latitude]", "地图的第 %s 个要素%s有位置 [%s, %s]（第 %s 个环）：经纬度颠倒，应为 [经度, 纬度]"},
		{"feature %d of the map %shas the position [%s, %s] in ring %d, want longitude and latitude in degrees, not projected", "地图的第 %s 个要素%s有位置 [%s, %s]（第 %s 个环），应为以度表示的经纬度，而不是投影坐标"},
		// auditors and operators
		{"the file is empty", "文件为空"},
		{"drop a receipt, such as nox.tlog-proof", "请拖入凭证，例如 nox.tlog-proof"},
		{"give the file that ends in .pub, which `weir keygen` writes beside the private key", "请提供以 .pub 结尾的文件，`weir keygen` 将其写在私钥旁边"},
		{"%.20q is no role", "%s 不是角色"},
		{"take buyer, publisher or operator", "请选择 buyer、publisher 或 operator"},
		{"no such roster is proposed", "没有这样的席位提案"},
		{"one that was approved, withdrawn or overtaken by another change is gone", "已批准、已撤回或被其他变更取代的提案不再存在"},
		// publishers
		{"start the desk with the key that it was published with: `weir desk --key FILE`", "请用发布它的密钥启动工作台：`weir desk --key FILE`"},
		{"dataset %s is another publisher's", "数据集 %s 属于另一发布方"},
		{"the files are read by a descriptor that the dataset has already", "这些文件按数据集已有的描述文件读取"},
		{"amend the dataset on its own page", "请在数据集自己的页面上修订"},
		{"there is no descriptor", "没有描述文件"},
		{"send a text, a form, a dataset or a policy", "请提供文本、表单、数据集或政策"},
		{"drop its descriptor beside the files", "请把描述文件与数据文件一起拖入"},
		{"this machine has not published dataset %s, and does not know how its files are read", "本机没有发布过数据集 %s，不知道如何读取其文件"},
		{"this machine has not published dataset %s", "本机没有发布过数据集 %s"},
		{"publish from the machine that has, or with its descriptor", "请从发布过它的机器发布，或使用其描述文件"},
		{"this desk knows no such publication", "此工作台没有这项发布"},
		{"it ended with the desk that it was begun in; begin it again, what was sent is not sent twice", "它已随当时的工作台结束；请重新开始，已发送的内容不会再次发送"},
		{"the files are being read or sent", "文件正在读取或发送"},
		{"wait until that has ended", "请等待其结束"},
		{"start it again", "请重新启动"},
		{"eight publications are being prepared", "已有八项发布正在准备"},
		{"give up one of them", "请放弃其中一项"},
		{"the file's name cannot be read", "文件名无法读取"},
		{"call it by letters, digits and signs, at most %d bytes", "请用文字、数字和符号命名，不超过 %s 字节"},
		{"the file %s is empty", "文件 %s 为空"},
		{"drop a file with readings in it", "请拖入含有读数的文件"},
		{"the part does not fit the file", "该部分与文件不符"},
		{"send the file in parts of at most %d bytes, from its begin to its end", "请将文件从头到尾分部分发送，每部分不超过 %s 字节"},
		{"a part of %s is missing before it", "%s 缺少此前的部分"},
		{"drop the file again", "请重新拖入文件"},
		{"%d files were dropped already", "已拖入 %s 个文件"},
		{"put them into a zip archive", "请把它们放入 zip 压缩包"},
		{"the files that were dropped would have more than %d MB together", "拖入的文件合计将超过 %s MB"},
		{"use `weir dataset publish` in a terminal, which reads files where they are; or give up another publication", "请在终端使用 `weir dataset publish`，它直接读取原处的文件；或放弃另一项发布"},
		{"no such file was dropped", "没有拖入这个文件"},
		{"look at the list of files", "请查看文件列表"},
		{"no file was dropped", "没有拖入文件"},
		{"drop the files with the readings", "请拖入含有读数的文件"},
		{"%s has not come as a whole", "%s 尚未全部读入"},
		{"wait for it, or drop it again", "请等待，或重新拖入"},
		{"the reason is missing", "没有填写理由"},
		{"say why; the buyer reads it, and may order otherwise", "请说明理由；买方会看到，并可改变订单"},
		{"say why; buyers read it", "请说明理由；买方会看到"},
		{"a contract is suspended, resumed or revoked", "合同只能暂停、恢复或撤销"},
		{"send suspend, resume or revoke", "请使用 suspend、resume 或 revoke"},
		{"row %d, column %d is no cell", "第 %s 行第 %s 列不是单元格"},
		{"mend a cell that the table shows", "请修正表中所列的单元格"},
		{"%d cells were mended already", "已修正 %s 个单元格"},
		{"mend the file, and drop it again", "请修正文件并重新拖入"},
		{"the dataset was amended since the page was loaded", "页面载入之后，数据集已被修订"},
		{"load the page again, and look at what it has now", "请刷新页面，查看当前内容"},
		{"nothing is other than it was", "没有变化"},
		{"change a field first", "请先更改某个字段"},
		{"the version is negative", "版本号为负"},
		{"send its number, or none for the dataset", "请填写版本号；不填表示整个数据集"},
		{"leave it empty for what was asked", "不填则按申请的内容"},
		{"a grain is granted together with the columns", "粒度须与列一起授予"},
		{"send scoped and the columns", "请同时提供 scoped 和各列"},
		{"give a day to come, such as 2027-12-31, or none for what was asked", "请填写将来的日期，例如 2027-12-31；不填则按申请的内容"},
		{"the descriptor has faults", "描述文件有错误"},
		{"mend what stands beside it first", "请先修正其旁所列各项"},
		{"nobody said what the columns are", "尚未说明各列的含义"},
		{"fill in the form, or drop a descriptor", "请填写表单，或拖入描述文件"},
		{"something was changed since it was checked", "检查之后内容有改动"},
		{"check it again, and look at what would be published", "请重新检查，并查看将发布的内容"},
		{"another version was published, or the dataset amended, since it was checked", "检查之后，该数据集已有新版本发布或已被修订"},
		{"start it again, and drop the file again", "请重新启动，并重新拖入文件"},
		{"it is published already", "已经发布"},
		{"begin another publication", "请开始另一次发布"},
		{"mend the files, the columns or the policy by what it says, and check again", "请按所述修正文件、各列或政策，然后重新检查"},
		{"drop files with periods or readings that are new", "请拖入含有新周期或新读数的文件"},
		{"nothing is listed; tell the operators of the nodes, and publish again", "没有发布任何内容；请告知节点的运营方，并重新发布"},
		{"the files bring nothing new: version %d of dataset %s has every reading of theirs, and all periods to %s", "文件没有带来新内容：数据集 %[2]s 的版本 %[1]s 已有其中的全部读数，以及至 %[3]s 的所有周期"},
	}
}
