package he

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestProductsAreCounted: for three members exactly, but for the last number's own way.
func TestProductsAreCounted(t *testing.T) {
	p := smallProducts(t)
	rapid.Check(t, func(r *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 2))
		s, pieceOf := randomPieces(rng)
		c := newPieceCase(t, p, rng, []int{1, 2, 3}, s, pieceOf)
		parties := c.members(t, nil)
		deliver(t, rng, parties)
		figures := 0
		for _, f := range s.Figures {
			if len(f.Steps) > 0 {
				figures += s.Pieces
			}
		}
		if got := parties[1].run.entries + figures; got != s.Products() {
			r.Fatalf("%+v: %d products instead of %d", s, got, s.Products())
		}
	})
}

// TestLargePieceTests go on in several turns, and one bad figure among many is found.
func TestLargePieceTests(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(83, 84))
	const units, k = 600, 3
	s := &PieceStructure{Pieces: 4, Moves: []PieceMove{{Members: entities(0, 100)}}}
	pieceOf := make([]int8, 10*units)
	for e := range pieceOf {
		pieceOf[e] = int8(e%10%5) - 1 // every unit has two of every piece, and of none
	}
	for u := range units {
		s.Units = append(s.Units, PieceUnit{Members: entities(10*u, 10*u+10), Both: u%4 == 0})
		if u%k == k-1 {
			s.Figures = append(s.Figures, PieceFigure{K: k, Steps: []PieceStep{{Units: []int{u - 2, u - 1, u}}}})
		}
	}
	for _, active := range [][]int{{1, 2}, {1, 2, 3}} {
		if got := (batchChunks * p.Slots()) / (s.Pieces * units); got > 2 {
			t.Fatal("one turn is enough for everything: this tests nothing")
		}
		if passed, err := newPieceCase(t, p, rng, active, s, pieceOf).run(t); !passed || err != nil {
			t.Errorf("%v: passed is %v, %v", active, passed, err)
		}
		bad := slices.Clone(pieceOf)
		bad[10*77+1], bad[10*77+6] = -1, -1 // the two of piece 0
		s.Moves[0].Members = entities(0, 10*units)
		if passed, err := newPieceCase(t, p, rng, active, s, bad).run(t); passed || err != nil {
			t.Errorf("%v: one bad figure: passed is %v, %v", active, passed, err)
		}
	}
}

