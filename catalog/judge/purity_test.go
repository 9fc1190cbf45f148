package judge

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t,
		"bytes", "cmp", "encoding/binary", "encoding/json", "errors", "fmt", "math/big", "math/bits", "slices", "strconv", "strings",
		"github.com/bits-and-blooms/bitset",
		"github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/caps", "github.com/weirdata/weir/catalog/checked", "github.com/weirdata/weir/catalog/assignment", "github.com/weirdata/weir/catalog/calendar", "github.com/weirdata/weir/catalog/decimal", "github.com/weirdata/weir/catalog/disclosure", "github.com/weirdata/weir/catalog/tables", "github.com/weirdata/weir/catalog/records", "github.com/weirdata/weir/catalog/recovery", "github.com/weirdata/weir/catalog/resharing", "github.com/weirdata/weir/catalog/roster", // pure themselves
	)
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 50) }
