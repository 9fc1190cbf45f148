package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/founding"
)

// dutyMachine is a machine in a seat: its keys, its disk, and the roster that it wrote down.
type dutyMachine struct {
	signing ed25519.PrivateKey
	store   *dutyStore
	members catalog.Cluster
	since   int  // of how many changes of the roster it is the last; 0: it was there first
	away    bool // it is not started: it burns down
}

// newDutyMachine makes the keys of another machine for a seat, and its disk with nothing else on it.
func (s *duties) newDutyMachine(seat catalog.Node) (m dutyMachine, n catalog.Node) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	sealing, sealingPublic, err := seal.GenerateKey()
	if err != nil {
		s.t.Fatal(err)
	}
	n = seat
	n.Key, n.Sealing = public, sealingPublic
	return dutyMachine{signing: private, store: newDutyStore(map[string][]byte{founding.SecretSealing: sealing}, map[catalog.Digest][]byte{})}, n
}

// machine is the one in a seat.
func (s *duties) machine(id string) dutyMachine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machines[id]
}

// burn takes the machine in a seat away, unless another one is away: with two of three lost there is no majority, and the
// cluster does not go on by itself.
func (s *duties) burn(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines {
		if m.away {
			return false
		}
	}
	m := s.machines[id]
	m.away = true
	s.machines[id] = m
	return true
}

// plugIn gives the machine in a seat back.
func (s *duties) plugIn(id string) {
	s.mu.Lock()
	m := s.machines[id]
	m.away = false
	s.machines[id] = m
	s.mu.Unlock()
	s.open(id)
}

// mayVote reports whether a node has a vote: a machine that is new in its seat has none before the others took it up
// (leadSeats), which package consensus simulates.
func (s *duties) mayVote(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.machines {
		if other.members.Changes < s.machines[id].since {
			return false
		}
	}
	return true
}

// followsRoster opens a node anew once it has heard of another roster, as Run does.
func (s *duties) followsRoster(r *dutyRun) {
	changes, stop := r.part.Changes()
	defer stop()
	for {
		var c catalog.Cluster
		err := r.node.view(func(v state.View) (err error) { c, err = v.Cluster(); return err })
		if err == nil && c.Changes > r.node.members.Changes && !s.stay && s.notes(r, c) {
			if s.stop(r) {
				s.Note("%s is opened with roster %d", r.id, c.Changes)
				s.open(r.id)
			}
			return
		}
		select {
		case <-r.part.over:
			return
		case <-changes:
		}
	}
}

// notes has a node write a roster down.
func (s *duties) notes(r *dutyRun, c catalog.Cluster) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[r.id]
	if m.store != r.store { // another machine is in the seat
		return false
	}
	m.members = c
	s.machines[r.id] = m
	return true
}

// replaces has a machine burn down, and its operator put another one into its seat. Where the ledger refuses that,
// since something would be lost with it, the one before is started again: it had been unplugged.
func (s *duties) replaces(ctx context.Context, e dutyEvent, rng *mathrand.Rand) {
	id := s.world.ids()[rng.IntN(3)]
	if !s.burn(id) {
		return
	}
	s.Note("%s burns", id)
	s.crash(id, rng)
	back := func(why string) {
		s.Note("%s is unplugged: %s", id, why)
		s.plugIn(id)
	}
	time.Sleep(e.long / 2)
	m, n := s.newDutyMachine(s.world.members.Nodes[slices.Index(s.world.ids(), id)])
	var previous catalog.Digest
	lost := ""
	err := s.ledger.newest(func(v state.View) (err error) {
		changes, err := v.RosterChanges()
		if err != nil {
			return err
		}
		previous = changes[len(changes)-1].Envelope.Digest()
		lost, err = s.vectorsLost(v, id)
		return err
	})
	switch {
	case err != nil:
		s.Violation("who is in the seats cannot be read: %v", err)
		return
	case lost != "": // its operator waits: for keys the ledger sees to it, see checkSpared
		back(lost)
		return
	}
	n.Addr, n.API = fmt.Sprintf("127.0.0.1:%d", 10_000+e.draw%50_000), fmt.Sprintf("https://127.0.0.1:%d", 60_000+e.draw%5_000)
	if _, refused := s.submit(ctx, rng, s.world.operator, catalog.KindSeatReplace, roster.Replace{Previous: previous, Node: n}); refused != nil {
		if refused.Kind != catalog.RefusedConflict {
			s.Violation("another machine for %s is refused: %s", id, explain.Message(refused))
		}
		back(explain.Message(refused))
		return
	}
	err = s.ledger.newest(func(v state.View) (err error) { m.members, err = v.Cluster(); return err })
	if err != nil {
		s.Violation("the roster cannot be read: %v", err)
		return
	}
	s.Note("%s is another machine", id)
	m.since = m.members.Changes
	s.mu.Lock()
	s.machines[id], s.applied[id] = m, s.world.size
	s.replaced++
	s.mu.Unlock()
	s.open(id)
}

