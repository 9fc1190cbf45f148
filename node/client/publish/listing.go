package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Listing is what the catalog has of a dataset that is to be published.
type Listing struct {
	Dataset  *catalog.Dataset // nil: it is new
	Registry *catalog.Registry
	Next     int // number that the version will have
}

// CheckListing compares what was prepared with the catalog, and refuses what would be
// refused when it is published: another descriptor than the dataset has, other rows
// than the registry has. Nothing is changed.
func CheckListing(ctx context.Context, c *client.Client, p *Prepared) (Listing, error) {
	out := Listing{Next: 1}
	d, err := listedDataset(ctx, c, p)
	if err != nil {
		return out, err
	}
	if out.Dataset = d; d != nil {
		out.Next = d.Versions + 1
		if err := checkTurn(ctx, c, d); err != nil {
			return out, err
		}
	} else if err := checkRelated(ctx, c, p.Source.Descriptor); err != nil {
		return out, err
	}
	id := p.Source.Descriptor.Registry
	r, err := c.Registry(ctx, id)
	switch {
	case client.IsNotFound(err) && p.Registry.ID != "":
		return out, checkNewRegistry(ctx, c, p)
	case err != nil:
		return out, fmt.Errorf("read registry %s: %w", id, err)
	}
	out.Registry = &r
	if p.Registry.ID != "" {
		held, err := holds(ctx, c, p.Registry, r, catalog.RowsDigest(p.Registry.Rows))
		if err != nil {
			return out, err
		}
		if !held { // it has no rows yet
			return out, checkNewRegistry(ctx, c, p)
		}
	}
	if d == nil {
		return out, checkDataset(ctx, c, p.Source.Descriptor)
	}
	return out, nil
}

// checkTurn refuses a version of another publisher's dataset, and one while the version
// before is on its way.
func checkTurn(ctx context.Context, c *client.Client, d *catalog.Dataset) error {
	me, err := c.Principal()
	if err != nil {
		return err
	}
	if d.Owner != me {
		return catalog.Forbidden("owner", "dataset.owner", d.ID)
	}
	if d.Versions == 0 {
		return nil
	}
	last, err := c.Version(ctx, d.ID, d.Versions)
	if err != nil {
		return fmt.Errorf("read the newest version of dataset %s: %w", d.ID, err)
	}
	switch last.State {
	case catalog.VersionLive, catalog.VersionRejected, catalog.VersionProposed: // one that is proposed is given up
		return nil
	}
	return catalog.Conflict("pending", "version.pending", last.Version, d.ID, last.State).WithFix("fix.wait_live")
}

// Check refuses what no version can be, whatever the catalog has.
func (p *Prepared) Check() error {
	b := p.proposed()
	b.Blocks, b.Tiles = p.Blocks, p.Tiles()
	if r := b.CheckTiles(p.Source.Descriptor); r != nil {
		return r
	}
	return nil
}

// checkDataset refuses what creating a dataset would be refused for.
func checkDataset(ctx context.Context, c *client.Client, d catalog.Descriptor) error {
	_, err := client.Post[wire.DatasetCheck](ctx, c, "/v1/check/dataset", wire.DatasetCheck{Descriptor: d}, true)
	return err
}

// checkNewRegistry refuses a registry that the data makes, and the catalog does not have
// yet, for what the dataset would be refused once it is there: attributes that it has
// not, and a protected registry of the same publisher with one of its ids (RELEASE.md
// section 3.3).
func checkNewRegistry(ctx context.Context, c *client.Client, p *Prepared) error {
	d := p.Source.Descriptor
	if r := d.CheckColumns(p.Registry.Columns); r != nil {
		return r
	}
	if d.Policy.Public {
		return nil
	}
	me, err := c.Principal()
	if err != nil {
		return err
	}
	all, err := client.Datasets.All(ctx, c)
	if err != nil {
		return fmt.Errorf("read the datasets: %w", err)
	}
	own := make(map[string]bool, len(p.Registry.Rows)) // looked up only
	for _, row := range p.Registry.Rows {
		own[row[0]] = true
	}
	said := map[string]bool{d.Registry: true} // registries that need no comparing
	for _, name := range d.Policy.Unrelated {
		said[name] = true
	}
	for _, x := range all {
		if x.Owner == me && slices.Contains(x.Descriptor.Policy.Unrelated, d.Registry) {
			said[x.Descriptor.Registry] = true
		}
	}
	for _, x := range all {
		other := x.Descriptor.Registry
		if x.Owner != me || x.Descriptor.Policy.Public || said[other] {
			continue
		}
		said[other] = true
		ids, err := c.RegistryIDs(ctx, other)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if own[id] {
				r := catalog.Conflict("unrelated", "unrelated.shared_id", d.Registry, id, other)
				r.Field = "policy.unrelated"
				return r
			}
		}
	}
	return nil
}

