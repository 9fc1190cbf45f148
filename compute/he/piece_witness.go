package he

import (
	"cmp"
	"fmt"
)

// PieceWitnesses returns the witnesses of a private partition for a test, which make
// it cheap (PROTOCOL.md section 6.5): the inverse mod T of c·r for every unit, of f for
// every unit that may count K, and of m for every move, by piece, and 0 where such a number
// is 0. pieceOf is the piece of every entity, −1 for none; entities beyond its end are in
// none.
func PieceWitnesses(p ProductParameters, s *PieceStructure, pieceOf []int8) (_ []uint64, err error) {
	defer guard("compute witnesses", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return nil, err
	}
	for e, i := range pieceOf {
		if i < -1 || int(i) >= s.Pieces {
			return nil, fmt.Errorf("%w: entity %d is in piece %d of %d", ErrVector, e, i, s.Pieces)
		}
	}
	l, in := newPieceLayout(s), p.in
	out := make([]uint64, 0, l.witnesses())
	// inverses adds those of what the two sides come to, piece by piece.
	inverses := func(members []int32, number func(c, r uint64) uint64) {
		counts, rest := countPieces(members, pieceOf, s.Pieces)
		for _, c := range counts {
			x := number(c, rest)
			if x != 0 {
				x = in.inverse(x)
			}
			out = append(out, x)
		}
	}
	for _, u := range l.mixed {
		inverses(s.Units[u].Members, in.mul)
	}
	for _, x := range l.both {
		inverses(s.Units[x.unit].Members, func(c, r uint64) uint64 { return in.mul(in.falling(c, x.k), in.falling(r, x.k)) })
	}
	for _, m := range l.moved {
		inverses(s.Moves[m].Members, func(c, _ uint64) uint64 { return c })
	}
	return out, nil
}

// countPieces counts members by piece, and those in none.
func countPieces(members []int32, pieceOf []int8, pieces int) (counts []uint64, rest uint64) {
	counts = make([]uint64, pieces)
	for _, e := range members {
		if int(e) < len(pieceOf) && pieceOf[e] >= 0 {
			counts[pieceOf[e]]++
		} else {
			rest++
		}
	}
	return counts, rest
}
