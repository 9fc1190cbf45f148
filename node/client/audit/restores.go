package audit

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Present shows the cluster a signed checkpoint that somebody has kept, which may be of a past
// that it has lost since it was restored from a backup.
func Present(ctx context.Context, c *client.Client, note []byte) error {
	if _, err := client.Post[wire.Note](ctx, c, "/v1/evidence/present", wire.Note{Note: string(note)}, false); err != nil {
		return fmt.Errorf("show the checkpoint: %w", err)
	}
	return nil
}

// Restores are the restores of the cluster from backups, the first first. Each is signed by the
// operators of enough of the seats that there were at some time: whoever passes them on can only leave
// some out.
func Restores(ctx context.Context, c *client.Client) ([]recovery.Restored, error) {
	all, err := client.Get[wire.Restores](ctx, c, client.Call{Path: "/v1/restores"})
	if err != nil {
		return nil, fmt.Errorf("read how the cluster was restored: %w", err)
	}
	if len(all.Restores) == 0 {
		return nil, nil
	}
	rosters, err := c.Rosters(ctx)
	if err != nil {
		return nil, err
	}
	return all.Restores, checkRestores(rosters, all.Restores)
}

// checkRestores returns an error unless each restore follows the one before and was signed for
// enough seats of a roster of its time: rosters are all that there were, the first first.
func checkRestores(rosters []catalog.Cluster, all []recovery.Restored) error {
	var previous catalog.Digest
	for i, r := range all {
		// Who had the seats then may have none now. No restore is of an earlier roster than the one before.
		for {
			err := attest.CheckRestore(rosters[0], r.Restore)
			if err == nil {
				break
			}
			if rosters = rosters[1:]; len(rosters) == 0 {
				return fmt.Errorf("%w: restore %d: %w", client.ErrPinned, i+1, err)
			}
		}
		if r.Order.Previous != previous {
			return fmt.Errorf("%w: restore %d follows %s, and not %s", client.ErrPinned, i+1, r.Order.Previous, previous)
		}
		previous = r.Order.ID()
	}
	return nil
}
