package records

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// What is agreed is never later than what one of every threshold of the roster has said, whatever all but
// so many of it say, and whoever has no seat.
func TestAgreedTimeTakesAThresholdOfTheRoster(t *testing.T) {
	roster := catalog.KeyRoster{Nodes: []string{"a", "b", "c"}, Threshold: 2}
	var words []Reached
	for _, x := range []struct {
		node string
		time int64
		want int64
	}{
		{"c", 1 << 40, 0},
		{"z", 1 << 41, 0},
		{"y", 1 << 41, 0},
		{"a", 5, 5},
		{"b", 7, 7},
		{"b", 3, 7}, // no word is taken back
		{"c", 1 << 42, 7},
		{"a", 9, 9},
	} {
		words = SayReached(words, x.node, x.time)
		if got := AgreedTime(words, roster); got != x.want {
			t.Errorf("after %s has said %d, agreed is %d, want %d", x.node, x.time, got, x.want)
		}
	}
	if ReachedTime(words, "b") != 7 || ReachedTime(words, "x") != 0 {
		t.Errorf("words are %+v", words)
	}
	if got := AgreedTime(words, catalog.KeyRoster{Nodes: roster.Nodes}); got != 0 {
		t.Errorf("without a threshold %d is agreed", got)
	}
}