// TestMalformedStructuresAreRefused.
func TestMalformedStructuresAreRefused(t *testing.T) {
	p := smallProducts(t)
	for name, change := range map[string]func(s *PieceStructure){
		"no pieces":              func(s *PieceStructure) { s.Pieces = 0 },
		"too many pieces":        func(s *PieceStructure) { s.Pieces = MaxPieces + 1 },
		"members out of order":   func(s *PieceStructure) { s.Units[0].Members = []int32{2, 1} },
		"a member twice":         func(s *PieceStructure) { s.Moves[0].Members = []int32{2, 2} },
		"a negative member":      func(s *PieceStructure) { s.Units[1].Members = []int32{-1} },
		"k of 0":                 func(s *PieceStructure) { s.Figures[0].K = 0 },
		"a huge k":               func(s *PieceStructure) { s.Figures[0].K = MaxCohortMinimum + 1 },
		"an unknown unit":        func(s *PieceStructure) { s.Figures[0].Steps[0].Units = []int{0, 2} },
		"a negative unit":        func(s *PieceStructure) { s.Figures[0].Steps[0].Units = []int{-1, 0} },
		"a unit twice":           func(s *PieceStructure) { s.Figures[0].Steps[0].Units = []int{1, 1} },
		"an unknown move":        func(s *PieceStructure) { s.Figures[0].Steps[0].Move = 1 },
		"a move of a first step": func(s *PieceStructure) { s.Figures[0].Steps[0].Move = -1 },
	} {
		s, pieceOf := failing()
		change(s)
		if err := s.Check(); !errors.Is(err, ErrStructure) {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := PieceWitnesses(p, s, pieceOf); !errors.Is(err, ErrStructure) {
			t.Errorf("%s: error of witnesses is %v", name, err)
		}
		if _, err := NewPieceTest(p, session("pieces", 1, 2), 1, PieceInput{Structure: s}); !errors.Is(err, ErrStructure) {
			t.Errorf("%s: error of the test is %v", name, err)
		}
	}
	s, pieceOf := failing()
	for name, input := range map[string]PieceInput{
		"a witness less": {Structure: s, Bits: make([]uint64, 100), Witnesses: make([]uint64, 3)},
		"a witness of T": {Structure: s, Bits: make([]uint64, 100), Witnesses: []uint64{0, 0, 0, p.T()}},
		"a bit of T":     {Structure: s, Bits: []uint64{p.T()}, Witnesses: make([]uint64, 4)},
	} {
		if _, err := NewPieceTest(p, session("pieces", 1, 2), 1, input); !errors.Is(err, ErrValues) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	pieceOf[0] = 1
	if _, err := PieceWitnesses(p, s, pieceOf); !errors.Is(err, ErrVector) {
		t.Errorf("piece 1 of one: error is %v", err)
	}
	many := &PieceStructure{Pieces: 16}
	for u := range 11_000 {
		many.Units = append(many.Units, PieceUnit{Members: []int32{int32(u), int32(u + 1)}})
	}
	input := PieceInput{Structure: many, Witnesses: make([]uint64, many.Witnesses())}
	if _, err := NewPieceTest(p, session("pieces", 1, 2), 1, input); !errors.Is(err, ErrValues) || many.Products() != 16*33_000+CheckRuns {
		t.Errorf("%d products: error is %v", many.Products(), err)
	}
}

// counted counts the messages that a member sends to each other one.
type counted struct {
	*PieceTest
	sent map[int]int
}

func (c counted) count(ms []Message, err error) ([]Message, error) {
	for _, m := range ms {
		c.sent[m.To]++
	}
	return ms, err
}

func (c counted) Start() ([]Message, error) { return c.count(c.PieceTest.Start()) }

func (c counted) Receive(from int, b []byte) ([]Message, error) {
	return c.count(c.PieceTest.Receive(from, b))
}

// TestPieceTestsKeepToTheirMessages, the deepest too: of the largest minimum, with many
// steps and many figures.
func TestPieceTestsKeepToTheirMessages(t *testing.T) {
	p, rng := smallProducts(t), rand.New(rand.NewPCG(85, 86))
	s := &PieceStructure{Pieces: 1, Moves: []PieceMove{{}, {Members: entities(0, 100)}}}
	s.Units = []PieceUnit{{Members: entities(0, 2*MaxCohortMinimum), Both: true}}
	for range 3 { // so many units that M has many values below K
		for u := range 300 {
			s.Units = append(s.Units, PieceUnit{Members: entities(u, u+3)})
		}
	}
	every := make([]int, len(s.Units))
	for u := range every {
		every[u] = u
	}
	deep := PieceFigure{K: MaxCohortMinimum}
	for n := range 70 {
		step := PieceStep{Move: 1, Units: []int{0}}
		if n == 0 {
			step = PieceStep{Units: every}
		}
		deep.Steps = append(deep.Steps, step)
	}
	s.Figures = []PieceFigure{deep}
	for range 600 {
		s.Figures = append(s.Figures, PieceFigure{K: 2, Steps: []PieceStep{{Units: []int{0}}}})
	}
	for _, active := range [][]int{{1, 2}, {1, 2, 3}} {
		c := newPieceCase(t, p, rng, active, s, slices.Repeat([]int8{-1}, 3000))
		parties := map[int]counted{}
		for i, member := range c.members(t, nil) {
			parties[i] = counted{member, map[int]int{}}
		}
		deliver(t, rng, parties)
		for i, member := range parties {
			if passed, err := member.Passed(); err != nil || !passed {
				t.Fatalf("nobody in any piece: %v, %v", passed, err)
			}
			for to, n := range member.sent {
				if n > MaxPieceMessages {
					t.Errorf("%v: point %d sent %d messages to %d, more than %d", active, i, n, to, MaxPieceMessages)
				}
			}
		}
	}
}
