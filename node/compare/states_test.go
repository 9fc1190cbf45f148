package compare

import (
	"maps"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestMajorityTellsWhoseStateIsWrong(t *testing.T) {
	a, b := catalog.Sum([]byte("a")), catalog.Sum([]byte("b"))
	at := func(marks ...any) (list []Mark) {
		for i := 0; i < len(marks); i += 2 {
			list = append(list, Mark{uint64(marks[i].(int)), marks[i+1].(catalog.Digest)})
		}
		return list
	}
	for name, x := range map[string]struct {
		marks map[string][]Mark
		want  []string
	}{
		"all agree":               {map[string][]Mark{"n1": at(8, a), "n2": at(8, a), "n3": at(8, a)}, nil},
		"seats that have no vote": {map[string][]Mark{"n1": at(8, b), "n2": at(8, a), "n3": at(8, a), "n4": nil, "n5": nil}, []string{"n1"}},
		"no votes, no majority":   {map[string][]Mark{"n1": at(8, b), "n2": at(8, a), "n4": at(8, b), "n5": at(8, b)}, []string{"n1", "n2", "n4", "n5"}},
		"one differs":             {map[string][]Mark{"n1": at(8, b), "n2": at(8, a), "n3": at(8, a)}, []string{"n1"}},
		"nothing in common":       {map[string][]Mark{"n1": at(8, b), "n2": at(9, a)}, nil},
		"two, and a third away":   {map[string][]Mark{"n1": at(8, b), "n2": at(8, a)}, []string{"n1", "n2"}},
		"a later mark is open":    {map[string][]Mark{"n1": at(8, b, 9, b), "n2": at(8, a, 9, a), "n3": at(8, a)}, []string{"n1"}},
		"an earlier one is whole": {map[string][]Mark{"n1": at(1, a, 8, b), "n2": at(1, a, 8, a), "n3": at(1, a, 8, a)}, []string{"n1"}},
	} {
		nobody := func(uint64) bool { return false }
		got := slices.Sorted(maps.Keys(States(x.marks, []string{"n1", "n2", "n3"}, nobody)))
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: in doubt are %v, want %v", name, got, x.want)
		}
	}
}
