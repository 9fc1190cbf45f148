package view

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// Query returns an accepted query.
func (v QueryReader) Query(id string) (catalog.Query, error) {
	return records.Find[catalog.Query](v.r, records.PrefixQuery+id)
}

// Verdict returns the verdict of an accepted query.
func (v QueryReader) Verdict(id string) (catalog.Verdict, error) {
	return records.Find[catalog.Verdict](v.r, records.PrefixVerdict+id)
}

// Shares returns the sealed shares of a query that is done, by position in the
// active set of its last attempt. Shares of a query that is not done are nobody's
// business: there are none.
func (v QueryReader) Shares(id string) ([]catalog.QueryShare, error) {
	q, err := v.Query(id)
	if err != nil || q.State != catalog.QueryDone {
		return nil, err
	}
	return records.List[catalog.QueryShare](v.r, records.PrefixShare+id+"/")
}

// Queries returns a principal's queries, or everybody's for an empty principal,
// the oldest first.
func (v QueryReader) Queries(principal string) ([]catalog.Query, error) {
	prefix := records.PrefixQueryOf
	if principal != "" {
		prefix += principal + "/"
	}
	all, err := records.ListNamed[catalog.Query](v.r, prefix, records.PrefixQuery)
	slices.SortFunc(all, func(a, b catalog.Query) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, err
}

// PendingQueries returns the queries that are neither done nor failed, the
// oldest first.
func (v QueryReader) PendingQueries() ([]catalog.Query, error) {
	return records.ListNamed[catalog.Query](v.r, records.PrefixTodoQuery, records.PrefixQuery)
}

// QueryPage lists a principal's queries in the ledger's order.
func (v QueryReader) QueryPage(principal string, p records.Page) ([]catalog.Query, string, error) {
	if principal == "" || strings.Contains(principal, "/") {
		return nil, "", nil
	}
	return records.ReadPage[catalog.Query](v.r, records.OfParty(records.PrefixQueryOf, principal), p, records.ByName(v.r, records.PrefixQuery))
}
