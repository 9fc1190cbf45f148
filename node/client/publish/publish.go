package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
)

// Published says what Publish did.
type Published struct {
	Dataset  string `json:"dataset"`
	Version  int    `json:"version"`
	Registry string `json:"registry"`
	Entities int    `json:"entities"`
	Periods  int    `json:"periods"`
	Readings int    `json:"readings"`
	Tiles    int    `json:"tiles"`
	// Changes are how many readings of the newest live version are others now; nil where
	// this is the first, or this machine has no record of that one to compare with.
	Changes *news.Changes `json:"changes,omitempty"`
	// Lost are earlier publications of whose readings this machine has no record, so
	// that nobody can tell what is new against them: of Undeclared sources (a column in
	// a period) no news is declared, and their earlier figures stay as they are.
	Lost       []news.Edition `json:"lost,omitempty"`
	Undeclared int            `json:"undeclared,omitempty"`
	Reused     int            `json:"reused,omitempty"` // tiles of them that the version before has
	Bytes      int64          `json:"bytes"`            // of the other tiles
}

// ErrRejected is returned when the nodes did not accept a dataset version; the wrapping
// error has their reason.
var ErrRejected = errors.New("the nodes rejected the version")

// Publish publishes what was prepared as the next version of its dataset,
// which it creates if need be, and waits until the version is live. Readings
// leave this machine only encrypted under the publisher's key, which is checked
// first (ReadyKey). Errors: a refusal, *KeyError, ErrRejected with the nodes'
// reason.
func Publish(ctx context.Context, c *client.Client, p *Prepared, progress func(Progress)) (Published, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	me, err := c.Principal()
	if err != nil {
		return Published{}, err
	}
	key, err := c.WatchKey(ctx, me, func(what string) { progress(Progress{Stage: StageKey, Waiting: what}) })
	if err != nil {
		return Published{}, err
	}
	if err := ensureListed(ctx, c, p, progress); err != nil {
		return Published{}, err
	}
	if done, taken, err := takeUp(ctx, c, p, key, progress); err != nil || taken {
		return done, err
	}
	if err := dropUnfinished(ctx, c, p.Source.Descriptor.Dataset); err != nil {
		return Published{}, err
	}
	u := &upload{client: c, prepared: p, key: key, progress: progress, found: &news.Found{}}
	before, err := c.Dataset(ctx, p.Source.Descriptor.Dataset)
	if err != nil {
		return Published{}, err
	}
	live := news.Edition{Dataset: before.ID, Version: before.Live} // 0: there is none
	record, err := readRecord(ctx, c, live)
	if err != nil {
		return Published{}, err
	}
	version, err := u.run(ctx)
	if err != nil {
		return Published{}, err
	}
	tell := func(what string) {
		progress(Progress{Stage: StageChecking, Tiles: p.Tiles(), TilesTotal: p.Tiles(), Waiting: what})
	}
	tell("")
	end := watchVersion(ctx, c, p.Source.Descriptor.Dataset, version, u.own, key.TileBytes, p.Holding)
	err = awaitVersion(ctx, c, p.Source.Descriptor.Dataset, version, tell)
	end()
	if err != nil {
		return Published{}, err
	}
	if err := u.spool.close(true); err != nil {
		return Published{}, err
	}
	if err := noteEnded(c, p.Source.Descriptor.Dataset); err != nil {
		return Published{}, err
	}
	if p.Source.Descriptor.Policy.Public && live.Version > 0 {
		// Nothing is compared with it any more.
		if err := forget(c, live); err != nil {
			return Published{}, err
		}
	}
	changes, err := compareWith(record, p.record(version))
	if err != nil {
		return Published{}, err
	}
	return Published{
		Dataset: p.Source.Descriptor.Dataset, Version: version, Registry: p.Source.Descriptor.Registry,
		Entities: len(p.Panel.Entities), Periods: p.Panel.Periods, Readings: p.Readings(), Tiles: p.Tiles(),
		Changes: changes, Lost: u.found.Lost, Undeclared: len(u.found.Undeclared), Reused: p.Reused(),
		Bytes: int64(p.Tiles()-p.Reused()) * int64(key.TileBytes),
	}, nil
}

