package catalog

import (
	"fmt"
	"slices"
)

// submitQuery decides on a query and, when it is accepted, charges its contract.
func submitQuery(c *call, b QuerySubmit) error {
	j, err := c.machine.judge(c.tx, c.now, *c.signer, b, false)
	if err != nil {
		return err
	}
	k := j.charged
	if err := c.payBoth(j); err != nil {
		return err
	}
	grid := len(j.verdict.EntityGroups) * len(j.verdict.PeriodGroups)
	q := Query{
		ID: QueryID(c.digest), Principal: c.signer.ID, Envelope: c.digest, Seq: c.seq, Submit: b,
		Dataset: j.dataset.ID, Release: j.version.Version, State: QueryAccepted, Accepted: c.now,
		Groups: grid - len(j.verdict.Withheld), Withheld: len(j.verdict.Withheld),
		Price: k.perQuery(), Repeats: j.repeats,
	}
	q.Submit.Contract = k.ID
	joined, decided := j.joined()
	q.Join = joined
	decision := Decision{
		Name: c.signer.Name, Contract: k.ID, Dataset: q.Dataset, Release: q.Release,
		Manifest: j.version.Manifest, Presence: j.version.Presence, Groups: q.Groups, Withheld: q.Withheld,
		Price: q.Price, Currency: k.currency(), Repeats: q.Repeats, Vectors: j.named(), Join: decided,
	}
	if len(j.verdict.Columns) == 0 {
		q.State, q.Done = QueryDone, c.now // counts are public: nothing is opened
	}
	verdict := encode(j.verdict)
	if len(verdict) > MaxVerdict {
		return refuse(RefusedPolicy, "max_verdict", "the verdict has %d bytes, at most %d are possible", len(verdict), MaxVerdict).
			withFix("ask for fewer groups or periods, in at least %d parts", (len(verdict)+MaxVerdict-1)/MaxVerdict).
			withNumber("bytes", int64(len(verdict))).withNumber("max_bytes", MaxVerdict)
	}
	if err := c.releaseBoth(j); err != nil {
		return err
	}
	decision.Verdict = Sum(verdict)
	c.out.Decision = &decision
	if err := putName(c.tx, prefixVerdict+q.ID, string(verdict)); err != nil {
		return err
	}
	if err := putName(c.tx, prefixQueryOf+q.Principal+"/"+seqName(q.Seq), q.ID); err != nil {
		return err
	}
	if err := putName(c.tx, prefixContractQuery+k.ID+"/"+seqName(q.Seq), q.ID); err != nil {
		return err
	}
	if joined != nil {
		if err := putName(c.tx, prefixContractQuery+joined.Contract+"/"+seqName(q.Seq), q.ID); err != nil {
			return err
		}
	}
	return c.putQuery(q)
}

func (q Query) over() bool { return q.State == QueryDone || q.State == QueryFailed }

// putQuery stores a query and keeps the index of those that are not over.
func (c *call) putQuery(q Query) error {
	if err := c.todo(!q.over(), prefixTodoQuery+seqName(q.Seq), q.ID); err != nil {
		return err
	}
	if err := c.noteReleased(q); err != nil {
		return err
	}
	c.out.ID = q.ID
	return put(c.tx, prefixQuery+q.ID, q)
}

func (c *call) openQuery(id string) (Query, error) {
	q, err := load[Query](c, prefixQuery+id, fmt.Sprintf("query %.80q", id))
	if err == nil && q.over() {
		return q, conflict("query_state", "query %s is %s", q.ID, q.State)
	}
	return q, err
}

// runningQuery is openQuery with the attempt of that number, which must be under way.
func (c *call) runningQuery(id string, number int) (Query, *Attempt, error) {
	q, err := c.openQuery(id)
	if err != nil {
		return q, nil, err
	}
	a, r := checkAttempt(q.Attempts, number)
	if r != nil {
		return q, nil, r
	}
	return q, a, nil
}

// dropShares deletes the shares of an attempt that is over: no two attempts' shares
// are ever held together.
func (c *call) dropShares(q *Query) error {
	q.Plan, q.Context, q.Shares, q.Entries = Digest{}, Digest{}, nil, nil
	return removeAll(c.tx, prefixShare+q.ID+"/", "")
}

