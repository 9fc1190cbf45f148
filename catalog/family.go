package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// family is what all protected datasets of one publisher on one registry share
// (DESIGN section 8).
type family struct {
	Dataset    string          `json:"dataset"` // that founded it
	MinCohort  int             `json:"min_cohort"`
	Cubes      [][]string      `json:"cubes"`
	Portfolios int             `json:"portfolios"`
	UTCOffset  string          `json:"utc_offset"` // one for all, so that their periods can be compared
	Datasets   []familyDataset `json:"datasets"`
	Sources    []source        `json:"sources,omitempty"`  // in the order in which they went live
	Partition  Digest          `json:"partition,omitzero"` // zero: no version is live yet
	Released   Digest          `json:"released,omitzero"`  // of the burdens; zero: nothing was released
	Cuts       int             `json:"cuts,omitempty"`     // queries that refined the partition
}

// familyDataset is what the class rule needs of a dataset.
type familyDataset struct {
	ID       string      `json:"id"`
	Grain    Grain       `json:"grain"` // of its policy
	Cells    Grain       `json:"cells"` // its own
	Measures []string    `json:"measures"`
	Units    []string    `json:"units"`
	Related  [][2]string `json:"related,omitempty"`
	Joint    [][2]string `json:"joint,omitempty"` // pairs of measures whose products are released exactly
}

// source is a version that is the newest live one of its dataset, or of which
// something was released exactly: what can be added and subtracted.
type source struct {
	Dataset  string `json:"dataset"`
	Version  int    `json:"version"`
	Entities int    `json:"entities"`
	From     int64  `json:"from"`    // first period of the policy's grain
	Periods  int    `json:"periods"` // of it
	Counts   Digest `json:"counts"`
	Sets     Digest `json:"sets,omitzero"`
	Released bool   `json:"released,omitempty"`
}

func familyKey(owner, registry string) string    { return prefixFamily + owner + "/" + registry }
func partitionKey(owner, registry string) string { return prefixPartition + owner + "/" + registry }
func burdensKey(owner, registry string) string   { return prefixBurdens + owner + "/" + registry }

func (f *family) dataset(id string) *familyDataset {
	i := slices.IndexFunc(f.Datasets, func(d familyDataset) bool { return d.ID == id })
	if i < 0 {
		return nil
	}
	return &f.Datasets[i]
}

func (f *family) grain(dataset string) Grain {
	if d := f.dataset(dataset); d != nil {
		return d.Grain
	}
	return GrainHour
}

func familyDatasetOf(d Descriptor) familyDataset {
	out := familyDataset{ID: d.Dataset, Grain: d.Policy.Grain, Cells: d.Grain, Related: d.Policy.Related, Joint: d.jointPairs()}
	for _, m := range d.Measures {
		out.Measures = append(out.Measures, m.Name)
		out.Units = append(out.Units, m.Unit)
	}
	return out
}

// joinFamily holds a protected dataset to its family's rules, or founds one.
func (c *call) joinFamily(d Descriptor) error {
	if d.Policy.Public {
		return nil
	}
	p := d.Policy
	key := familyKey(c.signer.ID, d.Registry)
	f, err := find[family](c.tx, key)
	if errors.Is(err, ErrNotFound) {
		return put(c.tx, key, family{
			Dataset: d.Dataset, MinCohort: p.MinCohort, Cubes: p.Cubes, Portfolios: p.Portfolios, UTCOffset: d.UTCOffset,
			Datasets: []familyDataset{familyDatasetOf(d)},
		})
	}
	if err != nil {
		return err
	}
	differ := func(field, have, want string) *Refusal {
		r := conflict("family", "%s is %s, but %s in dataset %s on the same registry; all protected datasets of a publisher on one registry share it",
			field, have, want, f.Dataset)
		r.Field = field
		return r
	}
	switch {
	case f.MinCohort != p.MinCohort:
		return differ("policy.min_cohort", fmt.Sprint(p.MinCohort), fmt.Sprint(f.MinCohort))
	case f.Portfolios != p.Portfolios:
		return differ("policy.portfolios", fmt.Sprint(p.Portfolios), fmt.Sprint(f.Portfolios))
	case !slices.EqualFunc(f.Cubes, p.Cubes, slices.Equal[[]string]):
		return differ("policy.cubes", fmt.Sprint(p.Cubes), fmt.Sprint(f.Cubes))
	case f.UTCOffset != d.UTCOffset:
		return differ("utc_offset", d.UTCOffset, f.UTCOffset)
	}
	f.Datasets = append(f.Datasets, familyDatasetOf(d))
	return put(c.tx, key, f)
}

