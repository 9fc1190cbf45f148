package explain

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// takesCode says where functions take a code; its arguments follow.
var takesCode = map[string]int{
	"Refuse": 2, "Invalid": 1, "Conflict": 1, "Forbidden": 1, "Wider": 1, "Why": 0, "WithFix": 0, "refuse": 0, "refuseFor": 1, "because": 1, "unreadable": 0, "load": 2, "CheckNames": 3,
}

// codeUse is a call that makes a reason or a refusal.
type codeUse struct {
	code, at string
	args     int
	open     bool // more arguments come from elsewhere
	parts    bool
	anError  bool // an argument is an error, or its words
}

// sourcesOf are the Go files of the repository that are no tests, but for sentences.
func sourcesOf(t *testing.T) (paths []string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "sentences") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// usesOf are the codes of the repository, by their calls, and every text in it.
func usesOf(t *testing.T) (uses []codeUse, texts map[string]bool) {
	t.Helper()
	texts = map[string]bool{}
	for _, path := range sourcesOf(t) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		withParts := map[ast.Expr]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					texts[text] = true
				}
			case *ast.CallExpr:
				sel, isMethod := n.Fun.(*ast.SelectorExpr)
				if isMethod && (sel.Sel.Name == "With" || sel.Sel.Name == "WithParts") {
					withParts[sel.X] = true
				}
				at, takes := takesCode[nameOf(n.Fun)]
				if !takes || len(n.Args) <= at {
					return true
				}
				literal, ok := n.Args[at].(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				code, _ := strconv.Unquote(literal.Value)
				use := codeUse{code: code, at: fset.Position(n.Pos()).String(), args: len(n.Args) - at - 1, open: n.Ellipsis.IsValid(), parts: withParts[n]}
				if nameOf(n.Fun) == "CheckNames" {
					use.args++ // the name itself
				}
				for _, a := range n.Args[at+1:] {
					name := nameOf(a)
					if call, isCall := a.(*ast.CallExpr); isCall {
						name = nameOf(call.Fun)
					}
					use.anError = use.anError || name == "err" || name == "Error"
				}
				uses = append(uses, use)
			}
			return true
		})
	}
	return uses, texts
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return nameOf(e.X)
	}
	return ""
}

// TestEveryCodeHasItsSentence and takes as many arguments as its call gives.
func TestEveryCodeHasItsSentence(t *testing.T) {
	uses, texts := usesOf(t)
	if len(uses) < 350 {
		t.Fatalf("only %d uses of codes were seen", len(uses))
	}
	for _, u := range uses {
		s, known := English.sentenceOf(u.code)
		if !known {
			t.Errorf("%s: the code %q has no sentence", u.at, u.code)
			continue
		}
		most := max(places(s.message), places(s.fix))
		if want := u.args; most != want && !u.open && (!u.parts || most <= want) {
			t.Errorf("%s: %s has %d arguments, %q and %q take %d", u.at, u.code, want, s.message, s.fix, most)
		}
	}
	for code := range languages[English].sentences() {
		if !texts[code] {
			t.Errorf("nothing says %q", code)
		}
	}
}

// TestNoReasonHasAnErrorsWords: those are a library's, and may change with it.
func TestNoReasonHasAnErrorsWords(t *testing.T) {
	uses, _ := usesOf(t)
	for _, u := range uses {
		if u.anError {
			t.Errorf("%s: an error is an argument of %s", u.at, u.code)
		}
	}
}

var placeForm = regexp.MustCompile(`%(\.[0-9]+)?(\[[1-9]\])?[sqdlQAGCREKgo]`)

// sentenceTables are the tables of each language.
var sentenceTables = map[Language][]map[string]sentence{
	English: {descriptorSentences(), dataSentences(), contractSentences(), entrySentences(), querySentences(), nodeSentences(), fixSentences()},
	Chinese: {zhDescriptorSentences(), zhDataSentences(), zhContractSentences(), zhEntrySentences(), zhQuerySentences(), zhNodeSentences(), zhSeatSentences(), zhFixSentences()},
}

// TestSentencesFit looks at every format: codes are in one table, all places of a message
// are of the forms that word knows, and none is left out between two others.
func TestSentencesFit(t *testing.T) {
	for l, all := range sentenceTables {
		testSentencesFit(t, l, all)
	}
}

