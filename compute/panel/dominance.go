package panel

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// Percent is a share in thousandths of a percent.
type Percent int64

// DefaultPercent is the p of the p % rule unless another is named.
const DefaultPercent Percent = 10_000

// ParsePercent reads a number from 0 to 100 with at most three decimals.
func ParsePercent(text string) (Percent, error) {
	v, fault := decimal.ParseUnits(text, 3)
	if fault != 0 || v < 0 || v > 100_000 {
		return 0, fmt.Errorf("%.40q is no percentage: want a number from 0 to 100 with at most three decimals", text)
	}
	return Percent(v), nil
}

func (p Percent) String() string {
	return decimal.Format(int64(p), 3)
}

// Dominance is what the p % rule says of the cells that the policy always answers
// (its cubes, and their classes: what all cubes together tell apart).
//
// A cell is a group of entities in a period of the policy's grain for one measure.
// With the contributions x1 ≥ x2 ≥ …, it fails when x3 + x4 + … < p/100 · x1: then
// the entity of x2 can work out x1 from the total and its own reading to within p %.
// An entity contributes the absolute value of the sum of its readings in the period,
// as is usual for measures that may be negative; from readings that cannot be below
// a positive bound, which the declared range tells everybody, that bound is taken
// off first. Cells in which fewer than min_cohort entities count are never released
// and not looked at. A cell of nothing but zeros passes.
//
// Contributions are not negative, so a union of cells that pass passes as well. Not
// covered are groups that a query forms of other columns, classes that are left
// together because a part of them is too small, and several entities of one owner.
type Dominance struct {
	Percent Percent     `json:"-"`
	Checked int         `json:"checked"` // cells
	Failed  int         `json:"failed"`
	List    []Dominated `json:"list"` // the first of them
	Remedy  []Remedy    `json:"remedies"`
}

// Dominated is a cell that fails.
type Dominated struct {
	Cube     []string `json:"cube"`  // columns
	Group    []string `json:"group"` // their values
	Measure  string   `json:"measure"`
	Period   string   `json:"period"`
	Entities int      `json:"entities"` // that have readings there
}

// Remedy says what would mend all cells of one group: Merge is another group of the
// cube which together with it passes in every period and measure. It differs in one
// column, the last one if any does, and is the one with the fewest entities; none
// where only a coarser cube, or none, helps.
type Remedy struct {
	Cube   []string `json:"cube"`
	Group  []string `json:"group"`
	Failed int      `json:"failed"` // cells
	Merge  []string `json:"merge,omitempty"`
}

// maxDominated and maxRemedies bound what a report lists.
const (
	maxDominated = 20
	maxRemedies  = 20
)

// Attributes are the public columns of a panel's entities.
type Attributes struct {
	Columns []string
	Rows    [][]string // of each entity, in the panel's order: its id, then the columns
}

// tally is a cell: the sum of all contributions and the two largest.
type tally struct {
	total, first, second int64
	entities, counting   int32
}

func (t *tally) add(x int64) {
	t.total = addCapped(t.total, x)
	t.entities++
	t.insert(x)
}

func (t *tally) insert(x int64) {
	switch {
	case x > t.first:
		t.first, t.second = x, t.first
	case x > t.second:
		t.second = x
	}
}

func (t tally) with(u tally) tally {
	t.total = addCapped(t.total, u.total)
	t.entities += u.entities
	t.counting += u.counting
	t.insert(u.first)
	t.insert(u.second)
	return t
}

// passes is the rule, exactly.
func (t tally) passes(p Percent) bool {
	rest := uint64(max(t.total-t.first-t.second, 0)) //nolint:gosec // not negative; sums at the cap fail
	leftHigh, left := bits.Mul64(rest, 100_000)
	rightHigh, right := bits.Mul64(uint64(t.first), uint64(p)) //nolint:gosec // not negative
	return leftHigh > rightHigh || leftHigh == rightHigh && left >= right
}

