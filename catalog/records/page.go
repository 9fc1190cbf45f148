package records

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
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

// WalkPage calls fn with what follows the prefix in each key of a page, and its value,
// until it returns errStop.
func WalkPage(r Reader, prefix string, p Page, fn func(name string, value []byte) error) error {
	w, ok := r.(Walker)
	if !ok {
		return errNotWalker
	}
	err := w.Walk(Stretch{Prefix: prefix, After: p.After, Down: p.Newest}, func(key, value []byte) error {
		return fn(string(key[len(prefix):]), value)
	})
	if err != nil && !errors.Is(err, ErrStop) {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	return nil
}

// ReadPage reads a page of what lies under a prefix. record returns the encoded record
// that an entry stands for, or nil for one that is passed over. next is the After of the following page; empty: there is
// none.
func ReadPage[T any](r Reader, prefix string, p Page, record func(name string, value []byte) ([]byte, error)) (all []T, next string, err error) {
	last, size := "", 0
	err = WalkPage(r, prefix, p, func(name string, value []byte) error {
		if p.Limit > 0 && len(all) == p.Limit {
			next = last
			return ErrStop
		}
		raw, err := record(name, value)
		if err != nil || raw == nil {
			return err
		}
		if size += len(raw); p.Limit > 0 && size > catalog.MaxPageBytes && len(all) > 0 {
			next = last
			return ErrStop
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

// Itself is for prefixes that the records lie under.
func Itself(_ string, value []byte) ([]byte, error) { return value, nil }

// ByName is for indexes: the value is the name of the record under another prefix.
func ByName(r Reader, prefix string) func(string, []byte) ([]byte, error) {
	return func(_ string, value []byte) ([]byte, error) {
		key := prefix + string(value)
		raw, err := r.Get([]byte(key))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		if raw == nil {
			return nil, fmt.Errorf("%s: %w", key, ErrNotFound)
		}
		return raw, nil
	}
}

// OfParty is an index's part that belongs to one principal; the empty one is
// everybody.
func OfParty(prefix, principal string) string { return prefix + principal + "/" }
