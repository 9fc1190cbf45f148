package family

import (
	"context"
	"fmt"
	"net/url"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
)

// Family is the state of the release rule of a dataset's family: its datasets,
// the tree of classes, and what their versions settled (RELEASE.md sections 1 to 4).
type Family struct {
	Rule     *disclosure.Family
	Datasets []disclosure.Dataset // as they were declared, amendments included, in the order of the ledger
	Settled  []news.Edition       // in the order in which they went live
}

// Read reads the family of a protected dataset. Enough nodes tell its record
// alike that an honest one is among them, else it is a *DiffersError; trees and
// settled versions are held against the digests that the record names.
func Read(ctx context.Context, c *client.Client, dataset string) (*Family, error) {
	path := "/v1/datasets/" + url.PathEscape(dataset) + "/family"
	record, err := familyRecord(ctx, c, dataset, path)
	if err != nil {
		return nil, fmt.Errorf("read the family of dataset %s: %w", dataset, err)
	}
	tree, err := familyBytes(ctx, c, path+"/tree", record.Tree)
	if err != nil {
		return nil, fmt.Errorf("read the classes of dataset %s: %w", dataset, err)
	}
	t, err := disclosure.ParseTree(tree)
	if err != nil {
		return nil, fmt.Errorf("read the classes of dataset %s: %w", dataset, err)
	}
	out := &Family{Rule: disclosure.NewFamily(t)}
	for _, d := range record.Declared {
		out.Datasets = append(out.Datasets, d.Declared())
		if err := out.Rule.Admit(d.Declared()); err != nil {
			return nil, fmt.Errorf("read the family of dataset %s: %w", dataset, err)
		}
	}
	for _, s := range record.Settled {
		b, err := familyBytes(ctx, c, client.VersionPath(s.Dataset, s.Version)+"/settled", s.Digest)
		if err == nil {
			err = out.add(s, b)
		}
		if err != nil {
			return nil, fmt.Errorf("read what version %d of dataset %s settled: %w", s.Version, s.Dataset, err)
		}
	}
	return out, nil
}

// add puts a settled version into the family.
func (f *Family) add(at wire.Settled, b []byte) error {
	s, err := disclosure.ParseSettled(b)
	if err != nil {
		return err
	}
	if s.Version != at.Version {
		return fmt.Errorf("it is of version %d", s.Version)
	}
	f.Settled = append(f.Settled, news.Edition{Dataset: at.Dataset, Version: at.Version})
	return f.Rule.Add(at.Dataset, s)
}

// familyBytes reads bytes of a digest that the family's record names.
func familyBytes(ctx context.Context, c *client.Client, path string, digest catalog.Digest) ([]byte, error) {
	b, err := c.Do(ctx, client.Call{Path: path, Elsewhere: true, Limit: client.MaxBlob})
	if err != nil {
		return nil, err
	}
	if got := catalog.Sum(b); got != digest {
		return nil, fmt.Errorf("it has digest %s, the family says %s", got, digest)
	}
	return b, nil
}
