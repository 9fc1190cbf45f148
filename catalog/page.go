package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Page says which part of a list is wanted. What is read of the state for it does
// not depend on how long the list is.
type Page struct {
	// After is what the page before said comes next; empty: the list's beginning.
	After string
	// Newest begins with the last.
	Newest bool
	// Limit is the most records; 0: all of them, which is for the node's own use.
	Limit int
}

// MaxPageBytes is how many bytes of records a page holds at most, as long as it holds
// one: a hundred queries with their requests could else be a hundred envelopes.
const MaxPageBytes = 1 << 20

// Stretch is a part of the keys under a prefix.
type Stretch struct {
	Prefix string
	After  string // what follows the prefix in the key before the first one; empty: none
	Down   bool   // descending: from the key before After on, or from the last
}

// Walker is a Reader that can begin anywhere. The store and Memory are ones; what an
// entry is applied to is not, since nothing that is applied is read in pages.
type Walker interface {
	Reader
	// Walk calls fn for every key of the stretch in its order, until fn returns an
	// error, which Walk returns as it is. The slices are valid only during the call.
	Walk(s Stretch, fn func(key, value []byte) error) error
}

// errNotWalker is a fault of whoever made the View.
var errNotWalker = errors.New("the state cannot be read in pages here")

// walk calls fn with what follows the prefix in each key of a page, and its value,
// until it returns errStop.
func (v View) walk(prefix string, p Page, fn func(name string, value []byte) error) error {
	w, ok := v.r.(Walker)
	if !ok {
		return errNotWalker
	}
	err := w.Walk(Stretch{Prefix: prefix, After: p.After, Down: p.Newest}, func(key, value []byte) error {
		return fn(string(key[len(prefix):]), value)
	})
	if err != nil && !errors.Is(err, errStop) {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	return nil
}

// pageOf reads a page of what lies under a prefix. record returns the encoded record
// that an entry stands for. next is the After of the following page; empty: there is
// none.
func pageOf[T any](v View, prefix string, p Page, record func(name string, value []byte) ([]byte, error)) (all []T, next string, err error) {
	last, size := "", 0
	err = v.walk(prefix, p, func(name string, value []byte) error {
		if p.Limit > 0 && len(all) == p.Limit {
			next = last
			return errStop
		}
		raw, err := record(name, value)
		if err != nil {
			return err
		}
		if size += len(raw); p.Limit > 0 && size > MaxPageBytes && len(all) > 0 {
			next = last
			return errStop
		}
		var x T
		if err := json.Unmarshal(raw, &x); err != nil {
			return fmt.Errorf("decode %s%s: %w", prefix, name, err)
		}
		all, last = append(all, x), name
		return nil
	})
	return all, next, err
}

// itself is for prefixes that the records lie under.
func itself(_ string, value []byte) ([]byte, error) { return value, nil }

// named is for indexes: the value is the name of the record under another prefix.
func (v View) named(prefix string) func(string, []byte) ([]byte, error) {
	return func(_ string, value []byte) ([]byte, error) {
		key := prefix + string(value)
		raw, err := v.r.Get([]byte(key))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		if raw == nil {
			return nil, fmt.Errorf("%s: %w", key, ErrNotFound)
		}
		return raw, nil
	}
}

// ofParty is an index's part that belongs to one principal; the empty one is
// everybody.
func ofParty(prefix, principal string) string { return prefix + principal + "/" }

// putParties writes a record's entries in an index by party: one for everybody, and
// one for each party.
func (c *call) putParties(prefix, id string, parties ...string) error {
	for _, p := range append([]string{""}, parties...) {
		if err := putName(c.tx, ofParty(prefix, p)+seqName(c.seq), id); err != nil {
			return err
		}
	}
	return nil
}

// PrincipalPage lists principals by name.
func (v View) PrincipalPage(p Page) ([]Principal, string, error) {
	return pageOf[Principal](v, prefixPrincipalName, p, v.named(prefixPrincipal))
}

// RegistryPage lists registries by id.
func (v View) RegistryPage(p Page) ([]Registry, string, error) {
	return pageOf[Registry](v, prefixRegistry, p, itself)
}

// DatasetPage lists datasets by id.
func (v View) DatasetPage(p Page) ([]Dataset, string, error) {
	return pageOf[Dataset](v, prefixDataset, p, itself)
}

// VersionPage lists a dataset's versions by number.
func (v View) VersionPage(dataset string, p Page) ([]Version, string, error) {
	return pageOf[Version](v, prefixVersion+dataset+"/", p, itself)
}

// OrderPage lists the orders of a principal, as buyer and as the dataset's owner, in
// the ledger's order; the empty principal's are everybody's. The same holds for
// contracts.
func (v View) OrderPage(principal string, p Page) ([]Order, string, error) {
	if strings.Contains(principal, "/") {
		return nil, "", nil
	}
	return pageOf[Order](v, ofParty(prefixOrderOf, principal), p, v.named(prefixOrder))
}

// ContractPage lists contracts.
func (v View) ContractPage(principal string, p Page) ([]Contract, string, error) {
	if strings.Contains(principal, "/") {
		return nil, "", nil
	}
	return pageOf[Contract](v, ofParty(prefixContractOf, principal), p, v.named(prefixContract))
}

// QueryPage lists a principal's queries in the ledger's order.
func (v View) QueryPage(principal string, p Page) ([]Query, string, error) {
	if principal == "" || strings.Contains(principal, "/") {
		return nil, "", nil
	}
	return pageOf[Query](v, ofParty(prefixQueryOf, principal), p, v.named(prefixQuery))
}

// VectorPage lists an owner's vectors, dropped and rejected ones included, in the
// ledger's order.
func (v View) VectorPage(owner string, p Page) ([]Vector, string, error) {
	if owner == "" || strings.Contains(owner, "/") {
		return nil, "", nil
	}
	return pageOf[Vector](v, ofParty(prefixVectorOf, owner), p, v.named(prefixVector))
}

// Change is a dataset that was listed, or a version of it that became live.
type Change struct {
	Dataset string
	Version int // 0: the dataset was listed
}

// ChangePage lists changes of the catalog in the ledger's order.
func (v View) ChangePage(p Page) ([]Change, string, error) {
	return pageOf[Change](v, prefixChange, p, itself)
}

// putChange records a change of the catalog.
func (c *call) putChange(dataset string, version int) error {
	return put(c.tx, prefixChange+seqName(c.seq), Change{Dataset: dataset, Version: version})
}
