package client

import (
	"context"
	"fmt"
	"reflect"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
)

// Attached returns the T that belongs to the client; create makes it when it is first asked
// for. The packages beside this one keep in one what they have read or made with a client,
// under a type of their own, so that it lives as long as the client. Close closes those that
// have a Close method.
func Attached[T any](c *Client, create func() T) T {
	kind := reflect.TypeFor[T]()
	if have, ok := c.attached.Load(kind); ok {
		return have.(T) //nolint:errcheck,forcetypeassert // the key is its type
	}
	have, _ := c.attached.LoadOrStore(kind, create())
	return have.(T) //nolint:errcheck,forcetypeassert // likewise
}

// maxCached is how many things of a kind a Client remembers: those that were used last.
const maxCached = 64

// Cache is what a client remembers of one kind of thing, which never changes.
func Cache[K comparable, V any](c *Client) *lru.Cache[K, V] {
	return Attached(c, func() *lru.Cache[K, V] {
		cache, err := lru.New[K, V](maxCached)
		if err != nil {
			panic(err) // the size is not positive
		}
		return cache
	})
}

// Cached returns what the client remembers under k, or what load makes, and remembers it.
// Two callers may load the same thing at once. What it remembers of one kind is told from
// others by the types of key and value.
func Cached[K comparable, V any](ctx context.Context, c *Client, k K, load func(context.Context) (V, error)) (V, error) {
	cache := Cache[K, V](c)
	if v, ok := cache.Get(k); ok {
		return v, nil
	}
	v, err := load(ctx)
	if err == nil {
		cache.Add(k, v)
	}
	return v, err
}

// shape is how many nodes a cluster has, and how many of them open.
type shape struct{ nodes, threshold int }

// Parameters are those that a cluster's data is encrypted with. Making them takes some
// twenty milliseconds, so it is done once.
func (c *Client) Parameters(ctx context.Context, cluster catalog.Cluster) (he.Parameters, error) {
	of := shape{len(cluster.Nodes), cluster.Threshold}
	return Cached(ctx, c, of, func(context.Context) (he.Parameters, error) {
		p, err := he.NewParameters(he.DataParameters(of.nodes, of.threshold))
		if err != nil {
			return p, fmt.Errorf("make the parameters for %d of %d nodes: %w", of.threshold, of.nodes, err)
		}
		return p, nil
	})
}
