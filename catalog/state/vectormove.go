package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/polynomial"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
)

// maxMoveTries bounds how often a vector is moved in vain, until an operator asks for it again
// or the roster changes: a dealer that lies may learn one bit of it each time (PROTOCOL.md
// section 6.9). It is more than any roster has windows of dealers.
const maxMoveTries = catalog.MaxNodes + 1

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
func refreshVectors(c *applyContext, _ resharing.Refresh) error { return c.moveVectors(nil) }

// moveVectors has every vector moved to the nodes of its roster (vectorRoster) as they are. A machine
// that takes a seat calls it after the cluster is stored, and names why: moves under way have dealt
// to the machine before and begin anew, and no node that is gone is waited for to erase its shares. Without a reason
// nothing changed but that new shares are asked for, and what is under way goes on.
func (c *applyContext) moveVectors(why *catalog.Reason) error {
	moves, err := records.List[resharing.Move](c.tx, records.PrefixMove)
	if err != nil {
		return err
	}
	for _, m := range moves {
		if why == nil {
			continue
		}
		if m.State == resharing.Erasing {
			err = c.forgetGone(m)
		} else {
			err = c.endMove(m, *why)
		}
		if err != nil {
			return err
		}
	}
	held, err := records.ListNamed[catalog.Vector](c.tx, records.PrefixVectorHeld, records.PrefixVector)
	if err != nil {
		return err
	}
	for _, v := range held {
		if v.State != catalog.VectorReady || v.Holders(*c.cluster) < v.InForce().Threshold {
			continue // registered under the new roster or not at all, or lost
		}
		if err := c.wantMove(v); err != nil {
			return err
		}
	}
	return nil
}

// vectorRoster is among whom vectors of a registry are shared: the nodes that share the key of
// its publisher, so that they can be computed with together.
func (c *applyContext) vectorRoster(registry string) (catalog.KeyRoster, error) {
	reg, err := records.Find[catalog.Registry](c.tx, records.PrefixRegistry+registry)
	if err != nil {
		return catalog.KeyRoster{}, err
	}
	k, err := records.KeyOf(c.tx, reg.Owner)
	if errors.Is(err, records.ErrNotFound) || err == nil && k.State != catalog.KeyReady {
		return c.cluster.Roster(), nil
	}
	return k.Roster(), err
}

// followKey has the vectors moved of the registries of a publisher whose key has moved.
func (c *applyContext) followKey(k catalog.Key) error {
	held, err := records.ListNamed[catalog.Vector](c.tx, records.PrefixVectorHeld, records.PrefixVector)
	if err != nil {
		return err
	}
	for _, v := range held {
		reg, err := records.Find[catalog.Registry](c.tx, records.PrefixRegistry+v.Registry)
		if err != nil {
			return err
		}
		if reg.Owner != k.Publisher || v.State != catalog.VectorReady || v.InForce().Roster().Equal(k.Roster()) || v.Holders(*c.cluster) < v.InForce().Threshold {
			continue
		}
		if err := c.wantMove(v); err != nil {
			return err
		}
	}
	return nil
}

// wantMove has a vector moved.
func (c *applyContext) wantMove(v catalog.Vector) error {
	v.Tried, v.Stays = 0, catalog.Reason{}
	return cmp.Or(todo(c.tx, true, moveKey(v), v.ID), c.storeVector(v))
}

func moveKey(v catalog.Vector) string { return records.PrefixTodoMove + records.SeqName(v.Seq) }

func (c *applyContext) storeVector(v catalog.Vector) error {
	return records.Put(c.tx, records.PrefixVector+v.ID, v)
}

func (c *applyContext) storeMove(m resharing.Move) error {
	return records.Put(c.tx, records.PrefixMove+records.SeqName(m.Seq), m)
}

// forgetGone does not wait for machines that are in no seat any more to erase what they have:
// nobody can.
func (c *applyContext) forgetGone(m resharing.Move) error {
	still := c.cluster.Holding(m.Seq)
	for i, id := range m.Members() {
		m.Erased[i] = m.Erased[i] || !slices.Contains(still, id)
	}
	return c.overIfErased(m)
}

