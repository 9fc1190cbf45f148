package view

import (
	"encoding/json"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// Query returns an accepted query. The caller changes nothing that it points to.
func (v View) Query(id string) (catalog.Query, error) {
	return v.cache.Query(v.r, id)
}

// Verdict returns the verdict of an accepted query.
func (v View) Verdict(id string) (catalog.Verdict, error) {
	return records.Find[catalog.Verdict](v.r, records.PrefixVerdict+id)
}

// EncodedVerdict is the verdict of an accepted query as it is stored, or records.ErrNotFound.
func (v View) EncodedVerdict(id string) (json.RawMessage, error) {
	return records.Find[json.RawMessage](v.r, records.PrefixVerdict+id)
}

// Shares returns the sealed shares of a query that is done, by position in the
// active set of its last attempt. Shares of a query that is not done are nobody's
// business: there are none.
func (v View) Shares(id string) ([]catalog.QueryShare, error) {
	q, err := v.Query(id)
	if err != nil || q.State != catalog.QueryDone {
		return nil, err
	}
	return records.List[catalog.QueryShare](v.r, records.PrefixShare+id+"/")
}

// PendingQueries returns the queries that are neither done nor failed, the
// oldest first. The caller changes nothing that they point to.
func (v View) PendingQueries() ([]catalog.Query, error) {
	return v.cache.PendingQueries(v.r)
}

// QueryPage lists a principal's queries in the ledger's order.
func (v View) QueryPage(principal string, p records.Page) ([]catalog.Query, string, error) {
	if principal == "" {
		return nil, "", nil
	}
	return ofParty[catalog.Query](v.r, records.PrefixQueryOf, principal, records.PrefixQuery, p)
}
