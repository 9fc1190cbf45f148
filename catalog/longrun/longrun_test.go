package longrun

import "testing"

// Without WEIR_LONG a test that takes long is skipped, and with it it runs.
func TestOnlyIsDecidedByTheEnvironment(t *testing.T) {
	for value, want := range map[string]bool{"": false, "1": true} {
		t.Setenv("WEIR_LONG", value)
		ran := false
		t.Run("value"+value, func(t *testing.T) {
			Only(t)
			ran = true
		})
		if ran != want {
			t.Errorf("WEIR_LONG=%q: it ran: %v, want %v", value, ran, want)
		}
	}
}
