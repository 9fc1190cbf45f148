package state

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/polynomial"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/statetest"
)

// moving is a move among three nodes, 2-of-3.
type moving struct {
	*world
	seq     uint64
	vectors int
}

func (w *world) beginMove(dealers []int, vectors ...string) moving {
	w.t.Helper()
	w.ok("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: vectors, Dealers: dealers})
	return moving{w, w.seq, len(vectors)}
}

func (m moving) now() resharing.Move {
	m.t.Helper()
	for _, x := range must[[]resharing.Move](m.t)(m.view().Vectors().Moves()) {
		if x.Seq == m.seq {
			return x
		}
	}
	return resharing.Move{}
}

func (m moving) dealOf(point int) resharing.Deal {
	b := resharing.Deal{Move: m.seq}
	for i := range 3 {
		b.Digests = append(b.Digests, catalog.Sum(fmt.Appendf(nil, "dealt %d %d %d", m.seq, point, i)))
	}
	return b
}

func (m moving) deal() moving {
	m.t.Helper()
	for _, p := range m.now().Dealers {
		m.ok(nodeName(p), catalog.KindMoveDeal, m.dealOf(p))
	}
	return m
}

func (m moving) hold() moving {
	m.t.Helper()
	for p := 1; p <= 3; p++ {
		m.ok(nodeName(p), catalog.KindMoveHold, resharing.Hold{Move: m.seq, Nonce: testNonce(nodeName(p))})
	}
	return m
}

// numbers are those of every vector at a point: of a line 9 + slope·x.
func (m moving) numbers(slope, point int) (list [][]uint64) {
	for range m.vectors {
		list = append(list, []uint64{uint64(9 + slope*point), 9})
	}
	return list
}

func (m moving) lineOf(point int) resharing.Line {
	b := resharing.Line{Move: m.seq, New: m.numbers(5, point)}
	if slices.Contains(m.now().From, nodeName(point)) {
		b.Old = m.numbers(2, point)
	}
	return b
}

func (m moving) line(change func(point int, b *resharing.Line)) moving {
	m.t.Helper()
	for p := 1; p <= 3; p++ {
		b := m.lineOf(p)
		if change != nil {
			change(p, &b)
		}
		m.ok(nodeName(p), catalog.KindMoveLine, b)
	}
	return m
}

func (m moving) prove(sum uint64) moving {
	m.t.Helper()
	m.ok("node2", catalog.KindMoveAttempt, resharing.Attempt{Move: m.seq, Attempt: len(m.now().Tries) + 1, Active: []string{"node1", "node3"}})
	for i, node := range []string{"node1", "node3"} {
		b := resharing.Bits{Move: m.seq, Attempt: len(m.now().Tries)}
		for range m.vectors {
			b.Values = append(b.Values, []uint64{[]uint64{7 + sum, testModulus - 7}[i], 0})
		}
		m.ok(node, catalog.KindMoveBits, b)
	}
	return m
}

func (m moving) erase() {
	m.t.Helper()
	for p := 1; p <= 3; p++ {
		m.ok(nodeName(p), catalog.KindMoveErased, resharing.Erased{Move: m.seq})
	}
}

func (m moving) all() moving { return m.deal().hold().line(nil).prove(0) }

func (w *world) vectorNow(id string) catalog.Vector {
	w.t.Helper()
	return must[catalog.Vector](w.t)(w.view().Vectors().Get(id))
}

func (w *world) toMove() (ids []string) {
	w.t.Helper()
	for _, v := range must[[]catalog.Vector](w.t)(w.view().Vectors().ToMove(100)) {
		ids = append(ids, v.ID)
	}
	if n := must[int](w.t)(w.view().Vectors().CountToMove()); n != len(ids) {
		w.t.Fatalf("%d vectors are counted, %d listed", n, len(ids))
	}
	return ids
}

// A vector moves to a machine that is new in its seat, step by step, each step in its time
// alone; then the new machine answers.
func TestVectorsMoveInTheirOrderOnly(t *testing.T) {
	w := noisy(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	mine, other := w.vector("bank", w.vectorOf("mine", 1)), w.vector("bank", w.vectorOf("other", 1))
	w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine.ID}, Dealers: []int{1, 2}}, catalog.RefusedConflict, "move_wanted")
	ask := noised("0.5", "1e-6", statetest.Attribute("county"))
	ask.In = mine.ID
	before := w.ok("bank", catalog.KindQuerySubmit, submit(contract, ask)).ID
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(before, 1))
	w.replace3("node3-b")
	w.ok("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "noisy", Version: 1})
	if got := w.toMove(); !slices.Equal(got, []string{mine.ID, other.ID}) {
		t.Fatalf("to move: %v", got)
	}
	w.no("bank", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine.ID}, Dealers: []int{1, 2}}, catalog.RefusedForbidden, "role")
	for _, bad := range []resharing.Begin{
		{}, {Vectors: make([]string, resharing.MaxVectors+1)}, {Vectors: []string{mine.ID}}, {Vectors: []string{mine.ID}, Dealers: []int{1, 3}},
		{Vectors: []string{mine.ID}, Dealers: []int{2, 1}}, {Vectors: []string{mine.ID}, Dealers: []int{0, 1}}, {Vectors: []string{mine.ID}, Dealers: []int{1}},
	} {
		w.no("node1", catalog.KindMoveBegin, bad, catalog.RefusedInvalid, "invalid")
	}
	w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{"v-none"}, Dealers: []int{1, 2}}, catalog.RefusedUnknown, "unknown")
	w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine.ID, mine.ID}, Dealers: []int{1, 2}}, catalog.RefusedConflict, "move_wanted")
	m := w.beginMove([]int{1, 2}, mine.ID, other.ID)
	if got := m.now(); !slices.Equal(got.From, []string{"node1", "node2", ""}) || len(got.To) != 3 || got.FromThreshold != 2 || got.ToThreshold != 2 {
		t.Fatalf("move %+v", got)
	}
	w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine.ID}, Dealers: []int{1, 2}}, catalog.RefusedConflict, "move")

	hold := resharing.Hold{Move: m.seq, Nonce: testNonce("node1")}
	w.no("node1", catalog.KindMoveHold, hold, catalog.RefusedConflict, "move_state")
	w.no("node3", catalog.KindMoveDeal, m.dealOf(3), catalog.RefusedForbidden, "dealer")
	short, none, lacking := m.dealOf(1), m.dealOf(1), m.dealOf(1)
	short.Digests, none.Digests[1], lacking.Lacks = short.Digests[1:], catalog.Digest{}, []int{2}
	for _, bad := range []resharing.Deal{short, none, lacking} {
		w.no("node1", catalog.KindMoveDeal, bad, catalog.RefusedInvalid, "invalid")
	}
	w.no("node1", catalog.KindMoveDeal, resharing.Deal{Move: 1}, catalog.RefusedUnknown, "unknown")
	w.ok("node1", catalog.KindMoveDeal, m.dealOf(1))
	w.no("node1", catalog.KindMoveDeal, m.dealOf(1), catalog.RefusedConflict, "twice")
	w.ok("node2", catalog.KindMoveDeal, m.dealOf(2))

	w.no("node1", catalog.KindMoveHold, resharing.Hold{Move: m.seq, Nonce: []byte("short")}, catalog.RefusedInvalid, "invalid")
	w.no("node1", catalog.KindMoveLine, m.lineOf(1), catalog.RefusedConflict, "move_state")
	w.ok("node1", catalog.KindMoveHold, hold)
	w.no("node1", catalog.KindMoveHold, hold, catalog.RefusedConflict, "twice")
	for _, p := range []int{2, 3} {
		w.ok(nodeName(p), catalog.KindMoveHold, resharing.Hold{Move: m.seq, Nonce: testNonce(nodeName(p))})
	}
	for name, change := range map[string]func(b *resharing.Line){
		"no old": func(b *resharing.Line) { b.Old = nil }, "no new": func(b *resharing.Line) { b.New = nil },
		"a gap in the new": func(b *resharing.Line) { b.New[1] = nil }, "too large": func(b *resharing.Line) { b.New[0][1] = testModulus },
		"one run": func(b *resharing.Line) { b.Old[0] = b.Old[0][1:] }, "one vector": func(b *resharing.Line) { b.New = b.New[1:] },
	} {
		b := m.lineOf(1)
		change(&b)
		if out := w.do("node1", catalog.KindMoveLine, b); out.Refusal == nil {
			t.Fatalf("a line with %s is taken", name)
		}
	}
	b := m.lineOf(3)
	b.Old = m.numbers(2, 3) // which it has not
	w.no("node3", catalog.KindMoveLine, b, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindMoveLine, m.lineOf(1))
	w.no("node1", catalog.KindMoveLine, m.lineOf(1), catalog.RefusedConflict, "twice")
	w.no("node1", catalog.KindMoveAttempt, resharing.Attempt{Move: m.seq, Attempt: 1, Active: w.active()}, catalog.RefusedConflict, "move_state")
	for _, p := range []int{2, 3} {
		w.ok(nodeName(p), catalog.KindMoveLine, m.lineOf(p))
	}
	w.no("node1", catalog.KindMoveAttempt, resharing.Attempt{Move: m.seq, Attempt: 1}, catalog.RefusedInvalid, "invalid")
	w.no("node1", catalog.KindMoveBits, resharing.Bits{Move: m.seq, Attempt: 1}, catalog.RefusedConflict, "attempt")
	w.ok("node1", catalog.KindMoveAttempt, resharing.Attempt{Move: m.seq, Attempt: 1, Active: []string{"node1", "node2"}})
	w.no("node1", catalog.KindMoveBits, resharing.Bits{Move: m.seq, Attempt: 1}, catalog.RefusedInvalid, "invalid")
	w.no("node3", catalog.KindMoveBits, resharing.Bits{Move: m.seq, Attempt: 1}, catalog.RefusedForbidden, "member")
	w.ok("node1", catalog.KindMoveFail, resharing.Fail{Move: m.seq, Attempt: 1, Reason: told("node2 is gone")})
	w.no("node1", catalog.KindMoveErased, resharing.Erased{Move: m.seq}, catalog.RefusedConflict, "move_state")
	if v := w.vectorNow(mine.ID); v.InForce().Move != 0 || v.Holders(*must[*catalog.Cluster](t)(w.machine.cache.Cluster(w.store))) != 2 {
		t.Fatalf("before the second check has passed the vector is under %+v", v.InForce())
	}
	m.prove(0)
	for _, id := range []string{mine.ID, other.ID} {
		if v := w.vectorNow(id); v.InForce().Move != m.seq || v.Moving != m.seq || !slices.Equal(v.InForce().Nodes, []string{"node1", "node2", "node3"}) {
			t.Fatalf("vector %+v", v)
		}
	}
	if got := w.toMove(); len(got) != 0 {
		t.Errorf("to move: %v", got)
	}

	// What was named before is read under the shares of before.
	if a := must[catalog.Query](t)(w.view().Query(before)).Attempts[0]; len(a.Vectors) != 0 {
		t.Errorf("the attempt of before names %v", a.Vectors)
	}
	id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, ask)).ID
	attempt := w.attempt(id, 1)
	attempt.Active, attempt.Root = []string{"node1", "node3"}, "node1"
	w.ok("node1", catalog.KindQueryAttempt, attempt)
	if a := must[catalog.Query](t)(w.view().Query(id)).Attempts[0]; len(a.Vectors) != 1 || a.MoveOf(mine.ID) != m.seq || a.MoveOf(other.ID) != 0 {
		t.Errorf("the attempt names %v", a.Vectors)
	}

	// There are never three sharings: before the old shares are erased nothing moves again.
	w.ok("operator", catalog.KindVectorRefresh, resharing.Refresh{})
	w.no("bank", catalog.KindVectorRefresh, resharing.Refresh{}, catalog.RefusedForbidden, "role")
	w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine.ID}, Dealers: []int{1, 3}}, catalog.RefusedConflict, "move_wanted")
	w.no("node1", catalog.KindMoveFail, resharing.Fail{Move: m.seq, Reason: told("too late")}, catalog.RefusedConflict, "move_state")
	w.ok("node1", catalog.KindMoveErased, resharing.Erased{Move: m.seq})
	w.no("node1", catalog.KindMoveErased, resharing.Erased{Move: m.seq}, catalog.RefusedConflict, "twice")
	for _, p := range []int{2, 3} {
		w.ok(nodeName(p), catalog.KindMoveErased, resharing.Erased{Move: m.seq})
	}
	again := w.beginMove([]int{1, 3}, mine.ID).all()
	again.erase()
	if v := w.vectorNow(mine.ID); v.InForce().Move != again.seq || v.Moving != 0 {
		t.Errorf("vector %+v", v)
	}
	if left := must[[]resharing.Move](t)(w.view().Vectors().Moves()); len(left) != 0 {
		t.Errorf("moves left: %+v", left)
	}
}

