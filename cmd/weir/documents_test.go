package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tree is the text of the repository's documents and Go files, by path from its root.
type tree struct {
	documents map[string]string
	sources   map[string]string
}

func readTree(t *testing.T) tree {
	t.Helper()
	const root = "../.."
	out := tree{documents: map[string]string{}, sources: map[string]string{}}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		into := map[string]map[string]string{".md": out.documents, ".go": out.sources}[filepath.Ext(file)]
		if d.IsDir() || into == nil {
			return nil
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		into[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "compute/he/PROTOCOL.md", "catalog/disclosure/RELEASE.md", "node/DATA_MODEL.md"} {
		if out.documents[name] == "" {
			t.Fatalf("%s was not read", name)
		}
	}
	return out
}

func TestDocumentsNameTestsThatExist(t *testing.T) {
	r := readTree(t)
	tests := map[string]bool{}
	for file, source := range r.sources {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)[A-Z]\w*)\(`).FindAllStringSubmatch(source, -1) {
			tests[m[1]] = true
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.documents)) {
		for _, name := range regexp.MustCompile(`\b(?:Test|Benchmark|Fuzz)[A-Z]\w+`).FindAllString(r.documents[file], -1) {
			if !tests[name] {
				t.Errorf("%s names %s, which is not there", file, name)
			}
		}
	}
}

// What the log can say and the states that it moves are in the data model.
func TestDataModelHasEveryStateAndEntry(t *testing.T) {
	r := readTree(t)
	text := r.documents["node/DATA_MODEL.md"]
	var drawn strings.Builder
	for _, m := range regexp.MustCompile("(?s)```mermaid\nstateDiagram-v2(.*?)```").FindAllStringSubmatch(text, -1) {
		drawn.WriteString(m[1])
	}
	states, kinds := 0, 0
	for file, source := range r.sources {
		if !strings.HasPrefix(file, "catalog/") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^\s*\w+\s+\w+State\s*=\s*"(\w+)"`).FindAllStringSubmatch(source, -1) {
			states++
			if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(drawn.String()) {
				t.Errorf("the data model draws no state %q", m[1])
			}
		}
		for _, m := range regexp.MustCompile(`(?m)^\s*Kind\w+\s+Kind\s*=\s*"([a-z.]+)"`).FindAllStringSubmatch(source, -1) {
			kinds++
			if !strings.Contains(text, m[1]) {
				t.Errorf("the data model names no entry %q", m[1])
			}
		}
	}
	if states < 20 || kinds < 40 {
		t.Errorf("%d states and %d kinds of entries were found", states, kinds)
	}
}
