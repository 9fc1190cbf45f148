package main

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestCompanionsAreNamed(t *testing.T) {
	d := catalog.Descriptor{Measures: []catalog.Measure{{Name: "a", Squares: true, Buckets: []string{"1", "2.5"}}, {Name: "b"}}}
	if got, want := companionWords(d.Measures[0]), "; squares; 3 buckets: up to and with each of 1, 2.5, and above"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := companionWords(d.Measures[1]); got != "" {
		t.Errorf("of a measure without: %q", got)
	}
	if got, want := tileWords(d, 60), ": 20 of measures, 10 of squares, 30 of buckets"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	d.Measures = d.Measures[1:]
	if got := tileWords(d, 60); got != "" {
		t.Errorf("without companions: %q", got)
	}
	d.Policy = catalog.Policy{MinCohort: 5, Moments: [][2]string{{"b", "b"}, {"a", "b"}}}
	if words := policyWords(d); words[3] != "exact sums of products: b × b, a × b" {
		t.Errorf("policy %q", words)
	}
}