// movable is a world with two vectors that are to be moved.
func movable(t *testing.T) (w *world, mine, other string) {
	t.Helper()
	w = noisy(t)
	mine, other = w.vector("bank", w.vectorOf("mine", 1)).ID, w.vector("insurer", w.vectorOf("other", 1)).ID
	w.ok("operator", catalog.KindVectorRefresh, resharing.Refresh{})
	return w, mine, other
}

// A vector whose numbers do not fit stays where it is, with the reason, and the others move.
func TestWhatAVectorStaysForIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(m moving)
		code  string
	}{
		"an old number off the line": {func(m moving) {
			m.deal().hold().line(func(p int, b *resharing.Line) { b.Old[0][0] += uint64(p / 3) }).prove(0)
		}, "move.lines"},
		"a new number off the line": {func(m moving) {
			m.deal().hold().line(func(p int, b *resharing.Line) { b.New[0][1] += uint64(p / 3) }).prove(0)
		}, "move.lines"},
		"another value at 0": {func(m moving) {
			m.deal().hold().line(func(_ int, b *resharing.Line) { b.New[0][0]++ }).prove(0)
		}, "move.lines"},
		"too few old numbers": {func(m moving) {
			m.deal().hold().line(func(p int, b *resharing.Line) {
				if p > 1 {
					b.Old[0] = nil
				}
			}).prove(0)
		}, "move.lines"},
		"a dealer has none": {func(m moving) {
			b := m.dealOf(1)
			b.Lacks = []int{0}
			m.ok("node1", catalog.KindMoveDeal, b)
			m.ok("node2", catalog.KindMoveDeal, m.dealOf(2))
			m.hold().line(func(_ int, b *resharing.Line) { b.Old[0], b.New[0] = nil, nil }).prove(0)
		}, "move.lacks"},
		"no bits": {func(m moving) {
			m.deal().hold().line(nil)
			m.ok("node2", catalog.KindMoveAttempt, resharing.Attempt{Move: m.seq, Attempt: 1, Active: []string{"node1", "node2"}})
			for i, node := range []string{"node1", "node2"} {
				m.ok(node, catalog.KindMoveBits, resharing.Bits{Move: m.seq, Attempt: 1, Values: [][]uint64{{0, uint64(i)}, {0, 0}}})
			}
		}, "vector.entry"},
	} {
		t.Run(name, func(t *testing.T) {
			w, mine, other := movable(t)
			m := w.beginMove([]int{1, 2}, mine, other)
			c.spoil(m)
			if v := w.vectorNow(mine); v.InForce().Move != 0 || v.Moving != 0 || v.Stays.Code != c.code || v.Tried != 1 {
				t.Errorf("vector %+v", v)
			}
			if v := w.vectorNow(other); v.InForce().Move != m.seq || !v.Stays.IsZero() {
				t.Errorf("the other is under %+v: %s", v.InForce(), v.Stays)
			}
			if got := w.toMove(); !slices.Equal(got, []string{mine}) {
				t.Errorf("to move: %v", got)
			}
			m.erase()
			if v := w.vectorNow(mine); v.InForce().Move != 0 {
				t.Errorf("under %+v", v.InForce())
			}
		})
	}
}

