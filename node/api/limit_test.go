package api

import (
	"testing"
	"time"
)

func TestAllowanceBeginsAnewAfterItsPeriod(t *testing.T) {
	a := newAllowance(10, time.Hour)
	now := time.Unix(1_700_000_000, 0)
	for i, step := range []struct {
		after time.Duration
		bytes int64
		want  bool
	}{{0, 10, true}, {0, 1, false}, {time.Hour - 1, 1, false}, {time.Hour, 10, true}, {time.Hour, 1, false}, {3 * time.Hour, 11, false}, {3 * time.Hour, 10, true}} {
		if got := a.take("bank", step.bytes, now.Add(step.after)); got != step.want {
			t.Errorf("step %d: %t, want %t", i, got, step.want)
		}
	}
}
