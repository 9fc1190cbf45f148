package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/node/api/wire"
)

// backupWait is how long a node may take to hold its ledger ready.
const backupWait = 10 * time.Minute

// PrepareBackup has a node hold its ledger ready for a backup, and returns which one does. The
// caller holds the key of the operator of a seat.
func (c *Client) PrepareBackup(ctx context.Context) (b wire.Backup, at ProfileNode, err error) {
	call := Call{Method: http.MethodPost, Path: "/v1/backup", Token: true, Limit: maxBackupList, Wait: backupWait}
	if c.key == nil {
		return b, at, fmt.Errorf("%s %s: %w", call.method(), call.Path, ErrNoKey)
	}
	for _, node := range c.Nodes() {
		var body []byte
		if body, err = c.Ask(ctx, node, call); err != nil {
			err = fmt.Errorf("have %s hold its ledger ready: %w", node.ID, err)
			if ctx.Err() != nil {
				return b, at, err
			}
			continue
		}
		if err := json.Unmarshal(body, &b); err != nil {
			return b, at, fmt.Errorf("read what %s holds ready: %w", node.ID, err)
		}
		return b, node, nil
	}
	return b, at, err
}

// maxBackupList bounds the list of what is in a backup, in bytes: 67 a blob.
const maxBackupList = 512 << 20

// ReportDrill records what came of a drill with a backup, in the name of the operator of a seat.
func (c *Client) ReportDrill(ctx context.Context, d recovery.Drill) error {
	_, err := c.Submit(ctx, catalog.KindDrillReport, d)
	return err
}

// BackupPart reads a part of what a node holds ready. Where IsNotFound holds of the error, it
// does so no more. The bytes need not be what the digest says.
func (c *Client) BackupPart(ctx context.Context, at ProfileNode, d catalog.Digest) ([]byte, error) {
	call := Call{Path: "/v1/backup/parts/" + d.String(), Token: true}
	pause, giveUp := FirstPause, c.Now().Add(c.opts.Patience)
	for {
		b, err := c.Ask(ctx, at, call)
		if p, answered := errors.AsType[*wire.Problem](err); answered && !call.tryNext(p) {
			return nil, err
		}
		if err == nil || ctx.Err() != nil || c.Now().Add(pause).After(giveUp) {
			return b, err
		}
		if err := Pause(ctx, jittered(pause)); err != nil {
			return nil, err
		}
		pause = min(2*pause, LastPause)
	}
}

// BackupBlob reads a blob from whichever node has it, likewise.
func (c *Client) BackupBlob(ctx context.Context, d catalog.Digest) ([]byte, error) {
	b, err := c.Do(ctx, Call{Path: "/v1/backup/blobs/" + d.String(), Token: true, Elsewhere: true, Limit: MaxBlob})
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", d, err)
	}
	return b, nil
}
