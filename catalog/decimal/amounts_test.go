package decimal

import (
	"testing"

	"pgregory.net/rapid"
)

// Adding and printing decimals is exact, in any order.
func TestAmountsAreExact(t *testing.T) {
	if got := AddAmounts("0.1", "0.2"); got != "0.30" {
		t.Fatalf("0.1 + 0.2 = %s", got)
	}
	if got := AddAmounts("999999999999.999999", "0.000001"); got != "1000000000000.00" {
		t.Fatal(got)
	}
	if got := SubtractAmount("0.1", "0.35"); got != "-0.25" {
		t.Fatal(got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?`)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if got := SubtractAmount(AddAmounts(a, b), b); got != AddAmounts(a) {
			t.Fatalf("%s + %s − %s = %s", a, b, b, got)
		}
	})
}
