package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
)

// Checked is what would be published, as far as it can be said beforehand.
type Checked struct {
	Dataset  string           `json:"dataset"`
	Version  int              `json:"version,omitempty"` // that it would become; 0: the cluster was not asked
	Registry string           `json:"registry"`
	Entities int              `json:"entities"`
	Periods  int              `json:"periods"`
	First    string           `json:"first"`
	Last     string           `json:"last"`
	Readings int              `json:"readings"`
	Gaps     int              `json:"gaps"`
	Measures []CheckedMeasure `json:"measures"`
	Tiles    int              `json:"tiles"`
	Bytes    int64            `json:"bytes"`
	Policy   []string         `json:"policy"`
	Offset   string           `json:"utc_offset"`
	Read     panel.Report     `json:"read"`              // what files were taken for, and what became of their readings
	Closed   string           `json:"closed,omitempty"`  // of a protected dataset: which periods become final
	Changes  *news.Changes    `json:"changes,omitempty"` // of an append: how many readings of the version before are others
	Newness  *Newness         `json:"newness,omitempty"` // of a listed protected dataset
	// Unrelated is what is perhaps related and not declared to be.
	Unrelated []string `json:"unrelated,omitempty"`
	// TooWide are measures of which nobody will ever get a variance, although the policy
	// grants it.
	TooWide []TooWide `json:"too_wide,omitempty"`

	Dominance  *panel.Dominance   `json:"dominance,omitempty"`
	Answerable *answerable.Report `json:"answerable,omitempty"` // of a protected dataset
}

// CheckedMeasure is what there is of one measure.
type CheckedMeasure struct {
	Name     string `json:"name"`
	Readings int    `json:"readings"`
	Gaps     int    `json:"gaps"`
}

// tileBytes is the size of a tile on the wire: 45 bytes a slot and a header of
// less than 64 bytes.
const tileBytes = 45 * (catalog.TileCells + 1)

// Examine says what would be published, or fails with what the cluster would refuse. c is
// nil where there is none to ask. dominance is what Dominance says of it. note is told what could
// not be compared.
func Examine(ctx context.Context, c *client.Client, p *Prepared, dominance *panel.Dominance, note func(string)) (Checked, error) {
	if err := p.Check(); err != nil {
		return Checked{}, err
	}
	out, err := checkedOf(ctx, c, p, dominance, note)
	if err != nil {
		return out, err
	}
	if c != nil {
		listing, err := CheckListing(ctx, c, p)
		var away *client.UnreachableError
		switch {
		case errors.As(err, &away) && p.Source.Registry == "":
			note(fmt.Sprintf("not compared with what is published: %s", err))
			c = nil
		case err != nil:
			return out, err
		default:
			out.Version = listing.Next
			if listing.Dataset != nil {
				if out.Newness, err = FindNewness(ctx, c, p); err != nil {
					return out, err
				}
			}
		}
	}
	out.Answerable, err = Foresee(ctx, c, p)
	return out, err
}

func checkedOf(ctx context.Context, c *client.Client, p *Prepared, dominance *panel.Dominance, note func(string)) (Checked, error) {
	d, data := p.Source.Descriptor, p.Panel
	cells := len(data.Entities) * data.Periods
	out := Checked{
		Dataset: d.Dataset, Registry: d.Registry, Entities: len(data.Entities), Periods: data.Periods,
		First: d.Grain.Format(data.First), Last: d.Grain.Format(data.First + int64(data.Periods) - 1),
		Readings: p.Readings(), Gaps: cells*len(data.Columns) - p.Readings(),
		Tiles: p.Tiles(), Bytes: int64(p.Tiles()-p.Reused()) * tileBytes,
		Policy: PolicyWords(d), Offset: d.UTCOffset, Read: data.Report,
		Dominance: dominance, TooWide: TooWideOf(d),
	}
	for m, measure := range d.Measures {
		n := p.Presence.Count(m)
		out.Measures = append(out.Measures, CheckedMeasure{Name: measure.Name, Readings: n, Gaps: cells - n})
	}
	if d.Policy.Public {
		return out, nil
	}
	var err error
	if out.Closed, err = p.closedWords(); err != nil {
		return out, err
	}
	out.Changes = p.Changes()
	out.Unrelated, err = FindRelations(ctx, c, p, note)
	return out, err
}

