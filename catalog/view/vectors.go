package view

import (
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// Vector returns a private vector.
func (v VectorReader) Vector(id string) (catalog.Vector, error) {
	return records.Find[catalog.Vector](v.r, records.PrefixVector+id)
}

// Vectors returns an owner's vectors, dropped and rejected ones included, the
// oldest first.
func (v VectorReader) Vectors(owner string) ([]catalog.Vector, error) {
	if strings.Contains(owner, "/") {
		return nil, nil
	}
	return records.ListNamed[catalog.Vector](v.r, records.PrefixVectorOf+owner+"/", records.PrefixVector)
}

// PendingVectors returns the vectors whose registration is under way, the oldest
// first.
func (v VectorReader) PendingVectors() ([]catalog.Vector, error) {
	return records.ListNamed[catalog.Vector](v.r, records.PrefixTodoVector, records.PrefixVector)
}

// VectorPage lists an owner's vectors, dropped and rejected ones included, in the
// ledger's order.
func (v VectorReader) VectorPage(owner string, p records.Page) ([]catalog.Vector, string, error) {
	if owner == "" || strings.Contains(owner, "/") {
		return nil, "", nil
	}
	return records.ReadPage[catalog.Vector](v.r, records.OfParty(records.PrefixVectorOf, owner), p, records.ByName(v.r, records.PrefixVector))
}
