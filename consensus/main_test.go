package consensus

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/consensus/durable/memdisk"
)

func TestMain(m *testing.M) {
	remove := memdisk.Use()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		remove()
		os.Exit(code)
	}),
		// Imported by badger; it starts one goroutine for the life of the
		// process.
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
		// Badger leaves them of a state that it fails to open. Of one that is not closed
		// there are others, too.
		goleak.IgnoreTopFunction("github.com/dgraph-io/badger/v4.(*DB).monitorCache"),
		goleak.IgnoreTopFunction("github.com/dgraph-io/ristretto/v2/z.(*AllocatorPool).freeupAllocators"),
	)
}
