package route

import (
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// takesSentence says where functions take sentences.
var takesSentence = map[string][]int{"BadField": {1, 2}, "NotFound": {0, 1}, "NewProblem": {2}, "Advising": {0}, "refuse": {1, 2}, "Ending": {0}, "badRequest": {0}}

// sentencesOf are the formats of the desk's own sentences, from its source.
func sentencesOf(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "postgres") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			for _, at := range takesSentence[name] {
				if at < len(call.Args) {
					if text := formatOf(call.Args[at]); strings.Trim(text, "%s") != "" {
						out[text] = fset.Position(call.Pos()).String()
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// formatOf is an expression as a format: what is no literal is a place in it.
func formatOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return formatOf(e.X) + formatOf(e.Y)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return formatOf(e.Args[0])
		}
	}
	return "%s"
}

// TestEverySentenceOfTheDeskIsInChinese, with every argument of the English one.
func TestEverySentenceOfTheDeskIsInChinese(t *testing.T) {
	table := map[string]string{}
	for _, s := range chineseSentences() {
		if table[s[0]] != "" {
			t.Errorf("%q is there twice", s[0])
		}
		table[s[0]] = s[1]
		if !strings.ContainsFunc(s[1], func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q is no Chinese", s[1])
		}
		args, filled := 0, verb().ReplaceAllStringFunc(s[0], func(string) string { return "‹arg›" })
		args = strings.Count(filled, "‹arg›")
		if got := inChinese(filled); strings.Count(got, "‹arg›") != args || strings.Contains(got, "%!") || got == filled {
			t.Errorf("%q is said as %q", filled, got)
		}
	}
	own := sentencesOf(t)
	if len(own) < 90 {
		t.Fatalf("only %d sentences were found", len(own))
	}
	for text, at := range own {
		if table[text] == "" {
			t.Errorf("%s: %q is not in the table", at, text)
		}
	}
}

func TestProblemsAreToldInTheLanguageOfTheRequest(t *testing.T) {
	refusal := catalog.Conflict("order_state", "order.state", "o-1", catalog.OrderApproved)
	unknown := catalog.Refuse(catalog.RefusedPolicy, "x", "policy.of_a_later_version", "a")
	foreign := wire.RefusalProblem(unknown)
	foreign.Message = "in the words of a newer node"
	for name, c := range map[string]struct {
		err                 error
		language, want, fix string
	}{
		"a refusal":                    {refusal, "zh", "订单 o-1 的状态已是“已批准”", ""},
		"a refusal, as a browser asks": {refusal, "zh-CN,zh;q=0.9,en;q=0.8", "订单 o-1 的状态已是“已批准”", ""},
		"a refusal in English":         {refusal, "en", "order o-1 is approved already", ""},
		"nobody said which":            {refusal, "", "order o-1 is approved already", ""},
		"a refusal by a node":          {wire.RefusalProblem(refusal), "zh", "订单 o-1 的状态已是“已批准”", ""},
		"a code of a newer node":       {foreign, "zh", "in the words of a newer node", ""},
		"a sentence of the desk":       {BadField("grain", `"x" is no grain`, "take one of [a b]"), "zh", `"x" 不是粒度`, "请从以下选择：[a b]"},
		"a sentence that no table has": {BadField("grain", "entirely unheard of", ""), "zh", "entirely unheard of", ""},
		"a sentence of a node":         {wire.NewProblem(503, wire.KindUnavailable, "no node leads"), "zh", "没有主节点", ""},
		"nodes that do not answer": {&client.UnreachableError{Nodes: []client.NodeFailure{{ID: "n1", Addr: "https://a:1", Err: errors.New("dial tcp: connection refused")}, {ID: "n2", Addr: "https://b:1", Err: errors.New("heaven knows")}}}, "zh",
			"没有节点应答：n1（https://a:1）该地址无程序监听：节点程序未运行，或被防火墙拒绝；n2（https://b:1）heaven knows",
			"请查看集群是否在运行、本机是否联网；已提交的查询仍然有效，只计费一次"},
		"a sentence of the desk, twice%": {NotFound("this machine has no answer of query %s%d", ""), "zh", "本机没有查询 %s%d 的答案", ""},
	} {
		r := New("GET", "/x", "", Reads, func(context.Context, struct{}) (string, error) { return "", c.err })
		req := httptest.NewRequest(http.MethodGet, "/x", nil)
		if c.language != "" {
			req.Header.Set("Accept-Language", c.language)
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		var p wire.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Message != c.want || p.Fix != c.fix {
			t.Errorf("%s: %q, fix %q, %v; want %q, %q", name, p.Message, p.Fix, err, c.want, c.fix)
		}
	}
}

// sentence is an answer with a sentence in it.
type sentence struct {
	Words string `json:"words"`
}

func (s sentence) In(l explain.Language) sentence { return sentence{s.Words + l.Tag()} }

func TestAnswersAreToldInTheLanguageOfTheRequest(t *testing.T) {
	r := New("GET", "/x", "", Reads, func(ctx context.Context, _ struct{}) (sentence, error) {
		return sentence{Language(ctx).Reason(catalog.Why("test.failed"))}, nil
	})
	for language, want := range map[string]string{"zh": `{"words":"检验未通过zh"}`, "en": `{"words":"the test faileden"}`} {
		req := httptest.NewRequest(http.MethodGet, "/x", nil)
		req.Header.Set("Accept-Language", language)
		w := httptest.NewRecorder()
		if r.ServeHTTP(w, req); w.Body.String() != want {
			t.Errorf("%s: %s", language, w.Body)
		}
	}
}