// FindRelations says which measures and registries perhaps tell of the same and are
// not declared to. c is nil where there is no cluster to ask.
func FindRelations(ctx context.Context, c *client.Client, p *Prepared, note func(string)) ([]string, error) {
	measures, err := FindUnrelated(ctx, c, p)
	var away *client.UnreachableError
	if errors.As(err, &away) {
		note(fmt.Sprintf("not compared with other datasets: %s", err))
		c = nil
		measures, err = FindUnrelated(ctx, c, p)
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range measures {
		out = append(out, m.Words())
	}
	if c == nil {
		return out, nil
	}
	registries, err := FindSharedRegistries(ctx, c, p)
	for _, r := range registries {
		out = append(out, r.Words())
	}
	return out, err
}

// CloseTo sets the last period that becomes final with this version, such as 2024-03; empty: the last one to whose end
// the data reaches. It refuses what cannot be final.
func (p *Prepared) CloseTo(period string) error {
	if period != "" {
		want := p.Source.Descriptor.Policy.Grain
		grain, at, err := calendar.ParseOf(period, want)
		if err != nil {
			return err
		}
		if grain != want {
			return fmt.Errorf("%s is one %s, and periods of dataset %s become final by the %s", period, grain, p.Source.Descriptor.Dataset, want)
		}
		p.ClosedTo = &at
	}
	_, err := p.Closed()
	return err
}

// closedWords says which periods become final with a version, and which do not yet.
func (p *Prepared) closedWords() (string, error) {
	d := p.Source.Descriptor
	closed, err := p.Closed()
	if err != nil {
		return "", err
	}
	grain := d.Policy.Grain
	last := d.Grain.In(p.Panel.First+int64(p.Panel.Periods)-1, grain)
	switch {
	case closed.From == closed.To:
		return fmt.Sprintf("none: the data does not reach the end of %s", grain.Format(last)), nil
	case closed.To <= last:
		return fmt.Sprintf("%s to %s; from %s on nothing is released yet", grain.Format(closed.From), grain.Format(closed.To-1), grain.Format(closed.To)), nil
	}
	return fmt.Sprintf("%s to %s", grain.Format(closed.From), grain.Format(closed.To-1)), nil
}

// PolicyWords says a descriptor's policy, and its price where it has one, in sentences.
func PolicyWords(d catalog.Descriptor) []string { return PolicyIn(explain.English, d) }

// PolicyIn is PolicyWords in a language.
func PolicyIn(l explain.Language, d catalog.Descriptor) []string {
	words := l.Policy(d)
	if d.Price != nil {
		words = append(words, l.Price(*d.Price))
	}
	return words
}

// TooWide is a measure whose variance the policy grants and nobody will ever get: in its
// range no sum of squares fits the plaintext space, however few readings it is over.
type TooWide struct {
	Measure string `json:"measure"`
	Unit    string `json:"unit"`
	// Width is how wide its range is, and Widest how wide it may be; in its unit.
	Width  string `json:"width"`
	Widest string `json:"widest"`
}

// TooWideOf lists those of a descriptor.
func TooWideOf(d catalog.Descriptor) []TooWide {
	var out []TooWide
	for _, name := range d.TooWide() {
		m, _ := d.Measure(name)
		out = append(out, TooWide{name, m.Unit, decimal.Format(m.Max-m.Min, m.Decimals), decimal.Format(d.SquaredWidth(), m.Decimals)})
	}
	return out
}

// Words say it to the publisher, with what to change.
func (w TooWide) Words() string {
	return fmt.Sprintf("nobody will ever get a variance or standard deviation of %s, although the policy grants it: its range is %s %s wide, and sums of squares fit where it is at most %s wide; "+
		"declare a narrower range, a larger unit or fewer decimals, or leave var and stddev out of aggregates if no other measure needs them", w.Measure, w.Width, w.Unit, w.Widest)
}
