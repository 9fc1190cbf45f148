package postgres

import (
	"context"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// catalogue is what a session knows of the datasets: the tables that it queries on this machine, and what queries on the
// nodes are planned by.
type catalogue struct {
	server   *Server
	db       *pgcatalog.DB
	datasets map[string]*Dataset
}

// load brings the datasets in, as they are now.
func (c *catalogue) load(ctx context.Context) error {
	list, err := c.server.datasets(ctx)
	if err != nil {
		return err
	}
	tables := make([]pgcatalog.Table, len(list))
	c.datasets = map[string]*Dataset{}
	for i := range list {
		d := list[i]
		tables[i] = d.Table
		c.datasets[d.ID] = &d
	}
	return c.db.List(tables)
}

// dataset is the one of that name; nil: there is none.
func (c *catalogue) dataset(id string) *Dataset { return c.datasets[id] }

// periods is the type of the periods of the dataset that a statement names; that of texts where it names none.
func (c *catalogue) periods(ctx context.Context, list []token.Token) uint32 {
	period := pgcatalog.OIDText
	if err := c.load(ctx); err == nil {
		for _, t := range list {
			if d := c.datasets[t.Lower()]; d != nil && t.Named() {
				period = PeriodType(d.Grain)
			}
		}
	}
	return period
}

// fill brings in the rows of datasets that are not there yet.
func (c *catalogue) fill(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if c.db.Loaded(id) {
			continue
		}
		content, err := c.server.asker.Content(ctx, id)
		if err != nil {
			return err
		}
		if err := c.db.Load(id, content); err != nil {
			return err
		}
	}
	return nil
}

func (c *catalogue) close() {
	if c.db != nil {
		c.server.contained(context.Background(), c.db.Close) //nolint:errcheck,gosec // it is in memory
	}
}
