// Package longrun is for tests alone. It leaves out those that take long where nobody asked for them: `go test`
// without WEIR_LONG=1 tries all features in shorter ones, and .ci/run runs both.
package longrun

import (
	"os"
	"testing"
)

// Wanted says whether tests may take long.
func Wanted() bool { return os.Getenv("WEIR_LONG") != "" }

// Only skips a test that is run only where tests may take long. It is called in the first line of the test: .ci/run
// finds by it what it has to run, and fails where a call is anywhere else.
func Only(t *testing.T) {
	t.Helper()
	if !Wanted() {
		t.Skip("takes long: WEIR_LONG=1 runs it, as .ci/run does")
	}
}
