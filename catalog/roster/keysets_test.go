package roster

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestTestSetsCoverAllNodes(t *testing.T) {
	for n := 2; n <= catalog.MaxNodes; n++ {
		for threshold := 2; threshold <= n; threshold++ {
			sets := TestSets(n, threshold)
			if len(sets) != n-threshold+1 {
				t.Fatalf("n=%d t=%d: %d sets", n, threshold, len(sets))
			}
			covered := make([]bool, n+1)
			for _, set := range sets {
				if len(set) != threshold || !slices.IsSorted(set) || len(slices.Compact(slices.Clone(set))) != threshold {
					t.Fatalf("n=%d t=%d: set %v", n, threshold, set)
				}
				for _, p := range set {
					covered[p] = true
				}
			}
			if slices.Contains(covered[1:], false) {
				t.Fatalf("n=%d t=%d: not all are covered", n, threshold)
			}
		}
	}
	if TestSets(2, 3) != nil || TestSets(3, 0) != nil {
		t.Fatal("impossible thresholds have sets")
	}
}
