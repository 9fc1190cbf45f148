package ask

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/vector"
)

// Compile compiles SQL to a request here, against the datasets that are listed.
// What is wrong with the SQL is a *sql.Error.
func Compile(ctx context.Context, c *client.Client, sql string) (*sql.Compiled, error) {
	_, compiled, err := CompileFor(ctx, c, sql, false)
	return compiled, err
}

// CompileAtNode has a node compile SQL, as a client does that has no compiler of its own.
// What comes back is what the node says: Query asks nothing on the strength of it. What
// is wrong with the SQL is a *wire.Problem.
func CompileAtNode(ctx context.Context, c *client.Client, text string) (*sql.Compiled, error) {
	compiled, err := client.Post[sql.Compiled](ctx, c, "/v1/compile", map[string]string{"sql": text}, false)
	return &compiled, err
}

// CompileFor is Compile that returns the dataset, too; with stand a selector of any name
// stands for one that is yet to be registered.
func CompileFor(ctx context.Context, c *client.Client, text string, stand bool) (catalog.Dataset, *sql.Compiled, error) {
	known := client.Attached(c, newCatalogCache)
	at := c.Now()
	datasets, err := client.EveryDataset.All(ctx, c) // a query on a withdrawn one is told when that was
	if err != nil {
		return catalog.Dataset{}, nil, fmt.Errorf("read the datasets: %w", err)
	}
	known.datasets.Store(&dated[[]catalog.Dataset]{datasets, at})
	var listed []catalog.Vector
	registries := statement.Registries{
		Registry: func(id string) (catalog.Registry, error) {
			at := c.Now()
			r, err := c.Registry(ctx, id)
			if err == nil {
				known.registries.Add(id, dated[catalog.Registry]{r, at})
			}
			return r, err
		},
		Unknown: func(r catalog.Registry, asked []sql.ColumnValues) ([]sql.UnknownValue, error) {
			return known.unknown(ctx, c, r, asked)
		},
		Distinct: func(r catalog.Registry, column string) ([]string, error) {
			rows, err := c.RegistryRows(ctx, r.ID, r.Rows)
			if err != nil {
				return nil, err
			}
			t, err := tables.New(r.Columns, rows)
			if err != nil {
				return nil, err
			}
			values, _ := t.Distinct(column)
			return values, nil
		},
	}
	dataset, compiled, err := statement.Compile(ctx, text, datasets, registries, statement.Vectors{
		Of: func() (_ []catalog.Vector, err error) {
			if c.Key() == nil {
				return nil, nil
			}
			listed, err = vector.All(ctx, c)
			return listed, err
		},
		Stand: stand,
	})
	if err == nil {
		err = vector.CheckNamed(ctx, c, compiled.Request, listed)
	}
	return dataset, compiled, err
}

// compileCached compiles SQL against the datasets and registries as they were read for a query shortly before, and reports whether
// it could. What they do not suffice for is not told: CompileFor reads them anew, and tells what is wrong.
func compileCached(ctx context.Context, c *client.Client, text string) (catalog.Dataset, *sql.Compiled, bool) {
	known := client.Attached(c, newCatalogCache)
	datasets := known.datasets.Load()
	if datasets == nil || !datasets.lasts(c.Now()) || sql.NamesVectors(text) {
		return catalog.Dataset{}, nil, false
	}
	d, compiled, err := statement.Compile(ctx, text, datasets.is, statement.Registries{
		Registry: func(id string) (catalog.Registry, error) {
			r, ok := known.registries.Get(id)
			if !ok || !r.lasts(c.Now()) {
				return catalog.Registry{}, errNotCached
			}
			return r.is, nil
		},
		Unknown: func(r catalog.Registry, asked []sql.ColumnValues) ([]sql.UnknownValue, error) {
			return known.unknown(ctx, c, r, asked)
		},
		// The request would have the values that rows had then.
		Distinct: func(catalog.Registry, string) ([]string, error) { return nil, errNotCached },
	}, statement.Vectors{})
	// A joined dataset's descriptor is not compared with the ledger's when the answer comes.
	return d, compiled, err == nil && compiled.Request.Join == nil
}