// A holder that has lost its share of a vector gets one, while the threshold of the others has.
func TestAHolderWithoutItsShareGetsOne(t *testing.T) {
	w, mine, _ := movable(t)
	m := w.beginMove([]int{1, 2}, mine).deal().hold().line(func(p int, b *resharing.Line) {
		if p == 3 {
			b.Old[0] = nil
		}
	}).prove(0)
	if v := w.vectorNow(mine); v.InForce().Move != m.seq {
		t.Errorf("vector %+v", v)
	}
}

// What fails again and again is left alone, until somebody asks for it or the roster changes.
func TestAVectorIsNotMovedInVainForEver(t *testing.T) {
	w, mine, other := movable(t)
	for i := range maxMoveTries {
		if got := w.toMove(); len(got) != 2 || w.vectorNow(mine).Tried != i {
			t.Fatalf("after %d tries: to move %v", i, got)
		}
		m := w.beginMove([]int{1, 3}, mine)
		if i%2 == 0 {
			m.ok("node2", catalog.KindMoveFail, resharing.Fail{Move: m.seq, Reason: told("node3 lied")})
		} else {
			m.deal().hold().line(nil).prove(1)
		}
	}
	if got := w.toMove(); !slices.Equal(got, []string{other}) || w.vectorNow(mine).Stays.IsZero() {
		t.Fatalf("to move: %v", got)
	}
	w.ok("operator", catalog.KindVectorRefresh, resharing.Refresh{})
	if got := w.toMove(); len(got) != 2 || w.vectorNow(mine).Tried != 0 {
		t.Errorf("asked for anew: %v", got)
	}
}

