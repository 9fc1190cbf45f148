package view

import (
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
)

// Keys reads the keys of publishers, and what is to be done for them.
type Keys struct {
	cache *records.Cache
	r     records.Reader
}

// Keys are those of the state.
func (v View) Keys() Keys { return Keys(v) }

// Of returns a publisher's key, in whatever state.
func (ks Keys) Of(publisher string) (catalog.Key, error) {
	return records.KeyOf(ks.r, publisher)
}

// Get returns a key. The caller changes nothing that it points to.
func (ks Keys) Get(id string) (catalog.Key, error) { return ks.cache.Key(ks.r, id) }

// All returns all keys by id. Nodes ask for them at every tick: the caller changes nothing
// that a key points to.
func (ks Keys) All() ([]catalog.Key, error) { return ks.cache.Keys(ks.r) }

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

// Pending returns the publishers that have no ready key.
func (ks Keys) Pending() ([]PendingKey, error) {
	ids, err := records.Names(ks.r, records.PrefixTodoKey)
	if err != nil {
		return nil, err
	}
	var all []PendingKey
	for _, id := range ids {
		p := PendingKey{Publisher: id}
		if p.Key, err = ks.Of(id); err != nil && !errors.Is(err, records.ErrNotFound) {
			return nil, err
		}
		next := roster.NextKeyStart(id, p.Key)
		p.NextKey, p.NextEpoch, p.NextAttempt = next.Key, next.Epoch, next.Attempt
		all = append(all, p)
	}
	return all, nil
}

// Refreshing returns the keys that are to be shared anew.
func (ks Keys) Refreshing() ([]catalog.Key, error) {
	ids, err := records.Names(ks.r, records.PrefixTodoRefresh)
	if err != nil {
		return nil, err
	}
	all := make([]catalog.Key, len(ids))
	for i, id := range ids {
		if all[i], err = ks.Get(id); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Canary is the last canary of a key; zero: there was none.
func (ks Keys) Canary(key string) (resharing.Canary, error) {
	c, _, err := records.Lookup[resharing.Canary](ks.r, records.PrefixCanary+key)
	return c, err
}
