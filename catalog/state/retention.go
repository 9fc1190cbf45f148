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
	d, err := records.DatasetAt(c.tx, q.Dataset, q.Amended)
	if err != nil {
		return err
	}
	keep := d.Descriptor.Policy.Retention()
	if q.Join != nil {
		v, err := records.Find[catalog.Verdict](c.tx, records.PrefixVerdict+q.ID)
		if err != nil {
			return err
		}
		second, err := records.DatasetAt(c.tx, v.Join.Dataset, v.Join.Amended)
		if err != nil {
			return err
		}
		keep = max(keep, second.Descriptor.Policy.Retention())
	}
	return c.todo(true, records.ForgetKey(q.Done+keep, q.Seq), q.ID)
}

// forgetQueries forgets what is due. Any node may say so: it follows from the state, and the time is not
// after the ledger's.
func forgetQueries(c *applyContext, b catalog.QueryForget) error {
	if b.Until > c.now {
		return catalog.Invalid("until", "query.forget_early", b.Until-c.now)
	}
	due, err := view.DueToForget(c.tx, b.Until, view.MaxForgotten)
	if err != nil {
		return err
	}
	if len(due) == 0 {
		return catalog.Conflict("retention", "query.forget_none")
	}
	for _, x := range due {
		if err := c.forgetQuery(x); err != nil {
			return err
		}
	}
	return nil
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
