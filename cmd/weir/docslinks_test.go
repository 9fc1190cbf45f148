package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// documents are the README and the documents that it sends its readers to, from this
// directory.
var documents = []string{
	"../../README.md", "docs/publisher.md", "docs/buyer.md", "docs/operator.md", "docs/auditor.md",
	"../../compute/panel/DESCRIPTOR.md", "../../compute/sql/LANGUAGE.md",
	"../../compute/he/PROTOCOL.md", "../../compute/he/BENCHMARKS.md", "../../catalog/disclosure/RELEASE.md", "../../node/DATA_MODEL.md",
}

// anchorsOf are the anchors of a document's headings, as GitHub makes them.
func anchorsOf(text string) map[string]bool {
	anchors := map[string]bool{}
	for line := range strings.Lines(text) {
		title, isHeading := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !isHeading || !strings.HasPrefix(line, "#") {
			continue
		}
		anchors[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title))] = true
	}
	return anchors
}

// TestDocumentsLinkToWhatThereIs follows every link between documents, to its heading.
func TestDocumentsLinkToWhatThereIs(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)
	links := 0
	for _, path := range documents {
		for _, m := range link.FindAllStringSubmatch(document(t, path), -1) {
			links++
			target := path
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(path), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which there is not", path, m[1])
			} else if m[2] != "" && !anchorsOf(document(t, target))[m[2]] {
				t.Errorf("%s links to %s#%s, and there is no such heading", path, m[1], m[2])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links", links)
	}
}

// TestREADMELeadsToTheCode looks for the files that the README names, and for what it says
// is in them.
func TestREADMELeadsToTheCode(t *testing.T) {
	readme := document(t, "../../README.md")
	files := regexp.MustCompile("`([a-z]+/[a-z0-9/]+\\*?\\.go)`").FindAllStringSubmatch(readme, -1)
	for _, m := range files {
		if found, err := filepath.Glob(filepath.Join("../..", m[1])); err != nil || len(found) == 0 {
			t.Errorf("the README names %s, which there is not: %v", m[1], err)
		}
	}
	named := regexp.MustCompile("`([A-Za-z]+(?:\\.[A-Za-z]+)?)` in `([a-z]+/[a-z0-9/]+\\.go)`").FindAllStringSubmatch(readme, -1)
	for _, m := range named {
		source, err := os.ReadFile(filepath.Join("../..", m[2]))
		if err != nil {
			continue // said above
		}
		name := m[1][strings.Index(m[1], ".")+1:]
		if !regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|type |var |\t)` + name + `\b`).Match(source) {
			t.Errorf("the README says that %s is in %s", m[1], m[2])
		}
	}
	if len(files) < 10 || len(named) < 5 {
		t.Errorf("only %d files and %d names", len(files), len(named))
	}
}

// TestREADMESaysWhatEachModuleReplaces holds the README's table against go.mod.
func TestREADMESaysWhatEachModuleReplaces(t *testing.T) {
	readme := document(t, "../../README.md")
	needed := regexp.MustCompile(`(?m)^(?:\t|require )(\S+) v\S+$`).FindAllStringSubmatch(document(t, "../../go.mod"), -1)
	for _, m := range needed { // of those that are needed indirectly a comment says so
		name := m[1]
		for _, host := range []string{"github.com/", "golang.org/"} {
			name = strings.TrimPrefix(name, host)
		}
		if !strings.Contains(readme, "`"+regexp.MustCompile(`/v[0-9]+$`).ReplaceAllString(name, "")) && !strings.Contains(readme, "/"+name+"`") {
			t.Errorf("the README does not say what %s is instead of", m[1])
		}
	}
	if len(needed) < 10 {
		t.Errorf("only %d modules", len(needed))
	}
}
