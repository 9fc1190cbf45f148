package statesum_test

import (
	"fmt"
	"testing"

	"github.com/weirdata/weir/consensus/statesum"
)

// TestDigestIsRememberedForMembersThatLag: two members less than a step apart have a number
// of entries in common.
func TestDigestIsRememberedForMembersThatLag(t *testing.T) {
	const last = 9000
	at := make([]statesum.Digest, last+1)
	for n := 1; n <= last; n++ {
		at[n] = at[n-1]
		at[n].Sum.Add([]byte{1}, fmt.Append(nil, n))
		at[n].Note(uint64(n))
	}
	for _, lag := range []int{0, 1, 7, 8, 63, 500, 511, 4000} {
		common := false
		for _, a := range at[last].List() {
			for _, b := range at[last-lag].List() {
				if a.Entries == b.Entries {
					common = true
					if a.Sum != b.Sum {
						t.Errorf("lag %d: other sums after %d entries", lag, a.Entries)
					}
				}
			}
		}
		if !common {
			t.Errorf("lag %d: nothing in common", lag)
		}
	}
	if d, err := statesum.Decode(at[last].Encode()); err != nil || d != at[last] {
		t.Errorf("it does not come back: %v", err)
	}
}
