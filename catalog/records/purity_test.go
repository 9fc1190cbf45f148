package records

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t,
		"bytes", "cmp", "encoding/binary", "encoding/json", "errors", "fmt", "slices", "strconv", "strings", "sync",
		"github.com/bits-and-blooms/bitset",
		"github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/caps", "github.com/weirdata/weir/catalog/disclosure", "github.com/weirdata/weir/catalog/tables", // pure themselves
	)
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 10) }