// The second check may be tried sixteen times; then the move is over.
func TestTheSecondCheckOfAMoveIsTriedSixteenTimes(t *testing.T) {
	w, mine, _ := movable(t)
	m := w.beginMove([]int{1, 2}, mine).deal().hold().line(nil)
	for i := range catalog.MaxParityAttempts {
		w.ok("node2", catalog.KindMoveAttempt, resharing.Attempt{Move: m.seq, Attempt: i + 1, Active: w.active()})
		w.no("node2", catalog.KindMoveAttempt, resharing.Attempt{Move: m.seq, Attempt: i + 2, Active: w.active()}, catalog.RefusedConflict, "attempt")
		w.no("node2", catalog.KindMoveFail, resharing.Fail{Move: m.seq, Attempt: i + 2}, catalog.RefusedConflict, "attempt")
		w.ok("node2", catalog.KindMoveFail, resharing.Fail{Move: m.seq, Attempt: i + 1, Reason: told("node1 is gone")})
	}
	if v := w.vectorNow(mine); v.Stays.Code != "vector.attempts" || len(must[[]resharing.Move](t)(w.view().Vectors().Moves())) != 0 {
		t.Errorf("vector %+v", v)
	}
}

// A change of the roster ends what was dealt to the one before, and waits for no machine that is
// gone.
func TestAMoveEndsWithItsRoster(t *testing.T) {
	w, mine, other := movable(t)
	w.beginMove([]int{1, 2}, mine).deal().hold()
	w.replace3("node3-b")
	if v := w.vectorNow(mine); v.Moving != 0 || v.Tried != 0 || len(w.toMove()) != 2 {
		t.Errorf("vector %+v", v)
	}
	m := w.beginMove([]int{1, 2}, mine, other).all()
	for _, p := range []int{1, 2} {
		w.ok(nodeName(p), catalog.KindMoveErased, resharing.Erased{Move: m.seq})
	}
	if w.vectorNow(mine).Moving != m.seq {
		t.Fatal("the move is over before all have erased what they had")
	}
	w.replace3("node3-c")
	if v := w.vectorNow(mine); v.Moving != 0 || v.InForce().Move != m.seq || v.Holders(*must[*catalog.Cluster](t)(w.machine.cache.Cluster(w.store))) != 2 {
		t.Errorf("vector %+v", v)
	}
	w.beginMove([]int{1, 2}, mine, other).all().erase()

	// With fewer than t machines left there is nothing to move.
	w.replace3("node3-d")
	next := w.machine3("node2-b")
	next.Node.Point, next.Node.ID, next.KeysLost = 2, "node2", true
	w.ok("operator", catalog.KindSeatReplace, next)
	if left := must[[]resharing.Move](t)(w.view().Vectors().Moves()); len(left) != 0 || len(w.toMove()) != 2 {
		t.Errorf("moves %+v, to move %v", left, w.toMove())
	}
	w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine}, Dealers: []int{1, 2}}, catalog.RefusedInvalid, "invalid")
}