// errNotCached says that something has to be read anew.
var errNotCached = errors.New("it was not read shortly before")

// cacheLasts is for how long the next queries are compiled by what was read of datasets and registries.
const cacheLasts = 5 * time.Second

// maxKnownValues is how many values of registries a client remembers: those that were used last.
const maxKnownValues = 4096

// catalogCache is what a client has read of what is listed, so that a desk or a program that asks one query after the other does not read
// it for each: three requests, each of which waits until the node knows what is committed, took longer than a repeated query's
// answer. What has changed in the seconds since is as if it had changed after the query was compiled, which it may always do: the
// ledger decides by what it has then, and the answer is shown by the descriptor that its verdict says. A query that does not compile
// is compiled anew before that is told.
//
// It is safe for concurrent use, and what it hands out is only read.
type catalogCache struct {
	datasets   atomic.Pointer[dated[[]catalog.Dataset]]
	registries *lru.Cache[string, dated[catalog.Registry]]
	values     *lru.Cache[registryValue, bool]
}

// dated is something that was asked for at a time.
type dated[T any] struct {
	is T
	at time.Time
}

func (d dated[T]) lasts(now time.Time) bool {
	age := now.Sub(d.at)
	return 0 <= age && age < cacheLasts
}

// registryValue is a value of a condition that a row of a registry had after so many corrections. Rows are only appended
// between two of them, so that it stays known.
type registryValue struct {
	registry  string
	corrected int
	column    string
	value     string
	ordered   bool
}

func newCatalogCache() *catalogCache {
	registries, err := lru.New[string, dated[catalog.Registry]](64)
	if err != nil {
		panic(err) // the size is not positive
	}
	values, err := lru.New[registryValue, bool](maxKnownValues)
	if err != nil {
		panic(err) // likewise
	}
	return &catalogCache{registries: registries, values: values}
}

// unknown are those of the values that no row of a registry has.
func (l *catalogCache) unknown(ctx context.Context, c *client.Client, r catalog.Registry, asked []sql.ColumnValues) ([]sql.UnknownValue, error) {
	var left []sql.ColumnValues
	var added []registryValue
	for _, a := range asked {
		missing := sql.ColumnValues{Column: a.Column, Ordered: a.Ordered}
		for _, v := range a.Values {
			of := registryValue{r.ID, r.Corrected, a.Column, v, a.Ordered}
			if _, known := l.values.Get(of); !known {
				missing.Values = append(missing.Values, v)
				added = append(added, of)
			}
		}
		if len(missing.Values) > 0 {
			left = append(left, missing)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	answer, err := client.Post[wire.UnknownValues](ctx, c, "/v1/registries/"+url.PathEscape(r.ID)+"/values", wire.Values{Asked: left}, false)
	if err == nil && len(answer.Unknown) == 0 {
		for _, of := range added {
			l.values.Add(of, true)
		}
	}
	return answer.Unknown, err
}

// compiledQuery is a query as it was compiled.
type compiledQuery struct {
	dataset  catalog.Dataset
	compiled *sql.Compiled
	file     string // of its answer in the own store, as answerFile has it
}

// compileAsked compiles a query as the options have it asked.
func compileAsked(ctx context.Context, c *client.Client, text string, o Options) (q compiledQuery, err error) {
	var cached bool
	q.dataset, q.compiled, cached = compileCached(ctx, c, text)
	if cached && o.Store != "" { // the file's name has the newest version and descriptor
		of := q.dataset.Amended
		q.dataset, err = c.Dataset(ctx, q.dataset.ID)
		cached = err == nil && q.dataset.Amended == of
	}
	if !cached {
		q.dataset, q.compiled, err = CompileFor(ctx, c, text, false)
	}
	if err == nil {
		err = o.complete(q.compiled)
	}
	if err == nil {
		q.file, err = answerFile(c, q.dataset, q.compiled, o)
	}
	return q, err
}
