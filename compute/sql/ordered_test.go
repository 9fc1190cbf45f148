package sql

import "testing"

// Bounds of ranges are compared as text; where that is not the order of numbers the bound
// is told of.
func TestNumbersThatTextOrdersOtherwiseAreTold(t *testing.T) {
	for _, c := range []struct {
		values []string
		bound  string
		right  bool
	}{
		{[]string{"1000", "100", "5", "50", "9"}, "10", false},
		{[]string{"100", "200", "300"}, "150", true},
		{[]string{"100", "200", "300"}, "60", false},
		{[]string{"131102", "131103"}, "131103", true},
		{[]string{"9", "10", "high"}, "a", true},
		{[]string{"north", "south"}, "10", true},
		{[]string{"-1", "-2"}, "0", false},
		{[]string{"1.5", "1.25", "1.75"}, "1.5", true},
	} {
		if got := orderedAsNumbers(c.values, c.bound); got != c.right {
			t.Errorf("%q and %q: %t", c.values, c.bound, got)
		}
	}
}