// A machine that is replaced while a vector is registered gets its share afterwards.
func TestAVectorRegisteredMeanwhileIsMoved(t *testing.T) {
	w := noisy(t)
	id := w.ok("bank", catalog.KindVectorRegister, w.vectorOf("mine", 1)).ID
	w.held(id)
	w.lined(id)
	w.replace3("node3-b")
	if got := w.toMove(); len(got) != 0 {
		t.Fatalf("to move: %v", got)
	}
	w.ok("node1", catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: id, Attempt: 1, Active: []string{"node1", "node2"}})
	for _, node := range []string{"node1", "node2"} {
		w.ok(node, catalog.KindVectorBits, catalog.VectorBits{Vector: id, Attempt: 1, Values: []uint64{0, 0}})
	}
	if got := w.toMove(); !slices.Equal(got, []string{id}) {
		t.Errorf("to move: %v", got)
	}
}

// A dropped vector leaves its move, which goes on without it, or ends with the last.
func TestADroppedVectorLeavesItsMove(t *testing.T) {
	w, mine, other := movable(t)
	m := w.beginMove([]int{1, 2}, mine, other).deal()
	w.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: mine})
	m.hold().line(func(_ int, b *resharing.Line) { b.Old[0], b.New[0] = nil, nil }).prove(0)
	if w.vectorNow(mine).State != catalog.VectorDropped || w.vectorNow(mine).InForce().Move != 0 || w.vectorNow(other).InForce().Move != m.seq {
		t.Errorf("vectors %+v, %+v", w.vectorNow(mine), w.vectorNow(other))
	}
	w.ok("insurer", catalog.KindVectorDrop, catalog.VectorDrop{Vector: other}) // whose old shares are being erased
	m.erase()
	third := w.vector("bank", w.vectorOf("third", 1)).ID
	w.ok("operator", catalog.KindVectorRefresh, resharing.Refresh{})
	w.beginMove([]int{1, 2}, third)
	w.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: third})
	if left := must[[]resharing.Move](t)(w.view().Vectors().Moves()); len(left) != 0 || len(w.toMove()) != 0 {
		t.Errorf("moves %+v, to move %v", left, w.toMove())
	}
}

