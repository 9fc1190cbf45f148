package state

import (
	"cmp"
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/view"
)

// queryActs are the acts on queries.
var queryActs = []act{
	{kind: catalog.KindQuerySubmit, by: askers, handle: handler(submitQuery)},
	{kind: catalog.KindQueryAttempt, by: nodes, handle: handler(attemptQuery)},
	{kind: catalog.KindQueryShare, by: nodes, handle: handler(addShare)},
	{kind: catalog.KindQueryFail, by: nodes, handle: handler(failQuery)},
	{kind: catalog.KindTestFailed, by: nodes, handle: handler(failTest)},
}

// submitQuery decides on a query and, when it is accepted, charges its contract.
func submitQuery(c *applyContext, b catalog.QuerySubmit) error {
	id, err := c.newID(records.PrefixQuery, catalog.LetterQuery)
	if err != nil {
		return err
	}
	j, err := judge.Decide(&c.machine.cache, c.tx, c.now, *c.signer, b, false)
	if err != nil {
		return err
	}
	k := j.Charged
	if err := payBoth(c, j); err != nil {
		return err
	}
	grid := len(j.Verdict.EntityGroups) * len(j.Verdict.PeriodGroups)
	q := catalog.Query{
		ID: id, Principal: c.signer.ID, Envelope: c.digest, Seq: c.seq, Submit: b,
		Dataset: j.Dataset.ID, Version: j.Version.Version, Amended: j.Verdict.Amended, State: catalog.QueryAccepted, Accepted: c.now,
		Groups: grid - len(j.Verdict.Withheld), Withheld: len(j.Verdict.Withheld), Pieces: j.Verdict.Pieces,
		Price: j.Price, Asks: j.Asks, Repeats: j.Repeats,
	}
	q.Submit.Contract = k.ID
	if err := useWitnesses(c, b, j); err != nil {
		return err
	}
	joined, decided, err := j.Joined()
	if err != nil {
		return err
	}
	q.Join = joined
	decision := catalog.Decision{
		Name: c.signer.Name, Contract: k.ID, Dataset: q.Dataset, Version: q.Version,
		Manifest: j.Version.Manifest, Presence: j.Version.Presence, Groups: q.Groups, Withheld: q.Withheld,
		Price: q.Price, Currency: k.Currency(), Repeats: q.Repeats, Vectors: j.Named(), Join: decided,
	}
	if decision.Layers, err = judge.DecidedLayers(c.tx, j.Verdict, q.Dataset, q.Version); err != nil {
		return err
	}
	if len(j.Verdict.Columns) == 0 || len(j.Verdict.Layers) == 0 {
		q.State, q.Done = catalog.QueryDone, c.now // counts are public, and without a layer there is nothing: nothing is opened
	}
	verdict := j.Encoded
	if r := checkStored(len(verdict)); r != nil {
		return r
	}
	decision.Verdict = catalog.Sum(verdict) // as Verdict.Digest
	c.out.Decision = &decision
	err = cmp.Or(
		records.PutText(c.tx, records.PrefixVerdict+q.ID, string(verdict)),
		records.PutText(c.tx, records.PrefixQueryOf+q.Principal+"/"+records.SeqName(q.Seq), q.ID),
		records.PutText(c.tx, records.PrefixContractQuery+k.ID+"/"+records.SeqName(q.Seq), q.ID),
	)
	if err == nil && joined != nil {
		err = records.PutText(c.tx, records.PrefixContractQuery+joined.Contract+"/"+records.SeqName(q.Seq), q.ID)
	}
	if err == nil && b.Request.Listing(j.Dataset.Descriptor) {
		err = takePlaces(c, q, j.Dataset, j.Verdict)
	}
	if err != nil {
		return err
	}
	return c.putQuery(q)
}

// useWitnesses refuses witnesses that a query does not need, or that are missing or were
// named before.
func useWitnesses(c *applyContext, b catalog.QuerySubmit, j judge.Judgement) error {
	want := 0
	if b.Request.Listing(j.Dataset.Descriptor) {
		roster, err := judge.RosterOf(&c.machine.cache, c.tx, j.Verdict)
		if err != nil {
			return err
		}
		want = len(roster.Nodes)
	}
	if len(b.Witnesses) != want {
		return catalog.Invalid("witnesses", "portfolio.witnesses", len(b.Witnesses), want)
	}
	return useShares(c, "witnesses", b.Witnesses)
}

