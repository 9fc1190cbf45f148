package records

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
)

// Family is the record of all protected datasets of one publisher on one registry
// (RELEASE.md): what was declared and what its versions settled, in the order of the
// ledger. The tree and what each version settled are kept beside it, by digest.
type Family struct {
	Dataset    string                  `json:"dataset"` // that founded it
	MinCohort  int                     `json:"min_cohort"`
	Cubes      [][]string              `json:"cubes"`
	Portfolios int                     `json:"portfolios"`
	Change     catalog.PortfolioChange `json:"portfolio_change"`
	UTCOffset  string                  `json:"utc_offset"` // one for all, so that their periods can be compared
	Declared   []disclosure.Dataset    `json:"declared"`   // amendments included
	Settled    []Settled               `json:"settled,omitempty"`
	Tree       catalog.Digest          `json:"tree"`
}

// Settled names what a version settled.
type Settled struct {
	Dataset string         `json:"dataset"`
	Version int            `json:"version"`
	Seq     uint64         `json:"seq"`    // entry of the log with which it went live
	Digest  catalog.Digest `json:"digest"` // of its bytes
}

// NoiseFamily is the ledger of epsilon of a family: one over all its datasets
// and all buyers.
type NoiseFamily struct {
	Dataset string `json:"dataset"` // whose policy set the limit
	Limit   string `json:"limit"`
	Spent   string `json:"spent"`
	// Known is what is known to have been spent, where Spent is the limit since a restore lost what was spent
	// beside it; empty: all that was is known, or its owner has said how much may be left.
	Known string `json:"known,omitempty"`
}

// Lost is the account of a family of which it is not known any more what it has spent.
func (f NoiseFamily) Lost() NoiseFamily {
	f.Known, f.Spent = cmp.Or(f.Known, f.Spent), f.Limit
	return f
}

// NoiseKey is where the spent epsilon of a family is kept.
func NoiseKey(owner, registry string) string { return PrefixNoise + familyName(owner, registry) }

func familyName(owner, registry string) string { return owner + "/" + registry }

// FamilyKey is where the record of a family is kept, which an owner's datasets on one registry are.
func FamilyKey(owner, registry string) string { return PrefixFamily + familyName(owner, registry) }

// TreeKey is where the classes of a family are kept.
func TreeKey(owner, registry string) string { return PrefixTree + familyName(owner, registry) }

// SettledKey is where the n-th of a family's settled versions is kept.
func SettledKey(owner, registry string, n int) string {
	return fmt.Sprintf("%s%s/%08d", PrefixSettled, familyName(owner, registry), n)
}

// MeasuresOf lists the measures of a dataset of the family, none where it has no such
// dataset. Those that were taken away are among them: sources of them settled.
func (f *Family) MeasuresOf(id string) []string {
	var out []string
	for _, d := range f.Declared {
		if d.ID != id {
			continue
		}
		for _, m := range d.Measures {
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// DatasetOf is what the release rule needs of a descriptor, with defaults written out.
func DatasetOf(d catalog.Descriptor) disclosure.Dataset {
	out := disclosure.DatasetOf(d)
	out.Portfolios = d.Policy.Owners()
	return out
}

// FamilyOf reads the family of an owner on a registry: its record, and the rule's
// view of it, which others read too. ErrNotFound: it has no protected dataset.
func (m *Cache) FamilyOf(r Reader, owner, registry string) (*Family, *disclosure.Family, error) {
	f, err := Find[Family](r, FamilyKey(owner, registry))
	if err != nil {
		return nil, nil, err
	}
	rule, err := recallOr(m, &m.families, cachedFamilies, f.cacheName(owner, registry), func() (*disclosure.Family, error) {
		return decodeFamily(r, owner, registry, &f)
	})
	return &f, rule, err
}

// cacheName is the name that the cache keeps a family under. The record holds the
// digests of all that it is decoded from.
func (f *Family) cacheName(owner, registry string) string {
	return familyName(owner, registry) + "/" + catalog.Sum(catalog.Encode(f)).String()
}

func decodeFamily(r Reader, owner, registry string, f *Family) (*disclosure.Family, error) {
	raw, err := GetVerified(r, TreeKey(owner, registry), f.Tree)
	if err != nil {
		return nil, err
	}
	tree, err := disclosure.ParseTree(raw)
	if err != nil {
		return nil, fmt.Errorf("family of %s: %w", f.Dataset, err)
	}
	rule := disclosure.NewFamily(tree)
	for _, d := range f.Declared {
		if err := rule.Admit(d); err != nil {
			return nil, fmt.Errorf("family of %s: dataset %s: %w", f.Dataset, d.ID, err)
		}
	}
	for i, s := range f.Settled {
		raw, err := GetVerified(r, SettledKey(owner, registry, i), s.Digest)
		if err != nil {
			return nil, err
		}
		v, err := disclosure.ParseSettled(raw)
		if err == nil {
			err = rule.Add(s.Dataset, v)
		}
		if err != nil {
			return nil, fmt.Errorf("family of %s: version %d of %s: %w", f.Dataset, s.Version, s.Dataset, err)
		}
	}
	return rule, nil
}

// GetVerified reads bytes that have a digest.
func GetVerified(r Reader, key string, want catalog.Digest) ([]byte, error) {
	b, err := r.Get([]byte(key))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if have := catalog.Sum(b); have != want {
		return nil, fmt.Errorf("%s has the digest %s, want %s", key, have, want)
	}
	return b, nil
}
