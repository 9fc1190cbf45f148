package disclosure

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// runLength is how many sources at most are tested at once: those of one column,
// in order of their periods. Longer runs cost less and have fewer entities with
// news in all of their sources.
const runLength = 12

// PortfolioQuery is what an exact query with a private partition asks of a
// dataset.
type PortfolioQuery struct {
	Columns []Column
	Periods []int64 // of the policy's grain, ascending
	Groups  []int32 // class → group, −1 none: Tree.BirthGroups of the commitment's attributes
	AsOf    int
	Live    func(version int) bool // versions that are not withdrawn; nil: all
}

// WithdrawnError says that there is no figure as of a version, because what is
// chosen then has units of a version that was withdrawn.
type WithdrawnError struct {
	AsOf, Version int
}

func (e *WithdrawnError) Error() string {
	return fmt.Sprintf("figures as of version %d need version %d, which was withdrawn", e.AsOf, e.Version)
}

// PortfolioVersions returns, for a column and period of a query, what is chosen
// as of its version: class → version whose cells are summed, 0 none; classes
// that came to be after the version are in no figure. It returns a
// *WithdrawnError when a version that is used is withdrawn.
func (f *Family) PortfolioVersions(dataset string, q PortfolioQuery, c Column, period int64) ([]int32, error) {
	m, groups, err := f.portfolioGroups(dataset, q)
	if err != nil {
		return nil, err
	}
	steps := f.chain(m, q, groups, c, period)
	if len(steps) == 0 {
		return make([]int32, f.tree.Classes()), nil
	}
	return steps[len(steps)-1].taken.version, checkLive(q, steps)
}

// portfolioGroups are the query's groups without classes born after its version.
func (f *Family) portfolioGroups(dataset string, q PortfolioQuery) (*member, []int32, error) {
	m := f.member(dataset)
	if m == nil {
		return nil, nil, &Conflict{Code: ConflictUnknown, Dataset: dataset}
	}
	s := m.version(q.AsOf)
	if s == nil {
		return nil, nil, &Conflict{Code: ConflictVersion, Dataset: dataset, Want: q.AsOf}
	}
	return m, f.padded(q.Groups[:min(len(q.Groups), s.Classes)]), nil
}

func checkLive(q PortfolioQuery, steps []step) error {
	if q.Live == nil || len(steps) == 0 {
		return nil
	}
	for _, v := range steps[len(steps)-1].taken.version {
		if v != 0 && !q.Live(int(v)) {
			return &WithdrawnError{AsOf: q.AsOf, Version: int(v)}
		}
	}
	return nil
}

// step is what is chosen of one column and period as of one version.
type step struct {
	version int
	taken   takings
}

// chain is what is chosen as of each version that has the source, up to the
// query's. Withdrawn versions are versions here as any other.
func (f *Family) chain(m *member, q PortfolioQuery, groups []int32, c Column, period int64) []step {
	var out []step
	for _, s := range m.versions {
		if s.Version > q.AsOf || s.Source(c, period) == nil {
			continue
		}
		taken := f.noTakings()
		f.choose(m, c, period, s.Version, groups, nil, taken)
		out = append(out, step{s.Version, taken})
	}
	return out
}

// Test makes the test of a query. It returns a *WithdrawnError when a version
// that a figure uses is withdrawn. Whoever runs it asks Fits first.
//
// Sources of one column are tested together where the same versions changed a
// unit in the group, at most twelve at a time in the order of their periods: on
// the units that are the same in all of them, with those who have news in all.
func (f *Family) Test(dataset string, q PortfolioQuery, cells Cells) (*Test, error) {
	m, groups, err := f.portfolioGroups(dataset, q)
	if err != nil {
		return nil, err
	}
	b := &testBuilder{f: f, m: m, cells: cells, test: &Test{rule: f.rule}}
	count := int32(0)
	for _, g := range groups {
		count = max(count, g+1)
	}
	b.classes = make([][]int32, count)
	for c, g := range groups {
		if g >= 0 {
			b.classes[g] = append(b.classes[g], int32(c))
		}
	}
	for _, c := range q.Columns {
		var sources []chained
		for _, p := range q.Periods {
			steps := f.chain(m, q, groups, c, p)
			if err := checkLive(q, steps); err != nil {
				return nil, err
			}
			sources = append(sources, chained{c, p, steps})
		}
		for g := range b.classes {
			b.group(g, sources)
		}
	}
	return b.test, nil
}

