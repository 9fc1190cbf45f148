package state

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/polynomial"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
)

// moveActs are the acts that move private vectors to those who share their publisher's key (DATA_MODEL.md
// section 7.2).
var moveActs = []act{
	{kind: catalog.KindVectorRefresh, by: operators, public: true, handle: handler(refreshVectors)},
	{kind: catalog.KindMoveBegin, by: nodes, handle: handler(beginMove)},
	{kind: catalog.KindMoveDeal, by: nodes, handle: handler(dealMove)},
	{kind: catalog.KindMoveHold, by: nodes, handle: handler(holdMove)},
	{kind: catalog.KindMoveLine, by: nodes, handle: handler(lineMove)},
	{kind: catalog.KindMoveAttempt, by: nodes, handle: handler(attemptMove)},
	{kind: catalog.KindMoveBits, by: nodes, handle: handler(addMoveBits)},
	{kind: catalog.KindMoveFail, by: nodes, handle: handler(failMove)},
	{kind: catalog.KindMoveErased, by: nodes, handle: handler(erasedMove)},
}

// refreshVectors asks for new shares of every vector. Nothing but the shares changes by it.
func refreshVectors(c *applyContext, _ resharing.Refresh) error { return c.moves().wantAll(nil) }

// beginMove begins a move. Any node may: what it says follows from the state but for the
// dealers, who deal to the whole roster whoever they are. One is dealt at a time.
func beginMove(c *applyContext, b resharing.Begin) error {
	all, err := records.List[resharing.Move](c.tx, records.PrefixMove)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.State != resharing.Erasing {
			return catalog.Conflict("move", "move.running", m.Seq)
		}
		m.Erased = roster.WithoutLate(*c.cluster, m.Members(), m.Erased, m.InForce, c.now)
		if err := c.moves().overIfErased(m); err != nil {
			return err
		}
	}
	if len(b.Vectors) == 0 || len(b.Vectors) > resharing.MaxVectors {
		return catalog.Invalid("vectors", "move.vectors", len(b.Vectors), resharing.MaxVectors)
	}
	m := resharing.Move{
		Seq: c.seq, Reference: c.digest, Began: c.now, State: resharing.Dealing, Vectors: b.Vectors,
		Out: make([]catalog.Reason, len(b.Vectors)),
	}
	entries := 0
	for i, id := range b.Vectors {
		at := fmt.Sprintf("vectors[%d]", i)
		v, err := load[catalog.Vector](c.tx, records.PrefixVector+id, "unknown.vector", id)
		if err != nil {
			return err
		}
		wanted, err := records.Has(c.tx, moveKey(v))
		if err != nil {
			return err
		}
		from, threshold := v.HeldBy(*c.cluster), v.InForce().Threshold
		for p, holder := range from { // one that leaves may be gone for good
			if slices.Contains(b.Without, holder) && c.cluster.Roster().Point(holder) == 0 {
				from[p] = ""
			}
		}
		to, err := vectorRoster(c.tx, c.cluster, v.Registry)
		if err != nil {
			return err
		}
		if i == 0 {
			m.From, m.FromThreshold, m.To, m.ToThreshold = from, threshold, to.Nodes, to.Threshold
		}
		switch entries += v.Entities * v.Bits; {
		case !wanted || v.Moving != 0 || slices.Contains(b.Vectors[:i], id):
			return catalog.Conflict("move_wanted", "move.not_wanted", id)
		case !slices.Equal(from, m.From) || threshold != m.FromThreshold || !to.Equal(m.Target()):
			return catalog.Invalid(at, "move.holders", id, b.Vectors[0])
		case entries > resharing.MaxEntries:
			return catalog.Invalid(at, "move.entries", resharing.MaxEntries)
		}
		v.Moving = c.seq
		if err := storeVector(c.tx, v); err != nil {
			return err
		}
	}
	if !m.MayDeal(b.Dealers) {
		return catalog.Invalid("dealers", "move.dealers", len(b.Dealers), m.FromThreshold)
	}
	m.Dealers, m.Deals = b.Dealers, make([][]catalog.Digest, len(b.Dealers))
	c.out.ID = records.SeqName(m.Seq)
	return c.moves().store(m)
}

