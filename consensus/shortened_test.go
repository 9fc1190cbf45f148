package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/snapstream"
)

// forgetful takes bulk, and has it forgotten: "put KEY BULK" and "forget SEQ…", whose outcome is itself.
type forgetful struct {
	kv
	shortening func() // is called in the middle of it
}

func (m forgetful) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	switch op, rest, _ := strings.Cut(string(entry), " "); op {
	case "put":
		key, bulk, _ := strings.Cut(rest, " ")
		return fmt.Appendf(nil, "took %s %d", key, len(bulk)), tx.Set([]byte("size/"+key), fmt.Append(nil, len(bulk)))
	case "forget":
		return entry, nil
	}
	return m.kv.Apply(tx, seq, entry)
}

func (forgetful) Shortens(outcome []byte) (all []uint64) {
	rest, is := strings.CutPrefix(string(outcome), "forget ")
	if !is {
		return nil
	}
	for _, text := range strings.Fields(rest) {
		var seq uint64
		if _, err := fmt.Sscan(text, &seq); err != nil {
			panic(err)
		}
		all = append(all, seq)
	}
	return all
}

func (m forgetful) Short(entry []byte) ([]byte, error) {
	if m.shortening != nil {
		m.shortening()
	}
	f := strings.Fields(string(entry))
	if f[0] != "put" {
		return nil, errors.New("only what was put is shortened")
	}
	return []byte(f[1]), nil
}

func (forgetful) ApplyShort(tx records.Tx, _ uint64, short, outcome []byte) ([]byte, error) {
	var key string
	var size int
	if _, err := fmt.Sscanf(string(outcome), "took %s %d", &key, &size); err != nil || key != string(short) {
		return nil, fmt.Errorf("%q is not short for what came to %q", short, outcome)
	}
	return outcome, tx.Set([]byte("size/"+key), fmt.Append(nil, size))
}

// bulk is an entry with so many bytes that do not compress.
func bulk(key string, size int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%x", incompressible(len(key)*977+i))
	}
	return "put " + key + " " + b.String()[:size]
}

// holdsBulk tells whether bulk is anywhere in a stream.
func holdsBulk(stream []byte) bool { return bytes.Contains(stream, []byte(bulk("a", 2000)[200:400])) }

