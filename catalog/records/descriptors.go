package records

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// DescriptorKey is where the descriptor is kept that a dataset had after so many amendments.
func DescriptorKey(dataset string, amended int) string {
	return fmt.Sprintf("%s%s/%08d", prefixDescriptor, dataset, amended)
}

// DescriptorAt is a dataset's descriptor as it was after so many amendments.
func DescriptorAt(r Reader, d catalog.Dataset, amended int) (catalog.Descriptor, error) {
	if amended == d.Amended {
		return d.Descriptor, nil
	}
	return Find[catalog.Descriptor](r, DescriptorKey(d.ID, amended))
}

// DatasetAt is a dataset with the descriptor that it had after so many amendments.
func DatasetAt(r Reader, id string, amended int) (catalog.Dataset, error) {
	d, err := Find[catalog.Dataset](r, PrefixDataset+id)
	if err != nil {
		return d, err
	}
	d.Descriptor, err = DescriptorAt(r, d, amended)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("dataset %s after %d amendments: %w", id, amended, ErrNotFound)
	}
	return d, err
}

// DescriptorOf is the descriptor that a version's tiles and bitmaps follow.
func DescriptorOf(r Reader, d catalog.Dataset, v catalog.Version) (catalog.Descriptor, error) {
	return DescriptorAt(r, d, v.Amended)
}
