package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// View reads one consistent version of the state. Getters return ErrNotFound
// for what is not there. A View is as safe for concurrent use as its Reader.
type View struct {
	machine *Machine
	r       Reader
}

// View returns a view of what r reads.
func (m *Machine) View(r Reader) View { return View{machine: m, r: r} }

// Cluster returns the founding record, with the state's clock.
func (v View) Cluster() (Cluster, error) {
	c, err := v.machine.cluster(v.r)
	if err != nil {
		return Cluster{}, err
	}
	out := *c
	out.Nodes = slices.Clone(c.Nodes)
	if out.Time, err = readClock(v.r); err != nil {
		return Cluster{}, err
	}
	return out, nil
}

// Node returns a member of the roster.
func (v View) Node(id string) (Node, error) {
	c, err := v.machine.cluster(v.r)
	if err != nil {
		return Node{}, err
	}
	for _, n := range c.Nodes {
		if n.ID == id {
			return n, nil
		}
	}
	return Node{}, fmt.Errorf("node %.80q: %w", id, ErrNotFound)
}

// Principal returns a principal by its id.
func (v View) Principal(id string) (Principal, error) {
	return find[Principal](v.r, prefixPrincipal+id)
}

// PrincipalByName returns a principal by its name.
func (v View) PrincipalByName(name string) (Principal, error) {
	id, err := v.r.Get([]byte(prefixPrincipalName + name))
	if err != nil {
		return Principal{}, fmt.Errorf("read principal %.80q: %w", name, err)
	}
	if id == nil {
		return Principal{}, fmt.Errorf("principal %.80q: %w", name, ErrNotFound)
	}
	return v.Principal(string(id))
}