// addCapped adds two numbers within a cap. No sum that comes near it is released: it
// would not fit a tile's numbers.
func addCapped(a, b int64) int64 {
	const most = math.MaxInt64 / 4
	return max(min(a+max(min(b, most), -most), most), -most)
}

// Dominance holds the cells of all periods of the policy's grain that begin at the
// panel's period from or later against the p % rule.
func (p *Panel) Dominance(d catalog.Descriptor, attributes Attributes, percent Percent, from int) (*Dominance, error) {
	out := &Dominance{Percent: percent, List: []Dominated{}, Remedy: []Remedy{}}
	if d.Policy.Public || percent == 0 {
		return out, nil
	}
	if len(attributes.Rows) < len(p.Entities) {
		return nil, fmt.Errorf("check dominance: attributes of %d of %d entities", len(attributes.Rows), len(p.Entities))
	}
	counts, err := p.Counts(d)
	if err != nil {
		return nil, fmt.Errorf("check dominance: %w", err)
	}
	c := &dominanceCheck{panel: p, descriptor: d, out: out, counting: counts.Bitmaps, first: counts.First}
	for period := range len(counts.Bitmaps[0]) {
		if d.Policy.Grain.Span(c.first+int64(period), d.Grain).From < p.First+int64(from) {
			c.skip = period + 1
		}
	}
	for _, cube := range cubesToCheck(d) {
		groups, err := groupsOf(cube, attributes, len(p.Entities))
		if err != nil {
			return nil, err
		}
		if err := c.cube(groups); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// cubesToCheck are the policy's cubes and, last, the columns of all of them together.
func cubesToCheck(d catalog.Descriptor) [][]string {
	cubes := slices.Clone(d.Policy.Cubes)
	var all []string
	for _, cube := range d.Policy.Cubes {
		for _, column := range cube {
			if !slices.Contains(all, column) {
				all = append(all, column)
			}
		}
	}
	if !slices.ContainsFunc(cubes, func(c []string) bool { return len(c) == len(all) }) {
		cubes = append(cubes, all)
	}
	return cubes
}

// groups are the entities of a cube.
type groups struct {
	columns []string
	values  [][]string // of each group, ascending
	of      []int      // entity → group
	size    []int
}

func groupsOf(columns []string, a Attributes, entities int) (groups, error) {
	g := groups{columns: columns, of: make([]int, entities)}
	at := make([]int, len(columns))
	for i, name := range columns {
		if at[i] = slices.Index(a.Columns, name) + 1; at[i] == 0 {
			return g, fmt.Errorf("check dominance: the entities have no column %q", name)
		}
	}
	index := map[string][]int{}
	rows := make([][]string, entities) // the values of each entity
	for e := range entities {
		rows[e] = make([]string, 0, len(at))
		for _, column := range at {
			if column >= len(a.Rows[e]) {
				return g, errors.New("check dominance: a row of the registry is too short")
			}
			rows[e] = append(rows[e], a.Rows[e][column])
		}
		key := strings.Join(rows[e], "\x00")
		index[key] = append(index[key], e)
	}
	for n, key := range slices.Sorted(maps.Keys(index)) {
		g.values = append(g.values, rows[index[key][0]])
		g.size = append(g.size, len(index[key]))
		for _, e := range index[key] {
			g.of[e] = n
		}
	}
	return g, nil
}

// dominanceCheck is one check under way.
type dominanceCheck struct {
	panel      *Panel
	descriptor catalog.Descriptor
	out        *Dominance
	counting   [][][]byte // [measure][period]
	first      int64      // period of the policy's grain
	skip       int        // periods before it are not looked at
}

// cube checks the cells of one cube.
func (c *dominanceCheck) cube(g groups) error {
	cells := make([][]tally, len(c.panel.Columns)) // [measure][period·groups + group]
	failed := make([]int, len(g.values))
	for m := range cells {
		var err error
		if cells[m], err = c.tallies(m, g); err != nil {
			return err
		}
		for i, cell := range cells[m] {
			if int(cell.counting) < c.descriptor.Policy.MinCohort {
				continue
			}
			c.out.Checked++
			if cell.passes(c.out.Percent) {
				continue
			}
			c.out.Failed++
			failed[i%len(g.values)]++
			if len(c.out.List) < maxDominated {
				c.out.List = append(c.out.List, Dominated{
					Cube: g.columns, Group: g.values[i%len(g.values)], Measure: c.descriptor.Measures[m].Name,
					Period:   c.descriptor.Policy.Grain.Format(c.first + int64(c.skip+i/len(g.values))),
					Entities: int(cell.entities),
				})
			}
		}
	}
	for group, n := range failed {
		if n > 0 && len(c.out.Remedy) < maxRemedies {
			c.out.Remedy = append(c.out.Remedy, Remedy{Cube: g.columns, Group: g.values[group], Failed: n, Merge: c.neighbour(g, cells, group)})
		}
	}
	return nil
}

// tallies are the cells of a measure, from the first period that is looked at.
func (c *dominanceCheck) tallies(m int, g groups) ([]tally, error) {
	p, entities := c.panel, len(c.panel.Entities)
	column := &p.Columns[m]
	// Encoded readings are centred; shift makes them the readings themselves, less a
	// positive lower bound.
	shift := column.Measure.Mid() - max(column.Measure.Min, 0)
	periods := len(c.counting[m]) - c.skip
	cells := make([]tally, max(periods, 0)*len(g.values))
	sums, some, row := make([]int64, entities), make([]bool, entities), make([]int64, entities)
	for period := range max(periods, 0) {
		span := c.descriptor.Policy.Grain.Span(c.first+int64(c.skip+period), c.descriptor.Grain)
		from, to := max(span.From-p.First, 0), min(span.To-p.First, int64(p.Periods))
		bitmap := c.counting[m][c.skip+period]
		clear(sums)
		clear(some)
		for at := int(from); at < int(to); at++ {
			if err := column.Values.Read(at*entities, row); err != nil {
				return nil, fmt.Errorf("check dominance: %w", err)
			}
			for e, v := range row {
				if column.Present.Test(uint(at*entities + e)) { //nolint:gosec // not negative
					sums[e], some[e] = addCapped(sums[e], v+shift), true
				}
			}
		}
		for e := range entities {
			cell := &cells[period*len(g.values)+g.of[e]]
			if some[e] {
				cell.add(max(sums[e], -sums[e]))
			}
			if bitmap[e/8]>>(e%8)&1 == 1 {
				cell.counting++
			}
		}
	}
	return cells, nil
}

// neighbour is the group that a group is best merged with so that all their cells
// pass (Remedy); nil when there is none.
func (c *dominanceCheck) neighbour(g groups, cells [][]tally, group int) []string {
	differs := make([]int, len(g.values)) // the one column; −1: none or several
	order := make([]int, 0, len(g.values))
	for other, values := range g.values {
		differs[other] = -1
		for column, v := range values {
			if v == g.values[group][column] {
				continue
			}
			if differs[other] >= 0 {
				differs[other] = -1
				break
			}
			differs[other] = column
		}
		if differs[other] >= 0 {
			order = append(order, other)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(differs[b], differs[a]), cmp.Compare(g.size[a], g.size[b]))
	})
	for _, other := range order {
		if c.together(len(g.values), cells, group, other) {
			return g.values[other]
		}
	}
	return nil
}

func (c *dominanceCheck) together(groups int, cells [][]tally, a, b int) bool {
	for _, list := range cells {
		for period := 0; period < len(list); period += groups {
			both := list[period+a].with(list[period+b])
			if int(both.counting) >= c.descriptor.Policy.MinCohort && !both.passes(c.out.Percent) {
				return false
			}
		}
	}
	return true
}
