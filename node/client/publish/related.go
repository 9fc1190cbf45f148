package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
)

// Unrelated is two measures that are not declared as related, although they tell of
// the same in most cells. Figures of both together tell more than either may.
type Unrelated struct {
	Measure string `json:"measure"`
	Other   string `json:"other"` // measure, or dataset.measure
	news.Proportional
}

// Words say it to a person.
func (u Unrelated) Words() string {
	how := "equal"
	if r := u.Ratio; r < 0.999 || r > 1.001 {
		how = fmt.Sprintf("%.6g times each other", r)
	}
	return fmt.Sprintf("%s and %s are %s in %d of %d cells and not declared as related: if they tell of the same, "+
		"write related: [[%s, %s]] under policy, or figures of both tell of single entities", u.Measure, u.Other, how, u.Same, u.Of, u.Measure, u.Other)
}

// FindUnrelated looks for measures of a protected dataset that tell of the same as
// others of it, or as the newest versions that this machine published of other datasets
// of its registry by the same grain, and are not declared as related. c may be nil, then
// it looks at this dataset alone.
func FindUnrelated(ctx context.Context, c *client.Client, p *Prepared) ([]Unrelated, error) {
	d := p.Source.Descriptor
	if d.Policy.Public {
		return nil, nil
	}
	all := []relative{{d, p.record(1)}}
	if c != nil {
		others, err := relatives(ctx, c, d)
		if err != nil {
			return nil, err
		}
		all = append(all, others...)
	}
	related := relatedIn(all)
	var out []Unrelated
	own := all[0]
	for i := range own.record.Columns {
		x := &own.record.Columns[i]
		for _, r := range all {
			for j := range r.record.Columns {
				y := &r.record.Columns[j]
				if r.record == own.record && j >= i || related(d.Dataset, x.Measure, r.descriptor.Dataset, y.Measure) {
					continue
				}
				found, is, err := news.FindProportional(own.record, x, r.record, y)
				if err != nil {
					return nil, err
				}
				other := y.Measure
				if r.descriptor.Dataset != d.Dataset {
					other = r.descriptor.Dataset + "." + other
				}
				if is {
					out = append(out, Unrelated{x.Measure, other, found})
				}
			}
		}
	}
	return out, nil
}

// relative is a dataset of one registry and grain with the record of its newest version.
type relative struct {
	descriptor catalog.Descriptor
	record     *news.Record
}

// relatives are the other protected datasets of the caller on a dataset's registry by
// its grain, as far as this machine has records of them.
func relatives(ctx context.Context, c *client.Client, d catalog.Descriptor) ([]relative, error) {
	mine, err := protected(ctx, c, client.Datasets)
	if err != nil {
		return nil, err
	}
	var out []relative
	for _, o := range mine {
		if o.Descriptor.Registry != d.Registry || o.ID == d.Dataset || o.Descriptor.Grain != d.Grain || o.Live == 0 {
			continue
		}
		r, err := readRecord(ctx, c, news.Edition{Dataset: o.ID, Version: o.Live})
		if err != nil {
			return nil, err
		}
		if r != nil {
			out = append(out, relative{o.Descriptor, r})
		}
	}
	return out, nil
}

// protected lists those of a list of datasets that are protected, and the caller's.
func protected(ctx context.Context, c *client.Client, list client.List[catalog.Dataset]) ([]catalog.Dataset, error) {
	me, err := c.Principal()
	if err != nil {
		return nil, err
	}
	all, err := list.All(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read the datasets: %w", err)
	}
	return slices.DeleteFunc(all, func(d catalog.Dataset) bool { return d.Owner != me || d.Descriptor.Policy.Public }), nil
}

// relatedIn tells which measures the release rule takes as related, by name or as
// declared. Where the datasets are no family, only measures of one name are.
func relatedIn(all []relative) func(dataset, measure, other, otherMeasure string) bool {
	tree, err := disclosure.Grow(1, nil, nil, 0)
	if err != nil {
		return sameName
	}
	rule := disclosure.NewFamily(tree)
	// First without relations: each may name measures of any of the others.
	for _, relations := range []bool{false, true} {
		for _, r := range all {
			d := disclosure.DatasetOf(r.descriptor)
			d.MinCohort, d.Cubes, d.Portfolios, d.Moments, d.Joins = 1, nil, 0, nil, nil
			d.Related = slices.DeleteFunc(d.Related, func(group []string) bool { return !relations || !known(group, r.descriptor, all) })
			if err := rule.Admit(d); err != nil {
				return sameName
			}
		}
	}
	return func(dataset, measure, other, otherMeasure string) bool {
		return rule.Related(dataset, disclosure.Column{Measure: measure}, other, disclosure.Column{Measure: otherMeasure})
	}
}

func sameName(_, measure, _, other string) bool { return measure == other }

// known reports whether all names of a group are of the datasets at hand.
func known(group []string, own catalog.Descriptor, all []relative) bool {
	return !slices.ContainsFunc(group, func(name string) bool {
		dataset, measure, other := strings.Cut(name, ".")
		if !other {
			dataset, measure = own.Dataset, name
		}
		return !slices.ContainsFunc(all, func(r relative) bool {
			return r.descriptor.Dataset == dataset && slices.Contains(r.descriptor.MeasureNames(), measure)
		})
	})
}

// SharedRegistry is another registry of the caller with protected data that has some of
// the same ids.
type SharedRegistry struct {
	Registry string `json:"registry"`
	Dataset  string `json:"dataset"` // a protected one on it
	Shared   int    `json:"shared"`  // ids
	Example  string `json:"example"`
}

// Words say it to a person.
func (s SharedRegistry) Words() string {
	return fmt.Sprintf("registry %s, on which dataset %s is protected, has %d of the same ids, such as %q: if they are the same entities, publish on that registry, "+
		"so that figures of both are held against each other; if they are not, write unrelated: [%s] under policy", s.Registry, s.Dataset, s.Shared, s.Example, s.Registry)
}

// FindSharedRegistries looks for other registries of the caller with protected data that
// have ids of the entities that are going to be published, and that the policy does not
// name as unrelated, nor theirs this registry. A dataset on such a registry is refused
// (RELEASE.md section 3.3).
func FindSharedRegistries(ctx context.Context, c *client.Client, p *Prepared) ([]SharedRegistry, error) {
	d := p.Source.Descriptor
	if d.Policy.Public {
		return nil, nil
	}
	mine, err := protected(ctx, c, client.Datasets)
	if err != nil {
		return nil, err
	}
	said := append([]string{d.Registry}, d.Policy.Unrelated...) // registries that need no comparing
	for _, o := range mine {
		if slices.Contains(o.Descriptor.Policy.Unrelated, d.Registry) {
			said = append(said, o.Descriptor.Registry)
		}
	}
	own := make(map[string]bool, len(p.Panel.Entities))
	for _, id := range p.Panel.Entities {
		own[id] = true
	}
	var out []SharedRegistry
	for _, o := range mine {
		id := o.Descriptor.Registry
		if slices.Contains(said, id) {
			continue
		}
		said = append(said, id)
		ids, err := c.RegistryIDs(ctx, id)
		if err != nil {
			return nil, err
		}
		s := SharedRegistry{Registry: id, Dataset: o.ID}
		for _, x := range ids {
			if own[x] {
				if s.Shared++; s.Shared == 1 {
					s.Example = x
				}
			}
		}
		if s.Shared > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}
