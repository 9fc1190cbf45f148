// Package overlay collects the writes of one entry before they reach the state: what is read
// through it is what the store will be (TestOverlayIsWhatTheStoreWillBe).
package overlay

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/records"
)

// Overlay collects the writes of one entry on top of what is stored, so that a handler
// that refuses in the middle leaves nothing behind. Writing to it does not fail, so a
// handler makes its last writes at once and returns the first of their errors.
type Overlay struct {
	base   records.Reader
	writes map[string][]byte // nil: deleted
}

// New returns an overlay without writes.
func New(base records.Reader) *Overlay {
	return &Overlay{base: base, writes: map[string][]byte{}}
}

var _ records.Tx = (*Overlay)(nil)

// Get implements records.Reader.
func (o *Overlay) Get(key []byte) ([]byte, error) {
	if v, ok := o.writes[string(key)]; ok {
		return bytes.Clone(v), nil
	}
	return o.base.Get(key)
}

// Set implements records.Tx.
func (o *Overlay) Set(key, value []byte) error {
	o.writes[string(key)] = append(make([]byte, 0, len(value)), value...)
	return nil
}

// Delete implements records.Tx.
func (o *Overlay) Delete(key []byte) error {
	o.writes[string(key)] = nil
	return nil
}

// Scan merges the base's keys with those written here, which hide them.
func (o *Overlay) Scan(prefix []byte, fn func(key, value []byte) error) error {
	var own []string
	for _, k := range slices.Sorted(maps.Keys(o.writes)) {
		if strings.HasPrefix(k, string(prefix)) {
			own = append(own, k)
		}
	}
	// upTo passes the own keys that come before the limit.
	upTo := func(limit []byte) error {
		for len(own) > 0 && (limit == nil || own[0] < string(limit)) {
			k := own[0]
			own = own[1:]
			if v := o.writes[k]; v != nil {
				if err := fn([]byte(k), v); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := o.base.Scan(prefix, func(key, value []byte) error {
		if err := upTo(key); err != nil {
			return err
		}
		if len(own) > 0 && own[0] == string(key) {
			k := own[0]
			own = own[1:]
			if value = o.writes[k]; value == nil {
				return nil
			}
		}
		return fn(key, value)
	})
	if err != nil {
		return err
	}
	return upTo(nil)
}

// Flush writes everything to the store, in the order of the keys.
func (o *Overlay) Flush(to records.Tx) error {
	for _, k := range slices.Sorted(maps.Keys(o.writes)) {
		var err error
		if v := o.writes[k]; v == nil {
			err = records.Remove(to, k)
		} else {
			err = records.PutText(to, k, string(v))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
