package route

import (
	"testing"

	"github.com/weirdata/weir/catalog/explain"
)

func TestWhatPublicationsSayIsInChinese(t *testing.T) {
	said := func(text string) string { return PublishingIn(explain.Chinese, text) }
	holdTable(t, chinesePublishing(), said, []source{
		{"node/client/publish/publish.go", []string{"versionWaits"}}, {"node/client/publish/check.go", []string{"FindRelations", "Examine"}}, {"node/client/publish/related.go", []string{"Words"}},
		{"compute/panel/report.go", []string{"report", "floatIDs"}}, {"compute/panel/assembly.go", []string{"extent", "dense"}},
	}, map[string][]string{"%s times each other": {"%.6g times each other"}},
		"%s: %s cells of %s measures are too many", "%s: %s rows for %s cells, and none between %s and %s", "a date is probably wrong: mend it, or publish the two parts as datasets of their own",
		"want at most %s in all: publish parts, or mend the dates", "want one for each entity and period with a reading", "there are no rows") // faults
	holdTable(t, chineseClosed(), func(text string) string { return ClosedIn(explain.Chinese, text) }, []source{{"node/client/publish/check.go", []string{"closedWords"}}}, nil)
	for english, want := range map[string]string{
		"version 3 is committed, and waits for enough nodes to hold it; not yet: n2, n3":                                                                                                     "版本 3（正在检查）等待足够多的节点存储；尚未存储的：n2、n3",
		"nox and so2 are equal in 9 of 10 cells and not declared as related: if they tell of the same, write related: [[nox, so2]] under policy, or figures of both tell of single entities": "nox 与 so2 在 10 个单元中有 9 个相等，却未声明为相关：若两者反映同一事物，请在 policy 下写 related: [[nox, so2]]，否则合看两者的结果会泄露单个实体",
		"not compared with other datasets: no node answers: n1 at https://a:1: Get \"https://a:1/v1\": dial tcp: connection refused; n2 at https://b:1: heaven knows":                        "未与其他数据集比较：没有节点应答：n1（https://a:1）该地址无程序监听：节点程序未运行，或被防火墙拒绝；n2（https://b:1）heaven knows",
		"a.csv: 3 rows for 9000 cells; if so few are not what is meant, a date is wrong":                                                                                                     "a.csv：3 行数据对应 9000 个单元；若不应如此稀少，则有日期写错",
		"heaven knows": "heaven knows",
	} {
		if got := said(english); got != want || PublishingIn(explain.English, english) != english {
			t.Errorf("%q is said as %q, want %q", english, got, want)
		}
	}
	if got := ClosedIn(explain.Chinese, "2024-01 to 2024-03; from 2024-04 on nothing is released yet"); got != "2024-01 至 2024-03；自 2024-04 起暂不发布" {
		t.Errorf("%q", got)
	}
}

func TestWhatFeedsSayIsInChinese(t *testing.T) {
	said := func(text string) string { return FeedIn(explain.Chinese, text) }
	holdTable(t, chineseFeeds(), said, []source{
		{"node/client/feed/feed.go", []string{"Error", "New", "sourceOf", "errEnded", "Run", "begin", "verify", "telling"}},
		{"node/client/feed/take.go", []string{"readings", "entityOf", "reading"}}, {"node/client/feed/lines.go", []string{"Error", "line", "objectOf", "timeOf"}},
		{"node/client/feed/files.go", nil}, {"node/client/feed/rows.go", nil}, {"node/client/feed/source.go", nil}, {"node/client/feed/table.go", nil}, {"node/client/feed/state.go", []string{"ReadState"}}, {"node/client/feed/config.go", []string{"ReadConfig", "didYouMean"}}, {"node/client/feed/frames.go", []string{"run"}},
	}, map[string][]string{
		"source %s sends something else than the configuration says:": {"source %s sends something else than the configuration says:\n  %s\n%s"},
		"+ device %s": {"+ device %s%s"}, "did you mean %s?": {"; did you mean %s?"},
		"%s is in failed/, with the reason":                        {"%s is in %s/, with the reason", "failed"},
		"no time, such as 2026-12-01T08:00:00+08:00, stands in %q": {"no time, such as 2026-12-01T08:00:00+08:00, stands", "%s in %q"},
	}, "source %s is tried again: %s", "+ a number", "updated %s", "header %s", // of logs, and values
		"dataset %s has another descriptor than the feed's", "compare with `weir dataset show %s`", "is entity %s, which registry %s does not have", "append it with `weir registry append`%s") // faults of configurations
	three := "source tower sends something else than the configuration says:\n  + code a01 of device 7 (entity P1)\n  + device 9; did you mean 8?\nlist the code under measures or ignore.codes, or say unknown: {codes: ignore}; nothing of this message was kept or acknowledged"
	want := "来源 tower 发送的内容与配置不符：\n  + 设备 7 的编码 a01（实体 P1）\n  + 设备 9；是否指 8？\n请把该编码列入 measures 或 ignore.codes，或写 unknown: {codes: ignore}；此报文未保存也未应答"
	if got := said(three); got != want || FeedIn(explain.English, three) != three {
		t.Errorf("%q, want %q", got, want)
	}
	for english, want := range map[string]string{
		"line 4: no time, such as 2026-12-01T08:00:00+08:00, stands in \"t\"": "第 4 行：\"t\" 中没有时间，写法如 2026-12-01T08:00:00+08:00",
		"a01-Rtd of device 7 at 20261201":                                     "设备 7 的 a01-Rtd（20261201）",
		"take connections: accept tcp: i/o timeout":                           "接受连接：没有及时应答（accept tcp: i/o timeout）",
	} {
		if got := said(english); got != want {
			t.Errorf("%q is said as %q, want %q", english, got, want)
		}
	}
}
