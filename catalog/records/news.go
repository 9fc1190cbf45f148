package records

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

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
