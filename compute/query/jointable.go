package query

import (
	"github.com/weirdata/weir/catalog"
)

// product is the sum of products of two datasets' readings; NULL without a cell that
// both have.
func (r *result) product(a catalog.Aggregate, group int) quantity {
	sums := r.columnsOf[a.Columns(r.descriptor)[0]]
	if sums.counts[group] == 0 {
		return quantity{}
	}
	return quantity{value: ratOf(sums.sums[group], r.productPlaces(a))}
}

// productPlaces are the decimals of a product.
func (r *result) productPlaces(a catalog.Aggregate) int {
	return measureNamed(r.descriptor, a.Measure).Decimals + measureNamed(r.descriptor, a.Other).Decimals
}
