package mpc

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
)

// stepRefresh does what is left for this node in the present step of sharing a key anew
// (PROTOCOL.md section 1.5).
func (cs *Ceremonies) stepRefresh(ctx context.Context, k catalog.Key, s catalog.Sharing) error {
	switch k.Refresh.State {
	case catalog.KeyCommitting:
		return cs.commitRefresh(ctx, k, s)
	case catalog.KeyDealing:
		return cs.dealRefresh(ctx, k, s)
	case catalog.KeyTesting:
		return cs.test(ctx, k, s, k.Refresh.Reference, k.Refresh.Tested)
	}
	return nil
}

// refreshPart returns this node's secrets of an attempt: pair seeds and, where it is a dealer,
// what it deals. They are drawn where there are none: before anything of the attempt was sent. Drawn
// again, seeds would be others than those that were sent: a pair of nodes that differ in theirs
// passes the tests, which do not open with every pair, and opens garbage later.
func (cs *Ceremonies) refreshPart(k catalog.Key, s catalog.Sharing) (*ceremony, error) {
	session := SharingSession(s)
	if part := cs.get(session); part != nil {
		return part, nil
	}
	var dealer *he.Dealer
	if cs.deals(k) {
		old, err := cs.share(k, k.InForce())
		if err != nil {
			return nil, err
		}
		p, err := cs.parameters(k, k.Target())
		if err != nil {
			return nil, err
		}
		if dealer, err = old.Reshare(p, k.Refresh.Reference, k.Refresh.Dealers); err != nil {
			return nil, fmt.Errorf("deal key %s anew: %w", k.ID, err)
		}
	}
	part, err := cs.newPart(k, dealer)
	if err != nil {
		return nil, err
	}
	cs.set(session, part)
	return part, nil
}

// deals reports whether this node deals in the attempt to share a key anew.
func (cs *Ceremonies) deals(k catalog.Key) bool {
	return slices.Contains(k.Refresh.Dealers, k.Roster().Point(cs.id))
}

// commitRefresh commits a dealer to what it deals.
func (cs *Ceremonies) commitRefresh(ctx context.Context, k catalog.Key, s catalog.Sharing) error {
	part, err := cs.refreshPart(k, s)
	if err != nil {
		return err
	}
	body := catalog.KeyCommit{Key: k.ID, Attempt: s.Attempt}
	for _, d := range part.dealings {
		body.Dealings = append(body.Dealings, catalog.Sum(d))
	}
	return cs.Ledger.Act(ctx, catalog.KindKeyCommit, body)
}

// dealRefresh runs once all dealers have committed: it hands out what this node deals and the
// pair seeds, collects everybody else's, and stores the new share.
func (cs *Ceremonies) dealRefresh(ctx context.Context, k catalog.Key, s catalog.Sharing) error {
	if cs.get(SharingSession(s)) == nil {
		if cs.deals(k) {
			return failure.ErrRestarted // with what it committed to
		}
		if err := cs.keys.draws(s); err != nil {
			return err
		}
	}
	part, err := cs.refreshPart(k, s)
	if err != nil {
		return err
	}
	if err := cs.sendDealings(ctx, k, s, part); err != nil {
		return err
	}
	to := k.Target()
	record := keyRecord{Version: 1, Key: k.ID, Epoch: s.Epoch, Attempt: s.Attempt, Point: to.Point(cs.id)}
	defer record.wipe()
	if record.Point == 0 { // it has dealt, gets no share, and does not deal again in this attempt
		<-ctx.Done()
		return ctx.Err()
	}
	dealers := make([]string, len(k.Refresh.Dealers))
	for i, point := range k.Refresh.Dealers {
		dealers[i] = k.Nodes[point-1]
	}
	dealings, err := cs.collect(ctx, k, s, dealers, part, &record)
	if err != nil {
		return err
	}
	for i, id := range dealers {
		if err := committed(id, dealings[i], k.Refresh.Dealings[i][record.Point-1]); err != nil {
			return err
		}
	}
	p, err := cs.parameters(k, to)
	if err != nil {
		return err
	}
	if record.Share, err = he.CombineReshared(p, k.Refresh.Reference, record.Point, k.Refresh.Dealers, dealings); err != nil {
		return fmt.Errorf("combine the dealings of key %s: %w", k.ID, err)
	}
	if err := cs.storePart(&record); err != nil {
		return err
	}
	return cs.Ledger.Act(ctx, catalog.KindKeyAck, catalog.KeyAck{Key: k.ID, Attempt: s.Attempt})
}

// Erase deletes this node's shares of every sharing before the one in force, and says so. The
// caller knows that no attempt under way opens under them.
func (cs *Ceremonies) Erase(ctx context.Context, k catalog.Key) error {
	if err := cs.keys.eraseBefore(k.InForce()); err != nil {
		return err
	}
	return cs.Ledger.Act(ctx, catalog.KindKeyErased, catalog.KeyErased{Key: k.ID, Epoch: k.Retired.Epoch})
}
