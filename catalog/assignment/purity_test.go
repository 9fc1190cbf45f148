package assignment

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "bytes", "encoding/binary", "errors", "fmt")
}
