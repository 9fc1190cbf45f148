package he

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// passesPlainly is the rule of RELEASE.md section 6.2 in plain words.
func passesPlainly(s *PieceStructure, pieceOf []int8) bool {
	in := func(members []int32, piece int8) (n int) {
		for _, e := range members {
			if of := int8(-1); int(e) < len(pieceOf) {
				if of = pieceOf[e]; of == piece {
					n++
				}
			} else if of == piece {
				n++
			}
		}
		return n
	}
	for _, f := range s.Figures {
		for i := range int8(s.Pieces) {
			passes := true
			for _, step := range f.Steps {
				together := 0
				for _, u := range step.Units {
					unit := s.Units[u]
					c, r := in(unit.Members, i), in(unit.Members, -1)
					switch {
					case unit.Both && c >= f.K && r >= f.K:
						together += f.K
					case c > 0 && r > 0:
						together++
					}
				}
				passes = together >= f.K || in(s.Moves[step.Move].Members, i) == 0 && passes
			}
			if !passes {
				return false
			}
		}
	}
	return true
}

// pieceBits are the bits of a partition, as a vector has them.
func pieceBits(pieceOf []int8, pieces int) []uint64 {
	bits := make([]uint64, pieces*len(pieceOf))
	for e, i := range pieceOf {
		if i >= 0 {
			bits[int(i)*len(pieceOf)+e] = 1
		}
	}
	return bits
}

// pieceCase is a piece test with everything that its members have.
type pieceCase struct {
	p         ProductParameters
	rng       *rand.Rand
	active    []int
	structure *PieceStructure
	bits      []uint64
	witnesses []uint64
	challenge [32]byte
}

func newPieceCase(t testing.TB, p ProductParameters, rng *rand.Rand, active []int, s *PieceStructure, pieceOf []int8) *pieceCase {
	t.Helper()
	return &pieceCase{
		p: p, rng: rng, active: active, structure: s, bits: pieceBits(pieceOf, s.Pieces),
		witnesses: must[[]uint64](t)(PieceWitnesses(p, s, pieceOf)), challenge: [32]byte{byte(rng.Uint32()), 9},
	}
}

// members are the members' parts, before the first message.
func (c *pieceCase) members(t testing.TB, hooks map[int]pieceHooks) map[int]*PieceTest {
	t.Helper()
	bits, witnesses := split(c.p, c.rng, c.bits, c.active), split(c.p, c.rng, c.witnesses, c.active)
	parties := map[int]*PieceTest{}
	for _, i := range c.active {
		input := PieceInput{Structure: c.structure, Bits: bits[i], Witnesses: witnesses[i], Challenge: c.challenge}
		parties[i] = must[*PieceTest](t)(newPieceTest(c.p, session("pieces", c.active...), i, input, hooks[i]))
	}
	return parties
}

// run runs the test to its end. All members come to the same.
func (c *pieceCase) run(t testing.TB) (passed bool, err error) {
	t.Helper()
	parties := c.members(t, nil)
	deliver(t, c.rng, parties)
	for n, i := range c.active {
		got, gotErr := parties[i].Passed()
		if n > 0 && (got != passed || errors.Is(gotErr, ErrWitness) != errors.Is(err, ErrWitness)) {
			t.Fatalf("the members disagree: %v, %v and %v, %v", passed, err, got, gotErr)
		}
		passed, err = got, gotErr
	}
	return passed, err
}

// someOf draws distinct positions below n, ascending.
func someOf(rng *rand.Rand, n, most int) []int32 {
	var out []int32
	for e := range n {
		if rng.IntN(n) < most {
			out = append(out, int32(e))
		}
	}
	return out
}

// randomPieces draws a structure and a partition, of which some pass and some fail.
func randomPieces(rng *rand.Rand) (*PieceStructure, []int8) {
	entities := 1 + rng.IntN(60)
	s := &PieceStructure{Pieces: 1 + rng.IntN(4)}
	for range rng.IntN(9) {
		s.Units = append(s.Units, PieceUnit{Members: someOf(rng, entities, rng.IntN(entities+1)), Both: rng.IntN(2) == 0})
	}
	for range 1 + rng.IntN(4) {
		s.Moves = append(s.Moves, PieceMove{Members: someOf(rng, entities, rng.IntN(2)*rng.IntN(4))})
	}
	for range rng.IntN(4) {
		f := PieceFigure{K: 1 + rng.IntN(4)}
		for range rng.IntN(6) {
			step := PieceStep{Move: rng.IntN(len(s.Moves))}
			for u := range s.Units {
				if rng.IntN(3) > 0 {
					step.Units = append(step.Units, u)
				}
			}
			f.Steps = append(f.Steps, step)
		}
		s.Figures = append(s.Figures, f)
	}
	pieceOf := make([]int8, entities-rng.IntN(min(entities, 3)))
	rare := 1 + rng.IntN(6)
	for e := range pieceOf {
		if pieceOf[e] = -1; rng.IntN(rare) == 0 {
			pieceOf[e] = int8(rng.IntN(s.Pieces))
		}
	}
	return s, pieceOf
}

