package catalog

import (
	"strings"
	"testing"
)

func TestNamesAndLabels(t *testing.T) {
	for _, s := range []string{"a", "a_1", strings.Repeat("a", MaxName)} {
		if !IsName(s) || !IsLabel(s) {
			t.Errorf("%q is no name", s)
		}
	}
	for _, s := range []string{"", "_a", "A", "a/b", "a b", "é", strings.Repeat("a", MaxName+1)} {
		if IsName(s) || IsLabel(s) {
			t.Errorf("%q is a name", s)
		}
	}
	if IsName("1a") || IsName("a-b") || !IsLabel("1a-b.c") || IsLabel("-a") {
		t.Error("names and labels differ by dash, dot and first digit")
	}
}
