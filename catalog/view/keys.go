package view

import (
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// KeyOf returns a publisher's key, in whatever state.
func (v KeyReader) KeyOf(publisher string) (catalog.Key, error) {
	return records.KeyOf(v.r, publisher)
}

// Key returns a key.
func (v KeyReader) Key(id string) (catalog.Key, error) {
	return records.Find[catalog.Key](v.r, records.PrefixKey+id)
}

// Keys returns all keys by id.
func (v KeyReader) Keys() ([]catalog.Key, error) {
	return records.List[catalog.Key](v.r, records.PrefixKey)
}

// PendingKey is a publisher without a ready key: the attempt under way or
// failed last (Key.ID is empty when there was none), and what a KeyStart of the
// next attempt must say.
type PendingKey struct {
	Publisher   string
	Key         catalog.Key
	NextKey     string
	NextEpoch   uint64
	NextAttempt int
}

// PendingKeys returns the publishers that have no ready key.
func (v KeyReader) PendingKeys() ([]PendingKey, error) {
	ids, err := records.Names(v.r, records.PrefixTodoKey)
	if err != nil {
		return nil, err
	}
	var all []PendingKey
	for _, id := range ids {
		p := PendingKey{Publisher: id}
		if p.Key, err = v.KeyOf(id); err != nil && !errors.Is(err, records.ErrNotFound) {
			return nil, err
		}
		next := catalog.NextKeyStart(id, p.Key)
		p.NextKey, p.NextEpoch, p.NextAttempt = next.Key, next.Epoch, next.Attempt
		all = append(all, p)
	}
	return all, nil
}

// PendingRefreshes returns the keys that are to be shared anew.
func (v KeyReader) PendingRefreshes() ([]catalog.Key, error) {
	ids, err := records.Names(v.r, records.PrefixTodoRefresh)
	if err != nil {
		return nil, err
	}
	all := make([]catalog.Key, len(ids))
	for i, id := range ids {
		if all[i], err = v.Key(id); err != nil {
			return nil, err
		}
	}
	return all, nil
}
