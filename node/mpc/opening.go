package mpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/weirdata/weir/catalog"
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
	root     string
	first    int       // number of the first batch, where an attempt opens under several keys
	progress *progress // is told what is done; nil: nobody
}

// accumulators are what an attempt opens, one after the other.
type accumulators struct {
	numbers []int // of the plan's openings, ascending
	// fill adds the tiles of accumulator number to acc. It is called from
	// several goroutines.
	fill func(ctx context.Context, number int, acc *he.Accumulator) error
	// doubt is told of the sums of a batch that another member computed differently; nil: nobody.
	doubt func(number int)
	// take is given this node's share of the opened slots, in order of number.
	take func(number int, slots []uint64) error
}

// open runs the node's part of an attempt (PROTOCOL.md section 3): compute every
// accumulator, compare its digest with every other member's, and only then send
// this node's contribution to the root, or collect the others' as the root. It
// returns the hash of the list of all contexts.
func (n *member) open(ctx context.Context, o opening, accs accumulators) (contexts catalog.Digest, err error) {
	opened := 0
	defer func() {
		if err != nil && opened > 0 && o.root == n.id {
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
	for first, batch := 0, o.first; first < len(accs.numbers); first, batch = first+batchSize, batch+1 {
		numbers := accs.numbers[first:min(first+batchSize, len(accs.numbers))]
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
		for _, op := range openings {
			list = append(list, op.Context())
		}
		slots, err := n.openBatch(ctx, o, batch, key, openings, filled)
		if err != nil {
			return catalog.Digest{}, err
		}
		opened++
		o.progress.opened(len(numbers))
		for i, number := range numbers {
			if err := accs.take(number, slots[i]); err != nil {
				return catalog.Digest{}, err
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
// and returns the batch's openings when all are equal. The context of an
// opening is computed here, from this node's own accumulator.
func (n *member) agree(ctx context.Context, o opening, batch int, numbers []int, accs []*he.Accumulator) ([]he.Opening, error) {
	root := o.point(o.root)
	points := o.points()
	openings := make([]he.Opening, len(accs))
	var digests []byte
	for i, acc := range accs {
		d, err := acc.Digest()
		if err != nil {
			return nil, err
		}
		digests = append(digests, d[:]...)
		openings[i] = o.of(n.Cluster.ID, points, root, numbers[i], d)
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

// openBatch makes this node's contributions and sends them to the root, or
// combines the others' when it is the root, and returns its shares of the slots.
func (n *member) openBatch(ctx context.Context, o opening, batch int, key *he.NodeKey, openings []he.Opening, accs []*he.Accumulator) ([][]uint64, error) {
	slots := make([][]uint64, len(openings))
	if o.root != n.id {
		ds := make([][]byte, len(openings))
		err := n.each(ctx, len(openings), func(i int) (err error) {
			ds[i], slots[i], err = key.Contribute(openings[i], accs[i])
			return err
		})
		if err != nil {
			return nil, err
		}
		sent := packParts(ds)
		n.noteGiven(ctx, o, batch, openings, sent)
		return slots, n.Peers.Send(ctx, o.root, Message{o.session, KindShares, batch, n.id}, sent)
	}
	theirs := make(map[int][][]byte, len(o.active))
	for _, m := range o.others(n.id) {
		p := Message{o.session, KindShares, batch, m.ID}
		b, err := n.mailbox.Wait(ctx, p)
		if errors.Is(err, errUsedUp) {
			return nil, fmt.Errorf("%w: %w", failure.ErrSpent, err)
		}
		if err != nil {
			return nil, err
		}
		parts, err := unpackParts(b, len(openings))
		if err != nil {
			return nil, failure.WithCode(fmt.Errorf("%w: contributions of %s: %w", failure.ErrDeviates, m.ID, err), "node.deviates_sent", m.ID)
		}
		theirs[m.Point] = parts
	}
	err := n.each(ctx, len(openings), func(i int) (err error) {
		ds := make(map[int][]byte, len(theirs))
		for point, parts := range theirs {
			ds[point] = parts[i]
		}
		slots[i], err = key.Combine(openings[i], accs[i], ds)
		return err
	})
	if errors.Is(err, he.ErrMalformed) || errors.Is(err, he.ErrForeignShare) {
		// What a member sends is the same however often it is asked.
		err = fmt.Errorf("%w: batch %d of %s: %w", failure.ErrDeviates, batch, o.session, err)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range o.active {
		n.mailbox.Release(Message{o.session, KindShares, batch, m.ID})
	}
	return slots, nil
}

// noteGiven logs digests of what this node contributes and of what for, where debug lines are wanted: so that whoever has
// the logs of all nodes can show that none gave two contributions in one place of an attempt. Nothing of a contribution
// follows from its digest: it is uniform for all who do not have it.
func (n *member) noteGiven(ctx context.Context, o opening, batch int, openings []he.Opening, sent []byte) {
	if !n.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	var contexts []byte
	for _, x := range openings {
		d := x.Context()
		contexts = append(contexts, d[:]...)
	}
	n.Logger.DebugContext(ctx, MessageGiven, "session", o.session, "batch", batch, "contexts", catalog.Sum(contexts).String(), "given", catalog.Sum(sent).String())
}

// MessageGiven is what the log says where a member contributed to an opening.
const MessageGiven = "contributed"

// of names the opening of one accumulator.
func (o opening) of(cluster catalog.Digest, points []int, root, number int, accumulator [32]byte) he.Opening {
	return he.Opening{
		Cluster: cluster, Key: o.sharing.Key, Epoch: o.sharing.Epoch, Query: o.subject, Attempt: o.attempt,
		Plan: o.plan, Number: number, Accumulator: accumulator, Active: points, Root: root,
	}
}

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
