package client

import (
	"context"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// cache keeps what can never change. Rows of a registry are append-only, so a
// longer table serves every shorter one.
type cache struct {
	rows      map[string][][]string              // by registry
	manifests map[catalog.Digest]tiles.Manifest  // by digest of the blob
	presences map[catalog.Digest]*tiles.Presence // likewise
	keys      map[catalog.Digest][]byte          // public keys that were checked, by digest of the ready statement
	vectors   map[string]catalog.VectorRegister  // the caller's registrations, as they were signed, by id
}

// Bounds of the cache in entries. What is over is forgotten as a whole: a
// program that reads more datasets than that reads them again.
const maxCached = 64

func newCache() cache {
	return cache{
		rows:      make(map[string][][]string),
		manifests: make(map[catalog.Digest]tiles.Manifest),
		presences: make(map[catalog.Digest]*tiles.Presence),
		keys:      make(map[catalog.Digest][]byte),
		vectors:   make(map[string]catalog.VectorRegister),
	}
}

// cached returns what m holds under k, or what load makes, and keeps it. Two
// callers may load the same thing at once; both get the same value.
func cached[K comparable, V any](ctx context.Context, mu *sync.Mutex, m map[K]V, k K, load func(context.Context) (V, error)) (V, error) {
	mu.Lock()
	v, ok := m[k]
	mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := load(ctx)
	if err != nil {
		return v, err
	}
	mu.Lock()
	defer mu.Unlock()
	if len(m) >= maxCached {
		clear(m)
	}
	m[k] = v
	return v, nil
}
