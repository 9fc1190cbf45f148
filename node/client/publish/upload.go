package publish

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
)

// upload is one version on its way to the nodes.
type upload struct {
	client   *client.Client
	prepared *Prepared
	key      client.ReadyKey
	progress func(Progress)
	spool    *spool
	found    *news.Found      // what is declared: of a public dataset nothing
	own      []catalog.Digest // tiles that are not taken over

	mu   sync.Mutex
	sent Progress // guarded by mu
}

// run encrypts and uploads everything and has the version proposed. It returns
// the version's number. The spool stays open.
func (u *upload) run(ctx context.Context) (version int, err error) {
	if u.spool, err = openSpool(u.client, u.prepared, u.key.Record); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			if cerr := u.spool.close(false); cerr != nil {
				err = fmt.Errorf("%w; then %w", err, cerr)
			}
		}
	}()
	presence, err := tiles.EncodePresence(u.prepared.Presence)
	if err != nil {
		return 0, err
	}
	u.sent = Progress{Stage: StageUploading, TilesTotal: u.prepared.Tiles() - u.prepared.Reused()}
	taken := map[catalog.Digest]bool{} // the nodes hold these, and this machine does not
	for _, d := range u.prepared.reused() {
		taken[d] = true
	}
	manifest, resumed, err := u.spool.manifest(taken)
	if err != nil {
		return 0, err
	}
	if !resumed {
		if manifest, err = u.encrypt(ctx, catalog.Sum(presence)); err != nil {
			return 0, err
		}
	}
	encoded, err := manifest.Encode()
	if err != nil {
		return 0, err
	}
	if err := u.spool.putManifest(encoded); err != nil {
		return 0, err
	}
	u.own = slices.DeleteFunc(manifest.Digests(), func(d catalog.Digest) bool { return taken[d] })
	if err := u.sendMissing(ctx, u.own); err != nil {
		return 0, err
	}
	if err := u.client.PutBlob(ctx, wire.BlobPresence, catalog.Sum(presence), presence); err != nil {
		return 0, err
	}
	if err := u.client.PutBlob(ctx, wire.BlobManifest, catalog.Sum(encoded), encoded); err != nil {
		return 0, err
	}
	u.progress(Progress{Stage: StageProposing, Tiles: u.prepared.Tiles(), TilesTotal: u.prepared.Tiles()})
	return u.propose(ctx, catalog.VersionPropose{
		Dataset: manifest.Dataset, Key: manifest.Key, Epoch: manifest.Epoch,
		First: manifest.First, Periods: manifest.Periods, Entities: manifest.Entities, Blocks: manifest.Blocks,
		Tiles: u.prepared.Tiles(), Manifest: catalog.Sum(encoded), Presence: catalog.Sum(presence),
	})
}

// encrypt packs and encrypts the panel and uploads each tile while the next ones
// are encrypted. Every worker has its own encryptor.
func (u *upload) encrypt(ctx context.Context, presence catalog.Digest) (tiles.Manifest, error) {
	p, d := u.prepared, u.prepared.Source.Descriptor
	first, err := he.NewEncryptor(u.key.Parameters, u.key.Public)
	if err != nil {
		return tiles.Manifest{}, fmt.Errorf("use the publisher's key: %w", err)
	}
	columns, err := tiles.DeriveColumns(d, p.columns(), p.Presence)
	if err != nil {
		return tiles.Manifest{}, fmt.Errorf("dataset %s: %w", d.Dataset, err)
	}
	have := u.prepared.layout()
	spooled, err := u.spool.tiles(have)
	if err != nil {
		return tiles.Manifest{}, err
	}
	u.sent.Tiles = spooled // or they will be sent again
	var copying sync.Mutex // ShallowCopy reads the first one
	workers := u.client.Options().Workers
	sends, sctx := errgroup.WithContext(ctx)
	sends.SetLimit(2 * workers)
	digests, err := tiles.Pack(sctx, p.Panel, p.Blocks, tiles.PackOptions{
		Values: u.key.Parameters.Values(), TileBytes: u.key.TileBytes, Workers: workers, Columns: columns, Have: have,
		NewEncryptor: func() (tiles.Encryptor, error) {
			copying.Lock()
			defer copying.Unlock()
			return first.ShallowCopy(), nil
		},
	}, func(t tiles.Tile) error {
		if err := u.spool.put(t); err != nil {
			return err
		}
		sends.Go(func() error { return u.send(sctx, t.Digest, t.Bytes) })
		return sctx.Err()
	})
	if serr := sends.Wait(); serr != nil {
		return tiles.Manifest{}, serr
	}
	if err != nil {
		return tiles.Manifest{}, fmt.Errorf("encrypt dataset %s: %w", d.Dataset, err)
	}
	return tiles.Manifest{
		Version: tiles.ManifestVersion, Dataset: d.Dataset, Key: u.key.Record.ID, Epoch: u.key.Record.Epoch,
		Registry: d.Registry, Entities: len(p.Panel.Entities), First: p.Panel.First, Periods: p.Panel.Periods,
		Values: u.key.Parameters.Values(), Blocks: p.Blocks, Measures: tiles.ColumnNames(d, p.columns()), Presence: presence, Tiles: digests,
	}, nil
}

// send uploads one tile and reports it.
func (u *upload) send(ctx context.Context, digest catalog.Digest, b []byte) error {
	if err := u.client.PutBlob(ctx, wire.BlobTile, digest, b); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sent.Tiles = min(u.sent.Tiles+1, u.sent.TilesTotal)
	u.sent.Bytes += int64(len(b))
	u.progress(u.sent)
	return nil
}

// sendMissing makes sure that the node that answers now holds every tile: another
// one may have taken over in the middle, or an earlier upload broke off.
func (u *upload) sendMissing(ctx context.Context, digests []catalog.Digest) error {
	absent, err := u.client.MissingBlobs(ctx, digests)
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.sent.Tiles = len(digests) - len(absent)
	u.progress(u.sent)
	u.mu.Unlock()
	sends, sctx := errgroup.WithContext(ctx)
	sends.SetLimit(2 * u.client.Options().Workers)
	for _, d := range absent {
		sends.Go(func() error {
			b, err := u.spool.get(d)
			if err != nil {
				return fmt.Errorf("read an encrypted tile again: %w", err)
			}
			return u.send(sctx, d, b)
		})
	}
	return sends.Wait()
}
