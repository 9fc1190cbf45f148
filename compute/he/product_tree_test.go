package he

import (
	"testing"

	"pgregory.net/rapid"
)

// TestGroupsFitAChunk, and fewer numbers are left after every stage.
func TestGroupsFitAChunk(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		slots := 1 << rapid.IntRange(9, 14).Draw(r, "log slots")
		n := rapid.IntRange(2, 1<<20).Draw(r, "n")
		g := groupCount(n, slots)
		if g < 1 || g > (n+1)/2 {
			r.Fatalf("%d numbers in %d groups", n, g)
		}
		if largest := (n + g - 1) / g; largest > 3 && g*(1<<largest-2) > slots {
			r.Fatalf("%d groups of %d do not fit %d slots", g, largest, slots)
		}
	})
}
