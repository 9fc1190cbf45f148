package state

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
)

// A restored cluster has forgotten what came after its backup, or what the node that survived did not
// have: what was answered, what that cost, what noise was drawn. Nothing of it is given back. Its
// first entry says from what it goes on, and ends the queries that were open, unpaid back: they may have been answered. Then
// it answers nothing while checkpoints are presented, of which the largest says how many entries
// are lost. When the operators wait for nobody any more, it answers; and if anything is lost,
// it has closed whatever could have been spent by then (judge.CloseSpent). A checkpoint that is
// presented later closes the same.

// restoreActs are the acts on restored clusters.
var restoreActs = []act{
	{kind: catalog.KindClusterRestore, by: nodes, public: true, handle: handler(restoreCluster)},
	{kind: catalog.KindRestorePresent, by: nodes, public: true, handle: handler(presentRestore)},
	{kind: catalog.KindRestoreEnd, by: operators, public: true, handle: handler(endRestore)},
	{kind: catalog.KindDatasetReopen, by: publishers, public: true, handle: handler(reopenDataset)},
}

// restoreCluster records from what the cluster goes on. The entry is the first after that, and
// possible nowhere else.
func restoreCluster(c *applyContext, b recovery.Restore) error {
	last, known, err := records.Lookup[recovery.Restored](c.tx, records.KeyRestore)
	if err != nil {
		return err
	}
	var previous catalog.Digest
	if known {
		previous = last.Order.ID()
	}
	switch {
	case b.Order.Size != c.seq:
		return catalog.Conflict("restore_size", "restore.size", b.Order.Size, c.seq)
	case b.Order.Cluster != c.cluster.ID:
		return catalog.Invalid("order.cluster", "restore.cluster", b.Order.Cluster)
	case b.Order.Previous != previous:
		return catalog.Conflict("restore_order", "restore.previous", b.Order.Previous, previous)
	case b.Order.Survivor != "" && b.Order.Survivor != c.node.ID:
		return catalog.Forbidden("restore_survivor", "restore.survivor", b.Order.Survivor, c.node.ID)
	case b.Order.Committed > b.Order.Size:
		return catalog.Invalid("committed", "restore.committed", b.Order.Committed, b.Order.Size)
	}
	seats, err := attest.RestoreSeats(*c.cluster, b)
	if err != nil {
		return catalog.Refuse(catalog.RefusedSignature, "restore_signature", "restore.signature")
	}
	if least := attest.SeatsToRestore(*c.cluster); seats < least {
		return catalog.Forbidden("restore_seats", "restore.seats", seats, least)
	}
	if known {
		if err := records.Put(c.tx, records.PrefixRestore+records.SeqName(last.Seq), last); err != nil {
			return err
		}
	}
	open, err := records.ListNamed[catalog.Query](c.tx, records.PrefixTodoQuery, records.PrefixQuery)
	if err != nil {
		return err
	}
	for _, q := range open {
		q.State, q.Done, q.Reason = catalog.QueryFailed, c.now, catalog.Why("restore.query")
		if err := cmp.Or(dropShares(c, &q), c.putQuery(q)); err != nil {
			return err
		}
	}
	c.out.ID = b.Order.ID().String()
	return records.Put(c.tx, records.KeyRestore, recovery.Restored{
		Restore: b, Number: last.Number + 1, Seq: c.seq, At: c.now, Seen: b.Order.Agreed(), SeenRoot: b.Order.Root, LostAt: last.LostAt,
	})
}

// lastRestore is the restore that an act names, which has to be the last.
func lastRestore(r records.Reader, order catalog.Digest) (recovery.Restored, error) {
	x, err := load[recovery.Restored](r, records.KeyRestore, "restore.none")
	if err == nil && x.Order.ID() != order {
		err = catalog.Conflict("restore_order", "restore.other", order, x.Order.ID())
	}
	return x, err
}

