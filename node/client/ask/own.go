package ask

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/client"
)

// Kept is a query's answer in the own store of the options, however long ago the nodes gave it, as long as it is of the
// newest version of the dataset; nil: there is none. Of a query with noise, or on two datasets, it is the newest answer
// to the same text, which was asked alike. Nothing is asked but what the datasets are, and nothing is charged.
func Kept(ctx context.Context, c *client.Client, text string, o Options) (*Result, error) {
	asked, err := compileAsked(ctx, c, text, o)
	if err != nil {
		return nil, err
	}
	if asked.file != "" {
		a, err := readAnswer(c, asked.file)
		if a == nil || err != nil {
			return nil, err
		}
		return a.result(), nil
	}
	if o.Store == "" || asked.dataset.Withdrawn != nil {
		return nil, nil //nolint:nilnil // there is no store
	}
	all, err := Answers(c, o.Store)
	if err != nil {
		return nil, fmt.Errorf("look for the answer in the own store: %w", err)
	}
	for _, r := range all {
		if answers(r.Query, asked.dataset, asked.compiled, o) {
			return r, nil
		}
	}
	return nil, nil //nolint:nilnil // it was not asked
}

// answers reports whether a query that was answered is the one that would be asked now.
func answers(q catalog.Query, d catalog.Dataset, compiled *sql.Compiled, o Options) bool {
	asked, now := q.Submit.Request, compiled.Request
	sameNoise := (asked.Noise == nil) == (now.Noise == nil) && (now.Noise == nil || *asked.Noise == *now.Noise)
	return asked.SQL == now.SQL && sameNoise && q.Dataset == d.ID && (now.AsOf == asked.AsOf) && (now.AsOf != 0 || q.Version == d.Live) &&
		asked.Complete == now.Complete && asked.Partial == now.Partial && (o.Contract == "" || q.Submit.Contract == o.Contract)
}
