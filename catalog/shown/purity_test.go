package shown

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "fmt", "strconv", "strings", "unicode", "unicode/utf8")
}
