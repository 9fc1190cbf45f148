package records

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Change is a dataset that was listed, amended or withdrawn, or a version of it that
// became live or was withdrawn.
type Change struct {
	Dataset string
	Version int        // 0: of the dataset
	What    ChangeKind `json:",omitempty"`
	At      int64      `json:",omitempty"` // of an amendment or a withdrawal, Unix milliseconds
}

// ChangeKind is what changed.
type ChangeKind string

// Kinds of changes.
const (
	ChangeListed    ChangeKind = "" // or live
	ChangeAmended   ChangeKind = "amended"
	ChangeWithdrawn ChangeKind = "withdrawn"
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

// NewsKey is where the sources from number from on are kept.
func NewsKey(dataset string, version, from int) string {
	return fmt.Sprintf("%s%s/%08d", PrefixNews, VersionName(dataset, version), from)
}

// ReadNews reads what a version declared, in order.
func ReadNews(r Reader, dataset string, version int) ([]catalog.SourceNews, error) {
	chunks, err := List[[]catalog.SourceNews](r, PrefixNews+VersionName(dataset, version)+"/")
	if err != nil {
		return nil, fmt.Errorf("read the news of version %d of %s: %w", version, dataset, err)
	}
	return slices.Concat(chunks...), nil
}
