package route

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
)

// Every fault of SQL whose sentence stands in package sql is said in Chinese, with everything that is in it, and the table
// has none that package sql does not say. Sentences that are all arguments come from elsewhere.
func TestFaultsOfSQLAreInChinese(t *testing.T) {
	said := map[string]bool{}
	var texts []string // all constants
	for _, f := range sourcesOf(t, "compute/sql") {
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil {
					texts = append(texts, s)
				}
			}
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) < 3 {
				return true
			}
			if called, ok := c.Fun.(*ast.Ident); !ok || called.Name != "faultAt" {
				return true
			}
			if l, ok := c.Args[2].(*ast.BasicLit); ok {
				if s, err := strconv.Unquote(l.Value); err == nil {
					said[strings.ReplaceAll(s, "%%", "%")] = true
				}
			}
			return true
		})
	}
	all := strings.Join(texts, "\n")
	has := map[string]bool{}
	for _, f := range chineseSQLFaults() {
		if has[f[0]] {
			t.Errorf("%q is there twice", f[0])
		}
		has[f[0]] = true
		if !said[f[0]] { // it is put together of parts, each of which some constant has
			for _, part := range strings.FieldsFunc(verb().ReplaceAllString(f[0], "\n"), func(r rune) bool { return r == ';' || r == ':' || r == ',' || r == '\n' }) {
				if part = strings.TrimSuffix(part, " not answered by this version"); !strings.Contains(all, strings.TrimSpace(part)) {
					t.Errorf("%q: package sql does not say %q", f[0], part)
				}
			}
		}
		filled := verb().ReplaceAllString(f[0], "‹arg›")
		got := In(explain.Chinese, wire.NewProblem(422, wire.KindSQL, filled)).Message
		if strings.Count(got, "‹arg›") != strings.Count(filled, "‹arg›") || !strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || strings.Contains(got, "%!") {
			t.Errorf("%q is said as %q", filled, got)
		}
		if english := In(explain.English, wire.NewProblem(422, wire.KindSQL, filled)).Message; english != filled {
			t.Errorf("%q is said otherwise in English: %q", filled, english)
		}
	}
	for format := range said {
		if strings.Trim(verb().ReplaceAllString(format, ""), " ") != "" && !has[format] {
			t.Errorf("%q is not said in Chinese", format)
		}
	}
	for english, want := range map[string]string{
		"there is no column 9 in SELECT":                             "SELECT 中没有第 9 列",
		"GEOMEAN of joined datasets is not answered by this version": "本版本不支持联接数据集的 GEOMEAN",
		"AVG takes a measure":                                        "AVG 的参数是指标",
		"the dataset has one period a month, and nothing finer":      "数据集每月一个时段，没有更细的",
		"no fault that there is":                                     "no fault that there is",
	} {
		p := In(explain.Chinese, wire.NewProblem(422, wire.KindSQL, english))
		if p.Message != want || p.Detail != want {
			t.Errorf("%q is said as %q", english, p.Message)
		}
	}
}
