package decimal

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) { puritytest.Imports(t, "math", "math/big", "regexp", "strings") }
