package mpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/failure"
)

// batchSize is how many accumulators are opened between two exchanges: enough
// to hide the latency of an exchange, few enough that a node holds some 40 MB
// for a query of any size.
const batchSize = 64

// opening is one attempt's openings, as the ledger names them.
type opening struct {
	session  string          // names it among nodes: kind, id, attempt
	subject  string          // what is opened: the query's id, the version, the key test
	key      catalog.Key     // under which the tiles are encrypted
	sharing  catalog.Sharing // of it
	part     *he.NodeKey     // this node's part of it; nil: that of the keyring
	plan     catalog.Digest  // group order and slot maps
	attempt  int
	active   []catalog.Node // ascending points
	root     string         // of a checked answer empty
	sets     []checked.Set  // under which each accumulator is opened; none: active alone, with root
	first    int            // number of the first batch, where an attempt opens under several keys
	progress *progress      // is told what is done; nil: nobody
}

// accumulators are what an attempt opens, one after the other.
type accumulators struct {
	numbers []int // of the plan's openings, ascending
	// fill adds the tiles of accumulator number to acc. It is called from
	// several goroutines.
	fill func(ctx context.Context, number int, acc *he.Accumulator) error
	// doubt is told of the sums of a batch that another member computed differently; nil: nobody.
	doubt func(number int)
	// take is given this node's share of the slots that a set which it is in opened, in order of number.
	take func(set, number int, slots []uint64) error
}

// open runs the node's part of an attempt (PROTOCOL.md section 3): compute every
// accumulator, compare its digest with every other member's, and only then send
// this node's contribution to the root, or collect the others' as the root; of a checked answer
// under each of its sets. It returns the hash of the list of all contexts, of every accumulator those of all sets.
func (n *member) open(ctx context.Context, o opening, accs accumulators) (contexts catalog.Digest, err error) {
	opened := 0
	defer func() {
		if err != nil && opened > 0 && slices.ContainsFunc(o.openedBy(), func(s checked.Set) bool { return s.Root == n.id }) {
			err = fmt.Errorf("%w: %w", failure.ErrSpent, err)
		}
	}()
	key := o.part
	if key == nil {
		if key, err = n.share(o.key, o.sharing); err != nil {
			return catalog.Digest{}, err
		}
	}
	var list [][32]byte
	size := o.batchSize()
	for first, batch := 0, o.first; first < len(accs.numbers); first, batch = first+size, batch+1 {
		if batch > MaxBatches {
			return catalog.Digest{}, fmt.Errorf("open %s: more than %d batches of accumulators", o.session, MaxBatches)
		}
		numbers := accs.numbers[first:min(first+size, len(accs.numbers))]
		o.progress.enter(wire.StageTiles)
		filled, err := n.fillBatch(ctx, numbers, accs.fill)
		if err != nil {
			return catalog.Digest{}, err
		}
		o.progress.enter(wire.StageOpenings)
		openings, err := n.agree(ctx, o, batch, numbers, filled)
		if errors.Is(err, failure.ErrDeviates) && accs.doubt != nil {
			for _, number := range numbers {
				accs.doubt(number)
			}
		}
		if err != nil {
			return catalog.Digest{}, err
		}
		for _, bySet := range openings {
			for _, op := range bySet {
				list = append(list, op.Context())
			}
		}
		slots, err := n.openBatch(ctx, o, batch, key, openings, filled)
		if err != nil {
			return catalog.Digest{}, err
		}
		opened++
		o.progress.opened(len(numbers))
		for i, number := range numbers {
			for set, share := range slots[i] {
				if share == nil {
					continue // this node is not in the set
				}
				if err := accs.take(set, number, share); err != nil {
					return catalog.Digest{}, err
				}
			}
		}
	}
	return seal.ContextsDigest(list), nil
}