// checkStored refuses a verdict of so many bytes where that is too many to store: its
// layers may take other classes in every period.
func checkStored(bytes int) *catalog.Refusal {
	if bytes <= catalog.MaxVerdict {
		return nil
	}
	return catalog.Refuse(catalog.RefusedPolicy, "max_verdict", "query.max_verdict", bytes, catalog.MaxVerdict, (bytes+catalog.MaxVerdict-1)/catalog.MaxVerdict).
		WithNumber("bytes", int64(bytes)).WithNumber("max_bytes", catalog.MaxVerdict)
}

// putQuery stores a query and keeps the index of those that are not over.
func (c *applyContext) putQuery(q catalog.Query) error {
	if q.Over() {
		if err := keepUntil(c.tx, q); err != nil {
			return err
		}
		d, err := records.Find[catalog.Dataset](c.tx, records.PrefixDataset+q.Dataset)
		if err != nil {
			return err
		}
		if q.Submit.Request.Listing(d.Descriptor) {
			if err := leavePlaces(c, q, d, testFailed(q)); err != nil {
				return err
			}
		}
	}
	c.out.ID = q.ID
	return cmp.Or(
		todo(c.tx, !q.Over(), records.PrefixTodoQuery+records.SeqName(q.Seq), q.ID),
		noteReleased(c, q),
		records.Put(c.tx, records.PrefixQuery+q.ID, q),
	)
}

func (c *applyContext) openQuery(id string) (catalog.Query, error) {
	q, err := c.machine.cache.Query(c.tx, id)
	if errors.Is(err, records.ErrNotFound) {
		err = catalog.Refuse(catalog.RefusedUnknown, "unknown", "unknown.query", id)
	}
	if err == nil && q.Over() {
		return q, catalog.Conflict("query_state", "query.state", q.ID, q.State)
	}
	return q, err
}

// runningQuery is openQuery with the attempt of that number, which must be under way.
func (c *applyContext) runningQuery(id string, number int) (catalog.Query, *catalog.Attempt, error) {
	q, err := c.openQuery(id)
	if err != nil {
		return q, nil, err
	}
	a, err := checkAttempt(q.Attempts, number)
	return q, a, err
}

// dropShares deletes the shares of an attempt that is over: no two attempts' shares
// are ever held together.
func dropShares(c *applyContext, q *catalog.Query) error {
	q.Plan, q.Context, q.Shares, q.Spent, q.Entries = catalog.Digest{}, catalog.Digest{}, nil, q.ShareEntries(), nil
	return records.RemoveAll(c.tx, records.PrefixShare+q.ID+"/", "")
}

// attemptQuery names an attempt, counts its openings and charges the epsilon of
// a noised query. An attempt that the budget cannot pay, or a key bear, is not
// named, and no later one could be: the query ends there. (A refusal of the entry
// would leave it open for ever.)
func attemptQuery(c *applyContext, b catalog.QueryAttempt) error {
	q, err := c.openQuery(b.Query)
	if err != nil {
		return err
	}
	if r := checkNext(q.Attempts, b.Attempt); r != nil {
		return r
	}
	verdict, err := records.Find[catalog.Verdict](c.tx, records.PrefixVerdict+q.ID)
	if err != nil {
		return err
	}
	versions, err := versionsOf(c, verdict)
	if err != nil {
		return err
	}
	holders, err := HoldersOf(view.New(&c.machine.cache, c.tx), verdict, versions)
	if err != nil {
		return err
	}
	roster, err := judge.RosterOf(&c.machine.cache, c.tx, verdict)
	if apart, fault := refusalOf(err); fault != nil {
		return fault
	} else if apart != nil { // a key moved since the query was accepted
		return endQuery(c, q, catalog.Why("query.unnamed", b.Attempt).With(apart.Reason))
	}
	setOf, r := checkMembers(roster, q.Submit.Request.Verify, b, holders)
	if r != nil {
		return r
	}
	if b.Reseals {
		if err := checkReseals(c, q, verdict, b); err != nil {
			return err
		}
	}
	layers, joined := ofDataset(versions, verdict.Dataset)
	if r := checkAttemptTiles(layers, verdict.Columns, b); r != nil {
		return r
	}
	short, err := payAttempt(c, q)
	if err != nil {
		return err
	}
	if short != nil {
		return endQuery(c, q, catalog.Why("query.unnamed", b.Attempt).With(short.Reason))
	}
	// Where the second key is worn, what was counted of the first stays counted:
	// too much is on the safe side.
	err = openLayers(c, layers, b.Tiles*opensTimes(b, setOf))
	if err == nil {
		err = openJoined(c, joined, verdict.Columns, b)
	}
	if worn := keyWorn(err); worn != nil {
		return endQuery(c, q, catalog.Why("query.unnamed_worn", b.Attempt).With(worn.Reason))
	}
	if err != nil {
		return err
	}
	sharings, err := sharingsOf(&c.machine.cache, c.tx, versions...)
	if err != nil {
		return err
	}
	under, err := underOf(c.tx, verdict)
	if err != nil {
		return err
	}
	q.Attempts = append(q.Attempts, catalog.Attempt{
		Number: b.Attempt, Active: b.Active, Root: b.Root, SetOf: setOf, Named: c.now, Tiles: b.Tiles, Joined: b.Joined, Reseals: b.Reseals,
		Sharings: sharings, Vectors: under,
	})
	q.State, q.Entries = catalog.QueryRunning, []uint64{c.seq}
	return c.putQuery(q)
}

