package plan

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// The shares of what a vector multiplies are held all at once, so there is a limit.
func TestPlansThatWouldHoldTooMuchAreRefused(t *testing.T) {
	p := &Plan{Accumulators: make([]Accumulator, MaxSingles+1), private: &private{vectors: []catalog.VectorUse{{ID: "v-w", Bits: 1}}}}
	if err := p.checkHeld(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d sums to multiply: %v, want %v", MaxSingles+1, err, ErrTooLarge)
	}
	p.private = nil
	if err := p.checkHeld(); err != nil {
		t.Errorf("sums that are folded at once: %v", err)
	}
}
