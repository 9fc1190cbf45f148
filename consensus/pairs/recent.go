package pairs

import (
	"bytes"
	"iter"
	"sync"
	"sync/atomic"

	iradix "github.com/hashicorp/go-immutable-radix"
)

const (
	// recentBytes bounds what is kept, with an allowance for each pair. What would go beyond it begins anew with nothing:
	// what is in use is read again at once.
	recentBytes = 16 << 20
	// recentPair is about what the tree takes beside a key and its value.
	recentPair = 256
	// recentValue is the largest value that is kept.
	recentValue = 64 << 10
	// recentKeys and recentScan bound a scan that is kept whole.
	recentKeys, recentScan = 1024, 256 << 10
)

// Recent is a store that keeps in memory what was read of it lately. The state of a cluster is read again and again,
// several times by every entry and every look for work, and a read of badger's costs more than what is done with it. What is kept
// belongs to a version: a reader gets what its version has, whatever is written meanwhile, and never waits
// for a write.
type Recent struct {
	Store
	most int // bytes

	mu  sync.Mutex
	cur *version // guarded by mu; nil once closed
}

// NewRecent keeps what is read of store, which is written by nobody else.
func NewRecent(store Store) *Recent { return newRecent(store, recentBytes) }

func newRecent(store Store, most int) *Recent {
	s := &Recent{Store: store, most: most}
	s.cur = &version{below: share(store.Read())}
	s.cur.kept.Store(nothingKept())
	return s
}

// version is one of the pairs.
type version struct {
	below *shared              // by readers, and while it is the present version; guarded by Recent.mu
	kept  atomic.Pointer[kept] // of this version
}

// kept is what is known of a version without reading it. It is never changed in place.
type kept struct {
	pairs *iradix.Tree // values are []byte, nil where there is no such key, or onDisk
	whole *iradix.Tree // the prefixes of which pairs has every key
	bytes int
}

// onDisk stands for a value that is too large to be kept.
type onDisk struct{}

func nothingKept() *kept { return &kept{pairs: iradix.New(), whole: iradix.New()} }

// hasAll reports whether every key under a prefix is kept, or that there is none.
func (k *kept) hasAll(prefix []byte) bool {
	_, _, found := k.whole.Root().LongestPrefix(prefix)
	return found
}

// get returns a key's value; known is false where it has to be read.
func (k *kept) get(key []byte) (value []byte, known bool) {
	v, found := k.pairs.Get(key)
	if !found {
		return nil, k.hasAll(key)
	}
	value, known = v.([]byte)
	return value, known
}

// Read implements Store.
func (s *Recent) Read() Reader { return s.reader() }

func (s *Recent) reader() *recentReader {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cur.below.users++
	return &recentReader{s, s.cur}
}

// Draft reads the present version for the one that writes the next, which it does when it has closed it.
func (s *Recent) Draft() *Draft { return &Draft{recentReader: s.reader(), read: map[string][]byte{}} }

