package publish

import (
	"context"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/news"
)

// findNews finds out what a version of a protected dataset declares beside presence,
// against everything of the family that is settled, so many versions, and what this
// machine kept of it.
func findNews(ctx context.Context, c *client.Client, p *Prepared, closed calendar.Interval) (found *news.Found, settled int, err error) {
	dataset := p.Source.Descriptor.Dataset
	family, err := family.Read(ctx, c, dataset)
	if err != nil {
		return nil, 0, err
	}
	f := &news.Family{Rule: family.Rule, Datasets: family.Datasets, Settled: family.Settled, Record: records(ctx, c)}
	found, err = f.Find(dataset, p.record(1), closed)
	return found, len(family.Settled), err
}

// Newness is what a version would declare beside presence, in numbers.
type Newness struct {
	News       int            `json:"news"`  // sources, a column in a period, in which somebody has news
	Equal      int            `json:"equal"` // sources of which classes equal an earlier version
	Lost       []news.Edition `json:"lost,omitempty"`
	Undeclared int            `json:"undeclared,omitempty"` // see Published.Lost
}

// FindNewness finds out what a version of a listed dataset would declare; nil of a public
// one.
func FindNewness(ctx context.Context, c *client.Client, p *Prepared) (*Newness, error) {
	closed, err := p.Closed()
	if err != nil || p.Source.Descriptor.Policy.Public {
		return nil, err
	}
	found, _, err := findNews(ctx, c, p, closed)
	if err != nil {
		return nil, err
	}
	out := &Newness{Lost: found.Lost, Undeclared: len(found.Undeclared)}
	for _, s := range found.News {
		if len(s.News) > 0 {
			out.News++
		}
		if len(s.Equal) > 0 {
			out.Equal++
		}
	}
	return out, nil
}

// compareWith says how a version differs from an earlier one; nil where that one's record is
// not here.
func compareWith(before, now *news.Record) (*news.Changes, error) {
	if before == nil {
		return nil, nil //nolint:nilnil // see above
	}
	out, err := news.Compare(before, now)
	return &out, err
}
