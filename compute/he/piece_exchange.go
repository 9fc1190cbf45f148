package he

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/compute/he/prf"
)

// PieceInput is what a member has for a piece test.
type PieceInput struct {
	Structure *PieceStructure // the same for all members
	// Bits are its additive shares of the partition's bits: bit i of entity e, which
	// says that e is in piece i, at i·entities + e (VectorShare.Additive). Entities of
	// the structure beyond those of the partition are in no piece.
	Bits []uint64
	// Witnesses are its additive shares of the witnesses (WitnessShare.Additive).
	Witnesses []uint64
	// Challenge was drawn after the client committed to the witnesses.
	Challenge [32]byte
}

// PieceTest finds out, for one member, whether every figure of a structure passes for
// every piece of a private partition, and opens nothing else (RELEASE.md section 6.2).
// PROTOCOL.md section 6.5 has the formulas, whose names the code uses, and the argument.
// Where few units can have two sides, only those factors M − j are multiplied that can be 0.
//
// What the checks look at and what the figures come to are multiplied side by side, which
// takes fewer stages: until the checks have been opened these are shares like any others.
// Without ρ in what is opened of the checks, a member that adds δ to its share of one b
// opens −χ·δ·c·r, and has c·r (TestRhoHidesWhatAShiftedShareWouldOpen). If some check is
// not 0, which an honest client's are but with probability 1/T, the test ends there with
// ErrWitness.
//
// It is driven like a Product. How many stages there are, and how large they are,
// depends on the structure only.
type PieceTest struct {
	*machine
	run *pieceRun
}

// pieceRun is a piece test under way. Numbers of units, moves and figures are by
// piece: those of one unit one after the other.
type pieceRun struct {
	batches
	*pieceLayout
	challenge [32]byte
	rho       []uint64 // this member's: for every run of the checks, and the last number
	hooks     pieceHooks

	cr, b, crb []uint64 // of mixed units: c·r, b, c·r·b
	f, kb, fkb []uint64 // of those that may count K: f, B, f·B
	still, mE  []uint64 // of moves: E, m·E

	checks []uint64 // opened
	last   uint64   // opened
}

// pieceHooks are switches for tests, which show what the remedies are for.
type pieceHooks struct {
	noRho bool                  // open the checks as they are
	shift func(shares []uint64) // changes this member's shares of b
}

// NewPieceTest returns this member's part in a piece test. It fails with
// ErrStructure, or with ErrValues where the input does not fit the structure or the
// structure needs more than MaxPieceProducts products.
func NewPieceTest(p ProductParameters, s Session, point int, input PieceInput) (*PieceTest, error) {
	return newPieceTest(p, s, point, input, pieceHooks{})
}

func newPieceTest(p ProductParameters, s Session, point int, input PieceInput, hooks pieceHooks) (_ *PieceTest, err error) {
	defer guard("prepare a piece test", &err)
	if input.Structure == nil {
		return nil, fmt.Errorf("%w: there is none", ErrStructure)
	}
	if err := input.Structure.Check(); err != nil {
		return nil, err
	}
	// Members whose structures differ would multiply shares of different numbers, get
	// one that is hardly ever 0, and take a test for passed that is not.
	digest := input.Structure.Digest()
	m, err := newPlace(p, s, point, fmt.Sprintf("piece test %x %x", digest, input.Challenge))
	if err != nil {
		return nil, err
	}
	t := &pieceRun{pieceLayout: newPieceLayout(input.Structure), challenge: input.Challenge, hooks: hooks, rho: make([]uint64, CheckRuns+1)}
	t.machine = newMachine(m, nil, nil)
	if n := t.Products(); n > MaxPieceProducts {
		return nil, fmt.Errorf("%w: %d products, more than %d", ErrValues, n, MaxPieceProducts)
	}
	if len(input.Bits)%t.Pieces != 0 {
		return nil, fmt.Errorf("%w: %d bits in %d pieces", ErrValues, len(input.Bits), t.Pieces)
	}
	if err := cmp.Or(p.checkNumbers(input.Bits, len(input.Bits)), p.checkNumbers(input.Witnesses, t.witnesses())); err != nil {
		return nil, err
	}
	rho, err := prf.Fresh()
	if err != nil {
		return nil, err
	}
	defer rho.Erase()
	rho.Uniform(t.rho, p.T())
	if t.current, err = t.plant(input.Bits, input.Witnesses); err != nil {
		return nil, err
	}
	return &PieceTest{machine: t.machine, run: t}, nil
}

