package view

import (
	"errors"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
)

// Query returns an accepted query.
func (v View) Query(id string) (catalog.Query, error) {
	return records.Find[catalog.Query](v.r, records.PrefixQuery+id)
}

// Verdict returns the verdict of an accepted query.
func (v View) Verdict(id string) (catalog.Verdict, error) {
	return records.Find[catalog.Verdict](v.r, records.PrefixVerdict+id)
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
	return ofParty[catalog.Query](v, records.PrefixQueryOf, principal, records.PrefixQuery, p)
}

// Vector returns a private vector.
func (v View) Vector(id string) (catalog.Vector, error) {
	return records.Find[catalog.Vector](v.r, records.PrefixVector+id)
}

// Vectors returns an owner's vectors, dropped and rejected ones included, the
// oldest first.
func (v View) Vectors(owner string) ([]catalog.Vector, error) {
	if strings.Contains(owner, "/") {
		return nil, nil
	}
	return records.ListNamed[catalog.Vector](v.r, records.PrefixVectorOf+owner+"/", records.PrefixVector)
}

// PendingVectors returns the vectors whose registration is under way, the oldest
// first.
func (v View) PendingVectors() ([]catalog.Vector, error) {
	return records.ListNamed[catalog.Vector](v.r, records.PrefixTodoVector, records.PrefixVector)
}

// ReadyVectors returns the vectors of all owners that are ready.
func (v View) ReadyVectors() ([]catalog.Vector, error) { return readyVectors(v.r) }

func readyVectors(r records.Reader) ([]catalog.Vector, error) {
	held, err := records.ListNamed[catalog.Vector](r, records.PrefixVectorHeld, records.PrefixVector)
	return slices.DeleteFunc(held, func(x catalog.Vector) bool { return x.State != catalog.VectorReady }), err
}

// VectorsToMove returns vectors that are to be moved, the oldest first, at most so many.
func (v View) VectorsToMove(most int) (list []catalog.Vector, err error) {
	err = v.r.Scan([]byte(records.PrefixTodoMove), func(_, id []byte) error {
		if len(list) == most {
			return records.ErrStop
		}
		x, err := v.Vector(string(id))
		list = append(list, x)
		return err
	})
	if errors.Is(err, records.ErrStop) {
		err = nil
	}
	return list, err
}

// CountVectorsToMove counts all of them.
func (v View) CountVectorsToMove() (int, error) {
	names, err := records.Names(v.r, records.PrefixTodoMove)
	return len(names), err
}

// Moves returns the moves of vectors that are not over, the oldest first.
func (v View) Moves() ([]resharing.Move, error) {
	return records.List[resharing.Move](v.r, records.PrefixMove)
}

// VectorPage lists an owner's vectors, dropped and rejected ones included, in the
// ledger's order.
func (v View) VectorPage(owner string, p records.Page) ([]catalog.Vector, string, error) {
	if owner == "" {
		return nil, "", nil
	}
	return ofParty[catalog.Vector](v, records.PrefixVectorOf, owner, records.PrefixVector, p)
}
