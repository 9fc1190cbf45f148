package modular_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/he/modular"
)

// TestPackingIsExact for every width below 64 and any length.
func TestPackingIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		width := rapid.UintRange(1, 63).Draw(r, "width")
		xs := rapid.SliceOfN(rapid.Uint64Max(1<<width-1), 0, 200).Draw(r, "xs")
		b := make([]byte, modular.PackedBytes(len(xs), width))
		modular.Pack(b, xs, width)
		got := make([]uint64, len(xs))
		modular.Unpack(got, b, width)
		if !slices.Equal(got, xs) {
			r.Fatalf("%v became %v", xs, got)
		}
		if used := len(xs) * int(width) % 8; used != 0 && b[len(b)-1]>>used != 0 {
			r.Fatal("the last byte is not filled with zeros")
		}
	})
}