// dealMove takes a dealer's commitment to what it deals.
func dealMove(c *applyContext, b resharing.Deal) error {
	m, _, err := c.moves().open(b.Move, resharing.Dealing, c.node.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(m.Dealers, func(p int) bool { return m.From[p-1] == c.node.ID })
	switch {
	case i < 0:
		return catalog.Forbidden("dealer", "move.no_dealer", c.node.ID)
	case m.Deals[i] != nil:
		return catalog.Conflict("twice", "key.committed", c.node.ID)
	case len(b.Digests) != len(m.Members()) || slices.ContainsFunc(b.Digests, catalog.Digest.IsZero):
		return catalog.Invalid("digests", "move.digests", len(b.Digests), len(m.Members()))
	}
	for _, k := range b.Lacks {
		if k < 0 || k >= len(m.Vectors) {
			return catalog.Invalid("lacks", "move.lacks_none", k)
		}
		if err := c.moves().leave(&m, k, catalog.Why("move.lacks", c.node.ID)); err != nil {
			return err
		}
	}
	m.Deals[i] = b.Digests
	if len(m.Waits()) == 0 {
		m.State, m.Nonces = resharing.Storing, make([][]byte, len(m.Members()))
	}
	return c.moves().goOn(m)
}

// holdMove takes a member's word that it has stored what it was dealt. With the last one the
// challenge is there, and nobody could know it when the dealings were committed to.
func holdMove(c *applyContext, b resharing.Hold) error {
	m, i, err := c.moves().open(b.Move, resharing.Storing, c.node.ID)
	switch {
	case err != nil:
		return err
	case m.Nonces[i] != nil:
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	case len(b.Nonce) != vectorNonce:
		return catalog.Invalid("nonce", "vector.nonce", len(b.Nonce), vectorNonce)
	}
	m.Nonces[i] = b.Nonce
	if len(m.Waits()) == 0 {
		m.State, m.Lines = resharing.Lining, make([]*resharing.Line, len(m.Members()))
	}
	return c.moves().store(m)
}

// lineMove takes a member's numbers in the first check; the last one's decide.
func lineMove(c *applyContext, b resharing.Line) error {
	m, i, err := c.moves().open(b.Move, resharing.Lining, c.node.ID)
	if err != nil {
		return err
	}
	if m.Lines[i] != nil {
		return catalog.Conflict("twice", "vector.line_sent", c.node.ID)
	}
	vectors, err := c.moves().vectors(m)
	if err != nil {
		return err
	}
	ofOld, ofNew := slices.Contains(m.From, c.node.ID), slices.Contains(m.To, c.node.ID)
	if r := cmp.Or(checkMoveNumbers(m, vectors, "old", b.Old, ofOld, true), checkMoveNumbers(m, vectors, "new", b.New, ofNew, false)); r != nil {
		return r
	}
	m.Lines[i] = &b
	if len(m.Waits()) > 0 {
		return c.moves().store(m)
	}
	for k, v := range vectors {
		if m.Moves(k) && !m.SameLine(k, polynomial.Modulus(v.Modulus)) {
			if err := c.moves().leave(&m, k, catalog.Why("move.lines")); err != nil {
				return err
			}
		}
	}
	m.State, m.Lines = resharing.Proving, nil
	return c.moves().goOn(m)
}

// checkMoveNumbers refuses numbers that are not those of every vector that is moved, of whom
// they are expected; with gaps a vector may be missing, whose share the node has not.
func checkMoveNumbers(m resharing.Move, vectors []catalog.Vector, field string, list [][]uint64, expected, gaps bool) *catalog.Refusal {
	want := 0
	if expected {
		want = len(vectors)
	}
	if len(list) != want {
		return catalog.Invalid(field, "move.numbers", len(list), want)
	}
	for k, numbers := range list {
		if len(numbers) == 0 && (gaps || !m.Moves(k)) {
			continue
		}
		if r := checkVectorNumbers(vectors[k], numbers); r != nil {
			return r
		}
	}
	return nil
}

// attemptMove names an active set of the new roster for the second check.
func attemptMove(c *applyContext, b resharing.Attempt) error {
	m, _, err := c.moves().open(b.Move, resharing.Proving, c.node.ID)
	if err != nil {
		return err
	}
	a, r := nextCheck(c.now, m.Tries, b.Attempt, b.Active, m.Target())
	if r != nil {
		return r
	}
	m.Tries = append(m.Tries, a)
	m.Checks = make([][][]uint64, len(b.Active))
	return c.moves().store(m)
}

// addMoveBits takes a member's shares of what the second check opens; the last one's decide.
// What passed is in force for every attempt that is named from here on.
func addMoveBits(c *applyContext, b resharing.Bits) error {
	m, _, err := c.moves().open(b.Move, resharing.Proving, c.node.ID)
	if err != nil {
		return err
	}
	i, err := turn(m.Tries, b.Attempt, c.node.ID, func(i int) bool { return m.Checks[i] != nil })
	if err != nil {
		return err
	}
	vectors, err := c.moves().vectors(m)
	if err != nil {
		return err
	}
	if r := checkMoveNumbers(m, vectors, "values", b.Values, true, false); r != nil {
		return r
	}
	m.Checks[i] = b.Values
	if slices.ContainsFunc(m.Checks, func(list [][]uint64) bool { return list == nil }) {
		return c.moves().store(m)
	}
	m.InForce = c.now
	for k, v := range vectors {
		if !m.Moves(k) {
			continue
		}
		if !m.SumsToZero(k, polynomial.Modulus(v.Modulus)) {
			if err := c.moves().leave(&m, k, notBits(v)); err != nil {
				return err
			}
			continue
		}
		v.Sharing, v.Tried, v.Stays = m.Sharing(), 0, catalog.Reason{}
		to, err := vectorRoster(c.tx, c.cluster, v.Registry)
		if err != nil {
			return err
		}
		if to.Equal(v.InForce().Roster()) { // else its publisher's key has moved meanwhile, and it follows
			if err := todo(c.tx, false, moveKey(v), ""); err != nil {
				return err
			}
		}
		if err := storeVector(c.tx, v); err != nil {
			return err
		}
	}
	m.State, m.Checks, m.Erased = resharing.Erasing, nil, make([]bool, len(m.Members()))
	return c.moves().goOn(m)
}

// failMove ends an attempt of the second check, or a move that does not get on.
func failMove(c *applyContext, b resharing.Fail) error {
	m, err := load[resharing.Move](c.tx, records.PrefixMove+records.SeqName(b.Move), "unknown.move", b.Move)
	if err != nil {
		return err
	}
	if m.State == resharing.Erasing {
		return catalog.Conflict("move_state", "move.state", m.Seq, m.State)
	}
	if b.Attempt == 0 {
		return c.moves().end(m, b.Reason.Clean())
	}
	a, err := checkAttempt(m.Tries, b.Attempt)
	if err != nil {
		return err
	}
	a.Failed, m.Checks = b.Reason.Clean(), nil
	if len(m.Tries) == catalog.MaxParityAttempts {
		return c.moves().end(m, catalog.Why("vector.attempts", catalog.MaxParityAttempts).With(a.Failed))
	}
	return c.moves().store(m)
}

// erasedMove takes a member's word that it has erased its shares from before.
func erasedMove(c *applyContext, b resharing.Erased) error {
	m, i, err := c.moves().open(b.Move, resharing.Erasing, c.node.ID)
	switch {
	case err != nil:
		return err
	case m.Erased[i]:
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	}
	m.Erased[i] = true
	return c.moves().overIfErased(m)
}
