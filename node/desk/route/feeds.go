package route

import (
	"slices"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog/explain"
)

// FeedIn is what a feed says of itself, in a language. Rare errors of its configuration and of libraries stay in English.
func FeedIn(l explain.Language, text string) string {
	if l == explain.English || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	if len(lines) == 1 {
		return feeds.chinese(text)
	}
	for i, line := range lines { // what changed is indented
		bare := strings.TrimLeft(line, " ")
		lines[i] = line[:len(line)-len(bare)] + feeds.chinese(bare)
	}
	return strings.Join(lines, "\n")
}

var feeds = telling{
	patterns: sync.OnceValue(func() []pattern {
		return compiled(slices.Concat(chineseFeeds(), chineseTroubles()))
	}),
	otherwise: otherwise,
}

// chineseFeeds are what a feed says of itself, in English as package feed says it, and in Chinese.
func chineseFeeds() [][2]string {
	return [][2]string{
		// that it cannot be told
		{"no feed ran in %s yet: there is no %s", "%s 中尚未运行过实时接入：没有 %s"},
		{"read what the feed in %s told: %s", "读取 %s 中实时接入的状态：%s"},
		{"read the configuration: %s", "读取配置：%s"},
		// why it ended, or did not publish
		{"all sources have ended", "所有来源均已结束"},
		{"a feed runs in %s already: %s", "%s 中已有实时接入在运行：%s"},
		{"make the feed's directory: %s", "创建实时接入的目录：%s"},
		{"write the feed's state: %s", "写入实时接入的状态：%s"},
		{"take connections: %s", "接受连接：%s"},
		{"source %s: %s", "来源 %s：%s"},
		{"this machine has not published dataset %s: name its descriptor in %s", "本机没有发布过数据集 %s：请在 %s 中指明其描述文件"},
		{"dataset %s is not published yet, and brings its own registry: publish the first files with `weir dataset publish`", "数据集 %s 尚未发布，且自带名录：请先用 `weir dataset publish` 发布首批文件"},
		{"source %s: there is no kind %s", "来源 %s：没有类型 %s"},
		{"source %s: the query in %s has no %s; want … WHERE %s >= %s", "来源 %s：%s 中的查询没有 %s；应为 … WHERE %s >= %s"},
		{"source %s: read the query: %s", "来源 %s：读取查询：%s"},
		{"read the header that was kept: %s", "读取保存的表头：%s"},
		// something else than the configuration says
		{"source %s sends something else than the configuration says:", "来源 %s 发送的内容与配置不符："},
		{"+ code %s of device %s (entity %s)", "+ 设备 %[2]s 的编码 %[1]s（实体 %[3]s）"},
		{"+ code %s of device %s has more than %d decimals in %s", "+ 设备 %[2]s 的编码 %[1]s 的小数位数超过 %[3]s 位（单位 %[4]s）"},
		{"+ device %s", "+ 设备 %s"},
		{"did you mean %s?", "是否指 %s？"},
		{"list the code under measures or ignore.codes, or say unknown: {codes: ignore}; nothing of this message was kept or acknowledged", "请把该编码列入 measures 或 ignore.codes，或写 unknown: {codes: ignore}；此报文未保存也未应答"},
		{"list the device under devices or ignore.devices, or say unknown: {devices: ignore}; nothing of this message was kept or acknowledged", "请把该设备列入 devices 或 ignore.devices，或写 unknown: {devices: ignore}；此报文未保存也未应答"},
		{"declare round: half_even for measure %s in the descriptor; nothing is rounded in silence", "请在描述文件中为指标 %s 写 round: half_even；不会自行舍入"},
		{"%s has another header than what came before; if that is right, run the feed once with --new-header", "%s 的表头与此前不同；若无误，请带 --new-header 运行一次"},
		// files, tables and lines
		{"%s is in failed/, with the reason", "%s 已移入 failed/，并附原因"},
		{"nothing of the answer is kept: it has %d faults, the first in %s; `weir dataset append --check` with the same --from and --query says what is wrong", "查询结果均未保存：有 %s 处错误，第一处在 %s；用相同的 --from 和 --query 运行 `weir dataset append --check` 可查看错误"},
		{"the answer", "查询结果"},
		{"row %d", "第 %s 行"},
		{"row %d, column %s", "第 %s 行，列 %s"},
		{"the query answers no column %q; it answers %s", "查询结果没有列 %s；其列为 %s"},
		{"row %d: column %s: %s", "第 %s 行，列 %s：%s"},
		{"what stands there is no time", "其中不是时间"},
		{"line %d: %s", "第 %s 行：%s"},
		{"is no line of CSV: %s", "不是 CSV 行：%s"},
		{"has %d fields, the header %d", "有 %s 个字段，而表头有 %s 个"},
		{"is no JSON object of texts and numbers: %s", "不是由文本和数字组成的 JSON 对象：%s"},
		{"it begins otherwise", "开头不符"},
		{"%s has a value of another kind", "%s 的值类型不符"},
		{"something stands behind the object", "对象之后还有内容"},
		{"has %q twice", "%s 重复出现"},
		{"has no device; want it in %q", "没有设备；应写在 %s 中"},
		{"no time, such as 2026-12-01T08:00:00+08:00, stands in %q", "%s 中没有时间，写法如 2026-12-01T08:00:00+08:00"},
		// examples of what was passed over
		{"%s of device %s", "设备 %[2]s 的 %[1]s"},
		{"%s of device %s at %s", "设备 %[2]s 的 %[1]s（%[3]s）"},
		{"%s-%s of device %s at %s", "设备 %[3]s 的 %[1]s-%[2]s（%[4]s）"},
	}
}
