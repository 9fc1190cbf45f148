package mpc

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
)

// A node that has stored its part of a key and is dealt the same attempt once more, as
// after an acknowledgement that was lost, keeps what it stored: it may have given its
// word for it. Drawn anew, its secret would be another one than it opened with.
func TestRepeatedDealingKeepsTheSecretThatIsStored(t *testing.T) {
	t.Parallel()
	params, err := he.NewParameters(he.DataParameters(3, 2))
	if err != nil {
		t.Fatal(err)
	}
	d, _ := newDrawer(t)
	ctx, v := t.Context(), d.secrets
	roster := []catalog.Node{{ID: "n1", Point: 1}, {ID: "n2", Point: 2}, {ID: "n3", Point: 3}}
	k := catalog.Key{ID: catalog.KeyID(catalog.PrincipalID([]byte("bureau"))), Epoch: 1, Attempt: 1, Reference: catalog.Sum([]byte("reference")), Threshold: 2, Nodes: []string{"n1", "n2", "n3"}}
	var parts []*ceremony
	nodes := make([]*Ceremonies, len(roster))
	for i, m := range roster {
		nodes[i] = &Ceremonies{member: &member{Options: Options{Params: params}, id: m.ID, keys: newKeyring(v), mailbox: NewMailbox()}}
		part, err := nodes[i].drawPart(k)
		if err != nil {
			t.Fatal(err)
		}
		defer part.erase()
		commit := catalog.KeyCommit{Public: catalog.Sum(part.public)}
		for _, b := range part.dealings {
			commit.Dealings = append(commit.Dealings, catalog.Sum(b))
		}
		parts, k.Commits = append(parts, part), append(k.Commits, commit)
	}
	n := nodes[1]
	deal := func(seed []byte) {
		t.Helper()
		for i, m := range roster {
			if m.ID == n.id {
				continue
			}
			p := Message{SharingSession(k.Made()), KindDealing, 0, m.ID}
			if err := n.mailbox.Put(p, packParts([][]byte{parts[i].dealings[1], seed})); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.collectKey(ctx, k, parts[1]); err != nil {
			t.Fatal(err)
		}
	}
	name := secretKey(k.Made())
	stored := func() []byte {
		t.Helper()
		b, err := v.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	deal(bytes.Repeat([]byte{1}, 32))
	first := stored()
	deal(bytes.Repeat([]byte{1}, 32))
	deal(bytes.Repeat([]byte{2}, 32)) // with another pair seed
	if !bytes.Equal(stored(), first) {
		t.Fatal("the part that was stored was exchanged")
	}
	if _, err := n.keys.Get(params, k.Made()); err != nil {
		t.Fatalf("the part that stayed cannot be used: %v", err)
	}

	// Another share for the same attempt is a deviation, and is not stored either.
	other, err := decodeRecord(first)
	if err != nil {
		t.Fatal(err)
	}
	other.Share = flipped(other.Share, len(other.Share)/2)
	if err := n.keys.store(other); !errors.Is(err, failure.ErrDeviates) {
		t.Errorf("another share of the same attempt: %v", err)
	}
	if !bytes.Equal(stored(), first) {
		t.Fatal("the part that was stored was exchanged")
	}
	next := other // the next attempt has a part of its own
	next.Attempt++
	if err := n.keys.store(next); err != nil {
		t.Error(err)
	}
}

// sentPeers keeps what is sent, and ends a context after so many messages.
type sentPeers struct {
	mu   sync.Mutex
	sent map[string][]byte
	most int
	end  context.CancelFunc
}

func (p *sentPeers) Send(_ context.Context, to string, _ Message, content []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[to] = bytes.Clone(content)
	if len(p.sent) == p.most {
		p.end()
	}
	return nil
}

// A member that deals nothing in a refresh sends the seeds that it drew first, and none once it was started
// anew: some may have those. One that has sent nothing of the attempt draws.
func TestAMemberThatWasStartedAnewEndsTheRefresh(t *testing.T) {
	t.Parallel()
	d, _ := newDrawer(t)
	k := catalog.Key{
		ID: catalog.KeyID(catalog.PrincipalID([]byte("bureau"))), Epoch: 1, Attempt: 1, State: catalog.KeyReady, Threshold: 3,
		Nodes:   []string{"n1", "n2", "n3", "n4"},
		Refresh: &catalog.Refresh{Epoch: 2, Attempt: 2, State: catalog.KeyDealing, Dealers: []int{2, 3, 4}},
	}
	start := func() *Ceremonies {
		return &Ceremonies{member: &member{id: "n1", keys: newKeyring(d.secrets), mailbox: NewMailbox()}, parts: map[string]*ceremony{}}
	}
	deal := func(n *Ceremonies) (map[string][]byte, error) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		peers := &sentPeers{sent: map[string][]byte{}, most: 3, end: end}
		n.Peers = peers
		s, _, _ := k.UnderWay()
		return peers.sent, n.stepRefresh(ctx, k, s)
	}
	n := start()
	first, err := deal(n)
	if !errors.Is(err, context.Canceled) || len(first) != 3 {
		t.Fatalf("%d messages, %v", len(first), err)
	}
	if again, err := deal(n); !errors.Is(err, context.Canceled) || !maps.EqualFunc(first, again, bytes.Equal) {
		t.Errorf("broken off and begun again it sends something else, or fails: %v", err)
	}
	n = start()
	for range 2 {
		if sent, err := deal(n); !errors.Is(err, failure.ErrRestarted) || len(sent) > 0 {
			t.Errorf("started anew: %d messages, %v", len(sent), err)
		}
	}
	k.Refresh.Attempt++
	if next, err := deal(n); !errors.Is(err, context.Canceled) || len(next) != 3 || maps.EqualFunc(first, next, bytes.Equal) {
		t.Errorf("the next attempt: %d messages, %v", len(next), err)
	}
}
