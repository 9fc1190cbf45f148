package dev

import (
	"testing"
	"time"
)

func TestParseProcessorTime(t *testing.T) {
	const stat = "1234 (a (strange) name) S 1 1 1 0 -1 4194560 100 0 0 0 250 31 0 0 20 0 9 0 100 1 1"
	if got, err := parseProcessorTime(stat); err != nil || got != 2810*time.Millisecond {
		t.Errorf("%s, %v; want 2.81s", got, err)
	}
	for _, bad := range []string{"", "1 (x) S 1", "1 (a) S 1 1 1 0 -1 4194560 100 0 0 0 x 31"} {
		if got, err := parseProcessorTime(bad); err == nil {
			t.Errorf("%q is read as %s", bad, got)
		}
	}
}
