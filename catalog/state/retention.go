package state

import (
	"cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/shortform"
	"github.com/weirdata/weir/catalog/view"
)

// What was asked and answered is kept for as long as the policy says that the query was decided by
// (DATA_MODEL.md section 4.7). Then the request, the verdict, the attempts and the sealed shares go.
//
// Nothing goes that another decision rests on: what was charged is in the contract, the family's
// account and the key; places are their owners' (places.go); what may be released follows from no
// query. The query's record stays, so that its id is never given again, its statement and its receipt
// can be had, and whoever comes for the answer is told since when it is gone. A repeat of it is a
// query like any other, and is counted and paid for as one: a figure that is exact is the same, and one
// with noise was never repeated.

// retentionActs forget, and tell what could be remembered.
var retentionActs = []act{
	{kind: catalog.KindDrillReport, by: operators, public: true, handle: handler(reportDrill)},
	{kind: catalog.KindQueryForget, by: nodes, handle: handler(forgetQueries)},
}

// reportDrill takes an operator's word of a drill with a backup. It decides nothing; whoever has no seat is not
// asked.
func reportDrill(c *applyContext, b recovery.Drill) error {
	if !roster.HasSeat(c.cluster.Nodes, c.signer.Key) {
		return catalog.Forbidden("seat", "roster.no_seat", c.signer.Name)
	}
	if r := b.Check(c.seq, c.now); r != nil {
		return r
	}
	last, _, err := records.Lookup[recovery.Drilled](c.tx, records.KeyDrill)
	if err != nil {
		return err
	}
	c.out.ID = b.Root.String()
	return records.Put(c.tx, records.KeyDrill, last.After(b, c.signer.ID, c.now))
}

// keepUntil notes when the retention of a query that is over ends.
func keepUntil(tx records.Tx, q catalog.Query) error {
	keep, err := view.Retention(tx, q)
	if err != nil {
		return err
	}
	return todo(tx, true, records.ForgetKey(q.Done+keep, q.Seq), q.ID)
}

// forgetQueries takes a node's word that a time has been reached, and forgets what is due at the latest that
// a threshold of the roster has said. The ledger's own time would not do: a leader that lies moves it by an
// entry of its own, and what is forgotten does not come back.
func forgetQueries(c *applyContext, b catalog.QueryForget) error {
	seats := c.cluster.Roster()
	switch {
	case seats.Point(c.node.ID) == 0:
		return catalog.Forbidden("member", "restore.member", c.node.ID)
	case b.Until > c.now:
		return catalog.Invalid("until", "query.forget_early", b.Until-c.now)
	}
	words, err := records.ReachedBy(c.tx)
	if err != nil {
		return err
	}
	before := records.ReachedTime(words, c.node.ID)
	words = records.SayReached(words, c.node.ID, b.Until)
	due, err := view.DueToForget(c.tx, records.AgreedTime(words, seats), view.MaxForgotten)
	if err != nil {
		return err
	}
	if len(due) == 0 { // then it takes another's word: this one counts where it says something new of what is due
		next, err := view.DueToForget(c.tx, b.Until, 1)
		if err != nil {
			return err
		}
		if len(next) == 0 || next[0].At <= before {
			return catalog.Conflict("retention", "query.forget_none")
		}
	}
	for _, x := range due {
		if err := c.forgetQuery(x); err != nil {
			return err
		}
	}
	return records.Put(c.tx, records.KeyReached, words)
}

func (c *applyContext) forgetQuery(x view.Due) error {
	q, err := records.Find[catalog.Query](c.tx, records.PrefixQuery+x.Query)
	if err != nil {
		return err
	}
	c.out.Shortened = append(c.out.Shortened, q.ShareEntries()...)
	repeat := records.RepeatKey(q.Principal, q.Asks)
	first, err := c.tx.Get([]byte(repeat))
	if err == nil && string(first) == q.ID {
		err = records.Remove(c.tx, repeat)
	}
	return cmp.Or(
		err,
		records.RemoveAll(c.tx, records.PrefixShare+q.ID+"/", ""),
		records.Remove(c.tx, records.PrefixVerdict+q.ID),
		records.Remove(c.tx, x.Key),
		records.Put(c.tx, records.PrefixQuery+q.ID, q.Forget(c.now)),
	)
}

// Shortens implements consensus.Shortener.
func (*Machine) Shortens(outcome []byte) []uint64 { return shortform.Named(outcome) }

// Short implements consensus.Shortener.
func (*Machine) Short(entry []byte) ([]byte, error) { return shortform.Of(entry) }

// ApplyShort implements consensus.Shortener. That the share was signed and had its size is what the outcome says; the
// share is stored without the sealed bytes, until its query is forgotten.
func (m *Machine) ApplyShort(tx records.Tx, seq uint64, short, outcome []byte) ([]byte, error) {
	kept, was, err := shortform.Read(short, outcome)
	if err != nil {
		return nil, err
	}
	c, err := m.begin(tx, seq)
	if err != nil {
		return nil, err
	}
	clock := c.now
	c.now = max(clock, was.Time)
	c.out.Time, c.out.Kind, c.record = c.now, catalog.KindQueryShare, true
	c.short, c.digest, c.payload.Expires = was.Share, kept.Envelope, kept.Expires
	if c.cluster, err = m.cache.Cluster(tx); err == nil {
		_, c.node, err = identify(tx, c.cluster, catalog.NodeSigner(was.Share.Node))
	}
	if err != nil {
		return nil, err
	}
	return c.end(clock, c.run(func(c *applyContext) error {
		return addShare(c, catalog.QueryShare{Query: was.ID, Attempt: was.Share.Attempt, Plan: kept.Plan, Context: kept.Context})
	}))
}
