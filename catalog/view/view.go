// Package view reads the state for people and nodes, over one consistent version. It
// decides nothing and writes nothing.
package view

import (
	"strings"

	"github.com/weirdata/weir/catalog/records"
)

// View reads one consistent version of the state.
type View struct {
	cache *records.Cache
	r     records.Reader
}

// New returns a view of what r reads, by way of what a cache has decoded.
func New(c *records.Cache, r records.Reader) View { return View{c, r} }

// ofParty reads a page of the records that an index lists for a principal; the empty
// principal's are everybody's.
func ofParty[T any](r records.Reader, index, principal, prefix string, p records.Page) ([]T, string, error) {
	if strings.Contains(principal, "/") {
		return nil, "", nil
	}
	return records.ReadPage[T](r, records.OfParty(index, principal), p, records.ByName(r, prefix))
}
