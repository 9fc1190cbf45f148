package route

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// source is where sentences of a table come from: functions and constants of a file.
type source struct {
	file  string
	names []string // of declarations; none: all of the file
}

// saysOf are the texts of sources, as formats, and whether they are more than one word.
func saysOf(t *testing.T, sources []source) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, s := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "..", filepath.FromSlash(s.file)), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		look := func(names []*ast.Ident, n ast.Node) {
			for _, name := range names {
				if len(s.names) > 0 && !slices.Contains(s.names, name.Name) {
					continue
				}
				found[name.Name] = true
				ast.Inspect(n, func(n ast.Node) bool { // a sum's parts by themselves
					if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
						text := asFormat(formatOf(l))
						if _, known := out[text]; !known {
							out[text] = false
						}
					}
					return true
				})
				for _, text := range literalsIn(n) {
					text = asFormat(text)
					out[text] = words.MatchString(strings.ReplaceAll(text, "%s", "X"))
				}
			}
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				look([]*ast.Ident{d.Name}, d)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						look(v.Names, v)
					}
				}
			}
		}
		for _, name := range s.names {
			if !found[name] {
				t.Errorf("%s declares no %s", s.file, name)
			}
		}
	}
	return out
}

// words is a text that is said: at least a word and a space.
var words = regexp.MustCompile(`[a-z]+ |[ ][a-z]+`)

// asFormat is a text with its places as tables have them, without the error that it wraps before it.
func asFormat(text string) string {
	return places.ReplaceAllString(strings.TrimPrefix(text, "%w: "), "%s")
}

var places = regexp.MustCompile(`%(?:\.[0-9]+)?[sdqvwg]`)

// holdTable holds a table to the sources of its sentences both ways: each sentence is one of the sources, or is put together
// of parts (by the sentence) which they have, or is of what wraps it, and each that the sources have is in the table, or a part, or is not told on a page.
func holdTable(t *testing.T, table [][2]string, chinese func(string) string, sources []source, parts map[string][]string, untold ...string) {
	t.Helper()
	said, has := saysOf(t, sources), map[string]bool{}
	for _, row := range table {
		english := asFormat(row[0])
		if has[english] {
			t.Errorf("%q is there twice", row[0])
		}
		has[english] = true
		if of := parts[row[0]]; of != nil {
			for _, part := range of {
				if part = asFormat(part); !slices.ContainsFunc(keysOf(said), func(s string) bool { return strings.Contains(s, part) }) {
					t.Errorf("%q: nothing says %q", row[0], part)
				}
				has[part] = true
			}
		} else if head := strings.TrimSuffix(english, ": %s"); head != english && isKey(said, head) { // an error that others wrap
			has[head] = true
		} else if !isKey(said, english) {
			t.Errorf("%q is said nowhere", row[0])
		}
		filled := verb().ReplaceAllString(row[0], "‹arg›")
		got := chinese(filled)
		if strings.Count(got, "‹arg›") != strings.Count(filled, "‹arg›") || strings.Contains(got, "%!") || !strings.ContainsFunc(got, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q is said as %q", filled, got)
		}
	}
	for of := range parts {
		if !has[asFormat(of)] {
			t.Errorf("%q has parts, and is not in the table", of)
		}
	}
	for text, sentence := range said {
		if sentence && !has[text] && !slices.Contains(untold, text) {
			t.Errorf("%q is not in the table", text)
		}
	}
	for _, text := range untold {
		if !isKey(said, text) {
			t.Errorf("%q is excepted, and nothing says it", text)
		}
	}
}

func isKey[V any](m map[string]V, key string) bool {
	_, is := m[key]
	return is
}

func keysOf[V any](m map[string]V) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}