// addShare takes a member's sealed share. With the last one the query is done.
func addShare(c *applyContext, b catalog.QueryShare) error {
	q, a, err := c.runningQuery(b.Query, b.Attempt)
	if err != nil {
		return err
	}
	d, err := records.DatasetAt(c.tx, q.Dataset, q.Amended)
	if err != nil {
		return err
	}
	i := slices.Index(a.Active, c.node.ID)
	most := catalog.MaxSealed((q.Groups+q.Withheld)*max(q.Pieces, 1), len(q.Submit.Request.Columns(d.Descriptor)))
	if a.SetOf > 0 { // one share for each set that it is in
		most *= checked.CountOf(len(a.Active), a.SetOf)
	}
	switch {
	case i < 0:
		return catalog.Forbidden("member", "active.member", c.node.ID)
	case slices.Contains(q.Shares, c.node.ID):
		return catalog.Conflict("twice", "share.sent", c.node.ID)
	case slices.Contains(q.Failing, c.node.ID):
		return catalog.Conflict("test", "test.said_failed", c.node.ID)
	case c.short == nil && (len(b.Sealed) == 0 || len(b.Sealed) > most):
		return catalog.Invalid("sealed", "share.size", len(b.Sealed), most)
	case b.Plan.IsZero() || b.Context.IsZero():
		return catalog.Invalid("plan", "share.plan_missing")
	case len(q.Shares) > 0 && b.Plan != q.Plan:
		return catalog.Invalid("plan", "share.plan", b.Plan, q.Plan)
	case len(q.Shares) > 0 && b.Context != q.Context:
		return catalog.Invalid("context", "share.context", b.Context, q.Context)
	}
	if a.Reseals {
		if err := checkResealed(c, q, b); err != nil {
			return err
		}
	}
	if err := records.Put(c.tx, records.ShareKey(q.ID, i), b); err != nil {
		return err
	}
	if c.out.Share = c.short; c.short == nil {
		c.out.Share = &catalog.ShareTaken{Node: c.node.ID, Attempt: a.Number, Sealed: catalog.Sum(b.Sealed)}
	}
	q.Plan, q.Context, q.Entries = b.Plan, b.Context, append(q.Entries, c.seq)
	q.Shares = inOrder(a.Active, append(q.Shares, c.node.ID))
	if len(q.Shares) == len(a.Active) {
		q.State, q.Done = catalog.QueryDone, c.now
	}
	return c.putQuery(q)
}

// failQuery ends an attempt. After the last one the query has failed, and its
// contract gets the price back. So it has when the next attempt is said to have
// failed before it was named: there were never enough nodes that could make it.
func failQuery(c *applyContext, b catalog.QueryFail) error {
	q, err := c.openQuery(b.Query)
	if err != nil {
		return err
	}
	if running(q.Attempts) == nil && b.Attempt == len(q.Attempts)+1 {
		return endQuery(c, q, catalog.Why("query.unnamed", b.Attempt).With(b.Reason.Clean()))
	}
	q, a, err := c.runningQuery(b.Query, b.Attempt)
	if err != nil {
		return err
	}
	a.Failed = b.Reason.Clean()
	if err := dropShares(c, &q); err != nil {
		return err
	}
	q.Failing, q.Witnesses, q.State = nil, false, catalog.QueryAccepted
	if len(q.Attempts) == catalog.MaxAttempts {
		return endQuery(c, q, catalog.Why("query.attempts", catalog.MaxAttempts).With(a.Failed))
	}
	return c.putQuery(q)
}

// endQuery ends a query that no attempt can complete any more. Its price is
// given back; what its attempts have spent of epsilon is not.
func endQuery(c *applyContext, q catalog.Query, reason catalog.Reason) error {
	q.State, q.Done, q.Reason = catalog.QueryFailed, c.now, reason
	if err := refund(c, &q, q.Submit.Contract, q.Price); err != nil {
		return err
	}
	if q.Join != nil {
		if err := refund(c, &q, q.Join.Contract, q.Join.Price); err != nil {
			return err
		}
	}
	return c.putQuery(q)
}
