package he

import "fmt"

// PieceWitnesses returns the witnesses of a private partition for a test, which make
// it cheap (PROTOCOL.md section 6.5): the inverse mod T of
//
//	c·r for every unit, f = Π_{j<K} (c−j)·(r−j) for every unit that may count K, and
//	m, the members of the piece, for every move,
//
// by piece, and 0 where such a number is 0. No factor reaches T, which is prime, so a
// number is 0 mod T only if it is 0. pieceOf is the piece of every entity, −1 for
// none; entities beyond its end are in none.
func PieceWitnesses(p ProductParameters, s *PieceStructure, pieceOf []int8) (_ []uint64, err error) {
	defer guard("compute witnesses", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	for e, i := range pieceOf {
		if i < -1 || int(i) >= s.Pieces {
			return nil, fmt.Errorf("%w: entity %d is in piece %d of %d", ErrVector, e, i, s.Pieces)
		}
	}
	l, in := newPieceLayout(s), p.in
	out := make([]uint64, 0, l.witnesses())
	inverse := func(x uint64) uint64 {
		if x == 0 {
			return 0
		}
		return in.inverse(x)
	}
	for _, u := range l.mixed {
		counts, rest := countPieces(s.Units[u].Members, pieceOf, s.Pieces)
		for _, c := range counts {
			out = append(out, inverse(in.mul(c, rest)))
		}
	}
	for _, x := range l.both {
		counts, rest := countPieces(s.Units[x.unit].Members, pieceOf, s.Pieces)
		for _, c := range counts {
			out = append(out, inverse(in.mul(in.falling(c, x.k), in.falling(rest, x.k))))
		}
	}
	for _, m := range l.moved {
		counts, _ := countPieces(s.Moves[m].Members, pieceOf, s.Pieces)
		for _, c := range counts {
			out = append(out, inverse(c))
		}
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
