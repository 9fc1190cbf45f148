package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// A publication may be interrupted at any step. Before its version is committed, the next
// one drops it, and takes over what is in the spool. Afterwards the nodes go on without
// the publisher; whoever publishes again waits for them, and ends what was left.

// lastPublication is what this machine keeps of a dataset that it published, beside the
// records of its versions: how its files are read, and what is under way.
type lastPublication struct {
	Format int           `json:"v"`
	Source *panel.Source `json:"source"`
	// Pending is the manifest of a version that was about to be proposed, or was, and
	// whose publication has not ended on this machine; Upload names its directory in the
	// spool.
	Pending catalog.Digest `json:"pending,omitzero"`
	Upload  string         `json:"upload,omitempty"`
}

const lastFormat = 2

// lastFile is where the last publication of a dataset is kept; empty without a spool.
func lastFile(c *client.Client, dataset string) string { return spoolFile(c, "kept", dataset) }

func writeLast(c *client.Client, last lastPublication) error {
	last.Format = lastFormat
	dataset := last.Source.Descriptor.Dataset
	plain, err := json.Marshal(last)
	if err == nil {
		err = c.Key().Sealed().Write(lastFile(c, dataset), plain)
	}
	if err != nil {
		return fmt.Errorf("keep how the files of dataset %s are read: %w", dataset, err)
	}
	return nil
}

// readLast is the last publication of a dataset; nil when this machine did not publish it.
func readLast(c *client.Client, dataset string) (*lastPublication, error) {
	name := lastFile(c, dataset)
	if name == "" {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	plain, err := c.Key().Sealed().Read(name)
	if err != nil {
		return nil, fmt.Errorf("read how the files of dataset %s were read: %w", dataset, err)
	}
	var last lastPublication
	if err := json.Unmarshal(plain, &last); err != nil || last.Format != lastFormat || last.Source == nil {
		return nil, nil //nolint:nilerr,nilnil // of another release of the program, or none
	}
	return &last, nil
}

// LastSource is how the files of the dataset were read that this machine published
// last; nil when it did not publish it.
func LastSource(c *client.Client, dataset string) (*panel.Source, error) {
	if c.Key() == nil {
		return nil, fmt.Errorf("append to dataset %s: %w", dataset, client.ErrNoKey)
	}
	last, err := readLast(c, dataset)
	if err != nil || last == nil {
		return nil, err
	}
	return last.Source, nil
}

// noteEnded notes that the publication under way has ended.
func noteEnded(c *client.Client, dataset string) error {
	last, err := readLast(c, dataset)
	if err != nil || last == nil || last.Pending.IsZero() {
		return err
	}
	return writeLast(c, lastPublication{Source: last.Source})
}

// pendingVersion is the version that was being published on this machine when that was
// interrupted, if the ledger has it and it was not dropped or rejected; nil: there is none.
func pendingVersion(ctx context.Context, c *client.Client, dataset string) (*catalog.Version, *lastPublication, error) {
	last, err := readLast(c, dataset)
	if err != nil || last == nil || last.Pending.IsZero() {
		return nil, nil, err
	}
	d, err := c.Dataset(ctx, dataset)
	if err != nil || d.Versions == 0 {
		return nil, nil, err
	}
	v, err := c.Version(ctx, dataset, d.Versions)
	if err != nil || v.Manifest != last.Pending || v.State == catalog.VersionProposed || v.State == catalog.VersionRejected {
		return nil, nil, err
	}
	return &v, last, nil
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

// takeUp ends the interrupted publication of what was prepared, where the ledger has its
// version, and reports whether that is so.
func takeUp(ctx context.Context, c *client.Client, p *Prepared, key client.ReadyKey, progress func(Progress)) (done Published, taken bool, err error) {
	dataset := p.Source.Descriptor.Dataset
	v, last, err := pendingVersion(ctx, c, dataset)
	if err != nil || v == nil {
		return done, false, err
	}
	name, err := uploadName(c, p, key.Record)
	if err != nil || name != last.Upload {
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
	done.Bytes = int64(done.Tiles-done.Reused) * int64(key.TileBytes)
	return done, true, nil
}

// EndInterrupted ends the publication that was interrupted on this machine after its
// version was committed, and says which version that is. The version is live.
func EndInterrupted(ctx context.Context, c *client.Client, dataset string) (Published, error) {
	v, last, err := pendingVersion(ctx, c, dataset)
	if err != nil {
		return Published{}, err
	}
	if v == nil || v.State != catalog.VersionLive {
		return Published{}, fmt.Errorf("no publication of dataset %s that was interrupted is live", dataset)
	}
	presence, err := c.Presence(ctx, last.Source.Descriptor, *v)
	if err != nil {
		return Published{}, err
	}
	out := Published{Dataset: dataset, Version: v.Version, Registry: last.Source.Descriptor.Registry, Entities: v.Entities, Periods: v.Periods, Tiles: v.Tiles}
	measures, _, _ := presence.Size()
	for m := range measures {
		out.Readings += presence.Count(m)
	}
	if last.Upload != "" {
		if err := os.RemoveAll(filepath.Join(c.Options().Spool, filepath.Base(last.Upload))); err != nil {
			return out, fmt.Errorf("remove the encrypted tiles: %w", err)
		}
	}
	return out, noteEnded(c, dataset)
}
