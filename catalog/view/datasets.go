package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records"
)

// Datasets returns all datasets by id.
func (v View) Datasets() ([]catalog.Dataset, error) {
	return records.List[catalog.Dataset](v.r, records.PrefixDataset)
}

// Dataset returns a dataset.
func (v View) Dataset(id string) (catalog.Dataset, error) {
	return records.Find[catalog.Dataset](v.r, records.PrefixDataset+id)
}

// Descriptor is a dataset's descriptor as it was after so many amendments.
func (v View) Descriptor(d catalog.Dataset, amended int) (catalog.Descriptor, error) {
	return records.DescriptorAt(v.r, d, amended)
}

// DatasetAt is a dataset with the descriptor that it had after so many amendments.
func (v View) DatasetAt(id string, amended int) (catalog.Dataset, error) {
	return records.DatasetAt(v.r, id, amended)
}

// DatasetPage lists datasets by id, withdrawn ones too.
func (v View) DatasetPage(p records.Page) ([]catalog.Dataset, string, error) {
	return records.ReadPage[catalog.Dataset](v.r, records.PrefixDataset, p, records.Itself)
}

// OfferedPage lists datasets that are not withdrawn.
func (v View) OfferedPage(p records.Page) ([]catalog.Dataset, string, error) {
	return records.ReadPage[catalog.Dataset](v.r, records.PrefixDataset, p, func(name string, value []byte) ([]byte, error) {
		var d struct {
			Withdrawn *catalog.Withdrawal `json:"withdrawn"`
		}
		if err := json.Unmarshal(value, &d); err != nil {
			return nil, fmt.Errorf("decode %s%s: %w", records.PrefixDataset, name, err)
		}
		if d.Withdrawn != nil {
			return nil, nil
		}
		return value, nil
	})
}

// ChangePage lists changes of the catalog in the ledger's order.
func (v View) ChangePage(p records.Page) ([]records.Change, string, error) {
	return records.ReadPage[records.Change](v.r, records.PrefixChange, p, records.Itself)
}

// Places tells how the places for exact portfolios of a dataset are taken, by measure in
// the descriptor's order; nothing of a public one.
func (v View) Places(dataset string) ([]catalog.Places, error) {
	d, err := v.Dataset(dataset)
	if err != nil || d.Descriptor.Policy.Public {
		return nil, err
	}
	now, err := records.Clock(v.r)
	if err != nil {
		return nil, err
	}
	var out []catalog.Places
	for _, m := range d.Descriptor.MeasureNames() {
		held, err := records.Holders(v.r, now, dataset, m)
		if err != nil {
			return nil, err
		}
		p := catalog.Places{Measure: m, Owners: d.Descriptor.Policy.Owners(), Holders: records.Owners(held)}
		if p.Taken, err = takenOf(v.r, dataset, m); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// takenOf are the periods of a measure that owners have asked for.
func takenOf(r records.Reader, dataset, measure string) ([]catalog.Taken, error) {
	prefix := records.PlacesPrefix(dataset, measure)
	keys, err := records.Names(r, prefix)
	if err != nil {
		return nil, err
	}
	var out []catalog.Taken
	for _, name := range keys {
		var period int64
		if _, err := fmt.Sscan(strings.TrimLeft(name, "0"), &period); err != nil {
			return nil, fmt.Errorf("place %s%s: %w", prefix, name, err)
		}
		period -= records.PlaceZero
		list, err := records.Find[[]records.Place](r, prefix+name)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			i := slices.IndexFunc(out, func(t catalog.Taken) bool { return t.Owner == x.Owner && t.To == period })
			if i < 0 {
				out = append(out, catalog.Taken{Owner: x.Owner, Interval: calendar.Interval{From: period, To: period + 1}})
			} else {
				out[i].To = period + 1
			}
		}
	}
	slices.SortFunc(out, func(a, b catalog.Taken) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Owner, b.Owner))
	})
	return out, nil
}
