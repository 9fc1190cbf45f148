package state

import (
	"cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/roster"
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

// keepUntil notes when the retention of a query that is over ends: of a join that of the dataset which
// keeps it longer.
func (c *applyContext) keepUntil(q catalog.Query) error {
	keep, err := c.retention(q, q.Dataset, q.Amended)
	if err != nil {
		return err
	}
	if q.Join != nil {
		v, err := records.Find[catalog.Verdict](c.tx, records.PrefixVerdict+q.ID)
		if err != nil {
			return err
		}
		second, err := c.retention(q, v.Join.Dataset, v.Join.Amended)
		if err != nil {
			return err
		}
		keep = max(keep, second)
	}
	return c.todo(true, records.ForgetKey(q.Done+keep, q.Seq), q.ID)
}

// retention is for how long a dataset's policy keeps a query. A repeat has the verdict of the first, and with
// it the descriptor that the first was decided by; where the present one keeps answers for longer, whoever
// asked was told that.
func (c *applyContext) retention(q catalog.Query, dataset string, amended int) (int64, error) {
	d, err := records.DatasetAt(c.tx, dataset, amended)
	if err != nil || q.Repeats == "" {
		return d.Descriptor.Policy.Retention(), err
	}
	now, err := records.Find[catalog.Dataset](c.tx, records.PrefixDataset+dataset)
	return max(d.Descriptor.Policy.Retention(), now.Descriptor.Policy.Retention()), err
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
