package catalog

import (
	"fmt"
	"slices"
)

// kinship is a family's state as a query finds it.
type kinship struct {
	owner    string
	registry Registry
	family   family
	classes  *classes
	burdens  *burdens
	source   int // of the version that is asked
}

// kinshipOf reads the family of a dataset, without classes and without what was
// released of them.
func kinshipOf(r Reader, d Dataset) (*kinship, error) {
	reg, err := find[Registry](r, prefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return nil, err
	}
	f, err := find[family](r, familyKey(d.Owner, reg.ID))
	if err != nil {
		return nil, err
	}
	return &kinship{owner: d.Owner, registry: reg, family: f}, nil
}

// kin reads the family of a dataset. Its newest live version must be live.
func (m *Machine) kin(r Reader, d Dataset, v Version, reg Registry) (*kinship, error) {
	f, err := find[family](r, familyKey(d.Owner, reg.ID))
	if err != nil {
		return nil, err
	}
	k := &kinship{owner: d.Owner, registry: reg, family: f}
	k.source = slices.IndexFunc(f.Sources, func(s source) bool { return s.Dataset == d.ID && s.Version == v.Version })
	if k.source < 0 {
		return nil, fmt.Errorf("family of dataset %s: version %d is not among its sources", d.ID, v.Version)
	}
	if k.classes, err = m.classesOf(r, d.Owner, reg, &f); err != nil {
		return nil, err
	}
	k.burdens, err = m.burdensOf(r, d.Owner, reg.ID, &f)
	return k, err
}

// sourcesName names what a family's coverage is derived from.
func (f *family) sourcesName() string {
	list := slices.Clone(f.Sources)
	for i := range list {
		list[i].Released = false
	}
	return Sum(encode([]any{f.Datasets, list})).String()
}

func (f *family) classesName(rows int) string {
	return fmt.Sprintf("%s/%s/%d/%d", f.sourcesName(), f.Partition, f.MinCohort, rows)
}

func (m *Machine) classesOf(r Reader, owner string, reg Registry, f *family) (*classes, error) {
	return recallOr(&m.memo, &m.memo.classes, memoFamily, f.classesName(reg.Rows), func() (*classes, error) {
		p, err := m.partitionOf(r, owner, reg.ID, f)
		if err != nil {
			return nil, err
		}
		c, err := m.coverageOf(r, f)
		if err != nil {
			return nil, err
		}
		k := newClasses(p, c, f.MinCohort, reg.Rows)
		k.loose = m.loose
		return k, nil
	})
}

func (m *Machine) partitionOf(r Reader, owner, registry string, f *family) (*partition, error) {
	return recallOr(&m.memo, &m.memo.partitions, memoFamily, f.Partition.String(), func() (*partition, error) {
		record, err := find[partitionRecord](r, partitionKey(owner, registry))
		if err != nil {
			return nil, err
		}
		return decodePartition(record)
	})
}

func (m *Machine) burdensOf(r Reader, owner, registry string, f *family) (*burdens, error) {
	if f.Released.IsZero() {
		return &burdens{}, nil
	}
	return recallOr(&m.memo, &m.memo.burdens, memoFamily, f.Released.String(), func() (*burdens, error) {
		record, err := find[burdensRecord](r, burdensKey(owner, registry))
		if err != nil {
			return nil, err
		}
		return decodeBurdens(record)
	})
}

// coverageOf lays out what the sources' bitmaps and sets say.
func (m *Machine) coverageOf(r Reader, f *family) (*coverage, error) {
	return recallOr(&m.memo, &m.memo.coverages, memoFamily, f.sourcesName(), func() (*coverage, error) {
		return m.buildCoverage(r, f)
	})
}

func (m *Machine) buildCoverage(r Reader, f *family) (*coverage, error) {
	c := &coverage{sources: f.Sources}
	for _, s := range f.Sources {
		c.entities = max(c.entities, s.Entities)
	}
	store := newColumnStore(c.entities)
	for _, s := range f.Sources {
		d := f.dataset(s.Dataset)
		byMeasure := make([][]int32, len(d.Measures))
		for i, measure := range d.Measures {
			held, err := m.counts(r, Version{
				VersionPropose: VersionPropose{Dataset: s.Dataset, Entities: s.Entities, Counts: s.Counts}, Version: s.Version,
			}, measure, s.Periods)
			if err != nil {
				return nil, err
			}
			for p := range held.counting {
				byMeasure[i] = append(byMeasure[i], store.add(held.counting[p], held.present[p]))
			}
		}
		c.columns = append(c.columns, byMeasure)
	}
	c.count, c.present, c.words = store.rows()
	if err := m.addTests(r, f, c); err != nil {
		return nil, err
	}
	return c, nil
}

// adopt stores the classes that an accepted query or a cube left.
func (c *call) adopt(k *kinship, after *classes) error {
	raw := after.encode()
	k.family.Partition = Sum(raw)
	if err := putName(c.tx, partitionKey(k.owner, k.registry.ID), string(raw)); err != nil {
		return err
	}
	c.machine.memo.keep(func(m *memo) {
		m.partitions.add(k.family.Partition.String(), after.partition, memoFamily)
		m.classes.add(k.family.classesName(k.registry.Rows), after, memoFamily)
	})
	return nil
}

// bear stores what was released.
func (c *call) bear(k *kinship, b *burdens) error {
	raw := b.encode()
	k.family.Released = Sum(raw)
	if err := putName(c.tx, burdensKey(k.owner, k.registry.ID), string(raw)); err != nil {
		return err
	}
	c.machine.memo.keep(func(m *memo) { m.burdens.add(k.family.Released.String(), b, memoFamily) })
	return nil
}

func (c *call) putFamily(k *kinship) error {
	return put(c.tx, familyKey(k.owner, k.registry.ID), k.family)
}

// bears is the condition of point 5 on the parts of a class, or nil where it
// asks for nothing beyond point 3.
func (k *kinship) bears(of *classes, b *burdens) func(class int, s *survey) bool {
	if !b.heavy(nil) {
		return nil
	}
	return func(class int, s *survey) bool {
		for i, src := range k.family.Sources {
			d := k.family.dataset(src.Dataset)
			for p := range src.Periods {
				weight := b.weight(class, src.From+int64(p), d.Grain, nil, k.family.grain)
				if weight == 1 {
					continue
				}
				for m := range d.Measures {
					column := int(of.coverage.columns[i][m][p])
					if !hasBit(of.profiles[class].enough, column) || !hasBit(s.some, column) {
						continue
					}
					if s.count.count(column) < weight*of.least {
						return false
					}
					if !s.passesAll(of, class, of.coverage.testsAt(i, m, p), weight*of.least) || !s.passesAll(of, class, of.coverage.jointAt(i, m, p), weight*of.least) {
						return false
					}
				}
			}
		}
		return true
	}
}