// What is forgotten goes from the log and from snapshots; its leaf, and what was proved of it, stay. What is exported then
// follows from its entries, and is the state of those who have it by snapshot.
func TestWhatIsForgottenIsShortInTheLog(t *testing.T) {
	s := openTestState(t, t.TempDir())
	apply(t, s, forgetful{}, bulk("a", 2000), "set k 1", bulk("b", 2000))
	whole := streamOf(t, s)
	prove := func() (root evidence.Hash, path evidence.Proof, rec evidence.Record) {
		t.Helper()
		err := s.view(func(state pairs.Reader) (err error) {
			r := evidenceReader{state}
			if root, err = evidence.Root(r, 3); err == nil {
				path, err = evidence.Prove(r, 0, 3)
			}
			if err == nil {
				rec, err = evidence.ReadRecord(r, 0)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return root, path, rec
	}
	root, path, rec := prove()
	apply(t, s, forgetful{}, "forget 0 2", "set k 2")
	rootAfter, pathAfter, short := prove()
	if root != rootAfter || !slices.Equal(path, pathAfter) {
		t.Error("the proof of an entry is another when it is shortened")
	}
	if !short.Shortened || len(short.Entry) > 0 || short.EntryDigest() != rec.EntryDigest() || !bytes.Equal(short.Outcome, rec.Outcome) {
		t.Errorf("short, the entry is %+v", short)
	}
	if err := evidence.Check(path, 0, 3, root, rec.Show().Leaf()); err != nil {
		t.Errorf("what was shown whole before: %v", err)
	}
	if err := evidence.Check(path, 0, 3, root, short.Show().Leaf()); err != nil || !short.Show().Withheld {
		t.Errorf("what is shown now: %v", err)
	}
	stream := streamOf(t, s)
	if !holdsBulk(whole) || holdsBulk(stream) || len(whole)-len(stream) < 2*1900-400 {
		t.Errorf("a snapshot has %d bytes before, %d afterwards", len(whole), len(stream))
	}
	t.Logf("an entry with 2,000 bytes takes %d, and %d when it is short; a snapshot with two %d, then %d", encodedSize(t, rec), encodedSize(t, short), len(whole), len(stream))
	if x, err := replayed(t.Context(), t.TempDir(), bytes.NewReader(stream), forgetful{}); err != nil || x.Size != 5 {
		t.Errorf("what is exported is %+v: %v", x, err)
	}
	other := openTestState(t, t.TempDir())
	if err := other.restore(bytes.NewReader(stream), 0); err != nil {
		t.Fatal(err)
	}
	apply(t, other, forgetful{}, "forget 0", "set k 3")
	apply(t, s, forgetful{}, "forget 0", "set k 3") // again: nothing is left of it
	if s.currentDigest() != other.currentDigest() {
		t.Error("a state that came by snapshot goes on to be another")
	}
}

func encodedSize(t *testing.T, r evidence.Record) int {
	t.Helper()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return len(b)
}

// Whoever writes an archive cannot leave out what an entry said, unless a later entry says that it is left out.
func TestEntriesAreShortWhereAnEntrySaysSo(t *testing.T) {
	s := openTestState(t, t.TempDir())
	apply(t, s, forgetful{}, bulk("a", 2000), "set k 1", bulk("b", 2000), "forget 0")
	for name, x := range map[string]struct {
		seq  uint64
		kept string
		want error
	}{
		"as it was said":   {0, "a", nil},
		"nobody said so":   {2, "b", ErrExport},
		"kept is not it":   {0, "b", ErrExport},
		"not to be short":  {1, "k", ErrExport},
		"the one that did": {3, "a", ErrExport},
	} {
		t.Run(name, func(t *testing.T) {
			forged := openTestState(t, t.TempDir())
			if err := forged.restore(bytes.NewReader(streamOf(t, s)), 0); err != nil {
				t.Fatal(err)
			}
			g, err := forged.acquire()
			if err != nil {
				t.Fatal(err)
			}
			b := &batch{state: forged, store: g.store, machine: forgetful{}, at: forged.position(), digest: forged.currentDigest()}
			b.begin()
			rec, err := evidence.ReadRecord(evidenceTx{b.stage}, x.seq)
			if err != nil {
				t.Fatal(err)
			}
			rec = evidence.Record{Shortened: true, Digest: rec.EntryDigest(), Short: []byte(x.kept), Outcome: rec.Outcome}
			encoded, err := rec.Encode()
			if err != nil {
				t.Fatal(err)
			}
			key := append([]byte{'r'}, 0, 0, 0, 0, 0, 0, 0, byte(x.seq))
			if err := (evidenceTx{b.stage}).Set(key, encoded); err != nil {
				t.Fatal(err)
			}
			if err := b.count(b.stage.entry); err != nil {
				t.Fatal(err)
			}
			for _, c := range b.stage.entry.Changes {
				b.stage.batch.Put(c)
			}
			if err := b.commit(); err != nil {
				t.Fatal(err)
			}
			g.release()
			_, err = replayed(t.Context(), t.TempDir(), bytes.NewReader(streamOf(t, forged)), forgetful{})
			if !errors.Is(err, x.want) {
				t.Errorf("%v, want %v", err, x.want)
			}
		})
	}
}

// The power fails while entries are being shortened: they are whole then, and are shortened with the entry that
// says so when it is applied again.
func TestPowerFailsInTheMiddleOfShortening(t *testing.T) {
	dir := t.TempDir()
	s := openTestState(t, dir)
	apply(t, s, forgetful{}, bulk("a", 2000), bulk("b", 2000))
	if err := s.cur.deferred.Sync(); err != nil {
		t.Fatal(err)
	}
	images, n := t.TempDir(), 0
	m := forgetful{shortening: func() {
		copyTree(t, filepath.Join(images, fmt.Sprint(n)), dir)
		n++
	}}
	apply(t, s, m, "forget 0 1")
	if n != 2 {
		t.Fatalf("%d images", n)
	}
	for i := range n {
		image := openTestState(t, filepath.Join(images, fmt.Sprint(i)))
		if at := image.position(); at.NextSeq != 2 || !holdsBulk(streamOf(t, image)) {
			t.Errorf("the image is of %+v", at)
		}
		apply(t, image, forgetful{}, "forget 0 1")
		if image.currentDigest() != s.currentDigest() || holdsBulk(streamOf(t, image)) {
			t.Error("after the failure another state comes of it")
		}
	}
}

// What is short on all nodes is nowhere whole in raft's logs and snapshots after two snapshots that are written for it, and
// a node that lost its directory has it from them.
func TestShortenedEntriesLeaveRaftsLogAndSnapshots(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		c.machine = forgetful{}
		c.startAll()
		c.propose(bulk("a", 2000))
		c.settle()
		for _, l := range c.running() {
			if err := l.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 20 {
			c.propose(fmt.Sprintf("set k %d", i))
		}
		c.propose("forget 0")
		c.settle()
		for range 2 {
			c.propose("set k x") // something that a snapshot is for
			c.settle()
			for _, l := range c.running() {
				m := newMaintenance(l)
				if err := m.dropShortened(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := l.raft.ReloadableConfig().TrailingLogs; got != l.opts.TrailingLogs {
					t.Errorf("%d entries stay behind a snapshot from here on, not %d", got, l.opts.TrailingLogs)
				}
			}
		}
		for _, l := range c.running() {
			first, last, err := l.disk.logRange()
			if err != nil || first < 3 || last < first {
				t.Errorf("the log of %s is %d to %d (%v)", l.opts.ID, first, last, err)
			}
			list, err := l.disk.snaps.List()
			if err != nil || len(list) != 2 {
				t.Fatalf("%d snapshots (%v)", len(list), err)
			}
			for _, meta := range list {
				_, r, err := l.disk.snaps.Open(meta.ID)
				if err != nil {
					t.Fatal(err)
				}
				var b bytes.Buffer
				if _, err := b.ReadFrom(r); err != nil || holdsBulk(b.Bytes()) {
					t.Errorf("a snapshot has what was forgotten (%v)", err)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			was := list[0].Index
			if err := newMaintenance(l).dropShortened(t.Context()); err != nil {
				t.Fatal(err)
			}
			if list, err = l.disk.snaps.List(); err != nil || list[0].Index != was {
				t.Errorf("a snapshot is written for nothing (%v)", err)
			}
		}
		lost := c.running()[0].opts.ID
		if c.leader().opts.ID == lost {
			lost = c.running()[1].opts.ID
		}
		c.stop(lost)
		c.loseLedger(lost)
		back := c.start(lost)
		await(t, lost+" to vote again", func() bool { return back.MayVote() == nil })
		c.propose("set k y")
		c.sameTrees()
		if rec, err := back.Record(0); err != nil || !rec.Shortened || back.disk.state.currentDigest().Sum != c.leader().disk.state.currentDigest().Sum {
			t.Errorf("who comes back has %+v (%v)", rec, err)
		}

		// All of them are wiped, and made of a backup of one.
		backup := exported(t, back)
		size, root := c.sameTrees()
		for _, m := range c.members {
			c.stop(m.ID)
			c.loseLedger(m.ID)
			o := c.options(m.ID)
			o.Memory = recordFile(o.Dir + ".record")
			if err := Reseed(o, Seed{ID: [32]byte{1}, Made: 1_790_000_000_000}, bytes.NewReader(backup)); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range c.members {
			c.start(m.ID)
		}
		c.propose("forget 0")
		c.sameTrees()
		l := c.leader()
		rec, err := l.Record(0)
		if got, rootErr := l.RootAt(size); err != nil || rootErr != nil || got != root || !rec.Shortened {
			t.Errorf("restored, %d entries have the root %x, were %x: %v, %v", size, got, root, err, rootErr)
		}
	})
}

// An entry that this node's disk has otherwise than its leaf says cannot be shortened: the state is damaged, and is made
// again; it is not told as something that no operator can mend.
func TestADamagedEntryIsNotShortened(t *testing.T) {
	s := openTestState(t, t.TempDir())
	apply(t, s, forgetful{}, bulk("a", 2000), "set k 1")
	g, err := s.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer g.release()
	encoded, err := evidence.Record{Entry: []byte(bulk("b", 2000)), Outcome: []byte("took a 2000")}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	other := pairs.NewLayer()
	other.Put(change{Key: string(spaceEvidence) + "r\x00\x00\x00\x00\x00\x00\x00\x00", Value: encoded})
	if err := g.store.Write(maps.Values(other.Changes)); err != nil {
		t.Fatal(err)
	}
	b := &batch{state: s, store: g.store, machine: forgetful{}, at: s.position(), digest: s.currentDigest()}
	defer b.discard()
	if _, err := b.add(&raft.Log{Index: b.at.Applied + 1, Type: raft.LogCommand, Data: []byte("forget 0")}); !damage.Is(err) {
		t.Errorf("what the disk has otherwise is shortened: %v", err)
	}
}

// What a stream says of where raft may still have entries whole is no part of the digest, so nobody has proved it: a backup
// is restored without it, and with one that does not decode it is damaged. A cluster that took it over would stop at
// the first entry that shortens another.
func TestABackupDoesNotSayWhatRaftHasWhole(t *testing.T) {
	for name, x := range map[string]struct {
		value   []byte
		corrupt bool
	}{
		"of another log":  {shortened{upTo: 1 << 50, by: 1 << 51}.encode(), false},
		"another order":   {shortened{upTo: 2, by: 1}.encode(), true},
		"does not decode": {[]byte("x"), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTestState(t, t.TempDir())
			apply(t, s, forgetful{}, bulk("a", 2000), "set k 1")
			g, err := s.acquire()
			if err != nil {
				t.Fatal(err)
			}
			planted := pairs.NewLayer()
			planted.Put(change{Key: string(shortenedKey), Value: x.value})
			err = g.store.Write(maps.Values(planted.Changes))
			g.release()
			if err != nil {
				t.Fatal(err)
			}
			stream := streamOf(t, s)
			if _, err := replayed(t.Context(), t.TempDir(), bytes.NewReader(stream), forgetful{}); errors.Is(err, ErrCorruptSnapshot) != x.corrupt {
				t.Errorf("applied anew: %v", err)
			}
			var b bytes.Buffer
			err = rebase(bytes.NewReader(stream), Seed{Made: 1}, func(snapstream.Position) (io.Writer, error) { return &b, nil })
			if err != nil {
				t.Fatal(err)
			}
			restored := openTestState(t, t.TempDir())
			if err := restored.restore(&b, 0); err != nil {
				t.Fatal(err)
			}
			var got shortened
			err = restored.view(func(r pairs.Reader) (err error) {
				got, err = readShortened(r)
				return err
			})
			if err != nil || got != (shortened{}) {
				t.Errorf("restored, it says %+v (%v)", got, err)
			}
		})
	}
}

// Where the disk has no room for the snapshot that is written for what is shortened, it is not written, the node goes
// on, and the next one is. What is to stay of the log is what it was.
func TestAFullDiskPutsOffTheSnapshotForWhatIsShortened(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		var full atomic.Bool
		c := newCluster(t, 1, func(o *Options) {
			o.Free = func(string) (uint64, error) {
				if full.Load() {
					return o.MinFreeBytes/2 + 1, nil
				}
				return 1 << 40, nil
			}
			o.MinFreeBytes = 1 << 20
		})
		c.machine = forgetful{}
		c.startAll()
		c.propose(bulk("a", 2000))
		c.propose("forget 0")
		l := c.leader()
		full.Store(true)
		m := newMaintenance(l)
		if err := m.dropShortened(t.Context()); err == nil || !strings.Contains(err.Error(), ErrDiskFull.Error()) { // raft keeps its text alone
			t.Errorf("without room: %v", err)
		}
		if got := l.raft.ReloadableConfig().TrailingLogs; got != l.opts.TrailingLogs {
			t.Errorf("%d entries stay behind a snapshot from here on, not %d", got, l.opts.TrailingLogs)
		}
		full.Store(false)
		c.propose("set k 1")
		if err := m.dropShortened(t.Context()); err != nil {
			t.Errorf("with room again: %v", err)
		}
		if first, _, err := l.disk.logRange(); err != nil || first < 3 {
			t.Errorf("the log begins at %d (%v)", first, err)
		}
	})
}
