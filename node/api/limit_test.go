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

func TestLimiterCountsRequestsAndBytes(t *testing.T) {
	l := newLimiter(2, 100)
	enter := func(caller string, bytes int64, want bool) func() {
		t.Helper()
		leave, err := l.enter(caller, bytes)
		if (err == nil) != want {
			t.Errorf("%s with %d bytes: %v, want a place: %t", caller, bytes, err, want)
		}
		return leave
	}
	one := enter("bank", 60, true)
	enter("bank", 41, false)
	enter("insurer", 100, true)
	two := enter("bank", 40, true)
	enter("bank", 0, false)
	one()
	enter("bank", 0, true)()
	three := enter("bank", 60, true)
	two()
	three()
	if _, left := l.callers["bank"]; left {
		t.Errorf("a caller without requests is still counted: %+v", l.callers)
	}
}
