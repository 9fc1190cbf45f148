package database

import "testing"

// Postgres's real has the digits of 32 bits: its 0.1 is no 0.10000000149011612.
func TestAFloatOf32BitsIsWrittenWithItsOwnDigits(t *testing.T) {
	for kind, want := range map[string]string{"FLOAT4": "0.1", "FLOAT8": "0.10000000149011612"} {
		if got := textOf(float64(float32(0.1)), kind); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}
