package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/evidence"
)

func TestExportIsTheStateAtOneMoment(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.propose("set k 1")
		c.settle()
		l := c.running()[0]
		e, err := l.Export()
		if err != nil {
			t.Fatal(err)
		}
		defer e.Release()
		c.propose("set k 2")
		c.settle()
		root, err := l.RootAt(1)
		if err != nil || e.Size() != 1 || e.Root() != root {
			t.Fatalf("exported are %d entries with the root %x (%v), want 1 with %x", e.Size(), e.Root(), err, root)
		}
		var b bytes.Buffer
		if _, err := e.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		x, err := replayed(t.Context(), t.TempDir(), &b, kv{})
		if err != nil || x.Size != 1 || x.Root != root {
			t.Errorf("what was exported is %+v (%v)", x, err)
		}
	})
}

// Whoever writes an archive can add the pairs up as a node does. What its entries make, it
// cannot change.
func TestExportedStateThatItsEntriesDoNotMakeIsNoticed(t *testing.T) {
	s := openTestState(t, t.TempDir())
	var logs []*raft.Log
	for i := range 3 * rebuildBatch {
		logs = append(logs, &raft.Log{Index: uint64(i + 1), Type: raft.LogCommand, Data: fmt.Appendf(nil, "set k%d %d", i, i)})
	}
	if _, err := s.applyBatch(kv{}, logs); err != nil {
		t.Fatal(err)
	}
	if _, err := replayed(t.Context(), t.TempDir(), bytes.NewReader(streamOf(t, s)), kv{}); err != nil {
		t.Fatal(err)
	}
	key, was := []byte{spaceMachine, 'k', '7'}, []byte("7")
	d := s.currentDigest()
	d.Sum.Remove(key, was)
	d.Sum.Add(key, []byte("8"))
	g, err := s.acquire()
	if err != nil {
		t.Fatal(err)
	}
	r := g.store.Read()
	defer r.Close()
	if old, err := r.Get(key); err != nil || string(old) != "7" {
		t.Fatalf("the test does not know where values are: %q (%v)", old, err)
	}
	changed := []change{{Key: string(key), Value: []byte("8")}, {Key: string(digestKey), Value: d.Encode()}}
	if err := g.store.Write(slices.Values(changed)); err != nil {
		t.Fatal(err)
	}
	g.release()
	_, err = replayed(t.Context(), t.TempDir(), bytes.NewReader(streamOf(t, s)), kv{})
	if !errors.Is(err, ErrExport) {
		t.Errorf("a state with a value that nobody set: %v", err)
	}
	cut := streamOf(t, s)
	if _, err = replayed(t.Context(), t.TempDir(), bytes.NewReader(cut[:len(cut)-40]), kv{}); !errors.Is(err, ErrCorruptSnapshot) {
		t.Errorf("a stream without its end: %v", err)
	}
}

// replayed applies the entries of an exported state anew, and compares.
func replayed(ctx context.Context, dir string, r io.Reader, m Machine) (x Exported, err error) {
	p, err := OpenReplay(dir, r, m)
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return p.Run(ctx, func(uint64, []evidence.Record) error { return nil })
}
