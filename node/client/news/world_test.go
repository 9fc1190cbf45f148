package news

import (
	"testing"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/spill"
)

// publisher is one who publishes datasets of a family and keeps records, in memory.
type publisher struct {
	*testing.T
	family Family
	kept   map[Edition]*Record
	last   map[string]int
}

// newPublisher has k = 2 and a registry whose entities are in classes of so many.
func newPublisher(t *testing.T, entities, class int) *publisher {
	t.Helper()
	codes := [][]uint32{make([]uint32, entities)}
	for e := range entities {
		codes[0][e] = uint32(e / class)
	}
	tree, err := disclosure.Grow(2, codes, []int{0}, entities)
	if err != nil {
		t.Fatal(err)
	}
	p := &publisher{T: t, kept: map[Edition]*Record{}, last: map[string]int{}}
	p.family = Family{Rule: disclosure.NewFamily(tree), Record: func(at Edition) (*Record, error) { return p.kept[at], nil }}
	return p
}

func (p *publisher) create(d disclosure.Dataset) {
	p.Helper()
	d.MinCohort = 2
	if err := p.family.Rule.Admit(d); err != nil {
		p.Fatal(err)
	}
	p.family.Datasets = append(p.family.Datasets, d)
}

// none stands for a cell without a reading.
const none = -1 << 40

// measure is a measure of a test's version: [entity][period].
type measure struct {
	name, unit string
	decimals   int
	mid        int64
	cells      [][]int64 // readings in units of 10^-decimals
}

func record(version int, first int64, measures ...measure) *Record {
	entities, periods := len(measures[0].cells), len(measures[0].cells[0])
	r := &Record{Version: version, Entities: entities, First: first, Periods: periods}
	for _, m := range measures {
		c := Column{Measure: m.name, Unit: m.unit, Decimals: m.decimals, Mid: m.mid,
			Present: bitset.MustNew(uint(entities * periods))}
		values := make([]int64, entities*periods)
		for e, row := range m.cells {
			for at, v := range row {
				if v != none {
					values[at*entities+e] = v - m.mid
					c.Present.Set(uint(at*entities + e))
				}
			}
		}
		w := spill.New("", 0).Writer()
		err := w.AppendAll(values)
		if err == nil {
			c.Values, err = w.Done()
		}
		if err != nil {
			panic(err)
		}
		r.Columns = append(r.Columns, c)
	}
	return r
}

// find asks what the next version of a dataset declares.
func (p *publisher) find(dataset string, closed calendar.Interval, first int64, measures ...measure) (*Record, *Found) {
	p.Helper()
	r := record(p.last[dataset]+1, first, measures...)
	found, err := p.family.Find(dataset, r, closed)
	if err != nil {
		p.Fatal(err)
	}
	return r, found
}

// publish makes a version settle as the nodes do: what is declared must hold there.
func (p *publisher) publish(dataset string, closed calendar.Interval, first int64, measures ...measure) *Found {
	p.Helper()
	r, found := p.find(dataset, closed, first, measures...)
	p.last[dataset]++
	p.kept[Edition{dataset, r.Version}] = r
	in := disclosure.VersionInput{Version: r.Version, Entities: r.Entities, Closed: closed, News: disclosure.ReadNews(found.News)}
	settled, err := p.family.Rule.Settle(dataset, in, cells{p, dataset})
	if err != nil {
		p.Fatalf("version %d of %s: %v", r.Version, dataset, err)
	}
	if err := p.family.Rule.Add(dataset, settled); err != nil {
		p.Fatal(err)
	}
	p.family.Settled = append(p.family.Settled, Edition{dataset, r.Version})
	return found
}

// cells are what is public of a dataset's cells, by plain loops over the records.
type cells struct {
	*publisher
	dataset string
}

func (c cells) span(period int64) calendar.Interval {
	d := c.family.dataset(c.dataset)
	return d.PolicyGrain.Span(period, d.Grain)
}

func (c cells) Cells(version int, name string, period int64) (present, counts disclosure.Bits) {
	r := c.kept[Edition{c.dataset, version}]
	for e := range r.Entities {
		has, of := 0, 0
		for at := c.span(period).From; at < c.span(period).To; at++ {
			if at < r.First || at >= r.First+int64(r.Periods) {
				continue
			}
			of++
			if r.Column(name).Present.Test(uint(int(at-r.First)*r.Entities + e)) {
				has++
			}
		}
		if has > 0 {
			present = present.Set(e)
		}
		if has > 0 && 2*has >= of {
			counts = counts.Set(e)
		}
	}
	return present, counts
}

func (c cells) Unpaired(version int, a, b string, period int64) (disclosure.Bits, bool) {
	r := c.kept[Edition{c.dataset, version}]
	var out disclosure.Bits
	for e := range r.Entities {
		for at := c.span(period).From; at < c.span(period).To; at++ {
			i := uint(int(at-r.First)*r.Entities + e)
			if r.Column(a).Present.Test(i) != r.Column(b).Present.Test(i) {
				out = out.Set(e)
			}
		}
	}
	return out, true
}

// table has rows of an entity each whose readings a function gives.
func table(entities, periods int, f func(e, p int) int64) [][]int64 {
	out := make([][]int64, entities)
	for e := range out {
		out[e] = make([]int64, periods)
		for p := range out[e] {
			out[e][p] = f(e, p)
		}
	}
	return out
}

// with is a table in which some cells have other readings.
func with(cells [][]int64, changes map[[2]int]int64) [][]int64 {
	return table(len(cells), len(cells[0]), func(e, p int) int64 {
		if v, changed := changes[[2]int{e, p}]; changed {
			return v
		}
		return cells[e][p]
	})
}

// who are the entities with news in a source, and by version the classes that equal it.
func who(f *Found, column int, period int64) (entities []int, equal map[int][]int32) {
	for _, n := range f.News {
		if n.Column != column || n.Period != period {
			continue
		}
		if len(n.Equal) > 0 {
			equal = map[int][]int32{}
		}
		for e := range 8 * len(n.News) {
			if n.News[e/8]>>(e%8)&1 == 1 {
				entities = append(entities, e)
			}
		}
		for _, q := range n.Equal {
			equal[q.Version] = q.Classes
		}
	}
	return entities, equal
}
