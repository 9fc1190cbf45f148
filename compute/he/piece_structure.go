package he

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
)

const (
	// MaxPieces bounds the pieces of a private partition.
	MaxPieces = 16
	// MaxCohortMinimum is the largest minimum of news that a figure can have.
	MaxCohortMinimum = 1 << 10
	// MaxPieceProducts bounds the products of one piece test (RELEASE.md section 6.4).
	MaxPieceProducts = 500_000
	// MaxPieceMessages bounds the messages that a member sends another one in a piece
	// test. A level of products is a request and an answer; there are fewer than 64
	// levels, each the depth of a tree over what the bounds of a structure allow, and
	// four more where a level goes on in several turns.
	MaxPieceMessages = 192
)

// PieceUnit is a unit of a version, as a piece test looks at it.
type PieceUnit struct {
	Members []int32 // entities with news in it, ascending
	// Both says that the unit counts K where both sides have K. Elsewhere it counts 1
	// at most.
	Both bool
}

// PieceMove are the entities with a cell in units by which a version's choice differs
// from that of the version before, ascending.
type PieceMove struct{ Members []int32 }

// PieceStep is a version in the history of a figure.
type PieceStep struct {
	Units []int // of the version itself, inside the figure's group: indexes, ascending
	Move  int   // index
}

// PieceFigure is a figure that is tested for every piece. It passes as of its last
// step (RELEASE.md section 6.2).
type PieceFigure struct {
	K     int         // news for so many
	Steps []PieceStep // oldest first
}

// PieceStructure is what is public of a piece test: which counts are looked at. With
// c the members of a unit that are in piece i, and r those in none, the unit counts
//
//	b = [c > 0 and r > 0],  and K where it is Both and c ≥ K and r ≥ K.
//
// Step t passes for piece i when its units count K together, or when nobody of the
// piece is in its Move and step t−1 passes. Before the first step the figure passes.
type PieceStructure struct {
	Pieces  int
	Units   []PieceUnit
	Moves   []PieceMove
	Figures []PieceFigure
}

// Check fails with ErrStructure.
func (s *PieceStructure) Check() error {
	if s.Pieces < 1 || s.Pieces > MaxPieces {
		return fmt.Errorf("%w: %d pieces, not 1 to %d", ErrStructure, s.Pieces, MaxPieces)
	}
	for i, u := range s.Units {
		if !members(u.Members) {
			return fmt.Errorf("%w: the members of unit %d are not ascending positions", ErrStructure, i)
		}
	}
	for i, m := range s.Moves {
		if !members(m.Members) {
			return fmt.Errorf("%w: the members of move %d are not ascending positions", ErrStructure, i)
		}
	}
	for i, f := range s.Figures {
		if f.K < 1 || f.K > MaxCohortMinimum {
			return fmt.Errorf("%w: figure %d asks for news of %d, not 1 to %d", ErrStructure, i, f.K, MaxCohortMinimum)
		}
		for t, step := range f.Steps {
			if !increasing(step.Units, 0, len(s.Units)-1) {
				return fmt.Errorf("%w: the units of step %d of figure %d are not ascending indexes", ErrStructure, t, i)
			}
			if step.Move < 0 || step.Move >= len(s.Moves) {
				return fmt.Errorf("%w: step %d of figure %d has no move", ErrStructure, t, i)
			}
		}
	}
	return nil
}

// members says whether a list is one of ascending positions in a registry.
func members(list []int32) bool { return increasing(list, 0, maxProductLength-1) }

// Digest binds a test to all of the structure.
func (s *PieceStructure) Digest() [32]byte {
	h := sha256.New()
	field(h, []byte("weir he v1 piece test"))
	number(h, uint64(s.Pieces))
	number(h, uint64(len(s.Units)))
	for _, u := range s.Units {
		both := uint64(0)
		if u.Both {
			both = 1
		}
		number(h, both)
		integers(h, u.Members)
	}
	number(h, uint64(len(s.Moves)))
	for _, m := range s.Moves {
		integers(h, m.Members)
	}
	number(h, uint64(len(s.Figures)))
	for _, f := range s.Figures {
		number(h, uint64(f.K))
		number(h, uint64(len(f.Steps)))
		for _, step := range f.Steps {
			number(h, uint64(step.Move))
			integers(h, step.Units)
		}
	}
	return [32]byte(h.Sum(nil))
}

