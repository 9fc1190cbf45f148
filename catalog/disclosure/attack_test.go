package disclosure

import (
	"slices"
)

// attacker holds every figure that the rule could ever release of a family and
// searches, by exact elimination modulo a prime, for a combination that speaks of fewer
// than k entities. An unknown is a reading of one entity in one state; a correction is
// another unknown, and so is each product of two.
type attacker struct {
	entity []int      // of each unknown
	rows   [][]amount // figures
	seen   map[uint64]bool
}

// amount is an unknown with its coefficient modulo the prime.
type amount struct {
	unknown     int
	coefficient uint64
}

// mark is a number of an index that no chance makes coincide with others.
func mark(i int) uint64 {
	x := uint64(i)*0x9e3779b97f4a7c15 + 0x7f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return (x ^ x>>31) & (fieldPrime - 1)
}

// learn adds a figure; the same one twice tells nothing.
func (a *attacker) learn(form map[int]uint64) {
	var row []amount
	var mask uint64
	for u, c := range form { // the order does not matter: the row is sorted
		if c != 0 {
			row = append(row, amount{u, c})
			mask = addMod(mask, mulMod(mark(u), c))
		}
	}
	if len(row) == 0 || a.seen[mask] {
		return
	}
	if a.seen == nil {
		a.seen = map[uint64]bool{}
	}
	a.seen[mask] = true
	slices.SortFunc(row, func(x, y amount) int { return x.unknown - y.unknown })
	a.rows = append(a.rows, row)
}

// atom is the unknowns that every figure takes alike; no derivation tells them apart.
type atom struct {
	entities []int // ascending
	column   int   // in the matrix: those of many entities come first
}

// atoms returns the atoms, and the figures in them. The atoms of at least k entities
// are the first columns.
func (a *attacker) atoms(k int) (atoms []atom, many int, matrix [][]uint64) {
	prints := make([]uint64, len(a.entity))
	for i, row := range a.rows {
		for _, x := range row {
			prints[x.unknown] = addMod(prints[x.unknown], mulMod(mark(i), x.coefficient))
		}
	}
	index := map[uint64]int{}
	of := make([]int, len(a.entity))
	for u, p := range prints {
		if of[u] = -1; p == 0 {
			continue
		}
		at, known := index[p]
		if !known {
			at = len(atoms)
			index[p] = at
			atoms = append(atoms, atom{})
		}
		of[u] = at
		if e := a.entity[u]; !slices.Contains(atoms[at].entities, e) {
			atoms[at].entities = append(atoms[at].entities, e)
		}
	}
	for pass := range 2 {
		for i := range atoms {
			if few := len(atoms[i].entities) < k; few == (pass == 1) {
				atoms[i].column = many
				many++
			}
			slices.Sort(atoms[i].entities)
		}
	}
	many = 0
	for _, x := range atoms {
		if len(x.entities) >= k {
			many++
		}
	}
	for _, row := range a.rows {
		dense := make([]uint64, len(atoms))
		for _, x := range row {
			if of[x.unknown] >= 0 {
				dense[atoms[of[x.unknown]].column] = x.coefficient
			}
		}
		matrix = append(matrix, dense)
	}
	return atoms, many, matrix
}

// isolates returns a set of fewer than k entities of which a combination of the figures
// says something, of nobody else; nil: there is none.
func (a *attacker) isolates(k int) []int {
	atoms, many, matrix := a.atoms(k)
	if len(matrix) == 0 || many == len(atoms) {
		return nil
	}
	// What is left of the figures once the atoms of many entities are gone.
	leads := echelon(matrix)
	from := 0
	for _, r := range leads[:many] {
		if r >= 0 {
			from = r + 1
		}
	}
	var rest [][]uint64
	for _, row := range matrix[from:] {
		if row = row[many:]; slices.ContainsFunc(row, func(v uint64) bool { return v != 0 }) {
			rest = append(rest, row)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	small := make([]atom, len(atoms)-many)
	var sets [][]int
	for _, x := range atoms {
		if x.column >= many {
			small[x.column-many] = x
			sets = append(sets, x.entities)
		}
	}
	slices.SortFunc(sets, slices.Compare)
	sets = slices.CompactFunc(sets, slices.Equal)
	return searchSets(rest, small, sets, nil, 0, k)
}

// searchSets tries unions of sets with fewer than k entities.
func searchSets(rest [][]uint64, small []atom, sets [][]int, have []int, from, k int) []int {
	for i := from; i < len(sets); i++ {
		next := slices.Concat(have, sets[i])
		slices.Sort(next)
		if next = slices.Compact(next); len(next) >= k {
			continue
		}
		outside := make([][]uint64, len(rest)) // rest without what tells of the set alone
		for r, row := range rest {
			for c, v := range row {
				if slices.ContainsFunc(small[c].entities, func(e int) bool { return !slices.Contains(next, e) }) {
					outside[r] = append(outside[r], v)
				}
			}
		}
		if rank(outside) < len(rest) { // rest is in echelon form: its rank is its length
			return next
		}
		if found := searchSets(rest, small, sets, next, i+1, k); found != nil {
			return found
		}
	}
	return nil
}

func rank(m [][]uint64) int {
	n := 0
	for _, r := range echelon(m) {
		if r >= 0 {
			n++
		}
	}
	return n
}
