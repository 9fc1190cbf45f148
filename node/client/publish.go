package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// Published says what PublishDataset did.
type Published struct {
	Dataset  string `json:"dataset"`
	Version  int    `json:"version"`
	Registry string `json:"registry"`
	Entities int    `json:"entities"`
	Periods  int    `json:"periods"`
	Readings int    `json:"readings"`
	Tiles    int    `json:"tiles"`
	// Uncompared are live versions of whose readings this machine has no record, so
	// that nobody can tell what changed: what they cover is closed in this version
	// where figures of it may have been released.
	Uncompared []int `json:"uncompared,omitempty"`
	Reused     int   `json:"reused,omitempty"` // tiles of them that the version before has
	Bytes      int64 `json:"bytes"`            // of the other tiles
}

// PublishDataset publishes what was prepared as the next version of its dataset,
// which it creates if need be, and waits until the version is live. Readings
// leave this machine only encrypted under the publisher's key, which is checked
// first (ReadyKey). Errors: a refusal, *KeyError, ErrRejected with the nodes'
// reason.
func (c *Client) PublishDataset(ctx context.Context, p *Prepared, progress func(Progress)) (Published, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	me, err := c.principal()
	if err != nil {
		return Published{}, err
	}
	key, err := c.readyKey(ctx, me, func(what string) { progress(Progress{Stage: StageKey, Waiting: what}) })
	if err != nil {
		return Published{}, err
	}
	if err := c.ensureListed(ctx, p, progress); err != nil {
		return Published{}, err
	}
	if err := c.dropUnfinished(ctx, p.Source.Descriptor.Dataset); err != nil {
		return Published{}, err
	}
	u := &upload{client: c, prepared: p, key: key, progress: progress}
	if !p.Source.Descriptor.Policy.Public && (p.appended == nil || p.appended.prints != nil) {
		prints := c.printsOf(p.Panel, p.Source.Descriptor.Dataset, p.oldPrints())
		u.prints = &prints
	}
	version, err := u.run(ctx)
	if err != nil {
		return Published{}, err
	}
	progress(Progress{Stage: StageChecking, Tiles: p.Tiles(), TilesTotal: p.Tiles()})
	tell := func(what string) {
		progress(Progress{Stage: StageChecking, Tiles: p.Tiles(), TilesTotal: p.Tiles(), Waiting: what})
	}
	end := c.watchVersion(ctx, p.Source.Descriptor.Dataset, version, u.own, key.Parameters.TileBytes(), p.Holding)
	err = c.awaitVersion(ctx, p.Source.Descriptor.Dataset, version, tell)
	end()
	if err != nil {
		return Published{}, err
	}
	if err := u.spool.close(true); err != nil {
		return Published{}, err
	}
	if err := c.keep(p, version); err != nil {
		return Published{}, err
	}
	if u.prints != nil {
		if err := c.keepPrints(p.Source.Descriptor.Dataset, version, u.prints); err != nil {
			return Published{}, err
		}
	}
	return Published{
		Dataset: p.Source.Descriptor.Dataset, Version: version, Registry: p.Source.Descriptor.Registry,
		Entities: len(p.Panel.Entities), Periods: p.Panel.Periods, Readings: p.Readings(), Tiles: p.Tiles(),
		Uncompared: u.unknown, Reused: p.Reused(), Bytes: int64(p.Tiles()-p.Reused()) * int64(key.Parameters.TileBytes()),
	}, nil
}

// dropUnfinished gives up a version whose publisher died before committing it.
func (c *Client) dropUnfinished(ctx context.Context, dataset string) error {
	d, err := c.Dataset(ctx, dataset)
	if err != nil || d.Versions == 0 {
		return err
	}
	last, err := c.Version(ctx, dataset, d.Versions)
	if err != nil || last.State != catalog.VersionProposed {
		return err
	}
	_, err = c.Submit(ctx, catalog.KindVersionDrop, catalog.VersionCommit{Dataset: dataset, Version: last.Version})
	return err
}

