package operator

import (
	"testing"
	"time"
)

func TestAgesAreReadInDaysOrAsGoDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute, "never": 0} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0d", "-3d", "30", "x", "d", "1.5d", "99999999999d", "-2h"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}
