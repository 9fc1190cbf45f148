package view

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// Versions reads versions of datasets, and what they declared.
type Versions struct{ r records.Reader }

// Versions are those of the state.
func (v View) Versions() Versions { return Versions{v.r} }

// Get returns a version of a dataset; versions count from 1.
func (vs Versions) Get(dataset string, version int) (catalog.Version, error) {
	return records.Find[catalog.Version](vs.r, records.PrefixVersion+records.VersionName(dataset, version))
}

// Of returns all versions of a dataset, the first first.
func (vs Versions) Of(dataset string) ([]catalog.Version, error) {
	return records.List[catalog.Version](vs.r, records.PrefixVersion+dataset+"/")
}

// Page lists a dataset's versions by number.
func (vs Versions) Page(dataset string, p records.Page) ([]catalog.Version, string, error) {
	return records.ReadPage[catalog.Version](vs.r, records.PrefixVersion+dataset+"/", p, records.Itself)
}

// News returns what a version declared of its sources beside presence, as it came.
func (vs Versions) News(dataset string, version int) ([]catalog.SourceNews, error) {
	return records.ReadNews(vs.r, dataset, version)
}

// Pending returns the versions that are neither live nor rejected.
func (vs Versions) Pending() ([]catalog.Version, error) {
	return vs.named(records.PrefixTodoVersion)
}

// Unacked returns the committed versions, live ones included, that a node has
// not acknowledged.
func (vs Versions) Unacked(node string) ([]catalog.Version, error) {
	return vs.named(records.PrefixTodoAck + node + "/")
}

func (vs Versions) named(prefix string) ([]catalog.Version, error) {
	all, err := records.Names(vs.r, prefix)
	if err != nil {
		return nil, err
	}
	var out []catalog.Version
	for _, name := range all {
		dataset, number, _ := strings.Cut(name, "/")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("index %s%s: %w", prefix, name, err)
		}
		ver, err := vs.Get(dataset, n)
		if err != nil {
			return nil, err
		}
		out = append(out, ver)
	}
	return out, nil
}