// chained is a source asked for, with what each version chose of it.
type chained struct {
	column Column
	period int64
	steps  []step
}

// testBuilder puts a test together.
type testBuilder struct {
	f       *Family
	m       *member
	cells   Cells
	classes [][]int32 // group → classes
	test    *Test

	news        Bits // newsOf's last answer, and of what
	newsVersion int
	newsRun     []chained
}

// group adds the figures of one column in one group.
func (b *testBuilder) group(g int, sources []chained) {
	type run struct {
		changed []int // versions
		sources []chained
	}
	var runs []run
	for _, s := range sources {
		changed := b.changes(s, g)
		if len(changed) == 0 {
			continue // nothing was ever chosen: there is no figure
		}
		at := slices.IndexFunc(runs, func(r run) bool {
			return len(r.sources) < runLength && slices.Equal(r.changed, changed)
		})
		if at < 0 {
			at = len(runs)
			runs = append(runs, run{changed: changed})
		}
		runs[at].sources = append(runs[at].sources, s)
	}
	for _, r := range runs {
		b.figure(g, r.changed, r.sources)
	}
}

// changes are the versions that changed what is chosen in a group.
func (b *testBuilder) changes(s chained, g int) []int {
	var out []int
	var before []int32
	for _, step := range s.steps {
		changed := slices.ContainsFunc(b.classes[g], func(c int32) bool {
			return step.taken.version[c] != 0 && before == nil || before != nil && step.taken.version[c] != before[c]
		})
		if changed {
			out = append(out, step.version)
		}
		before = step.taken.version
	}
	return out
}

// figure adds the test of a run of sources in a group.
func (b *testBuilder) figure(g int, changed []int, sources []chained) {
	c := sources[0].column
	f := TestFigure{K: b.f.Cohort(b.m.dataset.ID, c), Group: g, Run: Run{Column: c}}
	for _, s := range sources {
		f.Run.Periods = append(f.Run.Periods, s.period)
	}
	for _, version := range changed {
		f.Steps = append(f.Steps, TestStep{Units: b.units(g, version, sources, f.K), Move: len(b.test.Moves)})
		b.test.Moves = append(b.test.Moves, TestMove{b.moved(g, version, sources)})
	}
	b.test.Figures = append(b.test.Figures, f)
}

// takenUnit is a unit that a step counts, and the version whose it is.
type takenUnit struct {
	classes []int32
	version int
}

// units adds the units of a version itself inside a group that all sources of a
// run have, with the entities that have news in all of them.
func (b *testBuilder) units(g, version int, sources []chained, k int) []int {
	var common []takenUnit
	for i, s := range sources {
		own := b.ownUnits(g, s, s.steps[s.at(version)])
		if i == 0 {
			common = own
			continue
		}
		common = slices.DeleteFunc(common, func(u takenUnit) bool {
			at, found := slices.BinarySearchFunc(own, u.classes[0], func(v takenUnit, c int32) int { return int(v.classes[0] - c) })
			return !found || own[at].version != u.version || !slices.Equal(own[at].classes, u.classes)
		})
	}
	var out []int
	for _, unit := range common {
		news := b.newsOf(unit.version, sources)
		var members []int32
		for _, c := range unit.classes {
			members = append(members, news.pick(b.f.tree.Members(c))...)
		}
		slices.Sort(members)
		both := len(common) < 8*k && len(members) >= 2*k
		out = append(out, len(b.test.Units))
		b.test.Units = append(b.test.Units, TestUnit{Members: members, Both: both})
	}
	return out
}

