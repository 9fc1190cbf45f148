package mpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

// Moves does a node's part in moving private vectors to the roster as it is (PROTOCOL.md section
// 6.9). What a dealer deals is in memory only, until all have stored it: a move that is
// interrupted begins anew.
type Moves struct {
	*member
	vectors *Vectors
	mu      sync.Mutex
	parts   map[string][][]byte // by session: what this dealer sends, by member
}

// keep forgets what was dealt in moves that are over.
func (ms *Moves) keep(running func(session string) bool) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for s, messages := range ms.parts {
		if !running(s) {
			wipeAll(messages)
			delete(ms.parts, s)
		}
	}
}

func wipeAll(list [][]byte) {
	for _, b := range list {
		vault.Wipe(b)
	}
}

func (ms *Moves) part(session string) [][]byte {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.parts[session]
}

// Step does what is left for this node in a move's present step, for which the move waits: see
// Move.Waits.
func (ms *Moves) Step(ctx context.Context, m resharing.Move) error {
	var err error
	switch m.State {
	case resharing.Dealing:
		err = ms.deal(ctx, m)
	case resharing.Storing:
		err = ms.hold(ctx, m)
	case resharing.Lining:
		err = ms.line(ctx, m)
	case resharing.Erasing:
		return ms.erase(ctx, m)
	}
	if errors.Is(err, failure.ErrRestarted) || errors.Is(err, he.ErrMalformed) || errors.Is(err, he.ErrVector) || failure.Ends(err) {
		why := failure.OfNode(ms.id, err)
		return errors.Join(err, ms.Ledger.Act(ctx, catalog.KindMoveFail, resharing.Fail{Move: m.Seq, Reason: why}))
	}
	return err
}

