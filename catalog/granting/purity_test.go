package granting

import (
	"testing"

	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "fmt", "slices", "github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/calendar", "github.com/weirdata/weir/catalog/decimal")
}

func TestNothingDependsOnTheOrderOfAMap(t *testing.T) { puritytest.Order(t, 0) }
