package attest

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "bytes", "crypto/ed25519", "encoding/base64", "encoding/binary", "errors", "fmt", "math", "slices", "strconv", "strings",
		"golang.org/x/mod/sumdb/tlog", "github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/recovery", "github.com/weirdata/weir/catalog/roster")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 1) }
