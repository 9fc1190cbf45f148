package state

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
)

// everyKind are the constants of package catalog that are kinds of entries.
func everyKind(t *testing.T) (kinds []catalog.Kind) {
	t.Helper()
	paths, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Kind" {
				return true
			}
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, catalog.Kind(text))
			return true
		})
	}
	return kinds
}

func TestEveryKindHasExactlyOneRow(t *testing.T) {
	rows := map[catalog.Kind]int{}
	for _, a := range acts {
		rows[a.kind]++
		if sends := a.by.node || len(a.by.roles) > 0; sends != (a.handle != nil) || !sends && a.kind != catalog.KindInit {
			t.Errorf("%s: a handler without a sender, or a sender without a handler", a.kind)
		}
	}
	kinds := everyKind(t)
	for _, kind := range kinds {
		if rows[kind] != 1 {
			t.Errorf("%s has %d rows", kind, rows[kind])
		}
	}
	if len(kinds) != len(rows) || len(kinds) < 40 {
		t.Errorf("%d kinds, %d rows", len(kinds), len(rows))
	}
}

// TestWhoMaySendWhatIsPinned, and what of it anybody may see: testdata/acts.txt is read
// beside a change.
func TestWhoMaySendWhatIsPinned(t *testing.T) {
	var lines []string
	for _, a := range acts {
		line := string(a.kind) + ":"
		if a.by.node {
			line += " node"
		}
		for _, role := range a.by.roles {
			line += " " + string(role)
		}
		if IsPublic(a.kind) {
			line += ", public"
		}
		lines = append(lines, line)
	}
	text := strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", "acts.txt")
	if *updateGolden {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("who may send what changed (-want +got):\n%s", diff)
	}
	if IsPublic("no.such") {
		t.Error("a kind that is not known is public")
	}
}
