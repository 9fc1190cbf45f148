package catalog

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t,
		"bytes", "cmp", "crypto/ed25519", "crypto/sha256", "encoding/base64", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "maps",
		"math", "math/big", "math/bits", "reflect", "regexp", "slices", "strconv", "strings", "sync", "unicode", "unicode/utf8",
		"github.com/bits-and-blooms/bitset",
		"github.com/weirdata/weir/catalog/assignment", "github.com/weirdata/weir/catalog/calendar", "github.com/weirdata/weir/catalog/decimal", "github.com/weirdata/weir/catalog/shown") // pure themselves
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 50, "capping.go") }
