package mpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
)

// CanarySession names the opening of a set in a canary.
func CanarySession(key string, number, set int) string {
	return fmt.Sprintf("canary/%s/%d/%d", key, number, set)
}

// Canary opens the known vector of a key's canary with one set that this node is in, by the
// share that is on the disk (PROTOCOL.md section 1.7). Its root says what came of it; a member
// that has no share says so.
func (cs *Ceremonies) Canary(ctx context.Context, c resharing.Canary, set int) error {
	session := CanarySession(c.Key, c.Number, set)
	body, err := cs.attempts.outcome(session, func() (any, error) { return cs.openCanary(ctx, c, session, set) })
	switch {
	case errors.Is(err, failure.ErrNoShare):
		cs.Logger.ErrorContext(ctx, "this node has no share of a key", "key", c.Key, "error", err)
		return cs.Ledger.Act(ctx, catalog.KindCanaryLacks, resharing.CanaryLacks{Key: c.Key, Number: c.Number})
	case err != nil && failure.Ends(err):
		why := failure.OfNode(cs.id, err)
		return errors.Join(err, cs.Ledger.Act(ctx, catalog.KindCanaryFail, resharing.CanaryFail{Key: c.Key, Number: c.Number, Reason: why}))
	case err != nil || body == nil:
		return err
	}
	return cs.Ledger.Act(ctx, catalog.KindCanarySet, body)
}

// openCanary returns what the root says of a set; nil: this node is not its root.
func (cs *Ceremonies) openCanary(ctx context.Context, c resharing.Canary, session string, set int) (any, error) {
	var k catalog.Key
	if err := cs.Ledger.View(func(v state.View) (err error) { k, err = v.Keys().Get(c.Key); return err }); err != nil {
		return nil, fmt.Errorf("look up the key of a canary: %w", err)
	}
	among := catalog.KeyRoster{Nodes: c.Nodes, Threshold: c.Threshold}
	params, err := cs.parameters(k, among)
	if err != nil {
		return nil, err
	}
	nk, err := cs.keys.Read(params, c.Sharing)
	if err != nil {
		return nil, err
	}
	defer nk.Erase()
	pk, err := cs.publicKey(ctx, k)
	if err != nil {
		return nil, err
	}
	values := knownVector(cs.Params.Values())
	tile, err := he.KnownTile(cs.Params, pk, c.Reference, values)
	if err != nil {
		return nil, fmt.Errorf("encrypt the known tile of canary %d of key %s: %w", c.Number, c.Key, err)
	}
	points := resharing.CanarySets(len(c.Nodes), c.Threshold)[set]
	o := opening{
		session: session, subject: fmt.Sprintf("canary %d, set %d, of key %s", c.Number, set, c.Key),
		plan: c.Reference, key: k, sharing: c.Sharing, part: nk, attempt: c.Number, root: c.Nodes[points[0]-1],
	}
	var ids []string
	for _, p := range points {
		ids = append(ids, c.Nodes[p-1])
	}
	if o.active, err = cs.among(among, ids); err != nil {
		return nil, err
	}
	is, err := cs.openKnown(ctx, o, tile, values)
	if errors.Is(err, errOther) {
		cs.Logger.ErrorContext(ctx, "a set opens another vector than the known one", "key", c.Key, "set", ids, "error", err)
		return resharing.CanarySet{Key: c.Key, Number: c.Number, Set: set, Wrong: true}, nil
	}
	if err != nil || !is {
		return nil, err
	}
	return resharing.CanarySet{Key: c.Key, Number: c.Number, Set: set}, nil
}

// owedInCanary reports whether p's sender owes it to a node: in each set that is to be opened what
// members of an attempt owe each other, and its slots to the root.
func owedInCanary(p Message, to string, c resharing.Canary) bool {
	from, point := slices.Index(c.Nodes, p.From)+1, slices.Index(c.Nodes, to)+1
	if from == 0 || from == point || p.Batch != 0 {
		return false
	}
	for _, set := range c.Open() {
		points := resharing.CanarySets(len(c.Nodes), c.Threshold)[set]
		if p.Session == CanarySession(c.Key, c.Number, set) {
			return slices.Contains(points, point) && slices.Contains(points, from) &&
				(p.Kind == KindDigests || (p.Kind == KindShares || p.Kind == KindSlots) && points[0] == point)
		}
	}
	return false
}