// attemptQuery names an attempt, counts its openings and charges the epsilon of
// a noised query. An attempt that the budget cannot pay, or a key bear, is not
// named, and no later one could be: the query ends there. (A refusal of the entry
// would leave it open for ever.)
func attemptQuery(c *call, b QueryAttempt) error {
	q, err := c.openQuery(b.Query)
	if err != nil {
		return err
	}
	if r := checkNext(q.Attempts, b.Attempt); r != nil {
		return r
	}
	v, err := find[Version](c.tx, prefixVersion+versionName(q.Dataset, q.Release))
	if err != nil {
		return err
	}
	holders, second, err := c.holdersOf(q, v)
	if err != nil {
		return err
	}
	if r := c.checkActive(b.Active, b.Root, holders); r != nil {
		return r
	}
	verdict, err := find[Verdict](c.tx, prefixVerdict+q.ID)
	if err != nil {
		return err
	}
	if b.Reseals {
		if err := c.checkReseals(q, verdict, b); err != nil {
			return err
		}
	}
	opens := encrypted(verdict.Columns) && !b.Reseals // counts of a private selector alone open nothing
	if b.Tiles < 0 || b.Tiles > v.mostTiles(verdict.Columns) || opens && b.Tiles == 0 || b.Reseals && b.Tiles > 0 {
		return invalid("tiles", "the attempt opens %d tiles, of version %d of %s at most %d are needed", b.Tiles, v.Version, v.Dataset, v.mostTiles(verdict.Columns))
	}
	short, err := c.payAttempt(q)
	if err != nil {
		return err
	}
	if short != nil {
		return c.endQuery(q, fmt.Sprintf("attempt %d was not named: %s", b.Attempt, short.Message))
	}
	// Where the second key is worn, what was counted of the first stays counted:
	// too much is on the safe side.
	err = c.openTiles(v.Key, b.Tiles)
	if err == nil {
		err = c.openJoined(second, verdict.Columns, b)
	}
	if worn := keyWorn(err); worn != nil {
		return c.endQuery(q, fmt.Sprintf("attempt %d was not named: %s; %s", b.Attempt, worn.Message, worn.Fix))
	}
	if err != nil {
		return err
	}
	q.Attempts = append(q.Attempts, Attempt{Number: b.Attempt, Active: b.Active, Root: b.Root, Named: c.now, Tiles: b.Tiles, Joined: b.Joined, Reseals: b.Reseals})
	q.State, q.Entries = QueryRunning, []uint64{c.seq}
	return c.putQuery(q)
}

// addShare takes a member's sealed share. With the last one the query is done.
func addShare(c *call, b QueryShare) error {
	q, a, err := c.runningQuery(b.Query, b.Attempt)
	if err != nil {
		return err
	}
	d, err := find[Dataset](c.tx, prefixDataset+q.Dataset)
	if err != nil {
		return err
	}
	i := slices.Index(a.Active, c.node.ID)
	most := MaxSealed(q.Groups+q.Withheld, len(q.Submit.Request.columns(d.Descriptor)))
	switch {
	case i < 0:
		return forbidden("member", "node %s is not in the active set", c.node.ID)
	case slices.Contains(q.Shares, c.node.ID):
		return conflict("twice", "node %s has sent its share", c.node.ID)
	case slices.Contains(q.Cohort, c.node.ID):
		return conflict("cohort", "node %s has said that the cohort test failed", c.node.ID)
	case len(b.Sealed) == 0 || len(b.Sealed) > most:
		return invalid("sealed", "the share has %d bytes, 1 to %d are possible", len(b.Sealed), most)
	case b.Plan.IsZero() || b.Context.IsZero():
		return invalid("plan", "the digest of the plan or of the contexts is missing")
	case len(q.Shares) > 0 && b.Plan != q.Plan:
		return invalid("plan", "the share is for plan %s, the first one was for %s", b.Plan, q.Plan)
	case len(q.Shares) > 0 && b.Context != q.Context:
		return invalid("context", "the share has the contexts %s, the first one had %s", b.Context, q.Context)
	}
	if a.Reseals {
		if err := c.checkResealed(q, b); err != nil {
			return err
		}
	}
	if err := put(c.tx, shareKey(q.ID, i), b); err != nil {
		return err
	}
	c.out.Share = &ShareTaken{Node: c.node.ID, Attempt: a.Number, Sealed: Sum(b.Sealed)}
	q.Plan, q.Context, q.Entries = b.Plan, b.Context, append(q.Entries, c.seq)
	q.Shares = c.inOrder(append(q.Shares, c.node.ID))
	if len(q.Shares) == len(a.Active) {
		q.State, q.Done = QueryDone, c.now
	}
	return c.putQuery(q)
}

// failQuery ends an attempt. After the last one the query has failed, and its
// contract gets the price back. So it has when the next attempt is said to have
// failed before it was named: there were never enough nodes that could make it.
func failQuery(c *call, b QueryFail) error {
	q, err := c.openQuery(b.Query)
	if err != nil {
		return err
	}
	if running(q.Attempts) == nil && b.Attempt == len(q.Attempts)+1 {
		return c.endQuery(q, fmt.Sprintf("attempt %d was not named: %s", b.Attempt, cleanReason(b.Reason)))
	}
	q, a, err := c.runningQuery(b.Query, b.Attempt)
	if err != nil {
		return err
	}
	a.Failed = cleanReason(b.Reason)
	if err := c.dropShares(&q); err != nil {
		return err
	}
	q.Cohort, q.State = nil, QueryAccepted
	if len(q.Attempts) == MaxAttempts {
		return c.endQuery(q, fmt.Sprintf("none of %d attempts completed; the last: %s", MaxAttempts, a.Failed))
	}
	return c.putQuery(q)
}

// endQuery ends a query that no attempt can complete any more. Its price is
// given back; what its attempts have spent of epsilon is not.
func (c *call) endQuery(q Query, reason string) error {
	q.State, q.Done, q.Reason = QueryFailed, c.now, reason
	if err := c.refund(&q); err != nil {
		return err
	}
	if err := c.refundJoin(&q); err != nil {
		return err
	}
	return c.putQuery(q)
}