// bothUnit is a unit that may count k.
type bothUnit struct{ unit, k int }

// pieceLayout is what is left of a structure after leaving out what nobody needs to
// compute, since it is public: a unit of one member has no two sides, one of fewer
// than 2k not k on each, and nobody is in an empty move. Witnesses are laid out by
// it: for every mixed unit, then for every both, then for every move, one a piece.
type pieceLayout struct {
	*PieceStructure
	mixed []int // units
	both  []bothUnit
	moved []int // moves

	mixedAt []int // by unit; −1: none
	bothAt  map[bothUnit]int
	movedAt []int // by move; −1: none
}

func newPieceLayout(s *PieceStructure) *pieceLayout {
	l := &pieceLayout{PieceStructure: s, bothAt: map[bothUnit]int{}}
	for i, u := range s.Units {
		at := -1
		if len(u.Members) >= 2 {
			at = len(l.mixed)
			l.mixed = append(l.mixed, i)
		}
		l.mixedAt = append(l.mixedAt, at)
	}
	for i, m := range s.Moves {
		at := -1
		if len(m.Members) > 0 {
			at = len(l.moved)
			l.moved = append(l.moved, i)
		}
		l.movedAt = append(l.movedAt, at)
	}
	// Figures are read in their order. The same unit may be in figures with several k.
	for _, f := range s.Figures {
		for _, step := range f.Steps {
			for _, u := range step.Units {
				x := bothUnit{u, f.K}
				if _, known := l.bothAt[x]; !known && s.Units[u].Both && len(s.Units[u].Members) >= 2*f.K {
					l.bothAt[x] = len(l.both)
					l.both = append(l.both, x)
				}
			}
		}
	}
	return l
}

// witnesses is the number of witnesses.
func (l *pieceLayout) witnesses() int { return (len(l.mixed) + len(l.both) + len(l.moved)) * l.Pieces }

// mixedOf counts the units of a step that can have two sides.
func (l *pieceLayout) mixedOf(step PieceStep) int {
	n := 0
	for _, u := range step.Units {
		if l.mixedAt[u] >= 0 {
			n++
		}
	}
	return n
}

// factors is the degree of the polynomial in M whose zeros are the values of M below
// K that can occur: with n units that can have two sides these are 0 to n, since
// whoever counts K makes M at least K. 0: M never reaches K, whatever the pieces.
func (l *pieceLayout) factors(k int, step PieceStep) int {
	n, reaches := l.mixedOf(step), false
	for _, u := range step.Units {
		if _, ok := l.bothAt[bothUnit{u, k}]; ok {
			reaches = true
		}
	}
	if n < k && !reaches {
		return 0
	}
	return min(k, n+1)
}

// Witnesses returns how many witnesses the client adds. It is 0 for a structure that
// Check refuses.
func (s *PieceStructure) Witnesses() int {
	if s.Check() != nil {
		return 0
	}
	return newPieceLayout(s).witnesses()
}

// Products returns how many numbers the test multiplies, for three members or more;
// two need fewer evaluations for them. More than MaxPieceProducts are refused.
func (s *PieceStructure) Products() int {
	if s.Check() != nil {
		return 0
	}
	l := newPieceLayout(s)
	n := 3*len(l.mixed) + 2*len(l.moved) // c·r, its product with d and with b; m·d′ and m·E
	for _, x := range l.both {
		n += 2*x.k - 1 + 2 // f, its product with d″ and with B
	}
	for _, f := range s.Figures {
		for _, step := range f.Steps {
			n += max(l.factors(f.K, step)-1, 0)
		}
		if steps := len(f.Steps); steps > 1 {
			n += 2*(steps-1) - bits.Len(uint(steps-1))
		}
		if len(f.Steps) > 0 {
			n++ // carried on to the last number
		}
	}
	return n*s.Pieces + CheckRuns
}
