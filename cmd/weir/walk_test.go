package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The walk through the architecture stays true as far as a machine can tell: every
// package of the tree is in the README's table and says what it is, every name of a
// package there is one, and the tests that package comments rest on exist.
func TestTheWalkThroughTheArchitectureNamesWhatExists(t *testing.T) {
	const root = "../.."
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, walk, _ := strings.Cut(string(readme), "\n## How it works\n")
	walk, _, _ = strings.Cut(walk, "\n## ")
	packages, tests := goFiles(t, root)
	for dir, doc := range packages {
		if !strings.Contains(walk, "`"+dir+"`") && !strings.HasSuffix(dir, "test") {
			t.Errorf("the README's walk does not name %s", dir)
		}
		if !strings.Contains(doc, "// Package ") && !strings.Contains(doc, "// Command ") {
			t.Errorf("package %s has no comment", dir)
		}
		for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(doc, -1) {
			if !strings.Contains(tests[dir], "func "+name+"(") {
				t.Errorf("the comment of package %s names %s, which it does not have", dir, name)
			}
		}
	}
	for _, named := range regexp.MustCompile("`((?:cmd|node|compute|catalog|consensus|seeds)(?:/[a-z]+)*)`").FindAllStringSubmatch(walk, -1) {
		if _, known := packages[named[1]]; !known {
			t.Errorf("the README's walk names %s, which is no package", named[1])
		}
	}
	for _, argued := range []string{"catalog/state", "catalog/disclosure", "consensus", "compute/he"} {
		said := packages[argued]
		documents, err := filepath.Glob(filepath.Join("..", "..", argued, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range documents {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			said += string(text)
		}
		if n := len(regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(said, -1)); n < 10 {
			t.Errorf("the comment of package %s and the documents beside it name %d tests of its invariants", argued, n)
		}
	}
}

// eachGoFile calls do with every Go file of the tree: its package's directory below root, its name and its text.
func eachGoFile(t *testing.T, root string, do func(dir, name, source string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err == nil {
			do(filepath.ToSlash(dir), d.Name(), string(source))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goFiles are the text above every package clause, and the text of all tests, by
// directory.
func goFiles(t *testing.T, root string) (docs, tests map[string]string) {
	t.Helper()
	docs, tests = map[string]string{}, map[string]string{}
	eachGoFile(t, root, func(dir, name, source string) {
		if strings.HasSuffix(name, "_test.go") {
			tests[dir] += source
			return
		}
		above, _, _ := strings.Cut("\n"+source, "\npackage ")
		docs[dir] += above
	})
	return docs, tests
}

// A package can be read: it has at most 6,000 lines without its tests, and some 40 files; a type has some 40 methods. What
// is added to a full one moves something out first.
func TestPackagesAndTypesAreOfBoundedSize(t *testing.T) {
	lines, files, methods := map[string]int{}, map[string]int{}, map[string]int{}
	method := regexp.MustCompile(`(?m)^func \(\w+ \*?(\w+)(?:\[[\w, ]+\])?\) \w+`)
	eachGoFile(t, filepath.Join("..", ".."), func(dir, name, source string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		lines[dir], files[dir] = lines[dir]+strings.Count(source, "\n"), files[dir]+1
		for _, m := range method.FindAllStringSubmatch(source, -1) {
			methods[dir+"."+m[1]]++
		}
	})
	if len(lines) < 50 {
		t.Fatalf("%d packages", len(lines))
	}
	for dir, n := range lines {
		if n > 6000 || files[dir] > 42 {
			t.Errorf("%s has %d lines in %d files without its tests, want at most 6000 in some 40", dir, n, files[dir])
		}
	}
	for name, n := range methods {
		if n > 45 {
			t.Errorf("%s has %d methods, want some 40", name, n)
		}
	}
}
