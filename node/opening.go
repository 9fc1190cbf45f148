package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
)

// batchSize is how many accumulators are opened between two exchanges: enough
// to hide the latency of an exchange, few enough that a node holds some 40 MB
// for a query of any size.
const batchSize = 64

// errDeviates is returned when members of an attempt computed different things
// from the same ledger. It is an alarm, and ends the attempt.
var errDeviates = errors.New("members of the active set disagree")

// errSpent ends an attempt whose root failed after it had used up contributions
// that the others will not send again. It is also what a root finds that was
// run again after such a failure.
var errSpent = errors.New("the root failed after contributions had been used up")

// opening is one attempt's openings, as the ledger names them.
type opening struct {
	session string         // names it among nodes: kind, id, attempt
	subject string         // what is opened: the query's id, the version, the key test
	key     catalog.Key    // under which the tiles are encrypted
	plan    catalog.Digest // group order and slot maps
	attempt int
	active  []catalog.Node // ascending points
	root    string
	first   int      // number of the first batch, where an attempt has several openings
	headway *headway // is told what is done; nil: nobody
}

// accumulators are what an attempt opens, one after the other.
type accumulators struct {
	count int
	// fill adds the tiles of accumulator number to acc. It is called from
	// several goroutines.
	fill func(ctx context.Context, number int, acc *he.Accumulator) error
	// take is given this node's share of the opened slots, in order of number.
	take func(number int, slots []uint64) error
}

// open runs the node's part of an attempt (PROTOCOL section 3): compute every
// accumulator, compare its digest with every other member's, and only then send
// this node's contribution to the root, or collect the others' as the root. It
// returns the hash of the list of all contexts.
func (n *Node) open(ctx context.Context, o opening, accs accumulators) (contexts catalog.Digest, err error) {
	opened := 0
	defer func() {
		if err != nil && opened > 0 && o.root == n.id {
			err = fmt.Errorf("%w: %w", errSpent, err)
		}
	}()
	key, err := n.keys.get(n.params, o.key)
	if err != nil {
		return catalog.Digest{}, err
	}
	var list [][32]byte
	for first, batch := 0, o.first; first < accs.count; first, batch = first+batchSize, batch+1 {
		numbers := make([]int, 0, batchSize)
		for i := first; i < min(first+batchSize, accs.count); i++ {
			numbers = append(numbers, i)
		}
		o.headway.enter(wire.StageTiles)
		filled, err := n.fillBatch(ctx, numbers, accs.fill)
		if err != nil {
			return catalog.Digest{}, err
		}
		o.headway.enter(wire.StageOpenings)
		openings, err := n.agree(ctx, o, batch, numbers, filled)
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
		o.headway.opened(len(numbers))
		for i, number := range numbers {
			if err := accs.take(number, slots[i]); err != nil {
				return catalog.Digest{}, err
			}
		}
	}
	return seal.ContextsDigest(list), nil
}

// fillBatch computes a batch of accumulators on as many cores as are allowed.
func (n *Node) fillBatch(ctx context.Context, numbers []int, fill func(context.Context, int, *he.Accumulator) error) ([]*he.Accumulator, error) {
	accs := make([]*he.Accumulator, len(numbers))
	err := n.atOnce(ctx, n.opts.Workers, len(numbers), func(ctx context.Context, i int) error {
		accs[i] = he.NewAccumulator(n.params)
		if err := fill(ctx, numbers[i], accs[i]); err != nil {
			return fmt.Errorf("accumulator %d: %w", numbers[i], err)
		}
		if n.opts.summed != nil {
			n.opts.summed(accs[i].Count())
		}
		_, err := accs[i].Digest()
		return err
	})
	return accs, err
}

// agree sends the digests of a batch to every other member, waits for theirs,
// and returns the batch's openings when all are equal. The context of an
// opening is computed here, from this node's own accumulator.
func (n *Node) agree(ctx context.Context, o opening, batch int, numbers []int, accs []*he.Accumulator) ([]he.Opening, error) {
	points := make([]int, len(o.active))
	root := 0
	for i, m := range o.active {
		points[i] = m.Point
		if m.ID == o.root {
			root = m.Point
		}
	}
	openings := make([]he.Opening, len(accs))
	var digests []byte
	for i, acc := range accs {
		d, err := acc.Digest()
		if err != nil {
			return nil, err
		}
		digests = append(digests, d[:]...)
		openings[i] = he.Opening{
			Cluster: n.cluster, Key: o.key.ID, Epoch: o.key.Epoch, Query: o.subject, Attempt: o.attempt,
			Plan: o.plan, Number: numbers[i], Accumulator: d, Active: points, Root: root,
		}
	}
	if err := n.sendOthers(ctx, o, parcelDigests, batch, digests); err != nil {
		return nil, err
	}
	for _, m := range o.active {
		if m.ID == n.id {
			continue
		}
		theirs, err := n.exchange.wait(ctx, parcel{o.session, parcelDigests, batch, m.ID})
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(theirs, digests) {
			return nil, fmt.Errorf("%w: %s and %s computed different accumulators in batch %d of %s",
				errDeviates, n.id, m.ID, batch, o.session)
		}
	}
	return openings, nil
}

