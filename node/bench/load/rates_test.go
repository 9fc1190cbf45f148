package load

import (
	"slices"
	"testing"
	"time"
)

// Fresh queries are all different, and each has some station.
func TestFreshQueriesAreDifferent(t *testing.T) {
	seen := map[string]int{}
	for n := range freshQueries {
		s := fresh(n)
		if before, again := seen[s.sql]; again {
			t.Fatalf("queries %d and %d are both %s", before, n, s.sql)
		}
		seen[s.sql] = n
	}
	last := fresh(freshQueries - 1)
	want := "SELECT SUM(pm25), COUNT(pm25) FROM load WHERE station IN ('s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11') AND period >= '2024-01-30'"
	if last.sql != want {
		t.Errorf("the last query is %s", last.sql)
	}
}

func TestRatesAreOfAllQueries(t *testing.T) {
	ms := time.Millisecond
	r := rated{took: 2 * time.Second, each: []time.Duration{4 * ms, 1 * ms, 2 * ms, 3 * ms}, nodes: 40 * ms, syncs: 48}
	var got []float64
	for _, m := range r.figures("fresh_1_") {
		got = append(got, m.Value)
	}
	if want := []float64{2, 3, 4, 12, 10}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if r.nodes = -1; len(r.figures("")) != 4 {
		t.Error("a processor time that is not known is given")
	}
}