// fillBatch computes a batch of accumulators on as many cores as are allowed.
func (n *member) fillBatch(ctx context.Context, numbers []int, fill func(context.Context, int, *he.Accumulator) error) ([]*he.Accumulator, error) {
	accs := make([]*he.Accumulator, len(numbers))
	err := failure.Each(ctx, n.Workers, len(numbers), func(ctx context.Context, i int) error {
		accs[i] = he.NewAccumulator(n.Params)
		if err := fill(ctx, numbers[i], accs[i]); err != nil {
			return fmt.Errorf("fill accumulator %d: %w", numbers[i], err)
		}
		if n.Summed != nil {
			n.Summed(accs[i].Count())
		}
		_, err := accs[i].Digest()
		return err
	})
	return accs, err
}

// agree sends the digests of a batch to every other member, waits for theirs,
// and returns the batch's openings, of each accumulator by set, when all are equal. The context of an
// opening is computed here, from this node's own accumulator.
func (n *member) agree(ctx context.Context, o opening, batch int, numbers []int, accs []*he.Accumulator) ([][]he.Opening, error) {
	openings := make([][]he.Opening, len(accs))
	var digests []byte
	for i, acc := range accs {
		d, err := acc.Digest()
		if err != nil {
			return nil, err
		}
		digests = append(digests, d[:]...)
		openings[i] = o.of(n.Cluster.ID, o.point, numbers[i], d)
	}
	if err := n.sendOthers(ctx, o, KindDigests, batch, digests); err != nil {
		return nil, err
	}
	for _, m := range o.others(n.id) {
		theirs, err := n.receive(ctx, o, KindDigests, batch, m.ID)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(theirs, digests) {
			return nil, failure.WithCode(fmt.Errorf("%w: %s and %s computed different accumulators in batch %d of %s",
				failure.ErrDeviates, n.id, m.ID, batch, o.session), "node.disagree", n.id, m.ID)
		}
	}
	return openings, nil
}

// place is one opening of a batch: of an accumulator, under a set.
type place struct{ acc, set int }

// openBatch makes this node's contributions and sends those of all sets with one root to it at once, combines the
// others' where it is the root itself, and returns its shares of the slots of each accumulator, by set; nil of sets
// that it is not in.
func (n *member) openBatch(ctx context.Context, o opening, batch int, key *he.NodeKey, openings [][]he.Opening, accs []*he.Accumulator) ([][][]uint64, error) {
	sets := o.openedBy()
	slots := make([][][]uint64, len(accs))
	gives, takes := map[string][]place{}, map[string][]place{} // by who is the root, and by whose contributions they are
	var rooted []place
	for i := range accs {
		slots[i] = make([][]uint64, len(sets))
		for k, s := range sets {
			at := place{i, k}
			switch {
			case !s.Has(n.id):
			case s.Root != n.id:
				gives[s.Root] = append(gives[s.Root], at)
			default:
				rooted = append(rooted, at)
				for _, id := range s.Members {
					if id != n.id {
						takes[id] = append(takes[id], at)
					}
				}
			}
		}
	}
	if err := n.contribute(ctx, o, batch, key, openings, accs, gives, slots); err != nil {
		return nil, err
	}
	theirs := map[place]map[int][]byte{}
	for _, at := range rooted {
		theirs[at] = map[int][]byte{}
	}
	for _, m := range o.active {
		if len(takes[m.ID]) == 0 {
			continue
		}
		b, err := n.mailbox.Wait(ctx, Message{o.session, KindShares, batch, m.ID})
		if errors.Is(err, errUsedUp) {
			return nil, fmt.Errorf("%w: %w", failure.ErrSpent, err)
		}
		if err != nil {
			return nil, err
		}
		parts, err := unpackParts(b, len(takes[m.ID]))
		if err != nil {
			return nil, failure.WithCode(fmt.Errorf("%w: contributions of %s: %w", failure.ErrDeviates, m.ID, err), "node.deviates_sent", m.ID)
		}
		for i, at := range takes[m.ID] {
			theirs[at][m.Point] = parts[i]
		}
	}
	err := n.each(ctx, len(rooted), func(i int) (err error) {
		at := rooted[i]
		slots[at.acc][at.set], err = key.Combine(openings[at.acc][at.set], accs[at.acc], theirs[at])
		return err
	})
	if errors.Is(err, he.ErrMalformed) || errors.Is(err, he.ErrForeignShare) {
		// What a member sends is the same however often it is asked.
		err = fmt.Errorf("%w: batch %d of %s: %w", failure.ErrDeviates, batch, o.session, err)
	}
	if err != nil {
		return nil, err
	}
	for id := range takes {
		n.mailbox.Release(Message{o.session, KindShares, batch, id})
	}
	return slots, nil
}

