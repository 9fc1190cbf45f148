package roster

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "bytes", "crypto/ed25519", "fmt", "slices", "strings", "github.com/weirdata/weir/catalog")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 0) }
