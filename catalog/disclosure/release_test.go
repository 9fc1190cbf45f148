package disclosure

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// Section 9.1 of RELEASE.md names the case that fails without each condition. Each case
// there is one of the tests', and each of the tests' is there.
func TestReleaseNamesTheCaseOfEachCondition(t *testing.T) {
	text, err := os.ReadFile("RELEASE.md")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]string{}
	for _, c := range publicIsolations {
		cases["public"] = append(cases["public"], c.name)
	}
	for _, c := range privateIsolations {
		cases["private"] = append(cases["private"], c.name)
	}
	for _, c := range conditionsOff {
		cases["drawn"] = append(cases["drawn"], c.name)
	}
	named := map[string][]string{}
	for _, m := range regexp.MustCompile("\\b(public|private|drawn): ([^;|`\\n]+?) ?[;|]").FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(cases[m[1]], m[2]) {
			t.Errorf("RELEASE.md names a case %q of the %s ones, which there is not", m[2], m[1])
		}
		named[m[1]] = append(named[m[1]], m[2])
	}
	for kind, list := range cases {
		for _, name := range list {
			if !slices.Contains(named[kind], name) {
				t.Errorf("RELEASE.md does not name the %s case %q", kind, name)
			}
		}
	}
}
