package catalog

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pureImports is everything that the package may import: nothing with a clock, a
// source of randomness, a file, a connection or the environment in its reach.
var pureImports = []string{
	"bytes", "cmp", "crypto/ed25519", "crypto/sha256", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "maps",
	"math", "math/big", "math/bits", "regexp", "slices", "strconv", "strings", "sync", "unicode", "unicode/utf8",
	"github.com/bits-and-blooms/bitset",
}

func parsePackage(t *testing.T) (*token.FileSet, []*ast.File) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return fset, files
}

func TestImportsArePure(t *testing.T) {
	fset, files := parsePackage(t)
	for _, f := range files {
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(pureImports, path) {
				t.Errorf("%s imports %s", fset.Position(spec.Pos()), path)
			}
		}
	}
}

// TestNothingDependsOnTheOrderOfAMap finds every range over a map, every
// goroutine, select, floating-point number and printing of a map.
func TestNothingDependsOnTheOrderOfAMap(t *testing.T) {
	fset, files := parsePackage(t)
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil), Error: func(error) {}}
	pkg, err := config.Check("catalog", fset, files, &info)
	if err != nil && pkg == nil {
		t.Fatal(err)
	}
	ranges := 0
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.RangeStmt:
				ranges++
				typ := info.Types[n.X].Type
				if typ == nil {
					t.Errorf("%s: the type is not known", fset.Position(n.Pos()))
				} else if _, isMap := typ.Underlying().(*types.Map); isMap {
					t.Errorf("%s ranges over a map", fset.Position(n.Pos()))
				}
			case *ast.GoStmt, *ast.SelectStmt:
				t.Errorf("%s starts a goroutine or selects", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "maps" {
					if line := fset.Position(n.Pos()); line.Filename != "overlay.go" {
						t.Errorf("%s uses the order of a map", line) // overlay.go sorts
					}
				}
			case ast.Expr:
				if typ := info.Types[n].Type; typ != nil {
					if b, ok := typ.Underlying().(*types.Basic); ok && b.Info()&(types.IsFloat|types.IsComplex) != 0 {
						t.Errorf("%s is a floating-point number", fset.Position(n.Pos()))
					}
				}
			}
			return true
		})
	}
	if ranges < 50 {
		t.Fatalf("only %d range statements were seen", ranges)
	}
}

// TestEveryRefusalRuleHasATest looks for each rule's name in the tests.
func TestEveryRefusalRuleHasATest(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(`(?:refuse\(Refused[A-Za-z]+, |conflict\(|forbidden\(|r\.Rule = )"([a-z_]+)"`)
	var rules []string
	var tests strings.Builder
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		b, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), "_test.go") {
			tests.Write(b)
			continue
		}
		for _, m := range rule.FindAllStringSubmatch(string(b), -1) {
			rules = append(rules, m[1])
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	if len(rules) < 30 {
		t.Fatalf("only the rules %v were found", rules)
	}
	for _, r := range rules {
		if !strings.Contains(tests.String(), `"`+r+`"`) {
			t.Errorf("no test expects the refusal %q", r)
		}
	}
}
