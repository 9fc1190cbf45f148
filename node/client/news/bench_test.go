package news

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
)

// BenchmarkFind finds the news of a second version of 25,000 entities × 60 months × 5
// measures, 2 % of whose cells are corrected.
func BenchmarkFind(b *testing.B) {
	const entities, periods = 25_000, 60
	rng := rand.New(rand.NewPCG(1, 2))
	codes := [][]uint32{make([]uint32, entities)}
	for e := range entities {
		codes[0][e] = uint32(e / 25)
	}
	tree, err := disclosure.Grow(5, codes, []int{0}, entities)
	if err != nil {
		b.Fatal(err)
	}
	kept := map[Edition]*Record{}
	f := Family{Rule: disclosure.NewFamily(tree), Record: func(at Edition) (*Record, error) { return kept[at], nil }}
	d := monthly
	d.MinCohort, d.Measures = 5, nil
	var measures, corrected []measure
	for m := range 5 {
		cells := table(entities, periods, func(int, int) int64 { return rng.Int64N(1_000_000) })
		d.Measures = append(d.Measures, fmt.Sprintf("m%d", m))
		measures = append(measures, measure{name: d.Measures[m], decimals: 2, cells: cells})
		corrected = append(corrected, measure{name: d.Measures[m], decimals: 2, cells: table(entities, periods, func(e, p int) int64 {
			if rng.IntN(50) == 0 {
				return rng.Int64N(1_000_000)
			}
			return cells[e][p]
		})})
	}
	if err := f.Rule.Admit(d); err != nil {
		b.Fatal(err)
	}
	f.Datasets = append(f.Datasets, d)
	kept[Edition{"plants", 1}] = record(1, january, measures...)
	closed := calendar.Interval{From: january, To: january + periods}
	settled, err := f.Rule.Settle("plants", disclosure.VersionInput{Version: 1, Entities: entities, Closed: closed}, allPresent(entities))
	if err == nil {
		err = f.Rule.Add("plants", settled)
	}
	if err != nil {
		b.Fatal(err)
	}
	f.Settled = []Edition{{"plants", 1}}
	second := record(2, january, corrected...)
	b.ResetTimer()
	for b.Loop() {
		found, err := f.Find("plants", second, closed)
		if err != nil || len(found.News) != 5*periods {
			b.Fatal(len(found.News), err)
		}
	}
}

// allPresent has every cell.
type allPresent int

func (n allPresent) Cells(int, string, int64) (present, counts disclosure.Bits) {
	for e := range int(n) {
		present = present.Set(e)
	}
	return present, present
}

func (n allPresent) Unpaired(int, string, string, int64) (disclosure.Bits, bool) { return nil, true }