// contribute makes this node's contributions to the openings of a batch and sends each root those that are for it.
func (n *member) contribute(ctx context.Context, o opening, batch int, key *he.NodeKey, openings [][]he.Opening, accs []*he.Accumulator,
	gives map[string][]place, slots [][][]uint64,
) error {
	all := map[string][]byte{}
	var sent []byte
	for _, m := range o.active {
		at := gives[m.ID]
		if len(at) == 0 {
			continue
		}
		ds := make([][]byte, len(at))
		err := n.each(ctx, len(at), func(i int) (err error) {
			x := at[i]
			ds[i], slots[x.acc][x.set], err = key.Contribute(openings[x.acc][x.set], accs[x.acc])
			return err
		})
		if err != nil {
			return err
		}
		all[m.ID] = packParts(ds)
		sent = append(sent, all[m.ID]...)
	}
	if len(all) == 0 {
		return nil
	}
	n.noteGiven(ctx, o, batch, openings, sent)
	g, ctx := errgroup.WithContext(ctx)
	for id, b := range all {
		g.Go(func() error { return n.Peers.Send(ctx, id, Message{o.session, KindShares, batch, n.id}, b) })
	}
	return g.Wait()
}

// noteGiven logs digests of what this node contributes and of what for, where debug lines are wanted: so that whoever has
// the logs of all nodes can show that none gave two contributions in one place of an attempt. Nothing of a contribution
// follows from its digest: it is uniform for all who do not have it.
func (n *member) noteGiven(ctx context.Context, o opening, batch int, openings [][]he.Opening, sent []byte) {
	if !n.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	var contexts []byte
	for _, bySet := range openings {
		for _, x := range bySet {
			d := x.Context()
			contexts = append(contexts, d[:]...)
		}
	}
	n.Logger.DebugContext(ctx, MessageGiven, "session", o.session, "batch", batch, "contexts", catalog.Sum(contexts).String(), "given", catalog.Sum(sent).String())
}

// MessageGiven is what the log says where a member contributed to an opening.
const MessageGiven = "contributed"

// of names the openings of one accumulator, by set. point is that of a member.
func (o opening) of(cluster catalog.Digest, point func(id string) int, number int, accumulator [32]byte) []he.Opening {
	var out []he.Opening
	for _, s := range o.openedBy() {
		points := make([]int, len(s.Members))
		for i, id := range s.Members {
			points[i] = point(id)
		}
		out = append(out, he.Opening{
			Cluster: cluster, Key: o.sharing.Key, Epoch: o.sharing.Epoch, Query: o.subject, Attempt: o.attempt,
			Plan: o.plan, Number: number, Accumulator: accumulator, Active: points, Root: point(s.Root),
		})
	}
	return out
}

// openedBy are the sets under which each accumulator is opened.
func (o opening) openedBy() []checked.Set {
	if o.sets != nil {
		return o.sets
	}
	one := checked.Set{Root: o.root}
	for _, m := range o.active {
		one.Members = append(one.Members, m.ID)
	}
	return []checked.Set{one}
}

// batchSize is how many accumulators are opened between two exchanges: under several sets so many fewer, that a member
// holds and sends no more.
func (o opening) batchSize() int { return max(1, batchSize/max(1, len(o.sets))) }

// points are the members' points, ascending.
func (o opening) points() []int {
	points := make([]int, len(o.active))
	for i, m := range o.active {
		points[i] = m.Point
	}
	return points
}

// point is a member's, 0 for who is none.
func (o opening) point(id string) int {
	for _, m := range o.active {
		if m.ID == id {
			return m.Point
		}
	}
	return 0
}

// others are the members without one.
func (o opening) others(id string) []catalog.Node {
	return slices.DeleteFunc(slices.Clone(o.active), func(m catalog.Node) bool { return m.ID == id })
}
