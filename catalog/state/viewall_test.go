package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// What follows reads of the state what tests look at and nothing else asks for.

// Orders returns all orders, the oldest first.
func (v View) Orders() ([]catalog.Order, error) {
	all, _, err := v.OrderPage("", records.Page{})
	return all, err
}

// Contracts returns all contracts, the oldest first.
func (v View) Contracts() ([]catalog.Contract, error) {
	all, _, err := v.ContractPage("", records.Page{})
	return all, err
}

// Counts returns which entities count in one period of the policy's grain for a
// measure of a protected dataset's version that is committed. The bitmap is not to be changed.
func (v View) Counts(dataset string, version int, measure string, period int64) (*bitset.BitSet, error) {
	d, err := v.Dataset(dataset)
	if err != nil {
		return nil, err
	}
	ver, err := v.Versions().Get(dataset, version)
	if err != nil {
		return nil, err
	}
	if d.Descriptor, err = records.DescriptorAt(v.r, d, ver.Amended); err != nil {
		return nil, err
	}
	periods := ver.PolicyPeriods(d.Descriptor)
	i := period - periods.From
	if ver.State == catalog.VersionProposed || ver.State == catalog.VersionRejected || d.Descriptor.Policy.Public ||
		i < 0 || period >= periods.To || slices.Index(d.Descriptor.MeasureNames(), measure) < 0 {
		return nil, fmt.Errorf("counts of %s in %s: %w", measure, d.Descriptor.Policy.Grain.Format(period), records.ErrNotFound)
	}
	all, err := v.machine.cache.VersionCounts(v.r, ver, measure, int(periods.To-periods.From))
	if err != nil {
		return nil, err
	}
	return all.Counting[i], nil
}

// FamilyNoise returns the account of epsilon of an owner's datasets on a
// registry; ErrNotFound when none of them offers noised answers.
func (v View) FamilyNoise(owner, registry string) (catalog.Account, error) {
	f, err := records.Find[records.NoiseFamily](v.r, records.NoiseKey(owner, registry))
	if err != nil {
		return catalog.Account{}, err
	}
	limit, ok := decimal.ParseEpsilon(f.Limit)
	spent, also := decimal.ParseEpsilon(f.Spent)
	if !ok || !also {
		return catalog.Account{}, errors.New("the state holds an epsilon that is none: " + f.Limit + ", " + f.Spent)
	}
	return catalog.NewAccount(limit, spent), nil
}

// Answer returns what a protected dataset's exact figures would take of its live
// versions, and cover, by groups of the caller's: what a query would be given, without
// contract, min_coverage or bounds.
func (v View) Answer(dataset string, g disclosure.Grid) (*disclosure.Answer, error) {
	d, err := v.Dataset(dataset)
	if err != nil {
		return nil, err
	}
	_, rule, err := v.machine.cache.FamilyOf(v.r, d.Owner, d.Descriptor.Registry)
	if err != nil {
		return nil, err
	}
	cells := v.machine.cache.CellsOf(v.r, d)
	g.Live = cells.Live
	out, err := rule.Answer(dataset, g, cells)
	if fault := cells.Fault(); fault != nil {
		return nil, fault
	}
	return out, err
}

// PrincipalByName returns a principal by its name.
func (v View) PrincipalByName(name string) (catalog.Principal, error) {
	return records.FindNamed[catalog.Principal](v.r, records.PrefixPrincipalName+name, records.PrefixPrincipal, fmt.Sprintf("principal %.80q", name))
}

// Principals returns all principals by name.
func (v View) Principals() ([]catalog.Principal, error) {
	all, err := records.List[catalog.Principal](v.r, records.PrefixPrincipal)
	slices.SortFunc(all, func(a, b catalog.Principal) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// Queries returns a principal's queries, or everybody's for an empty principal,
// the oldest first.
func (v View) Queries(principal string) ([]catalog.Query, error) {
	prefix := records.PrefixQueryOf
	if principal != "" {
		prefix += principal + "/"
	}
	all, err := records.ListNamed[catalog.Query](v.r, prefix, records.PrefixQuery)
	slices.SortFunc(all, func(a, b catalog.Query) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, err
}

// AllRegistries returns all registries by id.
func (v View) AllRegistries() ([]catalog.Registry, error) {
	return records.List[catalog.Registry](v.r, records.PrefixRegistry)
}

// Rows returns the committed rows from ≤ i < to of a registry: id, then the
// attributes. to is cut to what there is.
func (v View) Rows(id string, from, to int) ([][]string, error) {
	t, err := v.Registries().Table(id, -1)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for i := max(from, 0); i < min(to, t.Rows()); i++ {
		rows = append(rows, t.Row(i))
	}
	return rows, nil
}

// Judge returns exactly what Apply would decide now on that principal's query,
// without charging it: the verdict, or why it would be refused. Preview says
// what it would cost, too.
func (v View) Judge(principal string, q catalog.QuerySubmit) (catalog.Verdict, *catalog.Refusal, error) {
	p, refusal, err := v.Preview(principal, q)
	return p.Verdict, refusal, err
}
