package disclosure

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t,
		"bytes", "cmp", "container/heap", "crypto/sha256", "encoding/binary", "errors", "fmt", "math", "math/big", "math/bits", "slices", "strings",
		"github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/calendar", "github.com/weirdata/weir/catalog/tables")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 50) }
