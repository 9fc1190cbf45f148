package view

import (
	"errors"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
)

// Vectors reads private vectors, and the moves that give them new shares.
type Vectors struct {
	cache *records.Cache
	r     records.Reader
}

// Vectors are the private vectors of the state.
func (v View) Vectors() Vectors { return Vectors(v) }

// Get returns a private vector.
func (vs Vectors) Get(id string) (catalog.Vector, error) {
	return records.Find[catalog.Vector](vs.r, records.PrefixVector+id)
}

// Of returns an owner's vectors, dropped and rejected ones included, the
// oldest first.
func (vs Vectors) Of(owner string) ([]catalog.Vector, error) {
	if strings.Contains(owner, "/") {
		return nil, nil
	}
	return records.ListNamed[catalog.Vector](vs.r, records.PrefixVectorOf+owner+"/", records.PrefixVector)
}

// Pending returns the vectors whose registration is under way, the oldest
// first.
func (vs Vectors) Pending() ([]catalog.Vector, error) {
	return records.ListNamed[catalog.Vector](vs.r, records.PrefixTodoVector, records.PrefixVector)
}

// Ready returns the vectors of all owners that are ready.
func (vs Vectors) Ready() ([]catalog.Vector, error) { return readyVectors(vs.r) }

func readyVectors(r records.Reader) ([]catalog.Vector, error) {
	held, err := records.ListNamed[catalog.Vector](r, records.PrefixVectorHeld, records.PrefixVector)
	return slices.DeleteFunc(held, func(x catalog.Vector) bool { return x.State != catalog.VectorReady }), err
}

// ToMove returns vectors that are to be moved, the oldest first, at most so many.
func (vs Vectors) ToMove(most int) (list []catalog.Vector, err error) {
	err = vs.r.Scan([]byte(records.PrefixTodoMove), func(_, id []byte) error {
		if len(list) == most {
			return records.ErrStop
		}
		x, err := vs.Get(string(id))
		list = append(list, x)
		return err
	})
	if errors.Is(err, records.ErrStop) {
		err = nil
	}
	return list, err
}

// CountToMove counts all that are to be moved.
func (vs Vectors) CountToMove() (int, error) {
	names, err := records.Names(vs.r, records.PrefixTodoMove)
	return len(names), err
}

// Moves returns the moves of vectors that are not over, the oldest first.
func (vs Vectors) Moves() ([]resharing.Move, error) {
	return records.List[resharing.Move](vs.r, records.PrefixMove)
}

// Page lists an owner's vectors, dropped and rejected ones included, in the
// ledger's order.
func (vs Vectors) Page(owner string, p records.Page) ([]catalog.Vector, string, error) {
	if owner == "" {
		return nil, "", nil
	}
	return ofParty[catalog.Vector](vs.r, records.PrefixVectorOf, owner, records.PrefixVector, p)
}

// Free are vectors that wait to be moved, but those that are in a move still. One that only
// seats hold up which were given up is in none (roster.WithoutLate).
func (vs Vectors) Free(waiting []catalog.Vector, now int64) ([]catalog.Vector, error) {
	cluster, err := vs.cache.Cluster(vs.r)
	if err != nil {
		return nil, err
	}
	numbers, err := unerasedMoves(vs.r, *cluster, now)
	return slices.DeleteFunc(waiting, func(x catalog.Vector) bool { return slices.Contains(numbers, x.Moving) }), err
}

// Holders are the nodes that have their shares of all private vectors of a verdict.
func (vs Vectors) Holders(verdict catalog.Verdict) ([]string, error) {
	c, err := vs.cache.Cluster(vs.r)
	if err != nil {
		return nil, err
	}
	holders := c.Holding(^uint64(0))
	for _, u := range verdict.Vectors {
		x, err := records.Find[catalog.Vector](vs.r, records.PrefixVector+u.ID)
		if err != nil {
			return nil, err
		}
		have := x.HeldBy(*c)
		holders = slices.DeleteFunc(holders, func(id string) bool { return !slices.Contains(have, id) })
	}
	return holders, nil
}