// welcome makes a version that goes live a source of its family. The first one
// begins the partition, with the cubes cut in their order; each later one cuts
// the pool, which may have grown, by the cubes in the same order, so that they
// come before whatever is asked. An older version of the dataset that nothing was
// released of can no longer be, and is forgotten.
func (c *call) welcome(d Dataset, v Version) error {
	if d.Descriptor.Policy.Public {
		return nil
	}
	k, err := kinshipOf(c.tx, d)
	if err != nil {
		return err
	}
	all := policyPeriods(d.Descriptor, v.VersionPropose)
	k.family.Sources = append(slices.DeleteFunc(slices.Clone(k.family.Sources), func(s source) bool { return s.Dataset == d.ID && !s.Released }), source{
		Dataset: d.ID, Version: v.Version, Entities: v.Entities, From: all.From, Periods: int(all.To - all.From),
		Counts: v.Counts, Sets: v.Sets,
	})
	founded := k.family.Partition.IsZero()
	if founded {
		raw := newPartition(v.Entities).encode()
		k.family.Partition = Sum(raw)
		if err := putName(c.tx, partitionKey(k.owner, k.registry.ID), string(raw)); err != nil {
			return err
		}
	}
	if err := c.cutCubes(k, founded); err != nil {
		return err
	}
	return c.putFamily(k)
}

// cutCubes cuts all classes, or only the pool, by the family's cubes.
func (c *call) cutCubes(k *kinship, all bool) error {
	before, err := c.machine.classesOf(c.tx, k.owner, k.registry, &k.family)
	if err != nil {
		return err
	}
	t, err := c.machine.table(c.tx, k.registry)
	if err != nil {
		return err
	}
	b, err := c.machine.burdensOf(c.tx, k.owner, k.registry.ID, &k.family)
	if err != nil {
		return err
	}
	after := before
	for _, cube := range k.family.Cubes {
		groups := make([]int32, t.Rows())
		for _, column := range cube {
			refine(groups, t.codes(attrDimension(column)))
		}
		if !all {
			for e := range groups {
				if before.class(e) != poolClass {
					groups[e] = -1
				}
			}
		}
		next, parents := after.cut(groups, k.bears(after, b))
		if next != after {
			b = b.grown(next.classes(), parents)
		}
		after = next
	}
	if after == before {
		return nil
	}
	if err := c.adopt(k, after); err != nil {
		return err
	}
	if k.family.Released.IsZero() {
		return nil
	}
	return c.bear(k, b)
}

func attrDimension(column string) Dimension { return Dimension{Kind: DimAttribute, Column: column} }

// measureIndex is the position of a measure in its dataset's list.
func (d *familyDataset) measureIndex(name string) int { return slices.Index(d.Measures, name) }

// release stores what an accepted exact query does to its family: the cuts, that
// the version was released, and the columns of each class.
func (c *call) release(j judgement) error {
	if j.kin == nil {
		return nil
	}
	k, changed := *j.kin, false
	after := j.outcome.classes
	if after != k.classes {
		k.family.Cuts++
	}
	if len(j.outcome.freezes) > 0 {
		after = after.with(after.freeze(j.outcome.freezes, j.commitments[0]))
	}
	if after != k.classes {
		changed = true
		if err := c.adopt(&k, after); err != nil {
			return err
		}
	}
	if len(j.outcome.parents) > 0 && !k.family.Released.IsZero() || len(j.outcome.spans) > 0 {
		b := k.burdens.grown(j.outcome.classes.classes(), j.outcome.parents)
		for _, s := range j.outcome.spans {
			b.extend(s.class, s.column, s.span)
		}
		changed = true
		if err := c.bear(&k, b); err != nil {
			return err
		}
	}
	if !k.family.Sources[k.source].Released {
		k.family.Sources = slices.Clone(k.family.Sources)
		k.family.Sources[k.source].Released = true
		changed = true
	}
	if !changed {
		return nil
	}
	return c.putFamily(&k)
}
