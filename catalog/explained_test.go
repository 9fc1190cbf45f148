package catalog_test

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
)

func init() { catalog.SayWith(explain.Refusal) }
