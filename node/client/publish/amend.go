package publish

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
)

// Amendment is what putting another descriptor in the place of a dataset's would change.
type Amendment struct {
	Dataset string                `json:"dataset"`
	Amended int                   `json:"amended"` // amendments before it
	Changes []catalog.FieldChange `json:"changes"`

	descriptor catalog.Descriptor
}

// Compare compares a descriptor with the one that its dataset has. Nothing is changed.
func Compare(ctx context.Context, c *client.Client, d catalog.Descriptor) (Amendment, error) {
	have, err := c.Dataset(ctx, d.Dataset)
	if err != nil {
		return Amendment{}, err
	}
	return Amendment{Dataset: d.Dataset, Amended: have.Amended, Changes: have.Descriptor.Changes(d), descriptor: d}, nil
}

// Amend signs the amendment and has it applied. It is refused when another one came in
// between.
func Amend(ctx context.Context, c *client.Client, a Amendment) error {
	_, err := c.Submit(ctx, catalog.KindDatasetAmend, catalog.DatasetAmend{Descriptor: a.descriptor, Amended: a.Amended})
	return err
}

// checkDescriptor refuses to publish a version by another descriptor than the dataset has,
// and names the fields.
func checkDescriptor(have catalog.Dataset, d catalog.Descriptor) error {
	changes := have.Descriptor.Changes(d)
	if len(changes) == 0 {
		return nil
	}
	fields := make([]catalog.Reason, len(changes))
	fix := "fix.amend"
	for i, x := range changes {
		fields[i] = catalog.Why("dataset.field_differs", x.Field, cmp.Or(x.Old, "nothing"), cmp.Or(x.New, "nothing"))
		if x.Why != "" {
			fix = "fix.amend_some"
		}
	}
	r := catalog.Conflict("dataset_exists", "dataset.other_descriptor", have.ID).WithParts(someDiffer(fields)...).WithFix(fix)
	r.Field = "descriptor"
	return r
}

// someDiffer are the first of many differences.
func someDiffer(list []catalog.Reason) []catalog.Reason {
	const most = 4
	if len(list) <= most {
		return list
	}
	return append(slices.Clip(list[:most]), catalog.Why("dataset.more_differ", len(list)-most))
}

// checkContinued refuses to continue a version whose tiles have other columns than the
// dataset's descriptor has by now: full tiles of a measure that was added are nowhere.
func checkContinued(ctx context.Context, c *client.Client, d catalog.Dataset, live catalog.Version) error {
	if live.Amended == d.Amended {
		return nil
	}
	by, err := c.Descriptor(ctx, d.ID, live.Amended)
	if err != nil {
		return err
	}
	if slices.Equal(tiles.ColumnNames(by, by.TileColumns()), tiles.ColumnNames(d.Descriptor, d.Descriptor.TileColumns())) {
		return nil
	}
	return fmt.Errorf("the measures of dataset %s were amended after version %d, which holds others: publish all files with `weir dataset publish`", d.ID, live.Version)
}
