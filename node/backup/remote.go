package backup

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// Remote is a running cluster, as the operator of a seat reaches it.
type Remote struct {
	Client *client.Client
	node   client.ProfileNode // that holds its ledger ready
}

var _ Source = (*Remote)(nil)

// Prepare implements Source.
func (r *Remote) Prepare(ctx context.Context) (Contents, error) {
	b, at, err := r.Client.PrepareBackup(ctx)
	if err != nil {
		return Contents{}, err
	}
	r.node = at
	x := Contents{Size: b.Size, Root: b.Root, Checkpoint: b.Checkpoint, Roster: b.Roster, Blobs: b.Blobs}
	for _, p := range b.Ledger {
		x.Ledger = append(x.Ledger, Part(p))
	}
	return x, nil
}

// Part implements Source.
func (r *Remote) Part(ctx context.Context, d catalog.Digest) ([]byte, error) {
	b, err := r.Client.BackupPart(ctx, r.node, d)
	if client.IsNotFound(err) {
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	return b, err
}

// Blob implements Source.
func (r *Remote) Blob(ctx context.Context, d catalog.Digest) ([]byte, error) {
	return r.Client.BackupBlob(ctx, d)
}