// TestPiecesPassAsTheRuleSays, for two members and for three, whatever the structure
// and the partition.
func TestPiecesPassAsTheRuleSays(t *testing.T) {
	p := smallProducts(t)
	outcomes := map[bool]int{}
	rapid.Check(t, func(r *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		s, pieceOf := randomPieces(rng)
		for wanted := rapid.Bool().Draw(r, "passes"); passesPlainly(s, pieceOf) != wanted; {
			s, pieceOf = randomPieces(rng)
		}
		active := rapid.SampledFrom([][]int{{1, 2}, {2, 3}, {1, 2, 4}}).Draw(r, "active")
		c := newPieceCase(t, p, rng, active, s, pieceOf)
		passed, err := c.run(t)
		if err != nil {
			r.Fatalf("%+v with %v: %v", s, pieceOf, err)
		}
		if want := passesPlainly(s, pieceOf); passed != want {
			r.Fatalf("%+v with %v: passed is %v", s, pieceOf, passed)
		}
		outcomes[passed]++
	})
	if outcomes[true] == 0 || outcomes[false] == 0 {
		t.Errorf("%v outcomes: one was never seen", outcomes)
	}
}

// firms are 100 entities, of which those with a number below n are in piece 0.
func firms(n int) []int8 {
	out := make([]int8, 100)
	for e := range out {
		if out[e] = -1; e < n {
			out[e] = 0
		}
	}
	return out
}

func entities(from, to int) []int32 {
	var out []int32
	for e := from; e < to; e++ {
		out = append(out, int32(e))
	}
	return out
}

// TestPieceOfOneEntityOrAllButOneFails, and one with k on both sides of one unit, or
// with mixed units that make k together, passes.
func TestPieceOfOneEntityOrAllButOneFails(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(71, 72))
	whole := func(both bool, k int) *PieceStructure {
		return &PieceStructure{
			Pieces: 1, Units: []PieceUnit{{Members: entities(0, 20), Both: both}}, Moves: []PieceMove{{Members: entities(0, 20)}},
			Figures: []PieceFigure{{K: k, Steps: []PieceStep{{Units: []int{0}}}}},
		}
	}
	for _, active := range [][]int{{1, 2}, {1, 2, 3}} {
		for n := range 22 {
			for _, both := range []bool{true, false} {
				c := newPieceCase(t, p, rng, active, whole(both, 5), firms(n))
				want := n == 0 || both && n >= 5 && n <= 15
				if got, err := c.run(t); err != nil || got != want {
					t.Errorf("%v: %d of 20, both %v: passed is %v, %v", active, n, both, got, err)
				}
			}
		}
	}
}

// failing is a test that fails by one witness of each kind: it would pass if b, B or
// E came out as 1.
func failing() (*PieceStructure, []int8) {
	return &PieceStructure{
		Pieces: 1,
		Units: []PieceUnit{
			{Members: entities(0, 20), Both: true}, // 4 of 20: mixed, not k on both sides
			{Members: entities(10, 30)},            // nobody: not mixed
		},
		Moves: []PieceMove{{Members: entities(3, 9)}}, // one of the piece
		Figures: []PieceFigure{
			{K: 5, Steps: []PieceStep{{Units: []int{0, 1}}}},
		},
	}, firms(4)
}

