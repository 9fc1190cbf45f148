package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

func TestLanguageOfATag(t *testing.T) {
	for tag, want := range map[string]Language{"zh": Chinese, "zh-CN": Chinese, "ZH-Hant": Chinese, "en": English, "": English, "zhx": English, "de-zh": English} {
		if got := LanguageOf(tag); got != want {
			t.Errorf("%q is %v, want %v", tag, got, want)
		}
	}
	if Language(7).Reason(catalog.Why("key.digest")) != "a digest is missing" {
		t.Error("a language that there is not is not English")
	}
	if LanguageOf(Chinese.Tag()) != Chinese || LanguageOf(English.Tag()) != English {
		t.Error("a tag is of another language")
	}
}

// placesOf are the arguments that a format uses, each with its verbs: o, a word of the
// program's own, is s, and d is s too.
func placesOf(format string) map[int]string {
	out, next := map[int]string{}, 1
	for _, found := range place.FindAllStringSubmatch(format, -1) {
		if found[1] == "%" {
			continue
		}
		if found[2] != "" {
			next = int(found[2][0] - '0')
		}
		verb := found[1][len(found[1])-1:]
		if strings.Contains("ods", verb) {
			verb = "s"
		}
		if !strings.Contains(out[next], verb) {
			out[next] += verb
		}
		next++
	}
	return out
}

// TestEveryCodeIsSaidInBothLanguages with the same arguments, in the same forms.
func TestEveryCodeIsSaidInBothLanguages(t *testing.T) {
	english, chinese := languages[English].sentences(), languages[Chinese].sentences()
	for code := range chinese {
		if _, known := english[code]; !known {
			t.Errorf("%s is said in Chinese alone", code)
		}
	}
	for code, en := range english {
		zh, known := chinese[code]
		if !known {
			t.Errorf("%s is not said in Chinese", code)
			continue
		}
		for what, of := range map[string][2]string{"message": {en.message, zh.message}, "fix": {en.fix, zh.fix}} {
			if (of[0] == "") != (of[1] == "") {
				t.Errorf("%s: the %s is %q and %q", code, what, of[0], of[1])
			}
			if a, b := placesOf(of[0]), placesOf(of[1]); !maps.Equal(a, b) {
				t.Errorf("%s: the %ss take %v and %v:\n%s\n%s", code, what, a, b, of[0], of[1])
			}
		}
	}
}

var (
	command  = regexp.MustCompile("`[^`]*`|weir [a-z-]+( [a-z-]+)*( [A-Za-z0-9.-]+)*|--[a-z-]+( [A-Za-z0-9.=-]+)?|\\{[^}]*\\}|\\[[^\\]]*\\]|'[^']*'|\"[^\"]*\"|[a-zA-Z_]+\\([^)]*\\)|WHERE .*PRIVATE|public: true")
	sequence = regexp.MustCompile(`[A-Za-z]{2,}[ ,;:]+[A-Za-z]{2,}`)
	letters  = regexp.MustCompile(`[A-Za-z]{3,}`)
)

// TestNoChineseSentenceIsEnglish: beside commands, and names of fields, it has no two English words in a row, and
// its vocabulary is left in English nowhere.
func TestNoChineseSentenceIsEnglish(t *testing.T) {
	check := func(where, english, said string) {
		t.Helper()
		rest := command.ReplaceAllString(said, "")
		if found := sequence.FindString(rest); found != "" {
			t.Errorf("%s: %q stands in %s", where, found, said)
		}
		if letters.MatchString(command.ReplaceAllString(english, "")) && !strings.ContainsFunc(said, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s is no Chinese: %s", where, said)
		}
	}
	for code := range languages[Chinese].sentences() {
		r := catalog.Reason{Code: code}
		for range 9 {
			r.Args = append(r.Args, "7")
		}
		refusal := &catalog.Refusal{Reason: r}
		check(code, place.ReplaceAllString(English.Message(refusal), ""), Chinese.Message(refusal))
		check(code, place.ReplaceAllString(English.Fix(refusal), ""), Chinese.Fix(refusal))
		check(code, English.Refusal(refusal), Chinese.Refusal(refusal))
	}
	for rule, english := range amendRules() {
		check(string(rule), english, Chinese.WhyNotAmended(rule))
	}
	for english, own := range zhWords() {
		check(english, english, own+"词") // ID is a word of both
	}
	bare, public := full(), full()
	bare.Policy = catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, MinCohort: 2}
	public.Policy = catalog.Policy{Aggregates: []string{"sum", "avg"}, Grain: calendar.Month, Public: true, Unrelated: []string{"guarded"}}
	cut := full()
	cut.Policy.AboveCap = ""
	for _, d := range []catalog.Descriptor{full(), bare, public, cut} {
		english, chinese := English.Policy(d), Chinese.Policy(d)
		if len(english) != len(chinese) {
			t.Fatalf("%d sentences are %d in Chinese", len(english), len(chinese))
		}
		for i := range english {
			check("policy", english[i], chinese[i])
			for _, number := range regexp.MustCompile(`[0-9][0-9.e-]*`).FindAllString(english[i], -1) {
				if !strings.Contains(chinese[i], number) {
					t.Errorf("%s is missing in %s", number, chinese[i])
				}
			}
		}
	}
}

