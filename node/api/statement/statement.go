// Package statement compiles SQL whose dataset is not known beforehand, for the
// client and for the API's thin clients alike. Package query compiles against
// one dataset's schema; here the dataset is found first, by the name that the
// SQL gives it. Everything wrong with the SQL is a *query.Error.
package statement

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
)

// Vectors says which private vectors the SQL may name.
type Vectors struct {
	// Of returns those of whoever asks, in any state; nil: there are none. It is
	// asked only for SQL that names one.
	Of func() ([]catalog.Vector, error)
	// Stand lets every selector stand for one that is yet to be registered.
	Stand bool
}

// Registries tells of registries: their records, and which values none of their rows
// has.
type Registries struct {
	Registry func(id string) (catalog.Registry, error)
	Unknown  func(r catalog.Registry, asked []query.ColumnValues) ([]query.UnknownValue, error)
}

// Compile compiles sql against the one of the datasets that it names. A value of its
// condition that no entity has is an error too: it is a typing mistake that would
// silently leave somebody out.
func Compile(sql string, datasets []catalog.Dataset, registries Registries, vectors Vectors) (catalog.Dataset, *query.Compiled, error) {
	d, second, err := findBoth(sql, datasets)
	if err != nil {
		return d, nil, err
	}
	r, err := registries.Registry(d.Descriptor.Registry)
	if err != nil {
		return d, nil, fmt.Errorf("read the registry of dataset %s: %w", d.ID, err)
	}
	schema := query.Schema{Descriptor: d.Descriptor, Columns: r.Columns, IDColumn: r.IDColumn, Stand: vectors.Stand, Join: second}
	if vectors.Of != nil && query.NamesVectors(sql) {
		if schema.Vectors, err = vectors.Of(); err != nil {
			return d, nil, fmt.Errorf("read the private vectors: %w", err)
		}
	}
	compiled, err := query.Compile(sql, schema)
	if err != nil {
		return d, nil, err
	}
	asked := compiled.Values()
	if len(asked) == 0 {
		return d, compiled, nil
	}
	unknown, err := registries.Unknown(r, asked)
	if err != nil {
		return d, nil, fmt.Errorf("look the condition's values up in registry %s: %w", r.ID, err)
	}
	if fault := compiled.Misspelt(unknown); fault != nil {
		return d, nil, fault
	}
	return d, compiled, nil
}

// findBoth returns the dataset that stands after FROM, and the descriptor of the one
// that is joined to it, if one is.
func findBoth(sql string, datasets []catalog.Dataset) (catalog.Dataset, *catalog.Descriptor, error) {
	var ids []string
	for _, d := range datasets {
		ids = append(ids, d.ID)
	}
	first, second, err := query.JoinedDatasets(sql, ids)
	if err != nil {
		return catalog.Dataset{}, nil, err
	}
	if second == "" {
		d, err := find(sql, datasets)
		return d, nil, err
	}
	return datasets[slices.Index(ids, first)], &datasets[slices.Index(ids, second)].Descriptor, nil
}

// find returns the dataset that stands after FROM. The name is read by the
// compiler, with its rules for quotes and upper case: compiled against a schema
// of another dataset, sound SQL fails at that name and says what was accepted.
func find(sql string, datasets []catalog.Dataset) (catalog.Dataset, error) {
	unknown, other := against(sql, ""), against(sql, "?")
	if unknown == nil || other == nil {
		return catalog.Dataset{}, errors.New("compile the query: its dataset was not looked for")
	}
	if *unknown == *other {
		return catalog.Dataset{}, unknown // not about the name
	}
	names := make([]string, 0, len(datasets))
	nearest := ""
	for _, d := range datasets {
		fault := against(sql, d.ID)
		if fault == nil || fault.Line != unknown.Line || fault.Column != unknown.Column || fault.Message != unknown.Message {
			return d, nil
		}
		if nearest == "" {
			nearest = fault.Nearest
		}
		names = append(names, d.ID)
	}
	unknown.Nearest, unknown.Want = nearest, strings.Join(names, ", ")
	return catalog.Dataset{}, unknown
}

// against is what the compiler says of sql when there is one dataset, without
// measures, of that name.
func against(sql, dataset string) *query.Error {
	_, err := query.Compile(sql, query.Schema{Descriptor: catalog.Descriptor{Dataset: dataset, Grain: catalog.GrainHour}})
	var fault *query.Error
	errors.As(err, &fault)
	return fault
}