// Passed says whether every figure passed for every piece. It fails with ErrWitness
// where a witness, or the partition, is not what it should be, and with ErrUnfinished
// until Done.
func (r *PieceTest) Passed() (bool, error) {
	if err := r.finished(); err != nil {
		return false, err
	}
	if slices.ContainsFunc(r.run.checks, notZero) {
		return false, fmt.Errorf("test pieces: %w", ErrWitness)
	}
	return r.run.last != 0, nil
}

func notZero(x uint64) bool { return x != 0 }

// counts returns this member's shares of the members of lists, by piece, and of
// those in none.
func (t *pieceRun) counts(bits []uint64, lists int, members func(i int) []int32) (c, r []uint64) {
	in, entities := t.place.p.in, len(bits)/t.Pieces
	for u := range lists {
		list := members(u)
		rest := t.plus(0, uint64(len(list)))
		for i := range t.Pieces {
			var sum uint64
			for _, e := range list {
				if int(e) < entities {
					sum = in.add(sum, bits[i*entities+int(e)])
				}
			}
			c = append(c, sum)
			rest = in.sub(rest, sum)
		}
		for range t.Pieces {
			r = append(r, rest)
		}
	}
	return c, r
}

// plant sets the first stage: from counts and witnesses to b, B and E.
func (t *pieceRun) plant(bits, witnesses []uint64) (stage, error) {
	d := witnesses[:len(t.mixed)*t.Pieces]
	d2 := witnesses[len(d):][:len(t.both)*t.Pieces]
	d1 := witnesses[len(d)+len(d2):]
	c, r := t.counts(bits, len(t.mixed), func(i int) []int32 { return t.Units[t.mixed[i]].Members })
	c2, r2 := t.counts(bits, len(t.both), func(i int) []int32 { return t.Units[t.both[i].unit].Members })
	m, _ := t.counts(bits, len(t.moved), func(i int) []int32 { return t.Moves[t.moved[i]].Members })
	degrees := make([]int, 2*len(c2))
	for i := range c2 {
		degrees[i] = t.both[i/t.Pieces].k
		degrees[len(c2)+i] = degrees[i]
	}
	return t.work([]*job{
		t.mixing(c, r, d),
		t.falling(append(c2, r2...), degrees, func(sides []uint64) *job { return t.counting(sides, d2) }),
		t.moving(m, d1),
	}, t.figures)
}

// mixing computes c·r and b.
func (t *pieceRun) mixing(c, r, d []uint64) *job {
	return &job{x: c, b: r, then: func(cr []uint64) *job {
		t.cr = cr
		return &job{x: cr, b: d, then: func(b []uint64) *job {
			if t.hooks.shift != nil {
				t.hooks.shift(b)
			}
			t.b = b
			return nil
		}}
	}}
}

// counting computes f and B from the two sides' polynomials.
func (t *pieceRun) counting(sides, d2 []uint64) *job {
	n := len(d2)
	return &job{x: sides[:n], b: sides[n:], then: func(f []uint64) *job {
		t.f = f
		return &job{x: f, b: d2, then: func(kb []uint64) *job {
			t.kb = kb
			return nil
		}}
	}}
}

// moving computes E and m·E.
func (t *pieceRun) moving(m, d1 []uint64) *job {
	return &job{x: m, b: d1, then: func(md []uint64) *job {
		t.still = t.oneMinus(md)
		return &job{x: m, b: t.still, then: func(mE []uint64) *job {
			t.mE = mE
			return nil
		}}
	}}
}
