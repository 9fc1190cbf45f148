package sql

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
)

func languageGuide(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("LANGUAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// cut is the text between two others.
func cut(t *testing.T, text, after, before string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, after)
	part, _, ends := strings.Cut(rest, before)
	if !found || !ends {
		t.Fatalf("nothing lies between %q and %q", after, before)
	}
	return part
}

// The document's grammar is the parser's, line breaks aside.
func TestLanguageGuideHasTheGrammar(t *testing.T) {
	documented := strings.Fields(cut(t, languageGuide(t), "```ebnf\n", "```"))
	if known := strings.Fields(grammar().String()); !slices.Equal(documented, known) {
		t.Errorf("LANGUAGE.md has another grammar than the parser's:\n%s", grammar().String())
	}
}

func TestLanguageGuideHasEveryKeyword(t *testing.T) {
	var documented []string
	for _, m := range regexp.MustCompile("`([A-Z]+)`").FindAllStringSubmatch(cut(t, languageGuide(t), "They are reserved;", "\n\n"), -1) {
		documented = append(documented, m[1])
	}
	if known := slices.Sorted(slices.Values(keywords)); !slices.Equal(documented, known) {
		t.Errorf("LANGUAGE.md has the keywords\n%q, there are\n%q", documented, known)
	}
}

func TestLanguageGuideHasTheLimits(t *testing.T) {
	var documented []int
	for line := range strings.Lines(cut(t, languageGuide(t)+"\n\n", "| limit | value |\n|---|---|\n", "\n\n") + "\n") {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		n, err := strconv.Atoi(cells[len(cells)-1])
		if err != nil {
			t.Fatal(err)
		}
		documented = append(documented, n)
	}
	if known := []int{MaxSQL, MaxTokens, MaxItems, MaxColumns, MaxTests, MaxNesting, catalog.MaxIntervals, catalog.MaxGroups}; !slices.Equal(documented, known) {
		t.Errorf("LANGUAGE.md has the limits %d, they are %d", documented, known)
	}
}

// Every function has a row in the document, which says what it takes, and a query in a
// console block. Those are typed by a test of package main.
func TestLanguageGuideHasEveryFunction(t *testing.T) {
	guide := languageGuide(t)
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_0-9]+)` \\| ").FindAllStringSubmatch(cut(t, guide, "| aggregate | what it is |", "\n\n"), -1) {
		documented = append(documented, m[1])
	}
	queries := regexp.MustCompile(`(?m)^\$ weir query .*$`).FindAllString(guide, -1)
	known := aggregate.Names()
	for _, name := range known {
		if !slices.Contains(documented, name) {
			t.Errorf("LANGUAGE.md has no row for %s", name)
		}
		if !slices.ContainsFunc(queries, func(q string) bool { return strings.Contains(q, name+"(") }) {
			t.Errorf("LANGUAGE.md has no example of %s", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(known, name) {
			t.Errorf("LANGUAGE.md has the aggregate %s, which there is not", name)
		}
	}
}
