package disclosure

import "slices"

// Family is all protected datasets of one publisher on one registry, with what
// their versions settled. Everything in it only grows: withdrawn versions and
// datasets stay.
type Family struct {
	k         int
	tree      *Tree
	members   []*member // in the order of their creation
	relations *relations
	rule      *conditions
}

// member is a dataset of the family.
type member struct {
	dataset  Dataset   // as it is declared now
	declared []Dataset // all that it ever was, the last is dataset
	versions []*Settled
	derived  [][]derived // of each version's sources
}

// NewFamily is a family without a dataset on a tree of classes. k is the tree's.
func NewFamily(tree *Tree) *Family {
	return &Family{k: tree.k, tree: tree, relations: &relations{index: map[columnRef]int{}}, rule: &theRule}
}

// Clone is a family that grows apart from this one: what a version would make of
// it can be tried.
func (f *Family) Clone() *Family {
	out := *f
	out.members = make([]*member, len(f.members))
	for i, m := range f.members {
		c := *m
		c.declared, c.versions, c.derived = slices.Clip(m.declared), slices.Clip(m.versions), slices.Clip(m.derived)
		out.members[i] = &c
	}
	return &out
}

// Tree is the family's tree.
func (f *Family) Tree() *Tree { return f.tree }

// Grow puts an extended tree in the place of the family's.
func (f *Family) Grow(tree *Tree) { f.tree = tree }

func (f *Family) member(dataset string) *member {
	for _, m := range f.members {
		if m.dataset.ID == dataset {
			return m
		}
	}
	return nil
}

// Admit adds a dataset, or changes one of that name, and refuses with a
// *Conflict what RELEASE.md sections 3 and 4 refuse; the family is then as before.
// Columns that a change takes away stay in their components.
func (f *Family) Admit(d Dataset) error {
	if c := f.constants(d); c != nil {
		return c
	}
	var declared []Dataset
	for _, m := range f.members {
		declared = append(declared, m.declared...)
	}
	after, err := relate(append(declared, d))
	if err != nil {
		return err
	}
	if c := f.compare(after, d.ID); c != nil {
		return c
	}
	f.relations = after
	if m := f.member(d.ID); m != nil {
		m.dataset, m.declared = d, append(m.declared, d)
		return nil
	}
	f.members = append(f.members, &member{dataset: d, declared: []Dataset{d}})
	return nil
}

// constants are what never changes in a family and in a dataset.
func (f *Family) constants(d Dataset) *Conflict {
	if d.MinCohort != f.k {
		return &Conflict{Code: ConflictCohort, Dataset: d.ID, Have: f.k, Want: d.MinCohort}
	}
	if len(f.members) > 0 {
		switch first := f.members[0].dataset; {
		case !slices.EqualFunc(first.Cubes, d.Cubes, slices.Equal):
			return &Conflict{Code: ConflictCubes, Dataset: d.ID, Other: first.ID}
		case first.Portfolios != d.Portfolios:
			return &Conflict{Code: ConflictPortfolios, Dataset: d.ID, Other: first.ID, Have: first.Portfolios, Want: d.Portfolios}
		}
	}
	if m := f.member(d.ID); m != nil && (m.dataset.Grain != d.Grain || m.dataset.PolicyGrain != d.PolicyGrain) {
		return &Conflict{Code: ConflictGrain, Dataset: d.ID}
	}
	return nil
}

// compare refuses relations in which a component with moments has grown, or two
// with settled sources have become one.
func (f *Family) compare(after *relations, dataset string) *Conflict {
	settledIn := make([]int, len(after.refs)) // root → root before, plus one, of a component with settled sources
	for i, ref := range f.relations.refs {
		now := after.index[ref]
		before, moments := f.relations.component(i)
		size, _ := after.component(now)
		if moments && size != before {
			return &Conflict{Code: ConflictMoments, Dataset: dataset, Other: ref.dataset, OtherColumn: ref.column, Have: before, Want: size}
		}
		if !f.hasSettled(ref) {
			continue
		}
		held := &settledIn[root(after.connected, now)]
		old := root(f.relations.connected, i) + 1
		if *held != 0 && *held != old {
			return &Conflict{
				Code: ConflictConnects, Dataset: f.relations.refs[*held-1].dataset, Column: f.relations.refs[*held-1].column,
				Other: ref.dataset, OtherColumn: ref.column,
			}
		}
		*held = old
	}
	return nil
}

// hasSettled reports whether any version settled a source of the column.
func (f *Family) hasSettled(ref columnRef) bool {
	m := f.member(ref.dataset)
	return m != nil && ref.joined == "" && slices.ContainsFunc(m.versions, func(s *Settled) bool {
		return s.Closed.From < s.Closed.To && slices.Contains(s.Columns, ref.column)
	})
}

// Moments is p of a column's connected component over moments, joins and related
// in the whole family: how many exact columns it has (RELEASE.md section 4.1). It is
// 0 for a column that the family does not have.
func (f *Family) Moments(dataset string, c Column) int {
	i, known := f.relations.index[columnRef{dataset: dataset, column: c}]
	if !known {
		return 0
	}
	size, _ := f.relations.component(i)
	return size
}

// Cohort is how much news a unit of the column needs: k for a measure, p·k for
// squares and products.
func (f *Family) Cohort(dataset string, c Column) int {
	if c.Plain() {
		return f.k
	}
	return f.rule.momentCohort(f.k, f.Moments(dataset, c))
}

// Related reports whether two columns are related, so that their sources are
// compared where periods overlap (RELEASE.md section 3.1): plain measures of one name
// or of one group of related, squares and products of related factors, and
// squares and products with their factors. That is not carried on through
// products: two measures that have a product are not related by it.
func (f *Family) Related(dataset string, a Column, other string, b Column) bool {
	return f.rule.related(f.relations, columnRef{dataset: dataset, column: a}, columnRef{dataset: other, column: b})
}

// Versions are what a dataset's versions settled, ascending. The caller does not
// change them.
func (f *Family) Versions(dataset string) []*Settled {
	if m := f.member(dataset); m != nil {
		return m.versions
	}
	return nil
}

// Add puts what a version settled into the family. A dataset's versions come
// ascending, else it is a *Conflict.
func (f *Family) Add(dataset string, s *Settled) error {
	m := f.member(dataset)
	if m == nil {
		return &Conflict{Code: ConflictUnknown, Dataset: dataset}
	}
	if n := len(m.versions); n > 0 && m.versions[n-1].Version >= s.Version {
		return &Conflict{Code: ConflictVersion, Dataset: dataset, Have: m.versions[n-1].Version, Want: s.Version}
	}
	m.derived = append(m.derived, m.derive(f.tree, s))
	m.versions = append(m.versions, s)
	return nil
}

// version is what a version of the member settled, nil when it settled nothing.
func (m *member) version(version int) *Settled {
	i, found := slices.BinarySearchFunc(m.versions, version, func(s *Settled, v int) int { return s.Version - v })
	if !found {
		return nil
	}
	return m.versions[i]
}