func testSentencesFit(t *testing.T, l Language, all []map[string]sentence) {
	t.Helper()
	seen := map[string]bool{}
	for _, some := range all {
		for code, s := range some {
			if seen[code] || s.message == "" || !regexp.MustCompile(`^[a-z]+\.[a-z0-9_]+$`).MatchString(code) {
				t.Errorf("%q is in two tables, empty, or no code", code)
			}
			seen[code] = true
			for _, format := range []string{s.message, s.fix} {
				rest := placeForm.ReplaceAllString(strings.ReplaceAll(format, "%%", ""), "")
				if strings.Contains(rest, "%") {
					t.Errorf("%s: %q has a place of another form", code, format)
				}
				r := catalog.Reason{Code: code}
				for i := range places(format) {
					r.Args = append(r.Args, fmt.Sprintf("argument%d", i))
				}
				if said := l.fill(format, r); strings.Contains(said, "%!") {
					t.Errorf("%s says %q", code, said)
				}
			}
		}
	}
}

func TestRefusalsReadAsSentences(t *testing.T) {
	for want, r := range map[string]*catalog.Refusal{
		"contract c-1 has expired, in the hour 2026-01-01T00 UTC; order a new one: weir order create --dataset air --purpose TEXT":                                                                                     catalog.Refuse(catalog.RefusedPolicy, "contract_expired", "contract.expired", "c-1", "2026-01-01T00", "air"),
		"contract c-1 does not grant the aggregate regr; it grants: sum, count; regr is granted by any of regr, regr_slope, regr_intercept, regr_r2, corr; order more: weir order create --dataset air --purpose TEXT": catalog.Refuse(catalog.RefusedPolicy, "aggregate", "contract.aggregate", "c-1", "regr", []string{"sum", "count"}, "air"),
		`the dataset has no measure "pm"; its measures are: a, b, c, d, e, f, g, h and 2 more`:                                                                                                                         catalog.Invalid("select[0]", "dataset.no_measure", "pm", strings.Split("abcdefghij", "")),
		"query.submit: unknown field \"x\"; where this program is newer than the cluster's feature level, an operator raises it once every node has the release: `weir operator upgrade status`":                       catalog.Refuse(catalog.RefusedInvalid, "body", "body.unreadable", "query.submit").WithParts(catalog.Why("json.unknown_field", "x")),
		"nothing can be released: dataset air releases groups of at least 5, the largest (all selected entities) has 1 entity that counts; do not group by county; or ask with --epsilon 0.5 or less":                  catalog.Refuse(catalog.RefusedPolicy, "min_cohort", "cohort.small", "air", 5, "*", 1).WithFixes(catalog.Why("change.dimension", "county"), catalog.Why("fix.or_epsilon", "0.5")),
		"policy.future(a, b): c": {Reason: catalog.Reason{Code: "policy.future", Args: []string{"a", "b"}, Parts: []catalog.Reason{{Code: "c"}}}},
		"attempt 2 was not named: key k-1 has opened 5 tiles, at most ? are safe; the publisher needs a new key and must encrypt anew": {Reason: catalog.Why("query.unnamed_worn", 2).With(catalog.Why("key.worn", "k-1", 5))},
		"no contract of yours on dataset air covers this query: c-1 was revoked; c-2 has ended; order one with `weir order create --dataset air --purpose TEXT`": catalog.Refuse(catalog.RefusedPolicy, "contract", "contract.none_covers", "air").
			WithParts(catalog.Why("contract.is_revoked", "c-1"), catalog.Why("contract.has_ended", "c-2")).WithFix("fix.order_contract", "air"),
		"portfolio mine fails the test as of version 2 of dataset air, and nothing was asked: too little changes there for those on the list together with those who are not: nox in 2024-01 to 2024-03 of north, steel, piece large; nox in 2024-01; and 2 more; it passes as of version 1: --as-of 1, or --as-of auto; or add entities, register it by fewer attributes or in fewer pieces, or ask with --epsilon where the policy has dp": catalog.Refuse(catalog.RefusedPolicy, "portfolio_test", "portfolio.fails", "mine", 2, "air").
			WithParts(catalog.Why("portfolio.few_change").With(
				catalog.Why("figure.piece", "large").With(catalog.Why("figure.of", []string{"north", "steel"}).With(catalog.Why("figure.between", "nox", "2024-01", "2024-03"))),
				catalog.Why("figure.in", "nox", "2024-01"), catalog.Why("dataset.more_differ", 2))).
			WithFixes(catalog.Why("fix.as_of", 1), catalog.Why("fix.or_list")),
		"the sum of bucket 2 of nox over 3 cells could reach 3 × 4, more than 5": catalog.Refuse(catalog.RefusedPolicy, "magnitude", "query.magnitude", catalog.Column{Measure: "nox", Bucket: 2}, 3, 4, 5),
	} {
		if got := Refusal(r); got != want {
			t.Errorf("%s reads\n%s\nwant\n%s", r, got, want)
		}
	}
	if got := Reason(catalog.Why("change.add", []string{"it's", "b"})); got != "add 'it''s', 'b' to the condition: with them the class is complete" {
		t.Error(got)
	}
}