// TestStatesAreWordsOfBothLanguages: whatever state, grain or role stands in a sentence has its word.
func TestStatesAreWordsOfBothLanguages(t *testing.T) {
	own := languages[Chinese].own()
	for _, g := range calendar.Grains {
		if own[string(g)] == "" {
			t.Errorf("the grain %s has no word", g)
		}
	}
	for _, r := range []catalog.Role{catalog.RolePublisher, catalog.RoleBuyer, catalog.RoleOperator} {
		if own[string(r)] == "" {
			t.Errorf("the role %s has no word", r)
		}
	}
	states := statesOf(t)
	if len(states) < 20 {
		t.Fatalf("only the states %q were found", slices.Sorted(maps.Keys(states)))
	}
	for s := range states {
		if own[s] == "" {
			t.Errorf("the state %s has no word", s)
		}
	}
}

// statesOf are the states that package catalog and what lies below it declare.
func statesOf(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, path := range sourcesOf(t) {
		if !strings.Contains(path, "/catalog/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasSuffix(nameOf(spec.Type), "State") {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				out[text] = true
			}
			return true
		})
	}
	return out
}

func TestRefusalsReadAsSentencesInChinese(t *testing.T) {
	for want, r := range map[string]*catalog.Refusal{
		"没有可发布的结果：数据集 air 只发布至少有 5 个实体的组，最大的组（全部所选实体）有 1 个计入的实体；能通过的最小改动：去掉对实体的条件": catalog.Refuse(catalog.RefusedPolicy, "min_cohort", "cohort.small", "air", 5, "*", 1).
			WithFixes(catalog.Why("fix.smallest_change").With(catalog.Why("change.no_condition"))),
		"数据集没有指标 \"pm\"；其指标有：a、b、c、d、e、f、g、h 等（另有 2 个）": catalog.Invalid("select[0]", "dataset.no_measure", "pm", strings.Split("abcdefghij", "")),
		"订单 o-1 的状态已是“已批准”":                             catalog.Conflict("order_state", "order.state", "o-1", catalog.OrderApproved),
		"query.submit：未知字段 \"x\"；如果本程序比集群的功能级别新，待所有节点装好新版本后由运营方提升级别：`weir operator upgrade status`": catalog.Refuse(catalog.RefusedInvalid, "body", "body.unreadable", "query.submit").WithParts(catalog.Why("json.unknown_field", "x")),
		"nox 的第 2 个区间 在 3 个单元上的总和可能达到 3 × 4，超过 5":                                                   catalog.Refuse(catalog.RefusedPolicy, "magnitude", "query.magnitude", catalog.Column{Measure: "nox", Bucket: 2}, 3, 4, 5),
		"您在数据集 air 上没有适用于此查询的合同：c-1 已被撤销；c-2 已终止": catalog.Refuse(catalog.RefusedPolicy, "contract", "contract.none_covers", "air").
			WithParts(catalog.Why("contract.is_revoked", "c-1"), catalog.Why("contract.has_ended", "c-2")),
		"policy.future(a)": {Reason: catalog.Reason{Code: "policy.future", Args: []string{"a"}}},
		"registry 在集群中为 空，此处为 my own": {Reason: catalog.Why("dataset.field_differs", "registry", "nothing", "my own")},
	} {
		if got := Chinese.Refusal(r); got != want {
			t.Errorf("%s reads\n%s\nwant\n%s", r, got, want)
		}
	}
}
