package tables

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "crypto/sha256", "encoding/binary", "fmt", "hash", "slices", "github.com/weirdata/weir/catalog")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 3) }
