package calendar

import "testing"

// A term ends at the midnight after its last day, in China: the day is what is said.
func TestATermIsSaidByItsLastDay(t *testing.T) {
	for until, want := range map[int64]string{
		1798646400000: "2026-12-30", // 2026-12-31T00:00+08:00
		1798646400001: "2026-12-31",
		1798732800000: "2026-12-31",
	} {
		if got := LastDay(until); got != want {
			t.Errorf("%d: got %s, want %s", until, got, want)
		}
	}
}
