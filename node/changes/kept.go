package changes

import (
	"errors"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/records"
)

// Source says which keys of the state entries changed.
type Source interface {
	// AppliedIndex is an entry that the state has applied.
	AppliedIndex() uint64
	// Touched calls fn with the keys that entries behind an index changed, until fn returns false. known is false
	// where it does not know them all.
	Touched(since uint64, fn func(key string) bool) (known bool)
}

// Kept keeps what was derived from the state. What was read for it is noted by the reader, so that nobody has to say
// what it depends on: it is derived anew when an entry has changed a key that was read, made one that was
// not there, or changed one below a prefix that was scanned. It is used by one goroutine at a time.
type Kept[T any] struct {
	value T
	valid bool
	at    uint64 // entries up to here are in value
	reads reads
}

// Drop forgets what was derived.
func (k *Kept[T]) Drop() { *k = Kept[T]{} }

// Of returns what derive makes of the state, or made of it when it read the same. at is Source.AppliedIndex from before
// r was opened. What derive takes from elsewhere than r, as the time, is not noticed: the caller calls Drop when
// that may have changed. A failure is not kept.
func (k *Kept[T]) Of(s Source, at uint64, r records.Reader, derive func(records.Reader) (T, error)) (T, error) {
	if k.valid && k.holds(s) {
		k.at = max(k.at, at)
		return k.value, nil
	}
	k.Drop()
	noting := &noting{r: r, reads: reads{keys: map[string]bool{}}}
	v, err := derive(noting)
	if err == nil {
		*k = Kept[T]{value: v, valid: true, at: at, reads: noting.reads}
	}
	return v, err
}

// holds reports whether nothing that was read has been changed since.
func (k *Kept[T]) holds(s Source) bool {
	changed := false
	known := s.Touched(k.at, func(key string) bool {
		changed = k.reads.has(key)
		return !changed
	})
	return known && !changed
}

// reads is what was read.
type reads struct {
	keys     map[string]bool
	prefixes []string
}

func (r *reads) has(key string) bool {
	return r.keys[key] || slices.ContainsFunc(r.prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

func (r *reads) scanned(prefix string) {
	if !slices.Contains(r.prefixes, prefix) {
		r.prefixes = append(r.prefixes, prefix)
	}
}

// noting reads the state and notes what.
type noting struct {
	r     records.Reader
	reads reads
}

var _ records.Walker = (*noting)(nil)

// errNoWalker is returned where the state cannot be read in stretches.
var errNoWalker = errors.New("the state cannot be read in stretches here")

// Get implements records.Reader.
func (n *noting) Get(key []byte) ([]byte, error) {
	n.reads.keys[string(key)] = true
	return n.r.Get(key) //nolint:wrapcheck // it stands for the reader
}

// Scan implements records.Reader.
func (n *noting) Scan(prefix []byte, fn func(key, value []byte) error) error {
	n.reads.scanned(string(prefix))
	return n.r.Scan(prefix, fn) //nolint:wrapcheck // it stands for the reader
}

// Walk implements records.Walker.
func (n *noting) Walk(s records.Stretch, fn func(key, value []byte) error) error {
	w, ok := n.r.(records.Walker)
	if !ok {
		return errNoWalker
	}
	n.reads.scanned(s.Prefix)
	return w.Walk(s, fn) //nolint:wrapcheck // it stands for the reader
}