// Write implements Store. Who reads meanwhile reads the version before.
func (s *Recent) Write(changes iter.Seq[Change]) error {
	var made []Change
	err := s.Store.Write(func(yield func(Change) bool) {
		for c := range changes {
			made = append(made, c)
			if !yield(c) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	next := &version{below: share(s.Store.Read())}
	s.mu.Lock()
	defer s.mu.Unlock()
	next.kept.Store(s.bounded(s.cur.kept.Load().after(made)))
	s.cur.below.release()
	s.cur = next
	return nil
}

// after is what is known of the version after changes. Keys that nobody has read are read when somebody does.
func (k *kept) after(changes []Change) *kept {
	next := k.change()
	for _, c := range changes {
		_, there := k.pairs.Get([]byte(c.Key))
		switch all := k.hasAll([]byte(c.Key)); {
		case !there && !all:
		case c.Deleted && all:
			next.drop([]byte(c.Key))
		default:
			next.set([]byte(c.Key), c.After())
		}
	}
	return next.done()
}

// keeping is another kept in the making.
type keeping struct {
	pairs *iradix.Txn
	whole *iradix.Tree
	bytes int
}

func (k *kept) change() *keeping { return &keeping{k.pairs.Txn(), k.whole, k.bytes} }

// set keeps a key's value, which stays as it is; nil: there is no such key.
func (k *keeping) set(key, value []byte) {
	var v any = value
	if len(value) > recentValue {
		v = onDisk{}
	}
	if old, there := k.pairs.Insert(key, v); there {
		k.bytes -= takes(key, old)
	}
	k.bytes += takes(key, v)
}

func (k *keeping) drop(key []byte) {
	if old, there := k.pairs.Delete(key); there {
		k.bytes -= takes(key, old)
	}
}

func (k *keeping) done() *kept { return &kept{k.pairs.Commit(), k.whole, k.bytes} }

func takes(key []byte, v any) int {
	b, _ := v.([]byte)
	return len(key) + len(b) + recentPair
}

func (s *Recent) bounded(k *kept) *kept {
	if k.bytes > s.most {
		return nothingKept()
	}
	return k
}

// keep adds what was read of a version, unless there is a later one. under, if not nil, is a prefix of which
// these are all keys.
func (s *Recent) keep(v *version, read []Change, under []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != v {
		return
	}
	next := v.kept.Load().change()
	for _, c := range read {
		next.set([]byte(c.Key), c.Value)
	}
	if under != nil {
		next.whole, _, _ = next.whole.Insert(bytes.Clone(under), true)
		next.bytes += len(under) + recentPair
	}
	v.kept.Store(s.bounded(next.done()))
}

// Forget closes what is held of the store, which stays open. Nothing is read or written after it.
func (s *Recent) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != nil {
		s.cur.below.release()
		s.cur = nil
	}
}

// Close implements Store.
func (s *Recent) Close() error {
	s.Forget()
	return s.Store.Close()
}

// recentReader reads a version.
type recentReader struct {
	store *Recent
	*version
}

// Get implements Reader.
func (r *recentReader) Get(key []byte) ([]byte, error) {
	if value, known := r.kept.Load().get(key); known {
		if value == nil {
			return nil, nil
		}
		return append([]byte{}, value...), nil
	}
	value, err := r.below.Get(key)
	if err == nil && len(value) <= recentValue {
		read := Change{Key: string(key)}
		if value != nil {
			read.Value = append([]byte{}, value...)
		}
		r.store.keep(r.version, []Change{read}, nil)
	}
	return value, err
}

// Walk implements Reader.
func (r *recentReader) Walk(prefix, after []byte, down bool, fn func(key, value []byte) error) error {
	if down || len(after) > 0 {
		return r.below.Walk(prefix, after, down, fn)
	}
	if k := r.kept.Load(); k.hasAll(prefix) {
		return r.walk(k, prefix, fn)
	}
	var read []Change
	size, all := 0, true
	err := r.below.Walk(prefix, nil, false, func(key, value []byte) error {
		if all {
			size += len(key) + min(len(value), recentValue)
			if all = len(read) < recentKeys && size <= recentScan; all {
				read = append(read, Change{Key: string(key), Value: append([]byte{}, value...)})
			} else {
				read = nil
			}
		}
		return fn(key, value)
	})
	if err == nil && all {
		r.store.keep(r.version, read, prefix)
	}
	return err
}

// Draft reads a version of which nobody writes the next one meanwhile. What it reads is kept when it is closed, all of it
// at once: each time something is kept, some nodes of the tree are copied, the largest of some KiB. One goroutine
// uses it.
type Draft struct {
	*recentReader
	read  map[string][]byte // what is to be kept; nil where there is no such key
	bytes int               // of read
}

// Peek is Get of a value that nobody changes, and that not all want: it is kept for the next readers if keep says so.
func (d *Draft) Peek(key string, keep bool) ([]byte, error) {
	if value, known := d.read[key]; known {
		return value, nil
	}
	k := []byte(key)
	if value, known := d.kept.Load().get(k); known {
		return value, nil
	}
	value, err := d.below.Get(k)
	if err == nil && keep && len(value) <= recentValue {
		d.read[key] = value
		if d.bytes += takes(k, value); d.bytes > recentScan {
			d.keepRead()
		}
	}
	return value, err
}

// Get implements Reader.
func (d *Draft) Get(key []byte) ([]byte, error) {
	value, err := d.Peek(string(key), true)
	if value == nil || err != nil {
		return nil, err
	}
	return append([]byte{}, value...), nil
}

func (d *Draft) keepRead() {
	if len(d.read) == 0 {
		return
	}
	read := make([]Change, 0, len(d.read))
	for key, value := range d.read {
		read = append(read, Change{Key: key, Value: value})
	}
	d.store.keep(d.version, read, nil)
	clear(d.read)
	d.bytes = 0
}

// Close implements Reader.
func (d *Draft) Close() {
	d.keepRead()
	d.recentReader.Close()
}

// walk is Walk of a prefix of which every key is kept.
func (r *recentReader) walk(k *kept, prefix []byte, fn func(key, value []byte) error) error {
	at := k.pairs.Root().Iterator()
	at.SeekPrefix(prefix)
	for key, v, more := at.Next(); more; key, v, more = at.Next() {
		value, inMemory := v.([]byte)
		if !inMemory {
			var err error
			if value, err = r.below.Get(key); err != nil {
				return err
			}
		}
		if value == nil {
			continue
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Reader.
func (r *recentReader) Close() {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.below.release()
}
