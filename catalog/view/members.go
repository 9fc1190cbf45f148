package view

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// Cluster returns the founding record, with the state's clock.
func (v MemberReader) Cluster() (catalog.Cluster, error) {
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

// Node returns a member of the roster.
func (v MemberReader) Node(id string) (catalog.Node, error) {
	c, err := v.cache.Cluster(v.r)
	if err != nil {
		return catalog.Node{}, err
	}
	for _, n := range c.Nodes {
		if n.ID == id {
			return n, nil
		}
	}
	return catalog.Node{}, fmt.Errorf("node %.80q: %w", id, records.ErrNotFound)
}

// Principal returns a principal by its id.
func (v MemberReader) Principal(id string) (catalog.Principal, error) {
	return records.Find[catalog.Principal](v.r, records.PrefixPrincipal+id)
}

// PrincipalByName returns a principal by its name.
func (v MemberReader) PrincipalByName(name string) (catalog.Principal, error) {
	return records.FindNamed[catalog.Principal](v.r, records.PrefixPrincipalName+name, records.PrefixPrincipal, fmt.Sprintf("principal %.80q", name))
}

// Principals returns all principals by name.
func (v MemberReader) Principals() ([]catalog.Principal, error) {
	all, err := records.List[catalog.Principal](v.r, records.PrefixPrincipal)
	slices.SortFunc(all, func(a, b catalog.Principal) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// PrincipalPage lists principals by name.
func (v MemberReader) PrincipalPage(p records.Page) ([]catalog.Principal, string, error) {
	return records.ReadPage[catalog.Principal](v.r, records.PrefixPrincipalName, p, records.ByName(v.r, records.PrefixPrincipal))
}

// idPrefixes are where things with ids of a letter lie.
var idPrefixes = map[string]string{
	catalog.LetterOrder: records.PrefixOrder, catalog.LetterContract: records.PrefixContract, catalog.LetterQuery: records.PrefixQuery,
	catalog.LetterVector: records.PrefixVector, catalog.LetterPrincipal: records.PrefixPrincipal,
}

// EachID calls fn with the ids of a letter that begin so, ascending, until fn returns
// false.
func (v MemberReader) EachID(letter, begin string, fn func(id string) (more bool, err error)) error {
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
