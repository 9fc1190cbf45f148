package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
	"github.com/weirdata/weir/node/client/sealed"
)

// The record of a version is kept under the digest of its manifest, which is known before
// the version is proposed, so that nothing can be proposed of which this machine has no
// record. When the ledger has given the version its number, a small sealed file says which
// manifest the number is of.

// keepReadings stores what publications after this version need, before it is proposed: its
// readings, how the files are read, and which version is under way.
func keepReadings(c *client.Client, p *Prepared, manifest catalog.Digest, upload string) error {
	d := p.Source.Descriptor
	name := recordFile(c, d.Dataset, manifest)
	if name == "" {
		return nil
	}
	if err := c.Key().Sealed().WriteStream(name, p.record(1).Write); err != nil {
		return fmt.Errorf("keep the readings of dataset %s: %w", d.Dataset, err)
	}
	return writeLast(c, lastPublication{Source: p.Source, Pending: manifest, Upload: upload})
}

// noteVersion notes which version a record is of.
func noteVersion(c *client.Client, at news.Edition, manifest catalog.Digest) error {
	name := editionFile(c, at)
	if name == "" {
		return nil
	}
	if err := c.Key().Sealed().Write(name, manifest[:]); err != nil {
		return fmt.Errorf("keep which readings are of version %d of dataset %s: %w", at.Version, at.Dataset, err)
	}
	return nil
}

// forget removes the record of a version that nothing needs any more.
func forget(c *client.Client, at news.Edition) error {
	if c.Options().Spool == "" {
		return nil
	}
	manifest, err := manifestOf(c, at)
	for _, name := range []string{recordFile(c, at.Dataset, manifest), editionFile(c, at), numberedFile(c, at)} {
		if err == nil {
			err = os.Remove(name)
		}
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("remove the record of version %d of dataset %s: %w", at.Version, at.Dataset, err)
	}
	return nil
}

// spoolFile is where something of a kind is kept in the spool that only the holder of the
// signing key can read; empty without a spool.
func spoolFile(c *client.Client, kind string, of ...string) string {
	if c.Options().Spool == "" {
		return ""
	}
	return filepath.Join(c.Options().Spool, c.Key().Sealed().Name(kind, append([]string{c.Profile().Cluster.String()}, of...)...))
}

// recordFile is where the readings of a version with a manifest are kept; empty without a
// spool.
func recordFile(c *client.Client, dataset string, manifest catalog.Digest) string {
	return spoolFile(c, "record", dataset, manifest.String())
}

// numberedFile is where a version's readings were kept by earlier releases.
func numberedFile(c *client.Client, at news.Edition) string {
	return spoolFile(c, "record", at.Dataset, strconv.Itoa(at.Version))
}

// editionFile is where it is kept which manifest a version has.
func editionFile(c *client.Client, at news.Edition) string {
	return spoolFile(c, "edition", at.Dataset, strconv.Itoa(at.Version))
}

// records reads the records of versions: readRecord of a client.
func records(ctx context.Context, c *client.Client) func(news.Edition) (*news.Record, error) {
	return func(at news.Edition) (*news.Record, error) { return readRecord(ctx, c, at) }
}

