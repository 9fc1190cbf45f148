// Package puritytest holds a package to being pure: what it computes depends on its
// arguments alone. Tests of packages whose results are replicated use it.
package puritytest

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is a package's files without its tests.
type source struct {
	fset  *token.FileSet
	files []*ast.File
}

// parse reads the package of the running test.
func parse(t *testing.T) source {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	s := source{fset: token.NewFileSet()}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(s.fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	return s
}

// Imports requires that the package of the running test imports allowed ones alone. What
// is allowed has no clock, source of randomness, file, connection or environment.
func Imports(t *testing.T, allowed ...string) {
	t.Helper()
	s := parse(t)
	for _, f := range s.files {
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", s.fset.Position(spec.Pos()), path)
			}
		}
	}
}

// Order requires that nothing in the package of the running test depends on the order of
// a map or on scheduling, and that nothing is a floating-point number. The package has at
// least so many range statements: where fewer are seen, it was not read. Files that sort what
// they take out of maps may use package maps.
func Order(t *testing.T, ranges int, sorting ...string) {
	t.Helper()
	s := parse(t)
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: importer.ForCompiler(s.fset, "gc", compiled(t))}
	if _, err := config.Check("checked", s.fset, s.files, &info); err != nil {
		t.Fatal(err)
	}
	c := check{t: t, source: s, info: info, sorting: sorting}
	for _, f := range s.files {
		ast.Inspect(f, c.node)
	}
	if c.ranges < ranges {
		t.Fatalf("only %d range statements were seen", c.ranges)
	}
}

// compiled opens what the compiler wrote of the packages that the package of the running test imports. To check
// their sources anew took ten seconds of a core for catalog/state, and most of it was `go list` once a package.
func compiled(t *testing.T) importer.Lookup {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}")
	var complaint strings.Builder
	list.Stderr = &complaint
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", list, err, complaint.String())
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("go list names no file of %s", path)
		}
		return os.Open(files[path])
	}
}

type check struct {
	t *testing.T
	source
	info    types.Info
	sorting []string
	ranges  int
}

// node looks at one node of the syntax tree.
func (c *check) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.RangeStmt:
		c.ranges++
		typ := c.info.Types[n.X].Type
		if typ == nil {
			c.fault(n, "has a type that is not known")
		} else if _, isMap := typ.Underlying().(*types.Map); isMap {
			c.fault(n, "ranges over a map")
		}
	case *ast.GoStmt, *ast.SelectStmt:
		c.fault(n, "starts a goroutine or selects")
	case *ast.SelectorExpr:
		x, named := n.X.(*ast.Ident)
		if named && x.Name == "maps" && !slices.Contains(c.sorting, c.fset.Position(n.Pos()).Filename) {
			c.fault(n, "uses the order of a map")
		}
	case ast.Expr:
		if typ := c.info.Types[n].Type; typ != nil {
			b, basic := typ.Underlying().(*types.Basic)
			if basic && b.Info()&(types.IsFloat|types.IsComplex) != 0 {
				c.fault(n, "is a floating-point number")
			}
		}
	}
	return true
}

func (c *check) fault(n ast.Node, what string) {
	c.t.Helper()
	c.t.Errorf("%s %s", c.fset.Position(n.Pos()), what)
}