// beginMove begins a move. Any node may: what it says follows from the state but for the
// dealers, who deal to the whole roster whoever they are. One is dealt at a time.
func beginMove(c *applyContext, b resharing.Begin) error {
	moves, err := records.List[resharing.Move](c.tx, records.PrefixMove)
	if err != nil {
		return err
	}
	for _, m := range moves {
		if m.State != resharing.Erasing {
			return catalog.Conflict("move", "move.running", m.Seq)
		}
		m.Erased = roster.WithoutLate(*c.cluster, m.Members(), m.Erased, m.InForce, c.now)
		if err := c.overIfErased(m); err != nil {
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
		to, err := c.vectorRoster(v.Registry)
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
		if err := c.storeVector(v); err != nil {
			return err
		}
	}
	if !m.MayDeal(b.Dealers) {
		return catalog.Invalid("dealers", "move.dealers", len(b.Dealers), m.FromThreshold)
	}
	m.Dealers, m.Deals = b.Dealers, make([][]catalog.Digest, len(b.Dealers))
	c.out.ID = records.SeqName(m.Seq)
	return c.storeMove(m)
}

// openMove returns a move in a state, and the place of the node that speaks among its members.
func (c *applyContext) openMove(seq uint64, state resharing.State) (resharing.Move, int, error) {
	m, err := load[resharing.Move](c.tx, records.PrefixMove+records.SeqName(seq), "unknown.move", seq)
	if err != nil {
		return m, 0, err
	}
	if m.State != state {
		return m, 0, catalog.Conflict("move_state", "move.state", m.Seq, m.State)
	}
	i := slices.Index(m.Members(), c.node.ID)
	if i < 0 {
		return m, 0, catalog.Forbidden("member", "move.member", c.node.ID, m.Seq)
	}
	return m, i, nil
}

// dealMove takes a dealer's commitment to what it deals.
func dealMove(c *applyContext, b resharing.Deal) error {
	m, _, err := c.openMove(b.Move, resharing.Dealing)
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
		if err := c.leaveMove(&m, k, catalog.Why("move.lacks", c.node.ID)); err != nil {
			return err
		}
	}
	m.Deals[i] = b.Digests
	if len(m.Waits()) == 0 {
		m.State, m.Nonces = resharing.Storing, make([][]byte, len(m.Members()))
	}
	return c.goOn(m)
}

// leaveMove leaves a vector of a move where it is.
func (c *applyContext) leaveMove(m *resharing.Move, i int, why catalog.Reason) error {
	if !m.Moves(i) {
		return nil
	}
	m.Out[i] = why
	v, err := records.Find[catalog.Vector](c.tx, records.PrefixVector+m.Vectors[i])
	if err != nil {
		return err
	}
	v.Moving, v.Stays = 0, why
	if v.Tried++; v.Tried >= maxMoveTries {
		if err := todo(c.tx, false, moveKey(v), ""); err != nil {
			return err
		}
	}
	return c.storeVector(v)
}

// goOn stores a move, or forgets it where no vector is left in it.
func (c *applyContext) goOn(m resharing.Move) error {
	for i := range m.Vectors {
		if m.Moves(i) {
			return c.storeMove(m)
		}
	}
	return records.Remove(c.tx, records.PrefixMove+records.SeqName(m.Seq))
}

// endMove ends a move: the shares from before stay in force for all of its vectors, and the
// next one draws everything anew.
func (c *applyContext) endMove(m resharing.Move, why catalog.Reason) error {
	for i := range m.Vectors {
		if err := c.leaveMove(&m, i, why); err != nil {
			return err
		}
	}
	return c.goOn(m)
}

// holdMove takes a member's word that it has stored what it was dealt. With the last one the
// challenge is there, and nobody could know it when the dealings were committed to.
func holdMove(c *applyContext, b resharing.Hold) error {
	m, i, err := c.openMove(b.Move, resharing.Storing)
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
	return c.storeMove(m)
}

// lineMove takes a member's numbers in the first check; the last one's decide.
func lineMove(c *applyContext, b resharing.Line) error {
	m, i, err := c.openMove(b.Move, resharing.Lining)
	if err != nil {
		return err
	}
	if m.Lines[i] != nil {
		return catalog.Conflict("twice", "vector.line_sent", c.node.ID)
	}
	vectors, err := c.vectorsIn(m)
	if err != nil {
		return err
	}
	ofOld, ofNew := slices.Contains(m.From, c.node.ID), slices.Contains(m.To, c.node.ID)
	if r := cmp.Or(checkMoveNumbers(m, vectors, "old", b.Old, ofOld, true), checkMoveNumbers(m, vectors, "new", b.New, ofNew, false)); r != nil {
		return r
	}
	m.Lines[i] = &b
	if len(m.Waits()) > 0 {
		return c.storeMove(m)
	}
	for k, v := range vectors {
		if m.Moves(k) && !m.SameLine(k, polynomial.Modulus(v.Modulus)) {
			if err := c.leaveMove(&m, k, catalog.Why("move.lines")); err != nil {
				return err
			}
		}
	}
	m.State, m.Lines = resharing.Proving, nil
	return c.goOn(m)
}