// Vectors of one move have the same holders, and few entries enough for one message.
func TestAMoveHasBounds(t *testing.T) {
	w := noisy(t)
	mine := w.vector("bank", w.vectorOf("mine", 1)).ID
	w.replace3("node3-b")
	other := w.vector("bank", w.vectorOf("other", 1)).ID
	w.ok("operator", catalog.KindVectorRefresh, resharing.Refresh{})
	r := w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine, other}, Dealers: []int{1, 2}}, catalog.RefusedInvalid, "invalid")
	if r.Code != "move.holders" {
		t.Errorf("refused with %s", r.Code)
	}
	v := w.vectorNow(mine)
	v.Entities = resharing.MaxEntries + 1
	if err := records.Put(w.store, records.PrefixVector+mine, v); err != nil {
		t.Fatal(err)
	}
	if r := w.no("node1", catalog.KindMoveBegin, resharing.Begin{Vectors: []string{mine}, Dealers: []int{1, 2}}, catalog.RefusedInvalid, "invalid"); r.Code != "move.entries" {
		t.Errorf("refused with %s", r.Code)
	}
}

// Two rosters, two thresholds: the old numbers lie on their line, the new ones on a parabola
// of the same value at 0.
func TestLinesOfTwoRosters(t *testing.T) {
	m := resharing.Move{From: []string{"a", "", "b", "c"}, FromThreshold: 2, To: []string{"c", "d", "e", "a"}, ToThreshold: 3}
	old := map[string]int{"a": 1, "b": 3, "c": 4}
	next := map[string]int{"c": 1, "d": 2, "e": 3, "a": 4}
	fill := func(change func(id string, l *resharing.Line)) resharing.Move {
		m.Lines = nil
		for _, id := range m.Members() {
			l := &resharing.Line{Old: [][]uint64{nil}, New: [][]uint64{nil}}
			if x, is := old[id]; is {
				l.Old[0] = []uint64{uint64(4 + 3*x), uint64(5 * x)}
			}
			if x, is := next[id]; is {
				l.New[0] = []uint64{uint64(4 + x + x*x), uint64(7 * x * x)}
			}
			change(id, l)
			m.Lines = append(m.Lines, l)
		}
		return m
	}
	f := polynomial.Modulus(testModulus)
	sameLine := func(m resharing.Move, k int, f polynomial.Modulus) bool { return m.SameLine(k, f) }
	if !sameLine(fill(func(string, *resharing.Line) {}), 0, f) {
		t.Error("an honest move is refused")
	}
	if !sameLine(fill(func(id string, l *resharing.Line) {
		if id == "b" {
			l.Old[0] = nil
		}
	}), 0, f) {
		t.Error("an honest move with a holder less is refused")
	}
	for _, id := range m.Members() {
		if _, is := old[id]; is && sameLine(fill(func(x string, l *resharing.Line) {
			if x == id {
				l.Old[0][1]++
			}
		}), 0, f) {
			t.Errorf("an old number of %s is wrong, and nobody notices", id)
		}
		if _, is := next[id]; is && sameLine(fill(func(x string, l *resharing.Line) {
			if x == id {
				l.New[0][0]++
			}
		}), 0, f) {
			t.Errorf("a new number of %s is wrong, and nobody notices", id)
		}
	}
}

// A vector that is in a move while its publisher's key moves to another roster follows the key once
// the move is over.
func TestAVectorFollowsAKeyThatMovesMeanwhile(t *testing.T) {
	w := noisy(t)
	key := catalog.KeyID(testID("bureau"))
	mine := w.vector("bank", w.vectorOf("mine", 1)).ID
	w.ok("operator", catalog.KindVectorRefresh, resharing.Refresh{})
	m := w.beginMove([]int{1, 2}, mine).deal()
	w.ok("operator", catalog.KindRosterPropose, w.roster(3, nil))
	w.ok("bureau", catalog.KindKeyMove, roster.MoveKey{Key: key, Roster: w.lastChange()})
	w.moveTo(key, 2, 2, []int{1, 2}, []string{"node1", "node2", "node3"})
	m.hold().line(nil).prove(0).erase()
	if v := w.vectorNow(mine); v.InForce().Threshold != 2 || !slices.Equal(w.toMove(), []string{mine}) {
		t.Fatalf("vector %+v, to move %v", v.InForce(), w.toMove())
	}
	if to := w.beginMove([]int{1, 2}, mine).now().Target(); to.Threshold != 3 {
		t.Errorf("it moves to %+v", to)
	}
}
