package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api"
)

// blobs is the node's store of tiles, manifests, presences and public shares as
// the API sees it.
type blobs struct{ store *tiles.Store }

// Put stores b under its digest.
func (b blobs) Put(ctx context.Context, d catalog.Digest, content []byte) error {
	return b.store.Put(ctx, d, content)
}

// Get returns a blob, verified; api.ErrNotFound when this node has none, or has
// one that went bad and will fetch it again.
func (b blobs) Get(ctx context.Context, d catalog.Digest) ([]byte, error) {
	content, err := b.store.Get(ctx, d)
	if errors.Is(err, tiles.ErrNotFound) {
		return nil, fmt.Errorf("blob %s: %w", d, api.ErrNotFound)
	}
	return content, err
}

// Missing returns those digests that this node does not hold.
func (b blobs) Missing(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	return b.store.Missing(ctx, digests)
}
