package route

import (
	"reflect"
	"testing"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/wire"
)

func TestWhatNodesExplainIsInChinese(t *testing.T) {
	const learn = "the request, the groups and how many there are; of the values, uniformly random shares and nothing else"
	holdTable(t, chineseExplained(), func(text string) string {
		return ExplainedIn(explain.Chinese, &wire.Explained{Verdict: []string{text}}).Verdict[0]
	}, []source{{"node/api/explainwords.go", nil}}, map[string][]string{
		"joined with version %d of dataset %s under contract %s, which pays %s %s": {"joined with version %d of dataset %s under contract %s", ", which pays %s %s"},
		"%s: a class of entities, in %s, of %s":                                    {": a class of entities", "%s, in %s, of %s"},
		"%d classes of entities, the last in %s, in %s, of %s":                     {"%d classes of entities, the last in %s", "%s, in %s, of %s"},
		"the request, the groups and how many there are":                           {learn},
		"of the values, uniformly random shares and nothing else":                  {learn},
		"that %s over the %d entities of the registry was used, not which of them it selects or weighs, nor how many": {
			"; that %s over the %d entities of the registry was used, not which of them it selects or weighs, nor how many"},
		"and one bit: whether anywhere fewer than %d entities are selected or left over, in which case there is no answer": {
			"; and one bit: whether anywhere fewer than %d entities are selected or left over, in which case there is no answer"},
	}, " and ", " to %s")
	holdTable(t, chineseSums(), func(text string) string { return noiseInChinese(plan.ColumnNoise{What: text}).What }, []source{{"compute/plan/columns.go", []string{"ColumnText"}}}, nil)

	x := &wire.Explained{
		Verdict:        []string{"accepted under contract c-1", "min_cohort is 3: 24 of 25 entities are included", "in the words of a newer node"},
		WithheldGroups: []string{"all selected entities", "north, 2024"}, LeftOut: []string{"north: a class of entities, in 2024-01 to 2024-03 and 2024-05, of all measures", "all selected entities: 1 of 9 entities"},
		Nodes: "the request, the groups and how many there are; of the values, uniformly random shares and nothing else; that private vector book over the 9 entities of the registry was used, not which of them it selects or weighs, nor how many",
		Noise: &wire.ExplainedNoise{Sums: []plan.ColumnNoise{{What: "sums of squares of nox"}}}, Coverage: []wire.ExplainedRow{{Group: "all selected entities"}},
	}
	got := ExplainedIn(explain.Chinese, x)
	for _, c := range [][2]any{
		{got.Verdict, []string{"按合同 c-1 接受", "min_cohort 为 3：25 个实体中计入 24 个", "in the words of a newer node"}},
		{got.WithheldGroups, []string{"全部所选实体", "north, 2024"}},
		{got.LeftOut, []string{"north：一类实体，时段 2024-01 至 2024-03、2024-05，指标 全部指标", "全部所选实体：缺 1 个实体，共 9 个"}},
		{got.Nodes, "请求、各组及组数；对于数值，只见到均匀随机的份额，别无其他；用到了私有向量 book（名录有 9 个实体），但不知道其中选取或加权的是哪些实体，也不知道有多少"},
		{got.Noise.Sums[0].What, "nox 的平方和"}, {got.Coverage[0].Group, "全部所选实体"}, {x.Noise.Sums[0].What, "sums of squares of nox"}, {x.Coverage[0].Group, "all selected entities"},
	} {
		if !reflect.DeepEqual(c[0], c[1]) {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
	if ExplainedIn(explain.English, x) != x || ExplainedIn(explain.Chinese, nil) != nil {
		t.Error("English, or nothing, is said otherwise")
	}
}

func TestWhatAnswersLackIsInChinese(t *testing.T) {
	holdTable(t, chineseShortfall(), func(text string) string { return ShortfallIn(explain.Chinese, []string{text})[0] }, []source{{"compute/result/shortfall.go", nil}}, map[string][]string{
		"1 group": {"1 %s", "group"}, "%d groups": {"groups"}, "1 entity": {"1 %s", "entity"}, "%d entities": {"entities"},
		"1 row is not whole: periods are left out":    {"%s not whole: periods are left out"},
		"%d rows are not whole: periods are left out": {"rows are", " not whole: periods are left out"},
	}, "and %s more", " and %s more", " to %s", "the whole", " (%s of %s entities could be released)")
	for english, want := range map[string]string{
		"1 group withheld by policy":                                                                                              "按政策不发布 1 组",
		"2 groups withheld by policy: the whole, and more":                                                                        "按政策不发布 2 组：the whole, and more",
		"1 group withheld by policy: the whole":                                                                                   "按政策不发布 1 组：整体",
		"1 group withheld by policy: the whole (1 of 2 entities could be released)":                                               "按政策不发布 1 组：整体（2 个实体中可发布 1 个）",
		"7 groups withheld by policy: food and drink (1 of 2 entities could be released), b, c, d, e, and 2 more":                 "按政策不发布 7 组：food and drink（2 个实体中可发布 1 个）, b, c, d, e 等（另有 2 组）",
		"1 row is not whole: it covers 3 of 9 entities":                                                                           "有 1 行不完整：9 个实体中只含 3 个",
		"4 rows are not whole: periods are left out":                                                                              "有 4 行不完整：略去了部分时段",
		"not in the figures, as nothing is published that can be asked: 2024-01 to 2024-03, 2024-05, 2024-07, 2025 and 2000 more": "结果不含以下时段，因为没有可查询的已发布数据：2024-01 至 2024-03、2024-05、2024-07、2025 等（另有 2000 个）",
		"1 row does not have corrections of 2 entities yet":                                                                       "有 1 行尚未包含 2 个实体的更正",
		"heaven knows": "heaven knows",
	} {
		if got := ShortfallIn(explain.Chinese, []string{english})[0]; got != want {
			t.Errorf("%q is said as %q, want %q", english, got, want)
		}
		if got := ShortfallIn(explain.English, []string{english})[0]; got != english {
			t.Errorf("%q is said otherwise in English: %q", english, got)
		}
	}
}

func TestWhatJobsWaitForAndNoteIsInChinese(t *testing.T) {
	holdTable(t, chineseWaits(), func(text string) string { return WaitsIn(explain.Chinese, text) }, []source{{"node/client/vector/register.go", []string{"Waits"}}}, nil)
	holdTable(t, chineseNotes(), func(text string) string { return NoteIn(explain.Chinese, text) }, []source{{"node/client/ask/answered.go", []string{"keepAnswer"}}, {"node/client/ask/kept.go", []string{"forget"}}}, nil, "of query %s")
	for english, want := range map[string]string{
		"waiting for n1, n2 to store its share; all nodes must be up": "等待 n1、n2 存储份额；所有节点都须在线",
	} {
		if got := WaitsIn(explain.Chinese, english); got != want || WaitsIn(explain.English, english) != english {
			t.Errorf("%q is said as %q, want %q", english, got, want)
		}
	}
	two := "forget the envelope of query q-1: remove /x/y: permission denied\nkeep the answer in the own store: entirely unheard of"
	if got, want := NoteIn(explain.Chinese, two), "查询 q-1 的信封未能从本机删除：程序没有相应权限\n答案未能存入本机：entirely unheard of"; got != want || NoteIn(explain.English, two) != two {
		t.Errorf("%q, want %q", got, want)
	}
}