// checkRelated refuses a new dataset's related measures that the family does not have.
func checkRelated(ctx context.Context, c *client.Client, d catalog.Descriptor) error {
	if len(d.Policy.Related) == 0 {
		return nil
	}
	me, err := c.Principal()
	if err != nil {
		return err
	}
	all, err := client.EveryDataset.All(ctx, c)
	if err != nil {
		return err
	}
	r := d.CheckRelated(func(dataset string) []string {
		var names []string
		for _, other := range all {
			of := other.Descriptor
			if other.ID != dataset || other.Owner != me || of.Registry != d.Registry || of.Policy.Public {
				continue
			}
			for _, m := range of.Measures {
				names = append(names, m.Name)
			}
		}
		return names
	})
	if r != nil {
		return r
	}
	return nil
}

// ensureListed makes sure that the registry and the dataset are in the catalog,
// the dataset with exactly this descriptor.
func ensureListed(ctx context.Context, c *client.Client, p *Prepared, progress func(Progress)) error {
	have, err := listedDataset(ctx, c, p) // before anything is sent
	if err != nil {
		return err
	}
	if p.Registry.ID != "" {
		_, err := Registry(ctx, c, p.Registry, func(done, total int) {
			progress(Progress{Stage: StageRegistry, Rows: done, RowsTotal: total})
		})
		if err != nil {
			return fmt.Errorf("publish registry %s: %w", p.Registry.ID, err)
		}
	}
	if have == nil {
		_, err = c.Submit(ctx, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: p.Source.Descriptor})
	}
	return err
}

// listedDataset is the dataset as the catalog has it, with exactly this descriptor;
// nil when it is new.
func listedDataset(ctx context.Context, c *client.Client, p *Prepared) (*catalog.Dataset, error) {
	d := p.Source.Descriptor
	have, err := c.Dataset(ctx, d.Dataset)
	if client.IsNotFound(err) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	if p.appended != nil && have.Live != p.appended.live.Version {
		return nil, fmt.Errorf("dataset %s has version %d by now, and this one continues version %d: append again", d.Dataset, have.Live, p.appended.live.Version)
	}
	same, err := sameDescriptor(have.Descriptor, d)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, otherDescriptor(have, d)
	}
	return &have, nil
}

// sameDescriptor compares what the ledger would hold of both.
func sameDescriptor(a, b catalog.Descriptor) (bool, error) {
	ja, err := json.Marshal(a)
	if err != nil {
		return false, fmt.Errorf("encode the descriptor: %w", err)
	}
	jb, err := json.Marshal(b)
	if err != nil {
		return false, fmt.Errorf("encode the descriptor: %w", err)
	}
	return bytes.Equal(ja, jb), nil
}

// holds is held with what differs in the refusal.
func holds(ctx context.Context, c *client.Client, t RegistryTable, have catalog.Registry, digest catalog.Digest) (bool, error) {
	done, err := t.held(have, digest)
	var r *catalog.Refusal
	if errors.As(err, &r) {
		err = otherRows(ctx, c, t, have, r)
	}
	return done, err
}

// held reports whether a registry has exactly these rows. Rows of a draft do not
// count: another one may take its place. A registry with other rows is refused.
func (t RegistryTable) held(have catalog.Registry, digest catalog.Digest) (bool, error) {
	switch {
	case have.Rows == 0:
		return false, nil
	case have.Rows == len(t.Rows) && have.Digest == digest && have.IDColumn == t.IDColumn && slices.Equal(have.Columns, t.Columns):
		return true, nil
	}
	no := catalog.Conflict("registry_exists", "registry.other_rows", t.ID, have.Rows, len(t.Rows))
	no.Field = "id"
	return false, no
}