// presentRestore notes that there were more entries than anybody presented before. Nobody is
// believed alone, since what is presented closes: a checkpoint needs the signatures of a threshold
// of the seats. What nodes say without one counts while the cluster waits, and as far as a
// threshold of them says so. Of entries that the restored log has in their place, too, the proof
// shows that they are others, of those as well that a survivor says to have been agreed on.
func presentRestore(c *applyContext, b recovery.Present) error {
	r, err := lastRestore(c.tx, b.Order)
	if err != nil {
		return err
	}
	agreed, before := r.Agreed(), r.Lost()
	forked := attest.Forked(r.Order, b)
	deeper := forked && b.Note != "" && b.Size <= agreed // what is to have been agreed on was not
	switch {
	case b.Size <= r.Seen && !deeper:
		return catalog.Conflict("restore_seen", "restore.seen", b.Size, r.Seen)
	case b.Size > agreed && b.Size-agreed > recovery.MaxLost:
		return catalog.Invalid("size", "restore.lost", b.Size-agreed, uint64(recovery.MaxLost))
	case b.Size <= r.Order.Size && !forked:
		return catalog.Conflict("restore_fork", "restore.fork", b.Size)
	}
	switch {
	case b.Note == "" && r.Open:
		err = catalog.Conflict("restore_told", "restore.told")
	case b.Note == "" && c.cluster.Roster().Point(c.node.ID) == 0:
		err = catalog.Forbidden("restore_member", "restore.member", c.node.ID)
	case b.Note == "":
		err = r.Tell(c.node.ID, b, c.cluster.Threshold)
	case deeper:
		err, r.Forked = c.seating().checkNote(b), b.Size
	default:
		err = c.seating().checkNote(b)
		r.Seen, r.SeenRoot = b.Size, b.Root
	}
	if err != nil {
		return err
	}
	c.out.ID = b.Order.String()
	if r.Open {
		r.LostAt = c.now
		if err := judge.CloseSpent(c.tx, c.seq, c.now, r.Lost()-before); err != nil {
			return err
		}
	}
	return records.Put(c.tx, records.KeyRestore, r)
}

// endRestore says for an operator's seats that nobody is waited for. With the operators of as
// many seats as ordered the restore, queries are answered again.
func endRestore(c *applyContext, b recovery.End) error {
	r, err := lastRestore(c.tx, b.Order)
	if err != nil {
		return err
	}
	if len(attest.Seats(*c.cluster, c.signer.ID)) == 0 {
		return catalog.Forbidden("restore_seat", "restore.seat")
	}
	if r.Open || slices.Contains(r.Ended, c.signer.ID) {
		return catalog.Conflict("restore_ended", "restore.ended")
	}
	r.Ended = append(r.Ended, c.signer.ID)
	seats := 0
	for _, id := range r.Ended {
		seats += len(attest.Seats(*c.cluster, id))
	}
	r.Open, c.out.ID = seats >= attest.SeatsToRestore(*c.cluster), b.Order.String()
	if r.Open && r.Lost() > 0 {
		r.LostAt = c.now
		if err := judge.CloseSpent(c.tx, c.seq, c.now, r.Lost()); err != nil {
			return err
		}
	}
	return records.Put(c.tx, records.KeyRestore, r)
}

// reopenDataset has a closed dataset answered again, on its owner's word. What was lost of
// budgets stays spent: its contracts have ended, and its family's noise is used up, and places of
// lists stay taken, unless the owner says of its family what is known of them. It may say so later, and of a
// family that was founded since: that one may have been there before, and be forgotten.
func reopenDataset(c *applyContext, b recovery.Reopen) error {
	d, err := c.ownDataset(b.Dataset)
	if err != nil {
		return err
	}
	r, err := lastRestore(c.tx, b.Order)
	if err != nil {
		return err
	}
	switch {
	case d.Closed == 0 && b.Noise == "" && !b.Lists:
		return catalog.Conflict("dataset_open", "restore.dataset_open", d.ID)
	case r.LostAt == 0:
		return catalog.Conflict("nothing_lost", "restore.nothing_lost")
	case b.Statement == "" || !catalog.IsText(b.Statement, catalog.MaxText):
		return catalog.Invalid("statement", "restore.statement", catalog.MaxText)
	}
	if b.Noise != "" {
		if err := grantNoise(c, d, b.Noise); err != nil {
			return err
		}
	}
	if b.Lists {
		if err := records.Put(c.tx, records.ListsKnownKey(d.Owner, d.Descriptor.Registry), records.ListsKnown{Until: r.LostAt}); err != nil {
			return err
		}
	}
	d.Closed, c.out.ID = 0, d.ID
	return records.Put(c.tx, records.PrefixDataset+d.ID, d)
}

// grantNoise lets a family spend so much still whose account a restore has lost: of its limit the rest may have been
// spent, and what is known to have been is.
func grantNoise(c *applyContext, d catalog.Dataset, left string) error {
	key := records.NoiseKey(d.Owner, d.Descriptor.Registry)
	f, known, err := records.Lookup[records.NoiseFamily](c.tx, key)
	switch {
	case err != nil:
		return err
	case !known || f.Known == "":
		return catalog.Conflict("noise_known", "restore.noise_known", d.ID)
	}
	grant, ok := decimal.ParseEpsilon(left)
	limit, limited := decimal.ParseEpsilon(f.Limit)
	spent, counted := decimal.ParseEpsilon(f.Known)
	if !limited || !counted {
		return fmt.Errorf("the state holds %q and %q as epsilons", f.Limit, f.Known)
	}
	most := new(big.Rat).Sub(limit, spent)
	if !ok || grant.Cmp(most) > 0 {
		return catalog.Invalid("noise", "restore.noise", left, decimal.EpsilonText(most), f.Limit)
	}
	f.Spent, f.Known = decimal.EpsilonText(limit.Sub(limit, grant)), ""
	return records.Put(c.tx, key, f)
}
