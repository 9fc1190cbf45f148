package consensus

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"

	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/logbridge"
	"github.com/weirdata/weir/consensus/pairs"
)

// simDisk is the disk of a simulated machine. Raft's log on it is the product's raft-wal, on files
// in memory; snapshots and the pairs of the state are in memory as a whole. What was not synced is
// lost or torn at a crash: see image.
type simDisk struct {
	mu     sync.Mutex
	files  map[string][]byte // small ones, durable at once
	logs   map[string]*simFile
	meta   types.PersistentState
	stable map[string][]byte
	snaps  []*simSnapshot // newest first
	gens   map[*simPairs]bool
	cur    *simPairs
	record []byte // Options.Memory, which is kept beside the ledger

	faults storageFaults
}

// storageFaults are bugs that a test plants below the ledger.
type storageFaults struct {
	unsyncedLog  bool // syncs of the log's files do nothing
	forgetsVotes bool // the term of the last vote is not compared with the one that is asked for
}

func newSimDisk() *simDisk {
	d := &simDisk{files: map[string][]byte{}, logs: map[string]*simFile{}, stable: map[string][]byte{}, gens: map[*simPairs]bool{}}
	d.cur = &simPairs{disk: d}
	d.gens[d.cur] = true
	return d
}

// image is what of the disk is there after a crash at this moment: what was synced, and of every
// write since then nothing, a part or all, as rng draws. What is written to d from then on by the
// process that crashed, and does not know it, is lost.
func (d *simDisk) image(rng *rand.Rand) *simDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	to := newSimDisk()
	to.files, to.stable, to.record, to.faults = maps.Clone(d.files), maps.Clone(d.stable), d.record, d.faults
	to.meta, to.snaps = d.meta, slices.Clone(d.snaps)
	to.meta.Segments = slices.Clone(d.meta.Segments)
	to.cur.list = d.cur.list
	for _, name := range slices.Sorted(maps.Keys(d.logs)) {
		f := d.logs[name]
		if !f.named && rng.IntN(2) == 0 {
			continue // nor was its name in the directory
		}
		c := &simFile{disk: to, live: slices.Clone(f.durable), named: true}
		for _, w := range f.pending {
			switch rng.IntN(3) {
			case 0:
			case 1:
				c.write(w.at, w.b[:rng.IntN(len(w.b)+1)])
			default:
				c.write(w.at, w.b)
			}
		}
		c.durable = slices.Clone(c.live)
		to.logs[name] = c
	}
	return to
}

// older is a disk with the ledger of d, as it was when d was made, and the record of now: an
// older copy of the ledger's directory was put back.
func (d *simDisk) older(now *simDisk, rng *rand.Rand) *simDisk {
	to := d.image(rng)
	now.mu.Lock()
	defer now.mu.Unlock()
	to.record = now.record
	return to
}

// wiped is a disk without the ledger.
func (d *simDisk) wiped() *simDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	to := newSimDisk()
	to.record, to.faults = d.record, d.faults
	return to
}

var (
	_ storage         = (*simDisk)(nil)
	_ evidence.Memory = simRecord{}
)

func (d *simDisk) readFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b, ok := d.files[name]; ok {
		return b, nil
	}
	return nil, os.ErrNotExist
}

func (d *simDisk) writeFile(name string, content []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = slices.Clone(content)
	return nil
}

// simRecord is the record beside the ledger.
type simRecord struct{ disk *simDisk }

func (r simRecord) Load() ([]byte, error) {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	return r.disk.record, nil
}

func (r simRecord) Save(b []byte) error {
	r.disk.mu.Lock()
	defer r.disk.mu.Unlock()
	r.disk.record = slices.Clone(b)
	return nil
}

// simSegment is the size of the log's files: small, so that there are several.
const simSegment = 32 << 10

func (d *simDisk) openLog() (logStore, error) {
	w, err := wal.Open("log", wal.WithMetaStore(simMeta{d}), wal.WithSegmentFiler(segment.NewFiler("log", simFiles{d})),
		wal.WithSegmentSize(simSegment), wal.WithLogger(logbridge.New(discard, "raft-wal")))
	if err != nil {
		return nil, err
	}
	return simLog{w, d}, nil
}

type simLog struct {
	*wal.WAL
	disk *simDisk
}

func (l simLog) GetUint64(key []byte) (uint64, error) {
	if l.disk.faults.forgetsVotes && bytes.Equal(key, keyLastVoteTerm) {
		return 0, nil
	}
	return l.WAL.GetUint64(key)
}

// simMeta is raft-wal's metadata, which is durable when a call returns, as in bolt.
type simMeta struct{ disk *simDisk }

var _ types.MetaStore = simMeta{}

func (m simMeta) Load(string) (types.PersistentState, error) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	s := m.disk.meta
	s.Segments = slices.Clone(s.Segments)
	return s, nil
}

