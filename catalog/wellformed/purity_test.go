package wellformed

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "cmp", "fmt", "slices", "strings", "github.com/weirdata/weir/catalog",
		"github.com/weirdata/weir/catalog/calendar", "github.com/weirdata/weir/catalog/disclosure")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 0) }
