package calendar

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "cmp", "fmt", "regexp", "slices", "strconv")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 3) }
