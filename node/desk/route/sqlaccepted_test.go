package route

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
)

// sourcesOf are the files of a package, without its tests.
func sourcesOf(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(dir), "*.go"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%s: %d files, %v", dir, len(names), err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// literalsIn are the texts in a piece of source, those of a sum as one with places for what is no literal.
func literalsIn(n ast.Node) (out []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch e := n.(type) {
		case *ast.Field:
			return e.Tag == nil
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			if e.Op == token.ADD {
				if text := formatOf(e); strings.Trim(text, "%s") != "" {
					out = append(out, text)
					return false
				}
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

// notWords are lower-case words of SQL, and names that stand for others in it.
var notWords = map[string]bool{"measure": true, "entity": true, "period": true, "date_trunc": true, "year": true, "hour": true, "x": true, "y": true, "q": true, "limit": true,
	"month": true, "extract": true, "from": true, "m": true}

// What package sql says that it accepts is said in Chinese where it is words, and the table has nothing that package sql
// does not say.
func TestWhatSQLAcceptsIsInChinese(t *testing.T) {
	files := sourcesOf(t, "compute/sql")
	declared, said := map[string][]string{}, map[string]bool{}
	for _, f := range files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				declared[d.Name.Name] = append(declared[d.Name.Name], literalsIn(d)...)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						for i, n := range v.Names {
							if i < len(v.Values) {
								declared[n.Name] = append(declared[n.Name], literalsIn(v.Values[i])...)
							}
						}
					}
				}
			}
		}
	}
	say := func(texts []string) {
		for _, text := range texts {
			said[text] = true
		}
	}
	say(declared["candidates"])
	say(declared["explain"])
	say(declared["want"])
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			called, ok := c.Fun.(*ast.SelectorExpr)
			if !ok || called.Sel.Name != "want" && called.Sel.Name != "among" {
				return true
			}
			for _, arg := range c.Args {
				say(literalsIn(arg))
				ast.Inspect(arg, func(n ast.Node) bool { // what a constant or a function of the package says
					if id, ok := n.(*ast.Ident); ok {
						say(declared[id.Name])
					}
					return true
				})
			}
			return true
		})
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				if s, ok := a.Lhs[0].(*ast.SelectorExpr); ok && s.Sel.Name == "Want" {
					say(literalsIn(a.Rhs[0]))
				}
			}
			return true
		})
	}
	table, has := chineseAccepted(), map[string]bool{}
	quoted, word := regexp.MustCompile(`'[^']*'|"[^"]*"|%(?:\[[0-9]\]|\.[0-9]+)?[sdq]`), regexp.MustCompile(`[\p{L}_]+`)
	for _, f := range table {
		if has[f[0]] {
			t.Errorf("%q is there twice", f[0])
		}
		has[f[0]] = true
		if !said[f[0]] && !slices.ContainsFunc(slices.Collect(maps.Keys(said)), func(s string) bool { return strings.Contains(s, f[0]) }) {
			t.Errorf("%q is not what package sql says", f[0])
		}
		filled := verb().ReplaceAllString(f[0], "7")
		got := In(explain.Chinese, &wire.Problem{Kind: wire.KindSQL, Accepted: filled}).Accepted
		if want := strings.ReplaceAll(strings.ReplaceAll(f[1], "%s", "7"), "%%", "%"); got != want || !strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q is said as %q, want %q", filled, got, want)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(said)) {
		words := quoted.ReplaceAllString(text, " ")
		prose := slices.ContainsFunc(word.FindAllString(words, -1), func(w string) bool { return w != strings.ToUpper(w) && !notWords[w] })
		if prose && !has[strings.TrimPrefix(text, ", ")] && !slices.ContainsFunc(chineseSQLFaults(), func(f [2]string) bool { return strings.Contains(f[0], text) }) {
			t.Errorf("%q is not said in Chinese", text)
		}
	}
}

func TestListsOfWhatIsAcceptedInChinese(t *testing.T) {
	for english, want := range map[string]string{
		"":                                "",
		"pm25, pm10, so2":                 "pm25、pm10、so2",
		"a name, *, (, a comma, FROM":     "名称、*、(、逗号、FROM",
		"= 8, IN (7, 8), BETWEEN 7 AND 9": "= 8、IN (7, 8)、BETWEEN 7 AND 9",
		"'a name, or two', a number":      "'a name, or two'、数",
		"(, )":                            "(、)",
		"SUM(x, a number":                 "SUM(x, a number",
		"north, south, … 7 more":          "north、south、… 另有 7 个",
		"fewer conditions, IN with a list of values":                                                               "减少条件、IN 后接值的列表",
		"EXTRACT(ISODOW FROM period), where 1 is Monday and 7 Sunday, EXTRACT(DOW FROM period), where 0 is Sunday": "EXTRACT(ISODOW FROM period)（1 为星期一，7 为星期日）、EXTRACT(DOW FROM period)（0 为星期日）",
	} {
		p := In(explain.Chinese, &wire.Problem{Kind: wire.KindSQL, Accepted: english})
		if p.Accepted != want {
			t.Errorf("%q is said as %q, want %q", english, p.Accepted, want)
		}
		if p := In(explain.English, &wire.Problem{Kind: wire.KindSQL, Accepted: english}); p.Accepted != english {
			t.Errorf("%q is said otherwise in English: %q", english, p.Accepted)
		}
	}
}