// vectorsLost names a vector of which too few would have their shares without a node; "": there is none.
func (s *duties) vectorsLost(v state.View, without string) (string, error) {
	c, err := v.Cluster()
	if err != nil {
		return "", err
	}
	for id := range s.world.values {
		x, err := v.Vectors().Get(id)
		if err != nil {
			return "", err
		}
		held := slices.DeleteFunc(x.HeldBy(c), func(node string) bool { return node == "" || node == without })
		if len(held) < x.InForce().Threshold {
			return fmt.Sprintf("vector %s waits for its move", id), nil
		}
	}
	return "", nil
}

// movesVectors asks for new shares of all vectors.
func (s *duties) movesVectors(ctx context.Context, _ dutyEvent, rng *mathrand.Rand) {
	_, refused := s.submit(ctx, rng, s.world.operator, catalog.KindVectorRefresh, resharing.Refresh{})
	s.Note("vectors are to be moved: %v", refused)
	if refused != nil {
		s.Violation("a move is refused: %s", explain.Message(refused))
	}
}

// secretOf is what a machine calls its share of a vector.
func secretOf(vector string, move uint64) string {
	if move == 0 {
		return "vector/" + vector
	}
	return fmt.Sprintf("vector/%s/%d", vector, move)
}

// sawMoves looks at moves after an entry. Nothing of a move is looked at before all who get shares have stored theirs,
// whatever happens to them, and none comes into force before. The ledger's lock is held.
func (s *duties) sawMoves(seq uint64, v state.View) {
	list, err := v.Vectors().Moves()
	if err != nil {
		s.Violation("the moves after entry %d: %v", seq, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	under := map[uint64]resharing.State{}
	for _, m := range list {
		under[m.Seq] = m.State
		if s.moves[m.Seq] == m.State || m.State == resharing.Dealing || m.State == resharing.Storing {
			continue
		}
		for i, id := range m.Vectors {
			for _, node := range m.To {
				if m.Moves(i) && !s.machines[node].store.durable(secretOf(id, m.Seq)) {
					s.Violation("entry %d: move %d is %s, and %s has not stored its share of vector %s", seq, m.Seq, m.State, node, id)
				}
			}
		}
		if m.State == resharing.Erasing {
			s.moved++
		}
	}
	for number, was := range s.moves {
		if _, is := under[number]; !is && was != resharing.Erasing {
			s.stuck++
		}
	}
	s.moves = under
	for id := range s.world.values {
		x, err := v.Vectors().Get(id)
		if err != nil {
			s.Violation("vector %s after entry %d: %v", id, seq, err)
			continue
		}
		if now := x.InForce().Move; now < s.sharings[id] {
			s.Violation("entry %d: vector %s is under move %d after %d", seq, id, now, s.sharings[id])
		} else {
			s.sharings[id] = now
		}
	}
}

// seatsUnsettled says what is left to do of replacing machines and moving vectors.
func (s *duties) seatsUnsettled(v state.View) (string, error) {
	c, err := v.Cluster()
	if err != nil {
		return "", err
	}
	moves, err := v.Vectors().Moves()
	if err != nil {
		return "", err
	}
	waiting, err := v.Vectors().ToMove(maxMoveLook)
	if err != nil {
		return "", err
	}
	k, err := v.Keys().Get(s.world.key)
	if err != nil {
		return "", err
	}
	versions, err := v.Versions().Of("firms")
	if err != nil {
		return "", err
	}
	up := s.up()
	switch {
	case len(moves) > 0:
		return fmt.Sprintf("a move is under way: %s, waits for %q, tried %+v", moves[0].State, moves[0].Waits(), moves[0].Tries), nil
	case len(waiting) > 0:
		return fmt.Sprintf("vector %s waits for a move, after %d: %+v", waiting[0].ID, waiting[0].Tried, waiting[0].Stays), nil
	case len(k.Lacks) > 0:
		return fmt.Sprintf("%v have no share of key %s", k.Lacks, k.ID), nil
	case len(up) < len(c.Nodes):
		return fmt.Sprintf("%d nodes are up", len(up)), nil
	}
	for _, x := range versions {
		if x.State == catalog.VersionLive && len(x.Acks) < len(c.Nodes) {
			return fmt.Sprintf("version %d is held by %q", x.Version, x.Acks), nil
		}
	}
	for _, x := range up {
		if x.node.members.Changes != c.Changes {
			return fmt.Sprintf("%s goes by roster %d, the ledger has %d", x.id, x.node.members.Changes, c.Changes), nil
		}
	}
	return "", nil
}

// checkVectors looks at the shares of vectors: any two nodes' open to what the owner registered, each node has those in
// force and no others, and none of before is taken for one of them.
func (s *duties) checkVectors(v state.View, r *dutyResult) error {
	s.mu.Lock()
	r.moved, r.stuck, r.machines = s.moved, s.stuck, s.replaced
	s.mu.Unlock()
	c, err := v.Cluster()
	if err != nil {
		return err
	}
	for id, want := range s.world.values {
		x, err := v.Vectors().Get(id)
		if err != nil {
			return err
		}
		if x.State != catalog.VectorReady || x.Holders(c) != len(c.Nodes) {
			s.Violation("vector %s is %s, and held by %q", id, x.State, x.HeldBy(c))
			continue
		}
		nodes := s.up()
		for _, a := range nodes {
			if have, want := a.store.names("vector/"+id), []string{secretOf(id, x.InForce().Move)}; !slices.Equal(have, want) {
				s.Violation("%s has the shares %q of a vector, want %q", a.id, have, want)
			}
			for _, b := range nodes {
				if a.node.point < b.node.point {
					s.checkOpens(x, want, a, b)
				}
				if a != b {
					s.checkOldShares(x, want, a, b)
				}
			}
		}
	}
	return nil
}

// checkOpens opens a vector by the shares of two nodes.
func (s *duties) checkOpens(x catalog.Vector, want []uint64, a, b *dutyRun) {
	got, err := s.opened(x, a, x.InForce().Move, b)
	if err != nil || !slices.Equal(got, want) {
		s.Violation("vector %s opens to other values by the shares of %s and %s (%v)", x.ID, a.id, b.id, err)
	}
}

// opened adds the shares of two nodes up: one under some sharing, the other under that in force.
func (s *duties) opened(x catalog.Vector, a *dutyRun, under uint64, b *dutyRun) (sum []uint64, err error) {
	active := []int{min(a.node.point, b.node.point), max(a.node.point, b.node.point)}
	for run, move := range map[*dutyRun]uint64{a: under, b: x.InForce().Move} {
		share, err := run.node.mpc.Vectors.ShareUnder(x, move)
		if err != nil {
			return nil, err
		}
		values, err := share.Values(active)
		share.Erase()
		if err != nil {
			return nil, err
		}
		if sum == nil {
			sum = make([]uint64, len(values))
		}
		if err := s.world.params.AddMod(sum, values); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

// checkOldShares gives a node every share back that it erased, as from an old copy of its disk: it takes none of
// them for that in force, and none opens anything with the share that another node has.
func (s *duties) checkOldShares(x catalog.Vector, want []uint64, a, b *dutyRun) {
	for _, name := range a.store.erased("vector/" + x.ID) {
		under, err := moveOf(name, x.ID)
		if err != nil {
			s.Violation("%v", err)
			continue
		}
		if _, err := a.node.mpc.Vectors.ShareUnder(x, under); err == nil {
			s.Violation("%s reads %s, which it has erased", a.id, name)
		}
		a.store.restore(name)
		s.checkOpens(x, want, a, b)
		if got, err := s.opened(x, a, under, b); err == nil && slices.Equal(got, want) {
			s.Violation("vector %s opens by the share of %s under move %d and that of %s in force", x.ID, a.id, under, b.id)
		}
		a.store.forget(name)
	}
}

// moveOf reads which move made a share.
func moveOf(name, vector string) (move uint64, err error) {
	if name == secretOf(vector, 0) {
		return 0, nil
	}
	if _, err := fmt.Sscanf(strings.TrimPrefix(name, "vector/"+vector), "/%d", &move); err != nil {
		return 0, fmt.Errorf("%s is no share of vector %s: %w", name, vector, err)
	}
	return move, nil
}

// hastyHold is the planted bug of a ledger that goes on with a move as soon as one of its members has stored what it was
// dealt: what all others would say, after an entry.
func (s *duties) hastyHold(entry []byte) (more [][]byte) {
	e, err := catalog.ParseEntry(entry)
	if err != nil {
		return nil
	}
	p, err := catalog.ParsePayload(e.Envelope.Payload)
	if err != nil || p.Kind != catalog.KindMoveHold {
		return nil
	}
	var body resharing.Hold
	if err := catalog.DecodeStrict(p.Body, &body); err != nil {
		return nil
	}
	for _, id := range s.world.ids() {
		signer := "node/" + id
		if signer != e.Envelope.Signer {
			said := s.world.signed(s.machine(id).signing, signer, catalog.KindMoveHold, body, time.UnixMilli(e.Time))
			more = append(more, catalog.Entry{Version: e.Version, Time: e.Time, Envelope: said}.Marshal())
		}
	}
	return more
}

// names are the secrets that a machine has, by the beginning of their names.
func (d *dutyStore) names(prefix string) (list []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return namesOf(d.secrets, prefix)
}

// erased are those that it had.
func (d *dutyStore) erased(prefix string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return namesOf(d.old, prefix)
}

func namesOf(secrets map[string][]byte, prefix string) (list []string) {
	for name := range secrets {
		if strings.HasPrefix(name, prefix) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// restore puts a secret back that was deleted, and forget takes it away again.
func (d *dutyStore) restore(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[name] = d.old[name]
}

func (d *dutyStore) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.secrets, name)
}

// oldVector is what a node reads instead of a share of a vector, with the planted bug: its share of the move before.
func (s *duties) oldVector(d *dutyStore, name string) []byte {
	vector, _, moved := strings.Cut(strings.TrimPrefix(name, "vector/"), "/")
	now, err := moveOf(name, vector)
	if err != nil || !moved || d.secrets[name] == nil {
		return nil
	}
	var before uint64
	for _, was := range namesOf(d.old, "vector/"+vector+"/") {
		if move, err := moveOf(was, vector); err == nil && move < now {
			before = max(before, move)
		}
	}
	if before == 0 {
		return nil // as the owner dealt it, it has another form
	}
	return d.old[secretOf(vector, before)]
}