func (c *applyContext) vectorsIn(m resharing.Move) ([]catalog.Vector, error) {
	out := make([]catalog.Vector, len(m.Vectors))
	for i, id := range m.Vectors {
		var err error
		if out[i], err = records.Find[catalog.Vector](c.tx, records.PrefixVector+id); err != nil {
			return nil, err
		}
	}
	return out, nil
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
	m, _, err := c.openMove(b.Move, resharing.Proving)
	if err != nil {
		return err
	}
	a, r := c.nextCheck(m.Tries, b.Attempt, b.Active, m.Target())
	if r != nil {
		return r
	}
	m.Tries = append(m.Tries, a)
	m.Checks = make([][][]uint64, len(b.Active))
	return c.storeMove(m)
}

// addMoveBits takes a member's shares of what the second check opens; the last one's decide.
// What passed is in force for every attempt that is named from here on.
func addMoveBits(c *applyContext, b resharing.Bits) error {
	m, _, err := c.openMove(b.Move, resharing.Proving)
	if err != nil {
		return err
	}
	i, err := c.turn(m.Tries, b.Attempt, func(i int) bool { return m.Checks[i] != nil })
	if err != nil {
		return err
	}
	vectors, err := c.vectorsIn(m)
	if err != nil {
		return err
	}
	if r := checkMoveNumbers(m, vectors, "values", b.Values, true, false); r != nil {
		return r
	}
	m.Checks[i] = b.Values
	if slices.ContainsFunc(m.Checks, func(list [][]uint64) bool { return list == nil }) {
		return c.storeMove(m)
	}
	m.InForce = c.now
	for k, v := range vectors {
		if !m.Moves(k) {
			continue
		}
		if !m.SumsToZero(k, polynomial.Modulus(v.Modulus)) {
			if err := c.leaveMove(&m, k, notBits(v)); err != nil {
				return err
			}
			continue
		}
		v.Sharing, v.Tried, v.Stays = m.Sharing(), 0, catalog.Reason{}
		to, err := c.vectorRoster(v.Registry)
		if err != nil {
			return err
		}
		if to.Equal(v.InForce().Roster()) { // else its publisher's key has moved meanwhile, and it follows
			if err := todo(c.tx, false, moveKey(v), ""); err != nil {
				return err
			}
		}
		if err := c.storeVector(v); err != nil {
			return err
		}
	}
	m.State, m.Checks, m.Erased = resharing.Erasing, nil, make([]bool, len(m.Members()))
	return c.goOn(m)
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
		return c.endMove(m, b.Reason.Clean())
	}
	a, err := checkAttempt(m.Tries, b.Attempt)
	if err != nil {
		return err
	}
	a.Failed, m.Checks = b.Reason.Clean(), nil
	if len(m.Tries) == catalog.MaxParityAttempts {
		return c.endMove(m, catalog.Why("vector.attempts", catalog.MaxParityAttempts).With(a.Failed))
	}
	return c.storeMove(m)
}

// erasedMove takes a member's word that it has erased its shares from before.
func erasedMove(c *applyContext, b resharing.Erased) error {
	m, i, err := c.openMove(b.Move, resharing.Erasing)
	switch {
	case err != nil:
		return err
	case m.Erased[i]:
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	}
	m.Erased[i] = true
	return c.overIfErased(m)
}

// overIfErased forgets a move once nothing of before is left. Its vectors can be moved again:
// there are never three sharings of one.
func (c *applyContext) overIfErased(m resharing.Move) error {
	if len(m.Waits()) > 0 {
		return c.storeMove(m)
	}
	for i, id := range m.Vectors {
		if !m.Moves(i) {
			continue
		}
		v, err := records.Find[catalog.Vector](c.tx, records.PrefixVector+id)
		if err != nil {
			return err
		}
		v.Moving = 0
		if err := c.storeVector(v); err != nil {
			return err
		}
	}
	return records.Remove(c.tx, records.PrefixMove+records.SeqName(m.Seq))
}

// dropMoving takes a vector that its owner drops out of the move that it is in.
func (c *applyContext) dropMoving(v *catalog.Vector) error {
	if v.Moving == 0 {
		return nil
	}
	m, err := records.Find[resharing.Move](c.tx, records.PrefixMove+records.SeqName(v.Moving))
	if err != nil {
		return err
	}
	v.Moving = 0
	i := slices.Index(m.Vectors, v.ID)
	if m.State == resharing.Erasing {
		return nil // it has moved; its shares are erased as those of every dropped one
	}
	m.Out[i] = catalog.Why("move.dropped")
	return c.goOn(m)
}

// underOf lists, of the private vectors of a verdict, the sharings of those that were moved.
func (c *applyContext) underOf(verdict catalog.Verdict) (list []catalog.VectorUnder, err error) {
	for _, u := range verdict.Vectors {
		v, err := records.Find[catalog.Vector](c.tx, records.PrefixVector+u.ID)
		if err != nil {
			return nil, err
		}
		if v.Sharing.Move != 0 {
			list = append(list, catalog.VectorUnder{ID: v.ID, Move: v.Sharing.Move})
		}
	}
	return list, nil
}
