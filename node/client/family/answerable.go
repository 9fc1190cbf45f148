package family

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/node/client"
)

// ErrPublic is returned when it is asked what can be answered of a public dataset.
var ErrPublic = errors.New("the dataset is public: every group is answered, single readings included")

// Answerable works out what can be answered exactly of a protected dataset as of a
// version; 0: the newest that settled. It is made of public facts that one node told:
// the tree of classes, what versions settled, and presences, which are held against the
// digests that the family and the versions name. Errors: ErrPublic.
func Answerable(ctx context.Context, c *client.Client, dataset string, asOf int) (*answerable.Report, error) {
	d, err := c.Dataset(ctx, dataset)
	if err != nil {
		return nil, err
	}
	if d.Descriptor.Policy.Public {
		return nil, fmt.Errorf("dataset %s: %w", dataset, ErrPublic)
	}
	family, err := Read(ctx, c, dataset)
	if err != nil {
		return nil, err
	}
	asOf = cmp.Or(asOf, d.Live) // queries pass over a newer version that was withdrawn
	if asOf, err = settledVersion(family.Rule, dataset, asOf); err != nil {
		return nil, err
	}
	r, rows, err := c.WholeRegistry(ctx, d.Descriptor.Registry)
	if err != nil {
		return nil, err
	}
	cells := CellsOf(ctx, c, d.Descriptor)
	report, err := answerable.Of(answerable.Facts{
		Family: family.Rule, Descriptor: d.Descriptor, Others: Others(family.Datasets, dataset), AsOf: asOf, Live: cells.Live, Cells: cells,
		Attributes: AttributesOf(r.Columns, rows),
	})
	return report, errors.Join(cells.Err, err)
}

// settledVersion is the version that was asked for, or the newest.
func settledVersion(f *disclosure.Family, dataset string, asOf int) (int, error) {
	all := f.Versions(dataset)
	switch {
	case slices.ContainsFunc(all, func(s *disclosure.Settled) bool { return s.Version == asOf }):
		return asOf, nil
	case len(all) == 0:
		return 0, fmt.Errorf("dataset %s has no version that is live", dataset)
	case asOf != 0:
		return 0, fmt.Errorf("dataset %s has no version %d that is live, the newest is %d", dataset, asOf, all[len(all)-1].Version)
	}
	return all[len(all)-1].Version, nil
}

// Others are the datasets of a family but one, as they are declared now.
func Others(declared []disclosure.Dataset, but string) []disclosure.Dataset {
	var out []disclosure.Dataset
	for i, d := range declared {
		amended := slices.ContainsFunc(declared[i+1:], func(later disclosure.Dataset) bool { return later.ID == d.ID })
		if d.ID != but && !amended {
			out = append(out, d)
		}
	}
	return out
}

// AttributesOf numbers the values of a registry's attributes in the order in which they
// come, as the ledger does.
func AttributesOf(columns []string, rows [][]string) []answerable.Attribute {
	out := make([]answerable.Attribute, len(columns))
	for a, name := range columns {
		number := map[string]uint32{} // looked up only
		out[a] = answerable.Attribute{Name: name, Codes: make([]uint32, len(rows))}
		for e, row := range rows {
			n, seen := number[row[1+a]]
			if !seen {
				n = uint32(len(number)) //nolint:gosec // at most catalog.MaxRegistryRows
				number[row[1+a]] = n
				out[a].Values = append(out[a].Values, row[1+a])
			}
			out[a].Codes[e] = n
		}
	}
	return out
}