// openBatch makes this node's contributions and sends them to the root, or
// combines the others' when it is the root, and returns its shares of the slots.
func (n *Node) openBatch(ctx context.Context, o opening, batch int, key *he.NodeKey, openings []he.Opening, accs []*he.Accumulator) ([][]uint64, error) {
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
		return slots, n.sendParcel(ctx, o.root, parcel{o.session, parcelShares, batch, n.id}, packParts(ds))
	}
	theirs := make(map[int][][]byte, len(o.active))
	for _, m := range o.active {
		if m.ID == n.id {
			continue
		}
		p := parcel{o.session, parcelShares, batch, m.ID}
		b, err := n.exchange.wait(ctx, p)
		if errors.Is(err, errUsedUp) {
			return nil, fmt.Errorf("%w: %w", errSpent, err)
		}
		if err != nil {
			return nil, err
		}
		parts, err := unpackParts(b, len(openings))
		if err != nil {
			return nil, fmt.Errorf("%w: contributions of %s: %w", errDeviates, m.ID, err)
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
		err = fmt.Errorf("%w: batch %d of %s: %w", errDeviates, batch, o.session, err)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range o.active {
		n.exchange.release(parcel{o.session, parcelShares, batch, m.ID})
	}
	return slots, nil
}

// each runs do for 0..count−1 on as many cores as are allowed.
func (n *Node) each(ctx context.Context, count int, do func(i int) error) error {
	return n.atOnce(ctx, n.opts.Workers, count, func(_ context.Context, i int) error { return do(i) })
}

// atOnce runs do for 0..count−1, most at a time, until one fails.
func (n *Node) atOnce(ctx context.Context, most, count int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(most)
	for i := range count {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return contained(func() error { return do(ctx, i) })
		})
	}
	return g.Wait()
}

// sendOthers sends a parcel to every other member at once.
func (n *Node) sendOthers(ctx context.Context, o opening, kind string, batch int, b []byte) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range o.active {
		if m.ID == n.id {
			continue
		}
		g.Go(func() error { return n.sendParcel(ctx, m.ID, parcel{o.session, kind, batch, n.id}, b) })
	}
	return g.Wait()
}

// outcomes remembers what an attempt came to, until the ledger has it: a member
// that could not reach a leader proposes the same again, and does not open anew
// with contributions that were used up.
type outcomes struct {
	mu    sync.Mutex
	held  map[string]any
	begun map[string]bool // sessions whose computation on shares has begun
}

// begin notes that an attempt's computation on shares begins. One that had begun before
// is not begun again: it is errHalfway.
func (o *outcomes) begin(session string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.begun[session] {
		return fmt.Errorf("%w: it had begun before in this attempt", errHalfway)
	}
	o.begun[session] = true
	return nil
}

// once computes an attempt's outcome once and commits it.
func (n *Node) once(ctx context.Context, session string, kind catalog.Kind, compute func() (any, error)) error {
	n.outcomes.mu.Lock()
	body, ok := n.outcomes.held[session]
	n.outcomes.mu.Unlock()
	if !ok {
		err := contained(func() (err error) {
			body, err = compute()
			return err
		})
		if err != nil {
			return err
		}
		n.outcomes.mu.Lock()
		n.outcomes.held[session] = body
		n.outcomes.mu.Unlock()
	}
	if _, failed := body.(catalog.CohortFailed); failed {
		kind = catalog.KindCohortFailed
	}
	return n.act(ctx, kind, body)
}

// keep forgets every attempt that is over.
func (o *outcomes) keep(running func(session string) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for session := range o.held {
		if !running(session) {
			delete(o.held, session)
		}
	}
	for session := range o.begun {
		if !running(session) {
			delete(o.begun, session)
		}
	}
}

// members resolves the node ids of an active set, which the state machine keeps
// in order of points.
func (n *Node) members(ids []string) ([]catalog.Node, error) {
	nodes := make([]catalog.Node, 0, len(ids))
	for _, id := range ids {
		i := slices.IndexFunc(n.roster, func(m catalog.Node) bool { return m.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("node %q is not in the roster", id)
		}
		nodes = append(nodes, n.roster[i])
	}
	return nodes, nil
}

// packParts writes parts one after the other, each with its length.
func packParts(parts [][]byte) []byte {
	size := 0
	for _, p := range parts {
		size += 4 + len(p)
	}
	b := make([]byte, 0, size)
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// unpackParts reads exactly want parts. The parts share b's memory.
func unpackParts(b []byte, want int) ([][]byte, error) {
	parts := make([][]byte, 0, want)
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, fmt.Errorf("part %d is cut off", len(parts))
		}
		size := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(size) > uint64(len(b)) {
			return nil, fmt.Errorf("part %d names %d bytes, %d follow", len(parts), size, len(b))
		}
		if len(parts) == want {
			return nil, fmt.Errorf("more than %d parts", want)
		}
		parts = append(parts, b[:size:size])
		b = b[size:]
	}
	if len(parts) != want {
		return nil, fmt.Errorf("%d parts, want %d", len(parts), want)
	}
	return parts, nil
}