// newsOf are the entities that have news in a version in all sources of a run.
func (b *testBuilder) newsOf(version int, sources []chained) Bits {
	if b.newsVersion != version || !slices.EqualFunc(b.newsRun, sources, func(x, y chained) bool { return x.column == y.column && x.period == y.period }) {
		b.newsVersion, b.newsRun = version, sources
		for i, s := range sources {
			news := b.m.version(version).newsOf(s.column, s.period)
			if i == 0 {
				b.news = news
			} else {
				b.news = b.news.And(news)
			}
		}
	}
	return b.news
}

// at is the index of the step of a version that changed something.
func (s chained) at(version int) int {
	return slices.IndexFunc(s.steps, func(x step) bool { return x.version == version })
}

// ownUnits are the units of a step's version that lie in a group, by their first
// class.
func (b *testBuilder) ownUnits(g int, s chained, at step) []takenUnit {
	var out []takenUnit
	for _, c := range b.classes[g] {
		v := int(at.taken.version[c])
		if v == 0 || !b.f.rule.ownUnits(at.version, v, int(at.taken.given[c])) {
			continue
		}
		if unit := b.m.version(v).Source(s.column, s.period).unit(b.f.tree, c); unit[0] == c {
			out = append(out, takenUnit{unit, v})
		}
	}
	return out
}

// moved are the entities of a group with a cell, in any source of a run, in
// units by which a version's choice differs from that of the version before.
func (b *testBuilder) moved(g, version int, sources []chained) []int32 {
	var out Bits
	for _, s := range sources {
		at := s.at(version)
		present := map[int32]Bits{} // version → who has a cell; looked up only
		has := func(v int32) Bits {
			if _, known := present[v]; !known {
				present[v], _ = CellsOf(b.cells, int(v), s.column, s.period)
			}
			return present[v]
		}
		for _, c := range b.classes[g] {
			now, before := s.steps[at].taken.version[c], int32(0)
			if at > 0 {
				before = s.steps[at-1].taken.version[c]
			}
			if now == before {
				continue
			}
			for _, v := range []int32{now, before} {
				if v == 0 {
					continue
				}
				for _, e := range has(v).pick(b.f.tree.Members(c)) {
					out = out.Set(int(e))
				}
			}
		}
	}
	members := []int32{}
	out.each(func(e int) { members = append(members, int32(e)) })
	return members
}

// NewestPassing is the newest version, up to one, as of which the test passes on a
// partition, see Test.Passes. at is what is asked as of a version, since an older one has
// fewer complete periods. Versions that were withdrawn are passed over, and those as of
// which there is no figure, or none whose test is small enough.
func (f *Family) NewestPassing(dataset string, upTo int, at func(asOf int) PortfolioQuery, cells Cells, pieces int, pieceOf []int8) (asOf int, found bool, err error) {
	for _, s := range slices.Backward(f.Versions(dataset)) {
		if s.Version > upTo {
			continue
		}
		q := at(s.Version)
		if q.Live != nil && !q.Live(s.Version) {
			continue
		}
		t, err := f.Test(dataset, q, cells)
		if _, withdrawn := errors.AsType[*WithdrawnError](err); withdrawn {
			continue
		}
		if err != nil {
			return 0, false, err
		}
		if len(t.Figures) > 0 && t.Fits(pieces) == nil && len(t.Passes(pieces, pieceOf)) == 0 {
			return s.Version, true, nil
		}
	}
	return 0, false, nil
}

// SourcesDigest is the SHA-256 of what a query's figures stand on: the settled
// sources, up to its version, of its columns and periods, and which versions
// these are.
func (f *Family) SourcesDigest(dataset string, q PortfolioQuery) [32]byte {
	b := appendText([]byte("weir sources 1\x00"), dataset)
	b = appendUint(b, q.AsOf)
	for _, s := range f.Versions(dataset) {
		if s.Version > q.AsOf {
			break
		}
		b = appendUint(b, s.Version)
		for _, c := range q.Columns {
			for _, p := range q.Periods {
				if source := s.Source(c, p); source != nil {
					b = appendText(appendText(b, c.Measure), c.With)
					b = binary.AppendVarint(b, p)
					b = appendPartition(b, source.partition)
					b = appendSet(b, source.news, s.Entities)
				}
			}
		}
	}
	return sha256.Sum256(b)
}
