package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// A publication may be interrupted at any step. Before its version is committed, the next
// one drops it, and takes over what is in the spool. Afterwards the nodes go on without
// the publisher; whoever publishes again waits for them, and ends what was left.

// pendingVersion is the version that was being published on this machine when that was
// interrupted, if the ledger has it and it was not dropped or rejected; nil: there is none.
func pendingVersion(ctx context.Context, c *client.Client, dataset string) (*catalog.Version, *kept, error) {
	k, err := readKept(c, dataset)
	if err != nil || k == nil || k.Pending.IsZero() {
		return nil, nil, err
	}
	d, err := c.Dataset(ctx, dataset)
	if err != nil || d.Versions == 0 {
		return nil, nil, err
	}
	v, err := c.Version(ctx, dataset, d.Versions)
	if err != nil || v.Manifest != k.Pending || v.State == catalog.VersionProposed || v.State == catalog.VersionRejected {
		return nil, nil, err
	}
	return &v, k, nil
}

// awaitPending waits until the nodes have settled the version of an interrupted
// publication: what is appended is appended to it.
func awaitPending(ctx context.Context, c *client.Client, dataset string, progress func(Progress)) error {
	v, _, err := pendingVersion(ctx, c, dataset)
	if err != nil || v == nil || v.State == catalog.VersionLive {
		return err
	}
	err = awaitVersion(ctx, c, dataset, v.Version, func(what string) {
		if progress != nil {
			progress(Progress{Stage: StageChecking, Waiting: what})
		}
	})
	if errors.Is(err, ErrRejected) {
		return nil // it is appended to the one before
	}
	return err
}

// isPending reports whether a version that was found to have everything is the one of an
// interrupted publication; nothing is the error that says so.
func isPending(c *client.Client, live catalog.Version, nothing error) (bool, error) {
	k, err := readKept(c, live.Dataset)
	if err != nil {
		return false, errors.Join(nothing, err)
	}
	return k != nil && !k.Pending.IsZero() && k.Pending == live.Manifest, nothing
}

// takeUp ends the interrupted publication of what was prepared, where the ledger has its
// version, and reports whether that is so.
func takeUp(ctx context.Context, c *client.Client, p *Prepared, key client.ReadyKey, progress func(Progress)) (done Published, taken bool, err error) {
	dataset := p.Source.Descriptor.Dataset
	v, k, err := pendingVersion(ctx, c, dataset)
	if err != nil || v == nil {
		return done, false, err
	}
	name, err := uploadName(c, p, key.Record)
	if err != nil || name != k.Upload {
		return done, false, err
	}
	if err := awaitPending(ctx, c, dataset, progress); err != nil {
		return done, false, err
	}
	if now, _, err := pendingVersion(ctx, c, dataset); err != nil || now == nil {
		return done, false, err // it was rejected, and is published again
	}
	if done, err = EndInterrupted(ctx, c, dataset); err != nil {
		return Published{}, false, err
	}
	done.Readings, done.Reused = p.Readings(), p.Reused()
	done.Bytes = int64(done.Tiles-done.Reused) * int64(key.Parameters.TileBytes())
	return done, true, nil
}

// EndInterrupted ends the publication that was interrupted on this machine after its
// version was committed, and says which version that is. The version is live.
func EndInterrupted(ctx context.Context, c *client.Client, dataset string) (Published, error) {
	v, k, err := pendingVersion(ctx, c, dataset)
	if err != nil {
		return Published{}, err
	}
	if v == nil || v.State != catalog.VersionLive {
		return Published{}, fmt.Errorf("no publication of dataset %s that was interrupted is live", dataset)
	}
	presence, err := c.Presence(ctx, k.Source.Descriptor, *v)
	if err != nil {
		return Published{}, err
	}
	out := Published{Dataset: dataset, Version: v.Version, Registry: k.Source.Descriptor.Registry, Entities: v.Entities, Periods: v.Periods, Tiles: v.Tiles}
	measures, _, _ := presence.Size()
	for m := range measures {
		out.Readings += presence.Count(m)
	}
	if k.Upload != "" {
		if err := os.RemoveAll(filepath.Join(c.Options().Spool, filepath.Base(k.Upload))); err != nil {
			return out, fmt.Errorf("remove the encrypted tiles: %w", err)
		}
	}
	return out, ended(c, dataset)
}
