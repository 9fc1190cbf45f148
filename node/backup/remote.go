package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

const (
	// readyWait is how long a node may take to hold its ledger ready.
	readyWait = 10 * time.Minute
	// maxReady bounds the list of what is in a backup, in bytes: 67 a blob.
	maxReady = 512 << 20
)

// Remote is a running cluster, as the operator of a seat reaches it.
type Remote struct {
	Client *client.Client
	node   client.ProfileNode // that holds its ledger ready
}

var _ Source = (*Remote)(nil)

// Prepare implements Source: the first node that can holds its ledger ready.
func (r *Remote) Prepare(ctx context.Context) (Contents, error) {
	call := client.Call{Method: http.MethodPost, Path: "/v1/backup", Token: true, Limit: maxReady, Wait: readyWait}
	if r.Client.Key() == nil {
		return Contents{}, fmt.Errorf("%s %s: %w", call.Method, call.Path, client.ErrNoKey)
	}
	var err error
	for _, node := range r.Client.Nodes() {
		var body []byte
		if body, err = r.Client.Ask(ctx, node, call); err != nil {
			err = fmt.Errorf("have %s hold its ledger ready: %w", node.ID, err)
			if ctx.Err() != nil {
				return Contents{}, err
			}
			continue
		}
		var b wire.Backup
		if err := json.Unmarshal(body, &b); err != nil {
			return Contents{}, fmt.Errorf("read what %s holds ready: %w", node.ID, err)
		}
		r.node = node
		x := Contents{Size: b.Size, Root: b.Root, Checkpoint: b.Checkpoint, Roster: b.Roster, Blobs: b.Blobs}
		for _, p := range b.Ledger {
			x.Ledger = append(x.Ledger, Part(p))
		}
		return x, nil
	}
	return Contents{}, err
}

// Part implements Source: of what the node holds ready.
func (r *Remote) Part(ctx context.Context, d catalog.Digest) ([]byte, error) {
	b, err := r.Client.AskPatiently(ctx, r.node, client.Call{Path: "/v1/backup/parts/" + d.String(), Token: true})
	if client.IsNotFound(err) {
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	return b, err
}

// Blob implements Source: from whichever node has it.
func (r *Remote) Blob(ctx context.Context, d catalog.Digest) ([]byte, error) {
	b, err := r.Client.Do(ctx, client.Call{Path: "/v1/backup/blobs/" + d.String(), Token: true, Elsewhere: true, Limit: client.MaxBlob})
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", d, err)
	}
	return b, nil
}