// Principals returns all principals by name.
func (v View) Principals() ([]Principal, error) {
	all, err := list[Principal](v.r, prefixPrincipal)
	slices.SortFunc(all, func(a, b Principal) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// Registries returns all registries by id.
func (v View) Registries() ([]Registry, error) { return list[Registry](v.r, prefixRegistry) }

// Registry returns a registry.
func (v View) Registry(id string) (Registry, error) { return find[Registry](v.r, prefixRegistry+id) }

// Table returns the first rows committed rows of a registry, or all of them
// when rows is negative.
func (v View) Table(id string, rows int) (*Table, error) {
	reg, err := v.Registry(id)
	if err != nil {
		return nil, err
	}
	if rows > reg.Rows {
		return nil, fmt.Errorf("row %d of registry %s: %w", rows, id, ErrNotFound)
	}
	t, err := v.machine.table(v.r, reg)
	if err != nil || rows < 0 {
		return t, err
	}
	return t.Prefix(rows), nil
}

// Rows returns the committed rows from ≤ i < to of a registry: id, then the
// attributes. to is cut to what there is.
func (v View) Rows(id string, from, to int) ([][]string, error) {
	t, err := v.Table(id, -1)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for i := max(from, 0); i < min(to, t.Rows()); i++ {
		rows = append(rows, t.Row(i))
	}
	return rows, nil
}

// Datasets returns all datasets by id.
func (v View) Datasets() ([]Dataset, error) { return list[Dataset](v.r, prefixDataset) }

// Dataset returns a dataset.
func (v View) Dataset(id string) (Dataset, error) { return find[Dataset](v.r, prefixDataset+id) }

// Version returns a version of a dataset; versions count from 1.
func (v View) Version(dataset string, version int) (Version, error) {
	return find[Version](v.r, prefixVersion+versionName(dataset, version))
}

// Versions returns all versions of a dataset, the first first.
func (v View) Versions(dataset string) ([]Version, error) {
	return list[Version](v.r, prefixVersion+dataset+"/")
}

// Counts returns which entities count in one period of the policy's grain for a
// measure of a protected dataset's version that is committed. The bitmap is not to be changed.
func (v View) Counts(dataset string, version int, measure string, period int64) (*bitset.BitSet, error) {
	d, err := v.Dataset(dataset)
	if err != nil {
		return nil, err
	}
	ver, err := v.Version(dataset, version)
	if err != nil {
		return nil, err
	}
	periods := policyPeriods(d.Descriptor, ver.VersionPropose)
	i := period - periods.From
	if ver.State == VersionProposed || ver.State == VersionRejected || d.Descriptor.Policy.Public ||
		i < 0 || period >= periods.To || slices.Index(d.Descriptor.measureNames(), measure) < 0 {
		return nil, fmt.Errorf("counts of %s in %s: %w", measure, d.Descriptor.Policy.Grain.Format(period), ErrNotFound)
	}
	all, err := v.machine.counts(v.r, ver, measure, int(periods.To-periods.From))
	if err != nil {
		return nil, err
	}
	return all.counting[i], nil
}

// KeyOf returns a publisher's key, in whatever state.
func (v View) KeyOf(publisher string) (Key, error) {
	id, err := v.r.Get([]byte(prefixKeyOf + publisher))
	if err != nil {
		return Key{}, fmt.Errorf("read the key of %.80q: %w", publisher, err)
	}
	if id == nil {
		return Key{}, fmt.Errorf("key of %.80q: %w", publisher, ErrNotFound)
	}
	return v.Key(string(id))
}

// Key returns a key.
func (v View) Key(id string) (Key, error) { return find[Key](v.r, prefixKey+id) }

// Keys returns all keys by id.
func (v View) Keys() ([]Key, error) { return list[Key](v.r, prefixKey) }

// Order returns an order.
func (v View) Order(id string) (Order, error) { return find[Order](v.r, prefixOrder+id) }

// Orders returns all orders, the oldest first.
func (v View) Orders() ([]Order, error) {
	all, _, err := v.OrderPage("", Page{})
	return all, err
}

// Contract returns a contract.
func (v View) Contract(id string) (Contract, error) { return find[Contract](v.r, prefixContract+id) }

// Contracts returns all contracts, the oldest first.
func (v View) Contracts() ([]Contract, error) {
	all, _, err := v.ContractPage("", Page{})
	return all, err
}

// Query returns an accepted query.
func (v View) Query(id string) (Query, error) { return find[Query](v.r, prefixQuery+id) }

// Verdict returns the verdict of an accepted query.
func (v View) Verdict(id string) (Verdict, error) { return find[Verdict](v.r, prefixVerdict+id) }

// Shares returns the sealed shares of a query that is done, by position in the
// active set of its last attempt. Shares of a query that is not done are nobody's
// business: there are none.
func (v View) Shares(id string) ([]QueryShare, error) {
	q, err := v.Query(id)
	if err != nil || q.State != QueryDone {
		return nil, err
	}
	return list[QueryShare](v.r, prefixShare+id+"/")
}

// Queries returns a principal's queries, or everybody's for an empty principal,
// the oldest first.
func (v View) Queries(principal string) ([]Query, error) {
	prefix := prefixQueryOf
	if principal != "" {
		prefix += principal + "/"
	}
	ids, err := values(v.r, prefix)
	if err != nil {
		return nil, err
	}
	all := make([]Query, 0, len(ids))
	for _, id := range ids {
		q, err := v.Query(id)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	slices.SortFunc(all, func(a, b Query) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, nil
}

// Authenticate returns the *Refusal that an envelope meets which its signer did
// not sign, and nil for every other one; before the founding nobody is known,
// and it is nil. A principal that this view does not know yet is refused, so a
// refusal counts only on a view that is up to date.
func (v View) Authenticate(e Envelope) (*Refusal, error) {
	cluster, err := v.machine.cluster(v.r)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := call{machine: v.machine, cluster: cluster}
	err = c.authenticate(v.r, e)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal, nil
	}
	return nil, err
}

// Judge returns exactly what Apply would decide now on that principal's query,
// without charging it: the verdict, or why it would be refused. Preview says
// what it would cost, too.
func (v View) Judge(principal string, q QuerySubmit) (Verdict, *Refusal, error) {
	p, refusal, err := v.Preview(principal, q)
	return p.Verdict, refusal, err
}