// TestWrongWitnessesAreCaught: every witness of every kind changed, one at a time and
// in several ways, among them the two that matter most: where the number is not 0, the
// witness 0 (which says that it is 0), and where b, B or E would come out as whatever
// would let a failing test pass.
func TestWrongWitnessesAreCaught(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(73, 74))
	s, pieceOf := failing()
	for _, active := range [][]int{{1, 2}, {1, 2, 3}} {
		c := newPieceCase(t, p, rng, active, s, pieceOf)
		if passed, err := c.run(t); passed || err != nil {
			t.Fatalf("the honest client: %v, %v", passed, err)
		}
		good := slices.Clone(c.witnesses)
		// b = 5 makes M = 5; E = 1 passes without news. c·r is 4·16, m is 1.
		lies := map[int][]uint64{
			0: {0, p.in.mul(5, good[0]), p.in.mul(p.T()-1, good[0]), 1, rng.Uint64N(p.T())},
			3: {0, 2, p.T() - 1, rng.Uint64N(p.T())},
		}
		for at, ways := range lies {
			for _, w := range ways {
				c.witnesses = slices.Clone(good)
				c.witnesses[at] = w
				if passed, err := c.run(t); passed || !errors.Is(err, ErrWitness) {
					t.Errorf("%v: witness %d is %d instead of %d: passed is %v, %v", active, at, w, good[at], passed, err)
				}
			}
		}
		// Where the number is 0 there is no wrong witness: whatever it is, b, B and E
		// are what they are, and the test fails as it should.
		for _, at := range []int{1, 2} {
			for _, w := range []uint64{1, 5, p.T() - 1, rng.Uint64N(p.T())} {
				c.witnesses = slices.Clone(good)
				c.witnesses[at] = w
				if passed, err := c.run(t); passed || err != nil {
					t.Errorf("%v: witness %d of a number that is 0 is %d: passed is %v, %v", active, at, w, passed, err)
				}
			}
		}
	}
}

// TestWrongWitnessOfKOnBothSidesIsCaught: d″ that denies that both sides have k, or
// counts them more than k.
func TestWrongWitnessOfKOnBothSidesIsCaught(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(75, 76))
	s, _ := failing()
	for _, active := range [][]int{{1, 3}, {1, 2, 3}} {
		c := newPieceCase(t, p, rng, active, s, firms(7))
		if passed, err := c.run(t); !passed || err != nil {
			t.Fatalf("the honest client: %v, %v", passed, err)
		}
		good := c.witnesses[2]
		for _, w := range []uint64{0, 1, p.in.mul(2, good), p.in.sub(0, good), rng.Uint64N(p.T())} {
			c.witnesses[2] = w
			if _, err := c.run(t); !errors.Is(err, ErrWitness) {
				t.Errorf("%v: d″ is %d instead of %d: error is %v", active, w, good, err)
			}
		}
	}
}

// TestMembersWithOtherStructuresDoNotCompute together: one that sees other sets would
// multiply shares of other numbers, and a product of such is hardly ever 0.
func TestMembersWithOtherStructuresDoNotCompute(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(77, 78))
	s, pieceOf := failing()
	for name, change := range map[string]func(s *PieceStructure, in *PieceInput){
		"another member of a unit":  func(s *PieceStructure, _ *PieceInput) { s.Units[1].Members = entities(10, 31) },
		"k on both sides":           func(s *PieceStructure, _ *PieceInput) { s.Units[0].Both = false },
		"another move":              func(s *PieceStructure, _ *PieceInput) { s.Moves[0].Members = entities(5, 9) },
		"another k":                 func(s *PieceStructure, _ *PieceInput) { s.Figures[0].K = 4 },
		"a unit less in a step":     func(s *PieceStructure, _ *PieceInput) { s.Figures[0].Steps[0].Units = []int{0} },
		"another unit order":        func(s *PieceStructure, _ *PieceInput) { slices.Reverse(s.Units) },
		"a step more":               func(s *PieceStructure, _ *PieceInput) { f := &s.Figures[0]; f.Steps = append(f.Steps, f.Steps[0]) },
		"another challenge":         func(_ *PieceStructure, in *PieceInput) { in.Challenge[31] ^= 1 },
		"a figure that is twice in": func(s *PieceStructure, _ *PieceInput) { s.Figures = append(s.Figures, s.Figures[0]) },
	} {
		mine, _ := failing()
		theirs := PieceInput{Structure: mine, Challenge: [32]byte{1}}
		change(mine, &theirs)
		if mine.Digest() == s.Digest() && theirs.Challenge == [32]byte{1} {
			t.Errorf("%s has the same digest", name)
		}
		active := []int{1, 2}
		inputs := map[int]PieceInput{1: {Structure: s, Challenge: [32]byte{1}}, 2: theirs}
		parties := map[int]*PieceTest{}
		for i, in := range inputs {
			in.Bits = split(p, rng, pieceBits(pieceOf, 1), active)[i]
			in.Witnesses = make([]uint64, in.Structure.Witnesses())
			parties[i] = must[*PieceTest](t)(NewPieceTest(p, session("pieces", active...), i, in))
		}
		for _, m := range must[[]Message](t)(parties[1].Start()) {
			if _, err := parties[2].Receive(1, m.Bytes); !errors.Is(err, ErrForeignMessage) {
				t.Errorf("%s: error is %v", name, err)
			}
		}
	}
}
