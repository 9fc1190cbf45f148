package view

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/roster"
)

// Cluster returns the founding record, with the state's clock.
func (v View) Cluster() (catalog.Cluster, error) {
	c, err := v.cache.Cluster(v.r)
	if err != nil {
		return catalog.Cluster{}, err
	}
	out := *c
	out.Nodes = slices.Clone(c.Nodes)
	if out.Time, err = records.Clock(v.r); err != nil {
		return catalog.Cluster{}, err
	}
	return out, nil
}

// RosterChanges are the entries that made the roster what it is, the founding first.
func (v View) RosterChanges() ([]roster.Change, error) {
	return records.List[roster.Change](v.r, records.PrefixRoster)
}

// Restored is the last restore of the cluster; known is false where there was none.
func (v View) Restored() (r recovery.Restored, known bool, err error) {
	return records.Lookup[recovery.Restored](v.r, records.KeyRestore)
}

// Restores are all restores of the cluster, the first first.
func (v View) Restores() ([]recovery.Restored, error) {
	all, err := records.List[recovery.Restored](v.r, records.PrefixRestore)
	if err != nil {
		return nil, err
	}
	last, known, err := v.Restored()
	if known {
		all = append(all, last)
	}
	return all, err
}

// HasRosterChange reports whether the roster was changed so often. It costs one look-up, and is
// asked at every entry.
func (v View) HasRosterChange(number int) (bool, error) {
	return records.Has(v.r, records.RosterKey(number))
}

// ClusterAt returns the founding, with the roster as it was when an entry was applied.
func (v View) ClusterAt(seq uint64) (catalog.Cluster, error) {
	c, err := v.Cluster()
	if err != nil || c.Changes == 0 {
		return c, err
	}
	changes, err := v.RosterChanges()
	return rosterAt(c, seq, changes), err
}

// rosterAt is the cluster with the roster as it was when the entry with that number was
// applied. changes are those of the roster, all of them, ascending.
func rosterAt(c catalog.Cluster, seq uint64, changes []roster.Change) catalog.Cluster {
	c.Nodes = slices.Clone(c.Nodes)
	for _, x := range slices.Backward(changes) {
		switch {
		case x.Seq <= seq:
		case x.Before != nil:
			c.Nodes[x.Before.Point-1] = *x.Before
		case x.Seats != nil:
			c.Nodes, c.Threshold, c.Leaving = slices.Clone(x.Seats.Nodes), x.Seats.Threshold, x.Seats.Leaving
		}
	}
	return c
}

// Principal returns a principal by its id.
func (v View) Principal(id string) (catalog.Principal, error) {
	return records.Find[catalog.Principal](v.r, records.PrefixPrincipal+id)
}

// PrincipalPage lists principals by name.
func (v View) PrincipalPage(p records.Page) ([]catalog.Principal, string, error) {
	return records.ReadPage[catalog.Principal](v.r, records.PrefixPrincipalName, p, records.ByName(v.r, records.PrefixPrincipal))
}

// idPrefixes are where things with ids of a letter lie.
var idPrefixes = map[string]string{
	catalog.LetterOrder: records.PrefixOrder, catalog.LetterContract: records.PrefixContract, catalog.LetterQuery: records.PrefixQuery,
	catalog.LetterVector: records.PrefixVector, catalog.LetterPrincipal: records.PrefixPrincipal,
}

// EachID calls fn with the ids of a letter that begin so, ascending, until fn returns
// false.
func (v View) EachID(letter, begin string, fn func(id string) (more bool, err error)) error {
	prefix, known := idPrefixes[letter]
	if !known || !catalog.IsIDBeginning(letter, begin) && !catalog.IsID(letter, begin) {
		return fmt.Errorf("ids %.80q: %w", begin, records.ErrNotFound)
	}
	return records.WalkPage(v.r, prefix+begin, records.Page{}, func(rest string, _ []byte) error {
		more, err := fn(begin + rest)
		if err == nil && !more {
			return records.ErrStop
		}
		return err
	})
}

// Proposals are the rosters that wait for approvals.
func (v View) Proposals() ([]roster.Proposal, error) {
	return records.List[roster.Proposal](v.r, records.PrefixProposal)
}
