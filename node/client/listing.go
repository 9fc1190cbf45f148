package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Listing is what the catalog has of a dataset that is to be published.
type Listing struct {
	Dataset  *catalog.Dataset // nil: it is new
	Registry *catalog.Registry
	Next     int // number that the version will have
}

// Listing compares what was prepared with the catalog, and refuses what would be
// refused when it is published: another descriptor than the dataset has, other rows
// than the registry has. Nothing is changed.
func (c *Client) Listing(ctx context.Context, p *Prepared) (Listing, error) {
	out := Listing{Next: 1}
	d, err := c.listedDataset(ctx, p)
	if err != nil {
		return out, err
	}
	if out.Dataset = d; d != nil {
		out.Next = d.Versions + 1
	}
	id := p.Source.Descriptor.Registry
	r, err := c.Registry(ctx, id)
	switch {
	case isNotFound(err) && p.Registry.ID != "":
		return out, nil
	case err != nil:
		return out, fmt.Errorf("read registry %s: %w", id, err)
	}
	out.Registry = &r
	if p.Registry.ID != "" {
		_, err = p.Registry.held(r, catalog.RowsDigest(p.Registry.Rows))
		return out, err
	}
	if r := p.Source.Descriptor.CheckColumns(r.Columns); r != nil {
		return out, r
	}
	return out, nil
}

// ensureListed makes sure that the registry and the dataset are in the catalog,
// the dataset with exactly this descriptor.
func (c *Client) ensureListed(ctx context.Context, p *Prepared, progress func(Progress)) error {
	have, err := c.listedDataset(ctx, p) // before anything is sent
	if err != nil {
		return err
	}
	if p.Registry.ID != "" {
		_, err := c.PublishRegistry(ctx, p.Registry, func(done, total int) {
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
func (c *Client) listedDataset(ctx context.Context, p *Prepared) (*catalog.Dataset, error) {
	d := p.Source.Descriptor
	have, err := c.Dataset(ctx, d.Dataset)
	if isNotFound(err) {
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
		return nil, &catalog.Refusal{
			Kind: catalog.RefusedConflict, Rule: "dataset_exists", Field: "descriptor",
			Message: fmt.Sprintf("dataset %s exists with another descriptor", d.Dataset),
			Fix:     "compare with `weir dataset show " + d.Dataset + "`, or choose another name",
		}
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

// held reports whether a registry has exactly these rows. Rows of a draft do not
// count: another one may take its place. A registry with other rows is refused.
func (t RegistryTable) held(have catalog.Registry, digest catalog.Digest) (bool, error) {
	switch {
	case have.Rows == 0:
		return false, nil
	case have.Rows == len(t.Rows) && have.Digest == digest && have.IDColumn == t.IDColumn && slices.Equal(have.Columns, t.Columns):
		return true, nil
	}
	return false, &catalog.Refusal{
		Kind: catalog.RefusedConflict, Rule: "registry_exists", Field: "id",
		Message: fmt.Sprintf("registry %s exists with other rows (%d of them; these are %d)", t.ID, have.Rows, len(t.Rows)),
		Fix: fmt.Sprintf("new entities are appended with `weir registry append %s FILE.csv`, and the descriptor says entity: {registry: %s, column: …}; else choose another id",
			t.ID, t.ID),
	}
}