// Text publishes a dataset whose descriptor and only file are texts at hand.
func Text(ctx context.Context, c *client.Client, name, descriptor, csv string) error {
	src, err := panel.ReadDescriptor(name+".yaml", strings.NewReader(descriptor))
	if err != nil {
		return err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }
	p, err := Prepare(ctx, src, []panel.File{{Name: name + ".csv", Open: open}}, c, nil)
	if err != nil {
		return err
	}
	_, err = Publish(ctx, c, p, nil)
	return err
}

// dropUnfinished gives up a version whose publisher died before committing it.
func dropUnfinished(ctx context.Context, c *client.Client, dataset string) error {
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
func awaitVersion(ctx context.Context, c *client.Client, dataset string, version int, tell func(string)) error {
	what := fmt.Sprintf("version %d of dataset %s", version, dataset)
	_, err := client.Await(ctx, c, what, client.Call{Path: client.VersionPath(dataset, version)}, func(v catalog.Version) (bool, error) {
		switch v.State {
		case catalog.VersionLive:
			return true, nil
		case catalog.VersionRejected:
			return true, fmt.Errorf("%w: %s: %s", ErrRejected, what, explain.Reason(v.Reason))
		}
		tell(versionWaits(c, v))
		return false, nil
	})
	return err
}

// versionWaits says what a version that is not live yet waits for.
func versionWaits(c *client.Client, v catalog.Version) string {
	if v.State == catalog.VersionStored {
		return fmt.Sprintf("version %d is stored by %s, and waits for enough of them to open its parity", v.Version, strings.Join(v.Acks, ", "))
	}
	var missing []string
	for _, n := range c.Profile().Nodes {
		if !slices.Contains(v.Acks, n.ID) {
			missing = append(missing, n.ID)
		}
	}
	return fmt.Sprintf("version %d is %s, and waits for enough nodes to hold it; not yet: %s", v.Version, v.State, strings.Join(missing, ", "))
}

// propose sends the version to the ledger: proposal, counting bitmaps, news, commit.
// What later publications need is kept before the proposal.
func (u *upload) propose(ctx context.Context, propose catalog.VersionPropose) (int, error) {
	c, d := u.client, u.prepared.Source.Descriptor
	var counts tiles.Counts // of a public dataset there are none, and no news
	var err error
	if !d.Policy.Public {
		if counts, err = u.prepared.Panel.Counts(d); err != nil {
			return 0, err
		}
		propose.Counts = counts.Digest()
		if propose.Closed, err = u.prepared.Closed(); err != nil {
			return 0, err
		}
		if u.found, propose.Settled, err = findNews(ctx, c, u.prepared, propose.Closed); err != nil {
			return 0, err
		}
		propose.News = catalog.NewsDigest(u.found.News)
		if propose.Caps, err = heldCaps(ctx, c, u.prepared); err != nil {
			return 0, err
		}
	}
	if err := keepReadings(c, u.prepared, propose.Manifest, u.spool.name()); err != nil {
		return 0, err
	}
	done, err := c.Submit(ctx, catalog.KindVersionPropose, propose)
	if err != nil {
		return 0, err
	}
	version := done.Outcome.Version
	if version < 1 {
		return 0, errors.New("the node named no version")
	}
	if err := noteVersion(c, news.Edition{Dataset: d.Dataset, Version: version}, propose.Manifest); err != nil {
		return version, err
	}
	chunks, err := counts.Chunks(version)
	if err != nil {
		return version, err
	}
	for _, chunk := range chunks {
		if _, err := c.Submit(ctx, catalog.KindVersionCounts, chunk); err != nil {
			return version, err
		}
	}
	for _, chunk := range catalog.NewsChunks(d.Dataset, version, u.found.News) {
		if _, err := c.Submit(ctx, catalog.KindVersionNews, chunk); err != nil {
			return version, err
		}
	}
	_, err = c.Submit(ctx, catalog.KindVersionCommit, catalog.VersionCommit{Dataset: d.Dataset, Version: version})
	return version, err
}
