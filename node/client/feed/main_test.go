package feed_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/consensus/durable/memdisk"
)

// TestMain runs the tests with their directories in memory. The binary is a feed as well,
// which tests start and kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, "feed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	end := memdisk.Use()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		end()
		os.Exit(code)
	}))
}
