package catalog

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func anyText(t *rapid.T, label string) string {
	return rapid.String().Draw(t, label) + strings.Repeat(rapid.SampledFrom([]string{"x", "排", "\xff"}).Draw(t, label+" rest"), rapid.SampledFrom([]int{0, 1, 1200}).Draw(t, label+" times"))
}

// TestReasonsOfOthersAreMadeFitToBeStored cleans whatever a node may send.
func TestReasonsOfOthersAreMadeFitToBeStored(t *testing.T) {
	var check func(t *rapid.T, r Reason, depth int)
	check = func(t *rapid.T, r Reason, depth int) {
		if !isCode(r.Code) || len(r.Args) > maxReasonArgs || depth > maxReasonDepth {
			t.Fatalf("%+v", r)
		}
		for _, a := range r.Args {
			if !IsText(a, MaxText) {
				t.Fatalf("argument %q", a)
			}
		}
		for _, p := range r.Parts {
			check(t, p, depth+1)
		}
	}
	var draw func(t *rapid.T, depth int) Reason
	draw = func(t *rapid.T, depth int) Reason {
		r := Reason{Code: rapid.SampledFrom([]string{"", "a.b", "A sentence.", strings.Repeat("x", 100)}).Draw(t, "code")}
		for range rapid.SampledFrom([]int{0, 1, 20}).Draw(t, "args") {
			r.Args = append(r.Args, anyText(t, "arg"))
		}
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			if depth < maxReasonDepth+1 {
				r.Parts = append(r.Parts, draw(t, depth+1))
			}
		}
		return r
	}
	rapid.Check(t, func(t *rapid.T) { check(t, draw(t, 1).Clean(), 1) })
	if got := Why("a.b", "x\x1b[31m\ny").Args[0]; got != "x [31m y" {
		t.Fatalf("%q", got)
	}
	if got := (Reason{}).Clean(); got.Code != "reason.missing" {
		t.Fatal(got)
	}
}

func TestListsOfReasonsAreCut(t *testing.T) {
	list := strings.Split("a b c d e f g h i j", " ")
	got, more, ok := ParseListArg(ListArg(list))
	if !ok || more != 2 || !slices.Equal(got, list[:8]) {
		t.Fatal(got, more, ok)
	}
	if got := Why("x", list[:2]).Args[0]; got != `["a","b"]` {
		t.Fatal(got)
	}
	for _, other := range []string{"", "a", `{"a":1}`, `[1,"a"]`, `["a",["b"]]`, `["a",1.5]`} {
		if list, more, ok := ParseListArg(other); ok {
			t.Errorf("%q is taken for the list %q and %d more", other, list, more)
		}
	}
}
