package blobs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

// A repair that is under way stays due until it is over, however often the node looks
// for work and however much else is lost: work that is not due any more is cancelled.
func TestRepairsUnderWayAreNotGivenUpForOthers(t *testing.T) {
	t.Parallel()
	r := newRepairs()
	for i := range byte(40) {
		r.note(catalog.Sum([]byte{i}))
	}
	sorted := func() []catalog.Digest {
		list := r.due()
		slices.SortFunc(list, func(a, b catalog.Digest) int { return bytes.Compare(a[:], b[:]) })
		return list
	}
	first := sorted()
	if len(first) != maxRepairs {
		t.Fatalf("%d repairs are due, want %d", len(first), maxRepairs)
	}
	for range 20 {
		if list := sorted(); !slices.Equal(list, first) {
			t.Fatalf("other repairs are due though none is over: %v, before %v", list, first)
		}
	}
	r.repaired(first[0]) // its bytes are there, and the repair has to verify them yet
	if !slices.Equal(sorted(), first) {
		t.Error("a repair is given up before it is over")
	}
	r.over(first[0])
	if list := sorted(); len(list) != maxRepairs || slices.Contains(list, first[0]) {
		t.Errorf("after a repair %v are due, before it %v", list, first)
	}
	for range 36 {
		d := r.due()[0]
		r.repaired(d)
		r.over(d)
	}
	if list := r.due(); len(list) != 3 {
		t.Errorf("%d repairs are due of 3 that are left", len(list))
	}
}

// A manifest that no node has does not come back: it is no reason to look for its tiles,
// and to find again and again that it is lost.
func TestManifestThatIsNowhereIsNotBack(t *testing.T) {
	t.Parallel()
	r := newRepairs()
	here, nowhere := catalog.Sum([]byte("here")), catalog.Sum([]byte("nowhere"))
	for _, d := range []catalog.Digest{here, nowhere} {
		r.note(d)
		r.lacksIndex(d)
	}
	r.repaired(here)
	r.lost(nowhere)
	if back := r.indexesBack(); !slices.Equal(back, []catalog.Digest{here}) {
		t.Errorf("back are %v, want %s alone", back, here)
	}
}

// emptyPeers are nodes that have nothing. sent is called while they are asked.
type emptyPeers struct{ sent func() }

func (p emptyPeers) Alive(string) bool { return true }

func (p emptyPeers) Blob(context.Context, string, catalog.Digest) ([]byte, error) {
	p.sent()
	return nil, ErrNotFound
}

// What is sent again while the other nodes are asked for it, and have none, stays.
func TestBlobThatArrivesWhileOthersAreAskedStays(t *testing.T) {
	t.Parallel()
	disk, err := OpenDisk(t.TempDir(), tiles.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	content := []byte("a manifest that its publisher sends again")
	d := catalog.Sum(content)
	var s *Store
	sent := func() {
		if err := s.Put(t.Context(), d, content); err != nil {
			t.Error(err)
		}
	}
	s = New(Options{
		Disk: disk, Self: "n1", Roster: []catalog.Node{{ID: "n1"}, {ID: "n2"}}, Peers: emptyPeers{sent},
		Logger: slog.New(slog.DiscardHandler), Clock: time.Now, Wake: func() {},
	})
	s.repairs.note(d)
	if err := s.repair(t.Context(), d); err != nil {
		t.Errorf("what is there again is not repaired: %v", err)
	}
	if b, err := s.Get(t.Context(), d); err != nil || !bytes.Equal(b, content) {
		t.Errorf("read %q, %v", b, err)
	}
	nothing := catalog.Sum([]byte("nothing"))
	s.Peers = emptyPeers{func() {}}
	if err := s.repair(t.Context(), nothing); !errors.Is(err, errNowhere) {
		t.Errorf("what is nowhere: %v", err)
	}
}
