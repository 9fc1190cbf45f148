package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// TestEveryRuleOfAmendmentsHasItsSentence reads the rules from the source.
func TestEveryRuleOfAmendmentsHasItsSentence(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../amend.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "AmendRule" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if rules++; WhyNotAmended(catalog.AmendRule(text)) == "" {
			t.Errorf("%s has no sentence", spec.Names[0].Name)
		}
		return true
	})
	if rules != len(amendRules()) {
		t.Errorf("%d rules, %d sentences", rules, len(amendRules()))
	}
	if WhyNotAmended("") != "" {
		t.Error("a field that can be amended has a reason why not")
	}
}
