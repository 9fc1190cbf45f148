package compare

import "testing"

// TestForkIsNarrowed: whatever the order in which sizes are compared, the first entry that
// differs is that of a plain search.
func TestForkIsNarrowed(t *testing.T) {
	t.Parallel()
	for first := range uint64(40) {
		var s Forks
		verdict := func(size uint64) string {
			if size > first {
				return OtherLogs
			}
			return SameLogs
		}
		if s.Note("n2", first, SameLogs); s.Reasons("n1") != nil {
			t.Fatal("logs that are the same are an alarm")
		}
		if !s.Note("n2", 41, OtherLogs) || s.Note("n2", 50, OtherLogs) {
			t.Fatal("a fork is new once")
		}
		for steps := 0; ; steps++ {
			f, differs := s.With("n2")
			if !differs || steps > 7 {
				t.Fatalf("first %d: %+v, %t after %d steps", first, f, differs, steps)
			}
			if f.Found() {
				if f.Same != first {
					t.Errorf("entry %d, want %d", f.Same, first)
				}
				break
			}
			middle := f.Same + (f.Differ-f.Same)/2
			s.Note("n2", middle, verdict(middle))
		}
		s.Note("n2", first, SameLogs) // a node that was emptied: nothing is known of what differed
		if _, differs := s.With("n2"); !differs {
			t.Error("the alarm is over before the entry was compared again")
		}
		s.Note("n2", first+1, SameLogs)
		if _, differs := s.With("n2"); differs {
			t.Error("the alarm is not over")
		}
	}
}
