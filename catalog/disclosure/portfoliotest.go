package disclosure

import (
	"fmt"
	"slices"
)

// Test is what nodes and the client evaluate for an exact query with a private
// partition (RELEASE.md section 6). It is made of public facts alone, the same on
// every node. For unit u and piece i, c are the members that are in the piece
// and r those in no piece; b is 1 where both are positive, B where both are at
// least K and the unit says Both. A step's M is Σ b + (K−1)·B over its units, E
// says that the piece has no member in its move, and it passes when M ≥ K, or
// when E holds and the step before it passes (before the first: passes). The
// figure passes for a piece when its last step does.
type Test struct {
	Units   []TestUnit
	Moves   []TestMove
	Figures []TestFigure
	rule    *conditions
}

// TestUnit is a unit of a run of sources.
type TestUnit struct {
	Members []int32 // entities with news in the unit in every source of the run, ascending
	Both    bool    // the unit lies in a group of fewer than 8·K units and has 2·K members: B is used
}

// TestMove is a change of what is chosen.
type TestMove struct {
	Members []int32 // entities with a cell in units by which a version's choice differs from the one before, ascending
}

// TestFigure is one run of sources in one group. It holds for every piece.
type TestFigure struct {
	K     int // k, or p·k for squares and products
	Steps []TestStep

	Group int // of the query's groups
	Run   Run
}

// Run is the sources that a figure's test is run for at once.
type Run struct {
	Column  Column
	Periods []int64 // ascending
}

// TestStep is one version that changed a unit; steps are oldest first.
type TestStep struct {
	Units []int // indexes of Test.Units: units of the version itself inside the group
	Move  int   // index of Test.Moves
}

// MaxProducts is the most products of shares that a test may need.
const MaxProducts = 500_000

// Products is how many products of shares the test takes with so many pieces:
// four a unit, 2K more with Both, two a move, K a step and one a figure.
func (t *Test) Products(pieces int) int {
	n := 0
	for _, f := range t.Figures {
		n++
		for _, step := range f.Steps {
			n += 2 + f.K
			for _, u := range step.Units {
				n += 4
				if t.Units[u].Both {
					n += 2 * f.K
				}
			}
		}
	}
	return n * pieces
}

// TooLargeError says that a test needs more than MaxProducts products of shares.
type TooLargeError struct{ Products int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the test takes %d products of shares, at most %d are possible; ask for fewer periods, groups or pieces", e.Products, MaxProducts)
}

// Fits returns a *TooLargeError when the test is too large for so many pieces.
func (t *Test) Fits(pieces int) error {
	if n := t.Products(pieces); n > MaxProducts {
		return &TooLargeError{n}
	}
	return nil
}

// Failure is a figure that fails for a piece.
type Failure struct {
	Figure int // index of Test.Figures
	Piece  int
}

// Passes evaluates the test in plain: pieceOf is entity → piece, −1 for those in
// none; entities behind the last are in none. It returns what fails, in order;
// nothing, and the test passes.
func (t *Test) Passes(pieces int, pieceOf []int8) []Failure {
	rule := t.rule
	if rule == nil {
		rule = &theRule
	}
	inPiece := func(members []int32) []int { // piece → members; the last are those in none
		n := make([]int, pieces+1)
		for _, e := range members {
			if int(e) < len(pieceOf) && pieceOf[e] >= 0 {
				n[pieceOf[e]]++
			} else {
				n[pieces]++
			}
		}
		return n
	}
	var out []Failure
	sum := make([]int, pieces)
	for at, f := range t.Figures {
		pass := slices.Repeat([]bool{true}, pieces)
		for _, step := range f.Steps {
			clear(sum)
			for _, u := range step.Units {
				n := inPiece(t.Units[u].Members)
				for i := range sum {
					others := len(t.Units[u].Members) - n[i] - n[pieces]
					sum[i] += rule.mixed(n[i], n[pieces], others, f.K, t.Units[u].Both)
				}
			}
			moved := inPiece(t.Moves[step.Move].Members)
			for i := range pass {
				pass[i] = sum[i] >= f.K || rule.unchanged(moved[i] > 0) && pass[i]
			}
		}
		for i, ok := range pass {
			if !ok {
				out = append(out, Failure{at, i})
			}
		}
	}
	return out
}