func (m simMeta) CommitState(s types.PersistentState) error {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	s.Segments = slices.Clone(s.Segments)
	m.disk.meta = s
	return nil
}

func (m simMeta) GetStable(key []byte) ([]byte, error) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	return m.disk.stable[string(key)], nil
}

func (m simMeta) SetStable(key, value []byte) error {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.stable[string(key)] = slices.Clone(value)
	return nil
}

func (m simMeta) Close() error { return nil }

// simFile is a file of the log.
type simFile struct {
	disk    *simDisk
	live    []byte
	durable []byte
	pending []simWrite // since the last sync
	named   bool       // the directory names it, durably
}

type simWrite struct {
	at int64
	b  []byte
}

func (f *simFile) write(at int64, b []byte) {
	if end := int(at) + len(b); end > len(f.live) {
		f.live = append(f.live, make([]byte, end-len(f.live))...)
	}
	copy(f.live[at:], b)
}

// WriteAt implements types.WritableFile.
func (f *simFile) WriteAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.write(at, b)
	f.pending = append(f.pending, simWrite{at, slices.Clone(b)})
	return len(b), nil
}

// ReadAt implements types.ReadableFile.
func (f *simFile) ReadAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if at >= int64(len(f.live)) {
		return 0, io.EOF
	}
	n := copy(b, f.live[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Sync implements types.WritableFile.
func (f *simFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.faults.unsyncedLog {
		return nil
	}
	if n := len(f.live) - len(f.durable); n > 0 {
		f.durable = append(f.durable, make([]byte, n)...)
	}
	for _, w := range f.pending {
		copy(f.durable[w.at:], w.b)
	}
	f.pending, f.named = nil, true
	return nil
}

// Close implements types.WritableFile.
func (f *simFile) Close() error { return nil }

// simFiles are the files of the log, as raft-wal uses them.
type simFiles struct{ disk *simDisk }

var _ types.VFS = simFiles{}

func (s simFiles) ListDir(string) ([]string, error) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	return slices.Sorted(maps.Keys(s.disk.logs)), nil
}

func (s simFiles) Create(_, name string, size uint64) (types.WritableFile, error) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if s.disk.logs[name] != nil {
		return nil, os.ErrExist
	}
	f := &simFile{disk: s.disk, live: make([]byte, size), durable: make([]byte, size)}
	s.disk.logs[name] = f
	return f, nil
}

func (s simFiles) Delete(_, name string) error {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	delete(s.disk.logs, name)
	return nil
}

func (s simFiles) OpenReader(dir, name string) (types.ReadableFile, error) {
	return s.OpenWriter(dir, name)
}

func (s simFiles) OpenWriter(_, name string) (types.WritableFile, error) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if f := s.disk.logs[name]; f != nil {
		return f, nil
	}
	return nil, os.ErrNotExist
}

// simSnapshot is one of raft's snapshots that is whole.
type simSnapshot struct {
	meta    raft.SnapshotMeta
	content []byte
}

// simSnapshots are those of a disk.
type simSnapshots struct{ disk *simDisk }

func (d *simDisk) openSnapshots() (snapshotStore, error) { return simSnapshots{d}, nil }

func (s simSnapshots) Create(version raft.SnapshotVersion, index, term uint64, members raft.Configuration, membersIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	snap := &simSnapshot{meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d-%p", term, index, new(int)), Index: index, Term: term, Configuration: members, ConfigurationIndex: membersIndex,
	}}
	return &simSink{disk: s.disk, snap: snap}, nil
}

func (s simSnapshots) List() (list []*raft.SnapshotMeta, err error) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	for _, x := range s.disk.snaps {
		m := x.meta
		list = append(list, &m)
	}
	return list, nil
}

func (s simSnapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	for _, x := range s.disk.snaps {
		if x.meta.ID == id {
			m := x.meta
			return &m, io.NopCloser(bytes.NewReader(x.content)), nil
		}
	}
	return nil, nil, os.ErrNotExist
}

func (s simSnapshots) has(id string) bool {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	return slices.ContainsFunc(s.disk.snaps, func(x *simSnapshot) bool { return x.meta.ID == id })
}

func (s simSnapshots) remove(id string) error {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.snaps = slices.DeleteFunc(slices.Clone(s.disk.snaps), func(x *simSnapshot) bool { return x.meta.ID == id })
	return nil
}

func (s simSnapshots) unfinished() ([]string, error) { return nil, nil }

// simSink is a snapshot that is being written, of which a crash leaves nothing.
type simSink struct {
	bytes.Buffer
	disk *simDisk
	snap *simSnapshot
	over bool
}

func (s *simSink) ID() string    { return s.snap.meta.ID }
func (s *simSink) Cancel() error { s.over = true; return nil }

