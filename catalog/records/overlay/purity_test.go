package overlay

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "bytes", "maps", "slices", "strings", "github.com/weirdata/weir/catalog/records")
}
