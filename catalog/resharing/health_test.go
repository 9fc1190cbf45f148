package resharing

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/roster"
)

// opened is a canary in which the members at points spoil every set that they are in, opened to
// its end; those that lack say so.
func opened(n, t int, spoil, lack []int) (c Canary, sets int) {
	c = Canary{Nodes: make([]string, n), Threshold: t, Sets: make([]SetState, n), Lacks: make([]bool, n)}
	for i := range c.Nodes {
		c.Nodes[i] = string(rune('a' + i))
		c.Lacks[i] = slices.Contains(lack, i+1)
	}
	for len(c.Open()) > 0 {
		set := c.Open()[0]
		c.Sets[set] = SetRight
		if slices.ContainsFunc(CanarySets(n, t)[set], func(p int) bool { return slices.Contains(spoil, p) }) {
			c.Sets[set] = SetWrong
		}
		sets++
	}
	return c.Judge(), sets
}

// In every cluster of more nodes than the threshold the one whose share does not fit is named,
// and nobody else; sound shares cost n−t+1 openings.
func TestACanaryNamesTheMemberWhoseShareDoesNotFit(t *testing.T) {
	for n := 2; n <= 9; n++ {
		for threshold := 2; threshold <= n; threshold++ {
			if !slices.EqualFunc(CanarySets(n, threshold)[:n-threshold+1], roster.TestSets(n, threshold), slices.Equal) {
				t.Errorf("%d of %d: the first sets do not cover all nodes", threshold, n)
			}
			if c, sets := opened(n, threshold, nil, nil); len(c.Unfit) != 0 || !c.Reason.IsZero() || sets != n-threshold+1 {
				t.Errorf("%d of %d: %d sets, unfit %v", threshold, n, sets, c.Unfit)
			}
			for bad := 1; bad <= n; bad++ {
				c, _ := opened(n, threshold, []int{bad}, nil)
				switch {
				case threshold == n:
					if len(c.Unfit) != 0 || c.Reason.Code != "canary.nobody" {
						t.Errorf("%d of %d: named %v", threshold, n, c.Unfit)
					}
				case !slices.Equal(c.Unfit, []string{c.Nodes[bad-1]}) || !c.Reason.IsZero():
					t.Errorf("%d of %d: %d spoils its sets, named %v", threshold, n, bad, c.Unfit)
				}
				if c, _ := opened(n, threshold, nil, []int{bad}); !slices.Equal(c.Unfit, []string{c.Nodes[bad-1]}) {
					t.Errorf("%d of %d: %d has no share, named %v", threshold, n, bad, c.Unfit)
				}
			}
		}
	}
	if c, _ := opened(3, 2, []int{1, 2}, nil); len(c.Unfit) != 0 || c.Reason.Code != "canary.nobody" {
		t.Errorf("two of three spoil every set: named %v", c.Unfit)
	}
}

// A root that lies about its own set frames nobody: each member is right in another set.
func TestALyingRootFramesNobody(t *testing.T) {
	for _, shape := range []struct{ n, t int }{{3, 2}, {5, 3}, {4, 3}} {
		c, _ := opened(shape.n, shape.t, []int{1}, nil) // all sets were opened
		for i := range c.Sets {
			c.Sets[i] = SetRight
		}
		c.Sets[1], c.Unfit, c.Reason = SetWrong, nil, catalog.Reason{}
		if c = c.Judge(); len(c.Unfit) != 0 || c.Reason.Code != "canary.nobody" {
			t.Errorf("%+v: named %v, %s", shape, c.Unfit, c.Reason.Code)
		}
	}
}
