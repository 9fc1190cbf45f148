package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api"
)

// blobs is the node's store of tiles, manifests, presences and public shares as
// others see it, clients and nodes.
type blobs struct {
	store   *tiles.Store
	mender  *mender
	orphans *orphans
	wake    func() // has damage repaired
}

// Put stores b under its digest; api.ErrUnavailable when the disk is nearly full.
func (b blobs) Put(ctx context.Context, d catalog.Digest, content []byte) error {
	b.orphans.touch(d)
	err := b.store.Put(ctx, d, content)
	if errors.Is(err, tiles.ErrFull) {
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	if err != nil {
		return err
	}
	b.mender.mended(d)
	return nil
}

// Get returns a blob, verified; api.ErrNotFound when this node has none, or has
// one that went bad and will fetch it again.
func (b blobs) Get(ctx context.Context, d catalog.Digest) ([]byte, error) {
	b.orphans.touch(d)
	content, err := b.store.Get(ctx, d)
	switch {
	case errors.Is(err, tiles.ErrNotFound):
		return nil, fmt.Errorf("blob %s: %w", d, api.ErrNotFound)
	case errors.Is(err, tiles.ErrCorrupt):
		b.mender.note(d)
		b.wake()
		return nil, fmt.Errorf("blob %s is damaged here and will be repaired: %w", d, api.ErrNotFound)
	}
	return content, err
}

// Missing returns those digests that this node does not hold, or holds damaged.
func (b blobs) Missing(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	b.orphans.touch(digests...)
	missing, err := b.store.Missing(ctx, digests)
	if err != nil || !slices.ContainsFunc(digests, b.mender.isFaulty) {
		return missing, err
	}
	var all []catalog.Digest
	for _, d := range digests {
		if b.mender.isFaulty(d) || slices.Contains(missing, d) {
			all = append(all, d)
		}
	}
	return all, nil
}
