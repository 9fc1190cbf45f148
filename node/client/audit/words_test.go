package audit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"testing"
)

// Every sentence of Words has one in Chinese with the same arguments, and there is none besides.
func TestWordsAreInChinese(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "words.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if id, ok := c.Fun.(*ast.Ident); ok && (id.Name == "add" || id.Name == "in") {
				lit, ok := c.Args[0].(*ast.BasicLit)
				if !ok {
					return true // add itself
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				said[text] = true
			}
		}
		return true
	})
	verbs := regexp.MustCompile(`%(\[\d\])?[sdq]`)
	table := chineseWords()
	for text := range said {
		if len(verbs.FindAllString(text, -1)) != len(verbs.FindAllString(table[text], -1)) || table[text] == "" {
			t.Errorf("%q is %q in Chinese", text, table[text])
		}
	}
	if len(said) != len(table) {
		t.Errorf("%d sentences, %d of them in Chinese", len(said), len(table))
	}
}
