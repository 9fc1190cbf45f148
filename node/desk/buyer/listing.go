package buyer

import (
	"context"
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/desk/route"
)

// named is a dataset's id.
type named struct {
	ID string `path:"id"`
}

// Listing is what a dataset's page shows.
type Listing struct {
	Entry
	Entity     string          `json:"entity"` // what an entity is called in queries
	Columns    []string        `json:"columns"`
	UTCOffset  string          `json:"utc_offset"`
	Dictionary []ListedMeasure `json:"dictionary"`
	Policy     []string        `json:"policy"`   // in sentences
	Versions   []ListedVersion `json:"versions"` // the newest first
	Amended    int             `json:"amended,omitempty"`
	AmendedAt  int64           `json:"amended_at,omitempty"` // Unix milliseconds
	Withdrawn  bool            `json:"withdrawn,omitempty"`
	Samples    []Sample        `json:"samples"`
	Contracts  []string        `json:"contracts"` // active ones of the desk's key
}

// ListedMeasure is a row of the dictionary.
type ListedMeasure struct {
	Name      string `json:"name"`
	Unit      string `json:"unit"`
	UCUM      string `json:"ucum,omitempty"`
	Pollutant string `json:"pollutant,omitempty"`
	Least     string `json:"least"`
	Most      string `json:"most"`
	Decimals  int    `json:"decimals"`
}

// ListedVersion is a version of a dataset. Times are Unix milliseconds.
type ListedVersion struct {
	Version   int    `json:"version"`
	State     string `json:"state"`
	First     string `json:"first"`
	Last      string `json:"last"`
	Entities  int    `json:"entities"`
	Proposed  int64  `json:"proposed"`
	Live      int64  `json:"live,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Withdrawn bool   `json:"withdrawn,omitempty"`
}

func (s *datasets) listing(ctx context.Context, in named) (Listing, error) {
	d, err := s.client.Dataset(ctx, in.ID)
	if err != nil {
		return Listing{}, err
	}
	of := d.Descriptor
	r, err := s.client.Registry(ctx, of.Registry)
	if err != nil {
		return Listing{}, err
	}
	e, err := s.entry(ctx, d)
	if err != nil {
		return Listing{}, err
	}
	out := Listing{
		Entry: e, Entity: of.Entity, Columns: append([]string{}, r.Columns...), UTCOffset: of.UTCOffset, Policy: route.Language(ctx).Policy(of),
		Amended: d.Amended, AmendedAt: d.AmendedAt, Withdrawn: d.Withdrawn != nil, Samples: samples(d, r), Versions: []ListedVersion{}, Contracts: []string{},
	}
	for _, m := range of.Measures {
		out.Dictionary = append(out.Dictionary, ListedMeasure{
			Name: m.Name, Unit: m.Unit, UCUM: m.UCUM, Pollutant: m.Pollutant, Decimals: m.Decimals,
			Least: decimal.Format(m.Min, m.Decimals), Most: decimal.Format(m.Max, m.Decimals),
		})
	}
	versions, err := s.client.Versions(ctx, d.ID)
	if err != nil {
		return Listing{}, err
	}
	for _, v := range slices.Backward(versions) {
		out.Versions = append(out.Versions, ListedVersion{
			Version: v.Version, State: string(v.Standing()), First: of.Grain.Format(v.First), Last: of.Grain.Format(v.First + int64(v.Periods) - 1),
			Entities: v.Entities, Proposed: v.Proposed, Live: v.LiveAt, Reason: route.Language(ctx).Reason(v.Reason), Withdrawn: v.Withdrawn != nil,
		})
	}
	granted, err := s.granted(ctx)
	if err != nil {
		return Listing{}, err
	}
	out.Contracts = append(out.Contracts, granted[d.ID]...)
	out.Contract = len(out.Contracts) > 0
	return out, nil
}

// Series is how much of a measure's cells hold a reading in each of the periods of a plot, in thousandths.
type Series struct {
	Measure  string `json:"measure"`
	Permille []int  `json:"permille"`
}

// Coverage is a plot of presence. From are the beginnings of its periods, Unix seconds of the dataset's own time.
type Coverage struct {
	Grain   string   `json:"grain"`
	Periods []string `json:"periods"`
	From    []int64  `json:"from"`
	Series  []Series `json:"series"`
}

// maxPoints is how many points a plot of coverage has at most.
const maxPoints = 400

// plotted is what a client remembers a plot under.
type plotted struct {
	dataset          string
	version, amended int
}

func (s *datasets) coverage(ctx context.Context, in named) (Coverage, error) {
	d, err := s.client.Dataset(ctx, in.ID)
	if err != nil || d.Live == 0 {
		return Coverage{Grain: string(d.Descriptor.Grain), Periods: []string{}, From: []int64{}, Series: []Series{}}, err
	}
	return client.Cached(ctx, s.client, plotted{d.ID, d.Live, d.Amended}, func(ctx context.Context) (Coverage, error) {
		v, err := s.liveVersion(ctx, d)
		if err != nil {
			return Coverage{}, err
		}
		held, err := s.client.Descriptor(ctx, d.ID, v.Amended)
		if err != nil {
			return Coverage{}, err
		}
		p, err := s.client.Presence(ctx, held, v)
		if err != nil {
			return Coverage{}, err
		}
		return coverageOf(held, v, p), nil
	})
}

// coverageOf counts the cells of each period of the finest grain that makes few enough points.
func coverageOf(d catalog.Descriptor, v catalog.Version, p *tiles.Presence) Coverage {
	grain := d.Grain
	for coarser := grain; coarser != ""; coarser = coarser.Coarser() {
		if grain = coarser; d.Grain.In(v.First+int64(v.Periods)-1, coarser)-d.Grain.In(v.First, coarser) < maxPoints {
			break
		}
	}
	out := Coverage{Grain: string(grain), Periods: []string{}, From: []int64{}, Series: []Series{}}
	for m, measure := range d.Measures {
		s := Series{Measure: measure.Name, Permille: []int{}}
		for from := 0; from < v.Periods; {
			at := d.Grain.In(v.First+int64(from), grain)
			to := from + 1
			for to < v.Periods && d.Grain.In(v.First+int64(to), grain) == at {
				to++
			}
			counts := make([]int32, v.Entities)
			p.CountEntities(m, from, to, counts)
			n := int64(0)
			for _, c := range counts {
				n += int64(c)
			}
			s.Permille = append(s.Permille, int(n*1000/(int64(v.Entities)*int64(to-from))))
			if m == 0 {
				out.Periods = append(out.Periods, grain.Format(at))
				out.From = append(out.From, grain.Span(at, calendar.Finest).From*(calendar.FinestMillis/1000))
			}
			from = to
		}
		out.Series = append(out.Series, s)
	}
	return out
}

// Answerable is what can be answered of a dataset. Of a public one all is, single readings included.
type Answerable struct {
	Public bool               `json:"public"`
	Report *answerable.Report `json:"report,omitempty"`
}

func (s *datasets) answerable(ctx context.Context, in named) (Answerable, error) {
	report, err := family.Answerable(ctx, s.client, in.ID, 0)
	if errors.Is(err, family.ErrPublic) {
		return Answerable{Public: true}, nil
	}
	return Answerable{Report: report}, err
}
