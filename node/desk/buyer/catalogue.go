package buyer

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// perPage is how many datasets a page of the catalogue has.
const perPage = 24

// wanted is what of the catalogue is wanted. Facets hold one value each; empty: any.
type wanted struct {
	Words    string `query:"q" doc:"Words that stand in a dataset's names, titles, description, measures and units"`
	Access   string `query:"access" doc:"public or protected"`
	Grain    string `query:"grain"`
	Unit     string `query:"unit"`
	Registry string `query:"registry"`
	Skip     int    `query:"skip" doc:"How many of the datasets to leave out"`
}

// Entry is a dataset in the catalogue.
type Entry struct {
	ID          string         `json:"id"`
	Title       catalog.Text   `json:"title"`
	Description catalog.Text   `json:"description,omitzero"`
	License     string         `json:"license"`
	Grain       string         `json:"grain"`
	Registry    string         `json:"registry"`
	Measures    []Measured     `json:"measures"`
	Public      bool           `json:"public"`
	Price       *catalog.Price `json:"price,omitempty"`
	Live        int            `json:"live"` // 0: no version is live
	Entities    int            `json:"entities,omitempty"`
	First       string         `json:"first,omitempty"` // periods of the live version
	Last        string         `json:"last,omitempty"`
	Own         bool           `json:"own,omitempty"`      // the desk's key published it
	Contract    bool           `json:"contract,omitempty"` // the desk's key has an active contract on it
}

// Measured is the name of a measure and its unit.
type Measured struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
}

// Facet is a property by which datasets can be found, with how many there are of each of its values among those that
// have the other facets' values.
type Facet struct {
	Name   string       `json:"name"`
	Values []FacetValue `json:"values"`
}

// FacetValue is a value of a facet.
type FacetValue struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Found is a page of the catalogue.
type Found struct {
	Datasets []Entry `json:"datasets"`
	Total    int     `json:"total"`
	Next     int     `json:"next,omitempty"` // the parameter skip of the next page; absent: this is the last
	Facets   []Facet `json:"facets"`
}

// facets are the properties, in the order in which they are shown.
var facets = []struct {
	name   string
	of     func(catalog.Descriptor) []string
	chosen func(wanted) string
}{
	{"access", func(d catalog.Descriptor) []string { return []string{access(d)} }, func(w wanted) string { return w.Access }},
	{"grain", func(d catalog.Descriptor) []string { return []string{string(d.Grain)} }, func(w wanted) string { return w.Grain }},
	{"unit", unitsOf, func(w wanted) string { return w.Unit }},
	{"registry", func(d catalog.Descriptor) []string { return []string{d.Registry} }, func(w wanted) string { return w.Registry }},
}

func access(d catalog.Descriptor) string {
	if d.Policy.Public {
		return "public"
	}
	return "protected"
}

func unitsOf(d catalog.Descriptor) (units []string) {
	for _, m := range d.Measures {
		if !slices.Contains(units, m.Unit) {
			units = append(units, m.Unit)
		}
	}
	return units
}

// datasets finds datasets, and shows what is public of one.
type datasets struct{ client *client.Client }

func (s *datasets) find(ctx context.Context, w wanted) (Found, error) {
	all, err := client.Datasets.All(ctx, s.client)
	if err != nil {
		return Found{}, err
	}
	all = slices.DeleteFunc(all, func(d catalog.Dataset) bool { return !hasWords(d.Descriptor, w.Words) })
	out := Found{Datasets: []Entry{}}
	for _, f := range facets {
		counts := map[string]int{}
		for _, d := range all {
			if fits(d.Descriptor, w, f.name) {
				for _, v := range f.of(d.Descriptor) {
					counts[v]++
				}
			}
		}
		shown := Facet{Name: f.name, Values: []FacetValue{}}
		for v, n := range counts {
			shown.Values = append(shown.Values, FacetValue{v, n})
		}
		slices.SortFunc(shown.Values, func(a, b FacetValue) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
		out.Facets = append(out.Facets, shown)
	}
	all = slices.DeleteFunc(all, func(d catalog.Dataset) bool { return !fits(d.Descriptor, w, "") })
	out.Total = len(all)
	all = all[min(w.Skip, len(all)):]
	if len(all) > perPage {
		all, out.Next = all[:perPage], w.Skip+perPage
	}
	granted, err := s.granted(ctx)
	if err != nil {
		return Found{}, err
	}
	for _, d := range all {
		e, err := s.entry(ctx, d)
		if err != nil {
			return Found{}, err
		}
		e.Contract = granted[d.ID] != nil
		out.Datasets = append(out.Datasets, e)
	}
	return out, nil
}

// fits reports whether a descriptor has the chosen values of all facets but one.
func fits(d catalog.Descriptor, w wanted, but string) bool {
	for _, f := range facets {
		if v := f.chosen(w); f.name != but && v != "" && !slices.Contains(f.of(d), v) {
			return false
		}
	}
	return true
}

// hasWords reports whether every word stands somewhere in what a dataset is called and has.
func hasWords(d catalog.Descriptor, words string) bool {
	texts := []string{d.Dataset, d.Title.EN, d.Title.ZH, d.Description.EN, d.Description.ZH, d.Registry, d.Entity}
	for _, m := range d.Measures {
		texts = append(texts, m.Name, m.Unit, m.Pollutant)
	}
	all := strings.ToLower(strings.Join(texts, "\n"))
	for _, word := range strings.Fields(strings.ToLower(words)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

func (s *datasets) entry(ctx context.Context, d catalog.Dataset) (Entry, error) {
	of := d.Descriptor
	e := Entry{
		ID: d.ID, Title: of.Title, Description: of.Description, License: of.License, Grain: string(of.Grain), Registry: of.Registry,
		Public: of.Policy.Public, Price: of.Price, Live: d.Live, Own: s.own(d),
	}
	for _, m := range of.Measures {
		e.Measures = append(e.Measures, Measured{m.Name, m.Unit})
	}
	if d.Live == 0 {
		return e, nil
	}
	v, err := s.liveVersion(ctx, d)
	if err != nil {
		return e, err
	}
	e.Entities, e.First, e.Last = v.Entities, of.Grain.Format(v.First), of.Grain.Format(v.First+int64(v.Periods)-1)
	return e, nil
}

// own reports whether the desk's key published a dataset.
func (s *datasets) own(d catalog.Dataset) bool {
	return s.client.Key() != nil && d.Owner == s.client.Key().ID()
}

// live is a dataset's version, of which the extent never changes.
type live struct {
	dataset string
	version int
}

func (s *datasets) liveVersion(ctx context.Context, d catalog.Dataset) (catalog.Version, error) {
	return client.Cached(ctx, s.client, live{d.ID, d.Live}, func(ctx context.Context) (catalog.Version, error) {
		return s.client.Version(ctx, d.ID, d.Live)
	})
}

// granted are the ids of the desk's active contracts, by dataset.
func (s *datasets) granted(ctx context.Context) (map[string][]string, error) {
	out := map[string][]string{}
	if s.client.Key() == nil {
		return out, nil
	}
	all, err := client.Contracts.All(ctx, s.client)
	if err != nil {
		return nil, err
	}
	now := s.client.Now().UnixMilli()
	for _, k := range all {
		if k.Buyer == s.client.Key().ID() && k.Buyer != k.Publisher && k.State == catalog.ContractActive && k.From <= now && (k.Until == 0 || now < k.Until) {
			out[k.Dataset] = append(out[k.Dataset], k.ID)
		}
	}
	return out, nil
}