// readRecord reads the record of a version; nil when it is not here, or damaged. c may be nil.
func readRecord(ctx context.Context, c *client.Client, at news.Edition) (*news.Record, error) {
	if c == nil || c.Options().Spool == "" {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	manifest, err := manifestOf(c, at)
	name := recordFile(c, at.Dataset, manifest)
	if manifest.IsZero() {
		name = numberedFile(c, at)
	}
	var r *news.Record
	if err == nil {
		r, err = decodedRecord(ctx, c, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of version %d of dataset %s: %w", at.Version, at.Dataset, err)
	}
	if r == nil || manifest.IsZero() && r.Version != at.Version {
		return nil, nil //nolint:nilnil // it is not here
	}
	numbered := *r // the number was not known when the record was written
	numbered.Version = at.Version
	return &numbered, nil
}

// readFile is a file as it was when it was read.
type readFile struct {
	name     string
	size     int64
	modified time.Time
}

// decodedRecord reads a record once, unless its file changes; nil where there is none, or
// it is damaged.
func decodedRecord(ctx context.Context, c *client.Client, name string) (*news.Record, error) {
	info, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	return client.Cached(ctx, c, readFile{name, info.Size(), info.ModTime()}, func(context.Context) (*news.Record, error) { return decodeRecord(c, name) })
}

// manifestOf is the manifest that a version has as far as this machine noted, before it
// committed the version; zero where it did not.
func manifestOf(c *client.Client, at news.Edition) (catalog.Digest, error) {
	b, err := c.Key().Sealed().Read(editionFile(c, at))
	if err != nil || len(b) != len(catalog.Digest{}) {
		return catalog.Digest{}, err
	}
	return catalog.Digest(b), nil
}

// decodeRecord reads a record; nil where there is none, or it is damaged.
func decodeRecord(c *client.Client, name string) (*news.Record, error) {
	in, err := c.Key().Sealed().Open(name)
	if in == nil || errors.Is(err, sealed.ErrDamaged) {
		return nil, nil //nolint:nilnil // as if it were not there
	}
	if err != nil {
		return nil, err
	}
	readings := client.Attached(c, func() *spill.Store { return spill.New("", 0) })
	r, err := news.ReadRecord(in, readings)
	err = errors.Join(err, in.Close())
	if errors.Is(err, news.ErrRecord) || errors.Is(err, sealed.ErrDamaged) {
		return nil, nil //nolint:nilnil // of another release of the program, or damaged
	}
	return r, err
}

// PrepareRemembered reads the files that a version was made of, for Remember: those of the
// publication and then those that were appended, in their order. Where several have a
// reading of an entity and period, the last one counts. Entities are those of the registry
// as it was then; attributes may have been corrected since, and are not looked at.
func PrepareRemembered(ctx context.Context, c *client.Client, src *panel.Source, files []panel.File, version int, progress func(Progress)) (*Prepared, error) {
	d := src.Descriptor
	v, err := c.Version(ctx, d.Dataset, version)
	if err != nil {
		return nil, err
	}
	ids, err := c.RegistryIDs(ctx, d.Registry)
	if err != nil {
		return nil, err
	}
	if v.Entities > len(ids) {
		return nil, fmt.Errorf("version %d of dataset %s has %d entities, registry %s has %d", version, d.Dataset, v.Entities, d.Registry, len(ids))
	}
	read := *src
	read.Registry = d.Registry
	files, o := reading(files, progress)
	o.Replace = true
	if o.Caps, err = rememberedCaps(ctx, c, src, v); err != nil {
		return nil, err
	}
	p, _, err := panel.Read(ctx, &read, ids[:v.Entities], files, o)
	if err != nil {
		return nil, err
	}
	return prepare(src, p, v.Blocks)
}

// Remember makes the record of a version again that is lost on this machine, from the
// files that the version was published from. That they have the same cells is checked;
// that these have the same readings is the publisher's word.
func Remember(ctx context.Context, c *client.Client, p *Prepared, version int) error {
	d := p.Source.Descriptor
	if c.Options().Spool == "" {
		return errors.New("there is no place to keep records in")
	}
	v, err := c.Version(ctx, d.Dataset, version)
	if err != nil {
		return err
	}
	if v.Entities != len(p.Panel.Entities) || v.First != p.Panel.First || v.Periods != p.Panel.Periods {
		return fmt.Errorf("version %d of dataset %s has %d entities and %d periods from %s; the files have %d and %d from %s", version, d.Dataset,
			v.Entities, v.Periods, d.Grain.Format(v.First), len(p.Panel.Entities), p.Panel.Periods, d.Grain.Format(p.Panel.First))
	}
	presence, err := tiles.EncodePresence(p.Presence)
	if err != nil {
		return err
	}
	if catalog.Sum(presence) != v.Presence {
		return fmt.Errorf("version %d of dataset %s has readings in other cells than the files: give those that it was published from", version, d.Dataset)
	}
	at := news.Edition{Dataset: d.Dataset, Version: version}
	if err := c.Key().Sealed().WriteStream(recordFile(c, d.Dataset, v.Manifest), p.record(version).Write); err != nil {
		return fmt.Errorf("keep the readings of version %d of dataset %s: %w", version, d.Dataset, err)
	}
	if err := noteVersion(c, at, v.Manifest); err != nil {
		return err
	}
	last, err := readLast(c, d.Dataset)
	if err != nil || last != nil {
		return err
	}
	return writeLast(c, lastPublication{Source: p.Source})
}