// moving are the vectors of a move.
func (ms *Moves) moving(m resharing.Move) (list []catalog.Vector, err error) {
	err = ms.Ledger.View(func(v state.View) error {
		for _, id := range m.Vectors {
			x, err := v.Vectors().Get(id)
			if err != nil {
				return err
			}
			list = append(list, x)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up the vectors of move %d: %w", m.Seq, err)
	}
	return list, nil
}

// deal draws what this node deals of every vector, once, and commits to it.
func (ms *Moves) deal(ctx context.Context, m resharing.Move) error {
	vectors, err := ms.moving(m)
	if err != nil {
		return err
	}
	body := resharing.Deal{Move: m.Seq}
	session, members := MoveSession(m.Seq), m.Members()
	messages := ms.part(session)
	dealings := make([]*he.VectorDealing, len(vectors))
	lacks := make([]bool, len(vectors))
	err = ms.each(ctx, len(vectors), func(i int) error {
		if !m.Moves(i) {
			return nil
		}
		share, err := ms.vectors.Share(vectors[i])
		if errors.Is(err, failure.ErrNoShare) {
			ms.Logger.WarnContext(ctx, "this node has no share of a vector to deal onward", "vector", vectors[i].ID, "error", err)
			lacks[i] = true
			return nil
		}
		if err != nil || messages != nil {
			return err
		}
		defer share.Erase()
		dealings[i], err = share.Deal(len(m.To), m.ToThreshold, m.Dealers)
		return err
	})
	defer func() {
		for _, d := range dealings {
			if d != nil {
				d.Erase()
			}
		}
	}()
	if err != nil {
		return fmt.Errorf("deal the vectors of move %d: %w", m.Seq, err)
	}
	for i, none := range lacks {
		if none {
			body.Lacks = append(body.Lacks, i)
		}
	}
	if messages == nil {
		for _, id := range members {
			messages = append(messages, dealtTo(m, id, dealings))
		}
		ms.mu.Lock()
		ms.parts[session] = messages
		ms.mu.Unlock()
	}
	for _, b := range messages {
		body.Digests = append(body.Digests, catalog.Sum(b))
	}
	return ms.Ledger.Act(ctx, catalog.KindMoveDeal, body)
}

// dealtTo is what a dealer sends a member: for every vector its share, where it is of the new
// roster, and its masks, where it is of the old one.
func dealtTo(m resharing.Move, id string, dealings []*he.VectorDealing) []byte {
	parts := make([][]byte, 2*len(dealings))
	for i, d := range dealings {
		if d == nil {
			continue
		}
		if p := slices.Index(m.To, id); p >= 0 {
			parts[2*i] = d.Shares[p]
		}
		if p := slices.Index(m.From, id); p >= 0 {
			parts[2*i+1] = d.Masks[p]
		}
	}
	return packParts(parts)
}

// hold runs once all dealers have committed: it hands out what this node deals, collects what it
// is dealt, stores it, and adds this node's nonce to the challenge.
func (ms *Moves) hold(ctx context.Context, m resharing.Move) error {
	session, members := MoveSession(m.Seq), m.Members()
	self := slices.Index(members, ms.id)
	mine := ms.part(session)
	if mine == nil && slices.ContainsFunc(m.Dealers, func(p int) bool { return m.From[p-1] == ms.id }) {
		return failure.ErrRestarted // with what it committed to
	}
	if mine != nil {
		g, gctx := errgroup.WithContext(ctx)
		for i, id := range members {
			if i != self {
				g.Go(func() error { return ms.Peers.Send(gctx, id, Message{session, KindMoved, 0, ms.id}, mine[i]) })
			}
		}
		if err := g.Wait(); err != nil {
			return fmt.Errorf("deal the vectors of move %d: %w", m.Seq, err)
		}
	}
	dealt := make([][][]byte, len(m.Dealers)) // by dealer: parts
	for i, point := range m.Dealers {
		from := m.From[point-1]
		var b []byte
		if from == ms.id {
			b = mine[self]
		} else {
			var err error
			if b, err = ms.mailbox.Wait(ctx, Message{session, KindMoved, 0, from}); err != nil {
				return err
			}
		}
		if err := committed(from, b, m.Deals[i][self]); err != nil {
			return err
		}
		var err error
		if dealt[i], err = unpackParts(b, 2*len(m.Vectors)); err != nil {
			return failure.WithCode(fmt.Errorf("%w: what %s dealt: %w", failure.ErrDeviates, from, err), "node.deviates_sent", from)
		}
	}
	nonce, err := ms.storeDealt(ctx, m, dealt)
	if err != nil {
		return err
	}
	for _, point := range m.Dealers {
		ms.mailbox.Release(Message{session, KindMoved, 0, m.From[point-1]})
	}
	return ms.Ledger.Act(ctx, catalog.KindMoveHold, resharing.Hold{Move: m.Seq, Nonce: nonce})
}

// storeDealt adds up what was dealt of every vector that is moved, and makes it durable with one
// nonce: asked again, the node gives the same one.
func (ms *Moves) storeDealt(ctx context.Context, m resharing.Move, dealt [][][]byte) (nonce []byte, err error) {
	vectors, err := ms.moving(m)
	if err != nil {
		return nil, err
	}
	nonce = make([]byte, nonceBytes)
	rand.Read(nonce) // never fails
	for i, x := range vectors {
		if !m.Moves(i) {
			continue
		}
		stored, err := ms.vectors.readMoved(x, m.Seq)
		if err == nil {
			nonce = slices.Clone(stored.nonce)
			vault.Wipe(stored.share)
		} else if !errors.Is(err, vault.ErrNotFound) {
			return nil, err
		}
	}
	err = ms.each(ctx, len(vectors), func(i int) error {
		if !m.Moves(i) {
			return nil
		}
		r, err := ms.combine(m, vectors[i], i, dealt)
		if err != nil {
			return fmt.Errorf("combine what was dealt of vector %s: %w", vectors[i].ID, err)
		}
		r.nonce = nonce
		defer vault.Wipe(r.share)
		return ms.vectors.storeMoved(vectors[i].ID, m.Seq, r)
	})
	return nonce, err
}

// combine adds up what was dealt of the vector at a place.
func (ms *Moves) combine(m resharing.Move, x catalog.Vector, at int, dealt [][][]byte) (movedRecord, error) {
	r := movedRecord{commitment: x.Commitment, nodes: len(m.To), threshold: m.ToThreshold, point: slices.Index(m.To, ms.id) + 1}
	parts := func(which int) (list [][]byte) {
		for _, p := range dealt {
			list = append(list, p[2*at+which])
		}
		return list
	}
	if r.point > 0 {
		share, err := he.CombineVectorDealings(ms.Products, specOf(x, r.nodes, r.threshold), r.point, parts(0))
		if err != nil {
			return r, err
		}
		r.share = share.MovedBytes()
		share.Erase()
	}
	if old := slices.Index(m.From, ms.id) + 1; old > 0 {
		masks, err := he.CombineMaskDealings(ms.Products, specOf(x, len(m.From), m.FromThreshold), old, parts(1))
		if err != nil {
			return r, err
		}
		r.masks = masks[:]
	}
	return r, nil
}

// challengeIn is the challenge of a vector in a move, when all nonces are there.
func challengeIn(m resharing.Move, x catalog.Vector) [32]byte {
	nonces := make([][32]byte, len(m.Nonces))
	for i, nonce := range m.Nonces {
		nonces[i] = [32]byte(nonce) // catalog takes no others
	}
	return he.Challenge(x.Commitment, [][32]byte{he.Challenge(m.Commitment(), nonces)})
}

// line publishes this node's numbers in the first check, of its old shares and of its new ones.
func (ms *Moves) line(ctx context.Context, m resharing.Move) error {
	if err := ms.oneChallenge(ctx, m.Members()); err != nil {
		return err
	}
	vectors, err := ms.moving(m)
	if err != nil {
		return err
	}
	body := resharing.Line{Move: m.Seq}
	if slices.Contains(m.From, ms.id) {
		body.Old = make([][]uint64, len(vectors))
	}
	if slices.Contains(m.To, ms.id) {
		body.New = make([][]uint64, len(vectors))
	}
	err = ms.each(ctx, len(vectors), func(i int) error {
		if !m.Moves(i) {
			return nil
		}
		return ms.lineOf(ctx, m, vectors[i], i, &body)
	})
	if err != nil {
		return fmt.Errorf("check move %d: %w", m.Seq, err)
	}
	return ms.Ledger.Act(ctx, catalog.KindMoveLine, body)
}

// lineOf writes the numbers of the vector at a place.
func (ms *Moves) lineOf(ctx context.Context, m resharing.Move, x catalog.Vector, at int, body *resharing.Line) error {
	r, err := ms.vectors.readMoved(x, m.Seq)
	if err != nil {
		return fmt.Errorf("%w: vector %s in move %d: %w", failure.ErrNoShare, x.ID, m.Seq, err)
	}
	defer vault.Wipe(r.share)
	challenge := challengeIn(m, x)
	if body.New != nil {
		share, err := r.parse(ms.Products, x)
		if err != nil {
			return fmt.Errorf("%w: vector %s in move %d: %w", failure.ErrNoShare, x.ID, m.Seq, err)
		}
		defer share.Erase()
		values, err := share.LineValues(challenge)
		if err != nil {
			return err
		}
		body.New[at] = values[:]
	}
	if body.Old == nil {
		return nil
	}
	old, err := ms.vectors.Share(x)
	if errors.Is(err, failure.ErrNoShare) { // a gap: those who have theirs decide
		ms.Logger.WarnContext(ctx, "this node has no old share of a vector that is moved", "vector", x.ID, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer old.Erase()
	if len(r.masks) != he.CheckRuns {
		return fmt.Errorf("%w: vector %s in move %d was dealt no masks", failure.ErrNoShare, x.ID, m.Seq)
	}
	values, err := old.LineValuesWith(challenge, he.CheckValues(r.masks))
	body.Old[at] = values[:]
	return err
}

// CheckBits does this node's part in the second check of all vectors that are moved.
func (ms *Moves) CheckBits(ctx context.Context, m resharing.Move, a catalog.Attempt) error {
	compute := func() (any, error) { return ms.runBits(ctx, m, a) }
	return ms.once(ctx, MoveCheckSession(m.Seq, a.Number), catalog.KindMoveBits, compute, func(why catalog.Reason) error {
		return ms.Ledger.Act(ctx, catalog.KindMoveFail, resharing.Fail{Move: m.Seq, Attempt: a.Number, Reason: why})
	})
}

func (ms *Moves) runBits(ctx context.Context, m resharing.Move, a catalog.Attempt) (any, error) {
	commitment := m.Commitment()
	o := opening{session: MoveCheckSession(m.Seq, a.Number), subject: "bits in move " + commitment.String(), plan: commitment, attempt: a.Number}
	var err error
	if o.active, err = ms.among(m.Target(), a.Active); err != nil {
		return nil, err
	}
	vectors, err := ms.moving(m)
	if err != nil {
		return nil, err
	}
	if err := ms.attempts.Begin(o.session); err != nil {
		return nil, err
	}
	body := resharing.Bits{Move: m.Seq, Attempt: a.Number, Values: make([][]uint64, len(vectors))}
	for i, x := range vectors {
		if !m.Moves(i) {
			continue
		}
		if body.Values[i], err = ms.bitsOf(ctx, m, x, o, i); err != nil {
			return nil, fmt.Errorf("check the bits of vector %s: %w", x.ID, err)
		}
	}
	return body, nil
}

// bitsOf is the second check of the vector at a place.
func (ms *Moves) bitsOf(ctx context.Context, m resharing.Move, x catalog.Vector, o opening, at int) ([]uint64, error) {
	r, err := ms.vectors.readMoved(x, m.Seq)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrNoShare, err)
	}
	defer vault.Wipe(r.share)
	params, err := ms.products()
	if err != nil {
		return nil, err
	}
	share, err := r.parse(params, x)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrNoShare, err)
	}
	defer share.Erase()
	limits, err := x.LimitBits()
	if err != nil {
		return nil, err
	}
	c, err := he.NewBitCheck(ms.session(o, "of vector "+x.ID), share, challengeIn(m, x), limits)
	if err != nil {
		return nil, err
	}
	if err := ms.converse(ctx, o, at*stageMessages, stageMessages, c); err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrHalfway, err)
	}
	values, err := c.Result()
	return values[:], err
}

// erase deletes what this node has from before the move of every vector that was moved, and says
// so. The caller knows that no attempt under way reads it.
func (ms *Moves) erase(ctx context.Context, m resharing.Move) error {
	for i, id := range m.Vectors {
		if !m.Moves(i) {
			continue
		}
		if err := ms.vectors.eraseBefore(ctx, id, m.Seq); err != nil {
			return err
		}
	}
	return ms.Ledger.Act(ctx, catalog.KindMoveErased, resharing.Erased{Move: m.Seq})
}