// Close makes the snapshot durable, and lets the one go that there is one too many of.
func (s *simSink) Close() error {
	if s.over {
		return nil
	}
	s.over = true
	s.snap.content, s.snap.meta.Size = s.Bytes(), int64(s.Len())
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	list := append([]*simSnapshot{s.snap}, s.disk.snaps...)
	slices.SortStableFunc(list, func(a, b *simSnapshot) int {
		return cmpPair(b.meta.Term, b.meta.Index, a.meta.Term, a.meta.Index)
	})
	s.disk.snaps = list[:min(len(list), keptSnapshots)]
	return nil
}

func cmpPair(a1, a2, b1, b2 uint64) int {
	switch {
	case a1 < b1, a1 == b1 && a2 < b2:
		return -1
	case a1 == b1 && a2 == b2:
		return 0
	}
	return 1
}

// simPairs is a generation of the state's pairs: a sorted list that is never changed in place.
type simPairs struct {
	disk *simDisk
	list []pairs.Change
}

var (
	_ pairs.Generations = (*simDisk)(nil)
	_ pairs.Store       = (*simPairs)(nil)
)

func (d *simDisk) state() pairs.Generations { return d }

// Open implements pairs.Generations.
func (d *simDisk) Open() (pairs.Store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cur, nil
}

// Fill implements pairs.Generations.
func (d *simDisk) Fill(load func(put func(key, value []byte) error) error) (pairs.Store, error) {
	s := &simPairs{disk: d}
	err := load(func(key, value []byte) error {
		s.list = append(s.list, pairs.Change{Key: string(key), Value: slices.Clone(value)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.list, byKey)
	return s, nil
}

func byKey(a, b pairs.Change) int { return strings.Compare(a.Key, b.Key) }

// Adopt implements pairs.Generations.
func (d *simDisk) Adopt(s pairs.Store) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cur = s.(*simPairs)
	return nil
}

// Remove implements pairs.Generations.
func (d *simDisk) Remove(pairs.Store) error { return nil }

// Read implements pairs.Store.
func (s *simPairs) Read() pairs.Reader {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	return simReader(s.list)
}

// Write implements pairs.Store.
func (s *simPairs) Write(changes iter.Seq[pairs.Change]) error {
	sorted := slices.SortedStableFunc(changes, byKey)
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	old, next := s.list, make([]pairs.Change, 0, len(s.list)+len(sorted))
	for i, c := range sorted {
		if i+1 < len(sorted) && sorted[i+1].Key == c.Key {
			continue // the later one counts
		}
		at, found := slices.BinarySearchFunc(old, c, byKey)
		next = append(next, old[:at]...)
		if old = old[at:]; found {
			old = old[1:]
		}
		if !c.Deleted {
			next = append(next, pairs.Change{Key: c.Key, Value: slices.Clone(c.Value)})
		}
	}
	s.list = append(next, old...)
	return nil
}

func (s *simPairs) Room() (keys, bytes int64) { return 1 << 16, 8 << 20 }
func (s *simPairs) Scrub(context.Context, int64, func(context.Context) error) error {
	return nil
}
func (s *simPairs) Collect() error { return nil }
func (s *simPairs) Size() int64    { return int64(len(s.list)) }
func (s *simPairs) Close() error   { return nil }

// simReader is one version.
type simReader []pairs.Change

// Get implements pairs.Reader.
func (r simReader) Get(key []byte) ([]byte, error) {
	at, found := slices.BinarySearchFunc(r, pairs.Change{Key: string(key)}, byKey)
	if !found {
		return nil, nil
	}
	return append([]byte{}, r[at].Value...), nil
}

// Walk implements pairs.Reader.
func (r simReader) Walk(prefix, after []byte, down bool, fn func(key, value []byte) error) error {
	from := string(prefix) + string(after)
	at, found := slices.BinarySearchFunc(r, pairs.Change{Key: from}, byKey)
	step := 1
	switch {
	case down && len(after) == 0:
		at, step = sortSearchEnd(r, string(prefix))-1, -1
	case down:
		at, step = at-1, -1
	case found && len(after) > 0:
		at++
	}
	for ; at >= 0 && at < len(r) && strings.HasPrefix(r[at].Key, string(prefix)); at += step {
		if err := fn([]byte(r[at].Key), r[at].Value); err != nil {
			return err
		}
	}
	return nil
}

// sortSearchEnd is where the keys under a prefix end.
func sortSearchEnd(r simReader, prefix string) int {
	at, _ := slices.BinarySearchFunc(r, prefix, func(c pairs.Change, prefix string) int {
		if c.Key < prefix || strings.HasPrefix(c.Key, prefix) {
			return -1
		}
		return 1
	})
	return at
}

// Close implements pairs.Reader.
func (r simReader) Close() {}