// awaitVersion waits until the version is live, or rejected, and tells what for when
// that takes long.
func (c *Client) awaitVersion(ctx context.Context, dataset string, version int, tell func(string)) error {
	query, wait := firstWaitQuery, firstWait
	for ; ; query, wait = waitQuery, waitTime {
		v, err := get[catalog.Version](ctx, c, call{path: versionPath(dataset, version) + "?" + query, wait: wait})
		if err != nil {
			return fmt.Errorf("wait for version %d of dataset %s: %w", version, dataset, err)
		}
		switch v.State {
		case catalog.VersionLive:
			return nil
		case catalog.VersionRejected:
			return fmt.Errorf("%w: version %d of dataset %s: %s", ErrRejected, version, dataset, v.Reason)
		}
		tell(c.versionWaits(v))
		// A node answers at once only when it is done; this guards against one
		// that does not keep to that.
		if err := c.pause(ctx, firstPause); err != nil {
			return fmt.Errorf("version %d of dataset %s is %s: %w", version, dataset, v.State, err)
		}
	}
}

// versionWaits says what a version that is not live yet waits for.
func (c *Client) versionWaits(v catalog.Version) string {
	if v.State == catalog.VersionStored {
		return fmt.Sprintf("version %d is stored by %s, and waits for enough of them to open its parity", v.Version, strings.Join(v.Acks, ", "))
	}
	var missing []string
	for _, n := range c.profile.Nodes {
		if !slices.Contains(v.Acks, n.ID) {
			missing = append(missing, n.ID)
		}
	}
	return fmt.Sprintf("version %d is %s, and waits for enough nodes to hold it; not yet: %s", v.Version, v.State, strings.Join(missing, ", "))
}

// propose sends the version to the ledger: proposal, counting bitmaps, commit.
func (u *upload) propose(ctx context.Context, propose catalog.VersionPropose) (int, error) {
	c, d := u.client, u.prepared.Source.Descriptor
	chunks := func(int) ([]catalog.VersionCounts, error) { return nil, nil }
	var sets []catalog.CellSet
	if !d.Policy.Public {
		counts, err := u.prepared.Panel.Counts(d)
		if err != nil {
			return 0, err
		}
		propose.Counts = counts.Digest()
		held, err := c.compare(ctx, u.prepared, u.prints)
		if err != nil {
			return 0, err
		}
		propose.Compared, sets, u.unknown = held.compared, held.sets, held.unknown
		if len(propose.Compared) > 0 {
			propose.Sets = catalog.SetsDigest(sets)
		}
		chunks = counts.Chunks
	}
	done, err := c.Submit(ctx, catalog.KindVersionPropose, propose)
	if err != nil {
		return 0, err
	}
	version := done.Outcome.Version
	if version < 1 {
		return 0, errors.New("the node named no version")
	}
	list, err := chunks(version)
	if err != nil {
		return version, err
	}
	for _, chunk := range list {
		if _, err := c.Submit(ctx, catalog.KindVersionCounts, chunk); err != nil {
			return version, err
		}
	}
	for _, chunk := range tiles.SetChunks(d.Dataset, version, sets) {
		if _, err := c.Submit(ctx, catalog.KindVersionSets, chunk); err != nil {
			return version, err
		}
	}
	_, err = c.Submit(ctx, catalog.KindVersionCommit, catalog.VersionCommit{Dataset: d.Dataset, Version: version})
	return version, err
}

// Queries lists the caller's own queries.
func (c *Client) Queries(ctx context.Context) ([]catalog.Query, error) {
	return Collect(c.EachQuery(ctx, ListOptions{}))
}

// QueryRecord reads one of the caller's own queries.
func (c *Client) QueryRecord(ctx context.Context, id string) (catalog.Query, error) {
	return get[catalog.Query](ctx, c, call{path: "/v1/queries/" + url.PathEscape(id), token: true})
}
