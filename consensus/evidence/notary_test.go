package evidence

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// log is a tree in memory that can be rewritten.
type log struct {
	store memory
	size  uint64
}

func (l *log) Size() (uint64, error)                 { return l.size, nil }
func (l *log) RootAt(size uint64) (Hash, error)      { return Root(l.store, size) }
func (l *log) Record(seq uint64) (Record, error)     { return ReadRecord(l.store, seq) }
func (l *log) Proof(seq, size uint64) (Proof, error) { return Prove(l.store, seq, size) }

func (l *log) add(entry string) error {
	if l.store == nil {
		l.store = memory{}
	}
	_, err := Append(l.store, l.size, Record{Entry: []byte(entry), Outcome: []byte("done")})
	l.size++
	return err
}

// rewrite replaces an entry, and every hash above it.
func (l *log) rewrite(seq uint64, entry string) (*log, error) {
	forged := &log{}
	for i := range l.size {
		r, err := l.Record(i)
		if err != nil {
			return nil, err
		}
		if i == seq {
			r.Entry = []byte(entry)
		}
		if err := forged.add(string(r.Entry)); err != nil {
			return nil, err
		}
	}
	return forged, nil
}

// disk is a Memory that can fail.
type disk struct {
	kept []byte
	err  error
}

func (d *disk) Load() ([]byte, error) { return d.kept, d.err }

func (d *disk) Save(b []byte) error {
	if d.err == nil {
		d.kept = b
	}
	return d.err
}

func newNotary(tree Tree, d *disk) (*Notary, error) {
	keys, _ := signers(1)
	return NewNotary(testOrigin, "n1", keys[0], tree, d, func() time.Time { return testTime })
}

// TestNotaryNeverSignsTwoRootsOfOneSize lets the log grow, be rewritten, be cut
// off and be restored, and the process restart, in any order: what was signed
// are beginnings of one another.
func TestNotaryNeverSignsTwoRootsOfOneSize(t *testing.T) {
	_, trust := signers(1)
	rapid.Check(t, func(t *rapid.T) {
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		tree := &log{}
		for i := range 5 {
			must(tree.add(fmt.Sprint(i)))
		}
		d := &disk{}
		n, err := newNotary(tree, d)
		must(err)
		signed := map[uint64]Hash{}
		sizes := []uint64{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				must(tree.add(rapid.StringN(1, 3, -1).Draw(t, "entry")))
			case 1:
				forged, err := tree.rewrite(rapid.Uint64Range(0, tree.size-1).Draw(t, "which"), "forged")
				must(err)
				*tree = *forged
			case 2:
				*tree = log{store: maps.Clone(tree.store), size: max(1, tree.size-1)}
			case 3:
				n, err = newNotary(tree, d)
				must(err)
			default:
				c, lines, err := n.Sign(rapid.Uint64Range(0, tree.size+1).Draw(t, "size"))
				if err != nil {
					continue
				}
				if _, err := trust.Open(Assemble(c, lines), 1); err != nil {
					t.Fatalf("what was signed does not open: %v", err)
				}
				if root, before := signed[c.Size]; before && root != c.Root {
					t.Fatalf("two roots of %d entries were signed", c.Size)
				}
				for _, s := range sizes {
					if s > c.Size {
						t.Fatalf("%d entries were signed after %d", c.Size, s)
					}
					if root, err := tree.RootAt(s); err != nil || root != signed[s] {
						t.Fatalf("%d entries were signed, which do not begin with the %d signed before", c.Size, s)
					}
				}
				signed[c.Size], sizes = c.Root, append(sizes, c.Size)
			}
		}
	})
}

func TestNotarySaysWhyItDoesNotSign(t *testing.T) {
	tree, d := &log{}, &disk{}
	n, err := newNotary(tree, d)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.Sign(0); !errors.Is(err, ErrAhead) {
		t.Errorf("an empty log: %v", err)
	}
	for i := range 4 {
		if err := tree.add(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	full := errors.New("the disk is full")
	d.err = full
	if _, lines, err := n.Sign(3); !errors.Is(err, full) || lines != nil {
		t.Errorf("signed although it cannot be remembered: %v", err)
	}
	d.err = nil
	if _, _, err := n.Sign(3); err != nil {
		t.Fatal(err)
	}
	var passed *PassedError
	if _, _, err := n.Sign(2); !errors.As(err, &passed) || passed.Size != 3 {
		t.Errorf("a smaller one: %v", err)
	}
	if _, _, err := n.Sign(9); !errors.Is(err, ErrAhead) {
		t.Errorf("a size that is not there: %v", err)
	}
	forged, err := tree.rewrite(1, "forged")
	if err != nil {
		t.Fatal(err)
	}
	*tree = *forged
	for _, size := range []uint64{0, 3, 4} {
		if _, _, err := n.Sign(size); !errors.Is(err, ErrRewritten) {
			t.Errorf("a rewritten log, %d entries: %v", size, err)
		}
	}
	tree.size = 2
	if _, _, err := n.Sign(0); !errors.Is(err, ErrRewritten) {
		t.Errorf("a log that was cut off: %v", err)
	}
	for _, kept := range [][]byte{{}, {1}, make([]byte, 41), make([]byte, 42)} {
		if _, err := newNotary(tree, &disk{kept: kept}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d damaged bytes of memory: %v", len(kept), err)
		}
	}
}
