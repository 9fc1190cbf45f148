package decimal

import (
	"strings"
	"testing"
)

func TestExactTakesPlainDecimalsOfFortyDigits(t *testing.T) {
	forty := strings.Repeat("7", 40)
	for _, text := range []string{"0", "-0", "+1.50", "007", forty, "-" + forty + "." + forty} {
		if n, ok := Exact(text); !ok || n == nil {
			t.Errorf("%q has no value", text)
		}
	}
	for _, text := range []string{"", "+", ".", "1.", ".5", "1..2", "--1", "1e3", "1/2", " 1", "1\n", "1_0", "0x1", "１", "7" + forty, "1." + forty + "7"} {
		if n, ok := Exact(text); ok {
			t.Errorf("%q has the value %s", text, n)
		}
	}
}
