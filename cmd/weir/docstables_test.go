package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/api/wire"
)

// tableOf are the cells of all tables of a guide whose header begins so.
func tableOf(t *testing.T, guide, header string) [][]string {
	t.Helper()
	var rows [][]string
	within := false
	for line := range strings.Lines(document(t, filepath.Join("docs", guide))) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, header):
			within = true
		case !strings.HasPrefix(line, "|"):
			within = false
		case within && !strings.HasPrefix(line, "|-"):
			rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table %s", guide, header)
	}
	return rows
}

// firstCells are the first cells without their quotes.
func firstCells(rows [][]string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = strings.Trim(r[0], "` ")
	}
	return out
}

// wantNames reports what only one of two lists has.
func wantNames(t *testing.T, what string, documented, known []string) {
	t.Helper()
	for _, name := range known {
		if !slices.Contains(documented, name) {
			t.Errorf("the guides do not have the %s %s", what, name)
		}
	}
	for i, name := range documented {
		if !slices.Contains(known, name) {
			t.Errorf("the guides have the %s %s, which there is not", what, name)
		}
		if slices.Contains(documented[:i], name) {
			t.Errorf("the guides have the %s %s twice", what, name)
		}
	}
}

// sources parses what is not a test in the directories and below them.
func sources(t *testing.T, roots ...string) []*ast.File {
	t.Helper()
	var out []*ast.File
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			out = append(out, f)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// nameOf is the last name of x, of pkg.Name too; empty where it is none.
func nameOf(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

// textOf is the value of a string literal.
func textOf(x ast.Expr) (string, bool) {
	lit, ok := x.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// TestGuideHasEveryExitStatus holds the table against the constants of the program.
func TestGuideHasEveryExitStatus(t *testing.T) {
	var known []string
	for _, f := range sources(t, ".") {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				continue
			}
			for _, spec := range d.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok || len(v.Values) != 1 || !regexp.MustCompile(`^[eE]xit[A-Z]`).MatchString(v.Names[0].Name) {
					continue
				}
				if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.INT {
					known = append(known, lit.Value)
				}
			}
		}
	}
	wantNames(t, "exit status", firstCells(tableOf(t, "buyer.md", "| exit status | meaning |")), known)
}

// TestGuideHasEveryKindOfError holds the table of kinds against those of refusals, of the
// API, and of the program itself, and the statuses in it against what the program returns.
func TestGuideHasEveryKindOfError(t *testing.T) {
	var known []string
	add := func(kind string) {
		if !slices.Contains(known, kind) {
			known = append(known, kind)
		}
	}
	for _, f := range sources(t, "../../catalog", "../../node/api/wire", ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				isKind := n.Type != nil && nameOf(n.Type) == "RefusalKind" || f.Name.Name == "wire" && n.Type == nil && strings.HasPrefix(n.Names[0].Name, "Kind")
				if isKind && len(n.Values) == 1 {
					if text, ok := textOf(n.Values[0]); ok {
						add(text)
					}
				}
			case *ast.CompositeLit:
				if strings.ToLower(nameOf(n.Type)) != "errorfields" {
					return true
				}
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok && nameOf(kv.Key) == "Kind" {
						if text, ok := textOf(kv.Value); ok {
							add(text)
						}
					}
				}
			}
			return true
		})
	}
	rows := tableOf(t, "buyer.md", "| kind | exit status |")
	wantNames(t, "kind of errors", firstCells(rows), known)
	for i, kind := range firstCells(rows) {
		want := cli.ExitUsage // made by the program before anything is asked
		if kind != "usage" {
			want = (&cli.App{Stdout: io.Discard, Stderr: io.Discard}).Fail(t.Context(), &wire.Problem{Kind: kind, Rule: "rule"})
		}
		if strings.TrimSpace(rows[i][1]) != strconv.Itoa(want) {
			t.Errorf("the guide says that %s exits with %s; it is %d", kind, rows[i][1], want)
		}
	}
}

// TestGuidesHaveEveryRuleOfRefusals holds the tables of rules against the refusals of
// kind policy that the code makes.
func TestGuidesHaveEveryRuleOfRefusals(t *testing.T) {
	files := sources(t, "../../catalog", "../../node", "../../compute", ".")
	constants, literals := map[string]string{}, map[string]bool{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, v := range n.Values {
					if text, ok := textOf(v); ok && strings.HasPrefix(n.Names[i].Name, "Rule") {
						constants[n.Names[i].Name] = text
					}
				}
			case *ast.BasicLit:
				if text, ok := textOf(n); ok {
					literals[text] = true
				}
			}
			return true
		})
	}
	for _, f := range files { // a constant that is another one
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok {
				for i, x := range v.Values {
					if text, known := constants[nameOf(x)]; known && strings.HasPrefix(v.Names[i].Name, "Rule") {
						constants[v.Names[i].Name] = text
					}
				}
			}
			return true
		})
	}
	var made []string
	variable := 0 // rules that are variables; their names are literals elsewhere
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 || nameOf(call.Args[0]) != "RefusedPolicy" {
				return true
			}
			rule, ok := textOf(call.Args[1])
			if !ok {
				rule, ok = constants[nameOf(call.Args[1])]
			}
			switch {
			case !ok:
				variable++
			case !slices.Contains(made, rule):
				made = append(made, rule)
			}
			return true
		})
	}
	if len(made) < 30 || variable == 0 {
		t.Fatalf("only %d rules, %d variables found", len(made), variable)
	}
	documented := append(firstCells(tableOf(t, "buyer.md", "| rule | why | what to do |")), firstCells(tableOf(t, "publisher.md", "| rule | why | what to do |"))...)
	for _, rule := range documented {
		if literals[rule] && !slices.Contains(made, rule) {
			made = append(made, rule)
		}
	}
	wantNames(t, "rule", documented, made)
}

// TestGuideHasTheFlagsOfANode holds the operators' tables of flags against the commands.
func TestGuideHasTheFlagsOfANode(t *testing.T) {
	root := newRoot(&cli.App{Stdout: io.Discard, Stderr: io.Discard})
	start, _, err := root.Find([]string{"node", "start"})
	if err != nil {
		t.Fatal(err)
	}
	var own, global []string
	start.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			own = append(own, "--"+f.Name)
		}
	})
	if !slices.Contains(own, "--dir") {
		own = append(own, "--dir")
	}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "output" {
			global = append(global, "--"+f.Name)
		}
	})
	wantNames(t, "flag of node start", firstCells(tableOf(t, "operator.md", "| flag of `weir node start`")), own)
	wantNames(t, "client flag", firstCells(tableOf(t, "operator.md", "| client flag |")), global)
}

// TestGuidesNameEveryCommand: whoever reads the guides has met all that weir can do.
func TestGuidesNameEveryCommand(t *testing.T) {
	var text strings.Builder
	for _, path := range documents {
		text.WriteString(document(t, path))
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.CommandPath() == "weir completion" { // of four shells
			return
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if !cmd.HasSubCommands() && !strings.Contains(text.String(), cmd.CommandPath()) {
			t.Errorf("no guide says what %s is for", cmd.CommandPath())
		}
	}
	walk(newRoot(&cli.App{Stdout: io.Discard, Stderr: io.Discard}))
}
