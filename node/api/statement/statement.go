// Package statement compiles SQL whose dataset is not known beforehand, for the
// client and for the API's thin clients alike. Package query compiles against
// one dataset's schema; here the dataset is found first, by the name that the
// SQL gives it. Everything wrong with the SQL is a *query.Error.
package statement

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
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
	Unknown  func(r catalog.Registry, asked []sql.ColumnValues) ([]sql.UnknownValue, error)
	// Distinct are the values of an attribute, or of column "" the ids; nil: they cannot be had.
	Distinct func(r catalog.Registry, column string) ([]string, error)
}

// Compile compiles sql against the one of the datasets that it names. A value of its
// condition that no entity has is an error too: it is a typing mistake that would
// silently leave somebody out. It ends early, with the context's error, when ctx ends.
func Compile(ctx context.Context, text string, datasets []catalog.Dataset, registries Registries, vectors Vectors) (catalog.Dataset, *sql.Compiled, error) {
	if err := ctx.Err(); err != nil {
		return catalog.Dataset{}, nil, fmt.Errorf("compile the query: %w", err)
	}
	parsed, err := sql.Parse(text)
	if err != nil {
		return catalog.Dataset{}, nil, err
	}
	d, second, err := find(parsed, datasets)
	if err != nil {
		return d, nil, err
	}
	r, err := registries.Registry(d.Descriptor.Registry)
	if err != nil {
		return d, nil, fmt.Errorf("read the registry of dataset %s: %w", d.ID, err)
	}
	schema := sql.Schema{Descriptor: d.Descriptor, Columns: r.Columns, IDColumn: r.IDColumn, Stand: vectors.Stand, Join: second}
	if registries.Distinct != nil {
		schema.Distinct = func(column string) ([]string, error) { return registries.Distinct(r, column) }
	}
	if vectors.Of != nil && sql.NamesVectors(text) {
		if schema.Vectors, err = vectors.Of(); err != nil {
			return d, nil, fmt.Errorf("read the private vectors: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return d, nil, fmt.Errorf("compile the query: %w", err)
	}
	compiled, err := parsed.Compile(schema)
	if err != nil {
		return d, nil, err
	}
	return d, compiled, misspelt(ctx, compiled, r, registries)
}

// misspelt is the error about the first value of the condition that no entity has; nil:
// there is none.
func misspelt(ctx context.Context, compiled *sql.Compiled, r catalog.Registry, registries Registries) error {
	asked := compiled.Values()
	if len(asked) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("look the condition's values up: %w", err)
	}
	unknown, err := registries.Unknown(r, asked)
	if err != nil {
		return fmt.Errorf("look the condition's values up in registry %s: %w", r.ID, err)
	}
	if fault := compiled.Misspelt(unknown); fault != nil {
		return fault
	}
	return nil
}

// find returns the dataset that stands after FROM, and the descriptor of the one that is
// joined to it, if one is.
func find(parsed *sql.Parsed, datasets []catalog.Dataset) (catalog.Dataset, *catalog.Descriptor, error) {
	ids := make([]string, len(datasets))
	for i, d := range datasets {
		ids[i] = d.ID
	}
	first, second, err := parsed.Datasets(ids)
	if err != nil {
		return catalog.Dataset{}, nil, err
	}
	d := datasets[slices.Index(ids, first)]
	if second == "" {
		return d, nil, nil
	}
	return d, &datasets[slices.Index(ids, second)].Descriptor, nil
}
