package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
)

// Asker is what answers for the server: a desk.
type Asker interface {
	// Datasets are those that can be asked now, and Content what is public of one.
	Datasets(ctx context.Context) ([]Dataset, error)
	Content(ctx context.Context, id string) (pgcatalog.Content, error)
	// Form is what a query would give: its columns, and of those that are periods the grain.
	Form(ctx context.Context, sql string) (Form, error)
	// Kept, Explain and Ask are as buyer.Buyer has them.
	Kept(ctx context.Context, q buyer.Question) (*buyer.Answer, error)
	Explain(ctx context.Context, q buyer.Question) (buyer.Explained, error)
	Ask(ctx context.Context, q buyer.Question) (buyer.Job, error)
}

// Form is what a query would give.
type Form struct {
	Columns []result.Column
	Grains  []calendar.Grain // of columns of periods; empty elsewhere
}

// Desk is an Asker.
type Desk struct {
	*buyer.Buyer
	Client *client.Client
}

// rowsKnown is the extent of a version, which never changes.
type rowsKnown struct {
	dataset string
	version int
}

// Datasets implements Asker.
func (k *Desk) Datasets(ctx context.Context) ([]Dataset, error) {
	all, err := client.Datasets.All(ctx, k.Client)
	if err != nil {
		return nil, fmt.Errorf("read the datasets: %w", err)
	}
	registries := map[string]catalog.Registry{}
	var out []Dataset
	for _, d := range all {
		if d.Live == 0 {
			continue
		}
		of := d.Descriptor
		r, known := registries[of.Registry]
		if !known {
			if r, err = k.Client.Registry(ctx, of.Registry); err != nil {
				return nil, fmt.Errorf("read registry %s: %w", of.Registry, err)
			}
			registries[of.Registry] = r
		}
		v, err := k.version(ctx, d)
		if err != nil {
			return nil, err
		}
		out = append(out, datasetOf(d, r, v))
	}
	return out, nil
}

func (k *Desk) version(ctx context.Context, d catalog.Dataset) (catalog.Version, error) {
	v, err := client.Cached(ctx, k.Client, rowsKnown{d.ID, d.Live}, func(ctx context.Context) (catalog.Version, error) {
		return k.Client.Version(ctx, d.ID, d.Live)
	})
	if err != nil {
		return v, fmt.Errorf("read version %d of dataset %s: %w", d.Live, d.ID, err)
	}
	return v, nil
}

// datasetOf is a dataset as a table.
func datasetOf(d catalog.Dataset, r catalog.Registry, v catalog.Version) Dataset {
	of := d.Descriptor
	out := Dataset{Grain: of.Grain, Table: pgcatalog.Table{
		ID: d.ID, State: fmt.Sprint(d.Live, d.Amended, r.Rows, len(r.Columns)), Comment: of.Title.EN, Rows: int64(v.Entities) * int64(v.Periods),
	}}
	if out.Comment == "" {
		out.Comment = of.Title.ZH
	}
	if ms, err := calendar.OffsetMillis(of.UTCOffset); err == nil {
		out.Offset = time.Duration(ms) * time.Millisecond
	}
	add := func(c pgcatalog.Column) { out.Columns = append(out.Columns, c) }
	add(pgcatalog.Column{Name: of.Entity, Type: pgcatalog.OIDText, Comment: "of whom the readings are"})
	for _, name := range r.Columns {
		add(pgcatalog.Column{Name: name, Type: pgcatalog.OIDText, Comment: "attribute of " + of.Entity})
	}
	add(pgcatalog.Column{
		Name: "period", Kind: pgcatalog.PeriodColumn, Type: PeriodType(of.Grain), Comment: fmt.Sprintf("begin of the %s, at UTC%s", of.Grain, of.UTCOffset),
	})
	for _, m := range of.Measures {
		add(pgcatalog.Column{Name: m.Name, Kind: pgcatalog.MeasureColumn, Type: pgcatalog.OIDNumeric, Comment: m.Unit})
	}
	return out
}

// Content implements Asker.
func (k *Desk) Content(ctx context.Context, id string) (c pgcatalog.Content, err error) {
	d, err := k.Client.Dataset(ctx, id)
	if err != nil {
		return c, fmt.Errorf("read dataset %s: %w", id, err)
	}
	v, err := k.version(ctx, d)
	if err != nil {
		return c, err
	}
	_, rows, err := k.Client.WholeRegistry(ctx, d.Descriptor.Registry)
	if err != nil {
		return c, err
	}
	c.Entities = rows[:min(len(rows), v.Entities)]
	for i := range int64(v.Periods) {
		c.Periods = append(c.Periods, PeriodText(d.Descriptor.Grain, v.First+i))
	}
	return c, nil
}

// Form implements Asker.
func (k *Desk) Form(ctx context.Context, text string) (Form, error) {
	compiled, err := ask.Compile(ctx, k.Client, text)
	if err != nil {
		return Form{}, err
	}
	out := Form{Columns: result.ColumnsOf(compiled)}
	out.Grains = make([]calendar.Grain, len(out.Columns))
	for i, o := range compiled.Output {
		if out.Columns[i].Type != result.TypePeriod {
			continue
		}
		if o.Kind == sql.OutputCycle {
			out.Grains[i] = sql.CycleNamed(compiled.Cycles[o.Index]).Grain
		} else {
			out.Grains[i] = compiled.Request.By[o.Index].Grain
		}
		if out.Grains[i] == "" {
			return Form{}, errors.New("a column of periods has no grain")
		}
	}
	return out, nil
}
