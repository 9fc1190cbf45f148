package disclosure

import (
	"os"
	"runtime/debug"
	"testing"
)

// Attacks leave little behind of what they make: a quarter of the time goes to collecting it
// again and again.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
