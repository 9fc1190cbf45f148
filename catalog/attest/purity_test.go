package attest

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "bytes", "crypto/ed25519", "encoding/base64", "encoding/binary", "errors", "fmt", "slices", "strconv", "strings", "github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/roster")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 1) }
