package he

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// Accumulator is the homomorphic sum of tiles that share a slot map. It adds
// stored bytes as they are. It is safe for concurrent use, and its bytes and
// digest depend on the set of tiles alone, not on their order or grouping.
type Accumulator struct {
	in *instance

	mu     sync.Mutex
	sum    []uint64 // c0, c1 limb by limb, each partially reduced: below 2^60 + 8δ
	count  int
	sealed *sealedSum // nil after an addition
}

// sealedSum is an accumulator's exact value at a moment. It never changes.
type sealedSum struct {
	bytes  []byte
	digest [32]byte
	count  int
}

// NewAccumulator returns an empty accumulator. Parameters of the zero value
// give one that refuses everything.
func NewAccumulator(p Parameters) *Accumulator {
	a := &Accumulator{in: p.in}
	if a.in != nil {
		a.sum = make([]uint64, 2*limbs*a.in.n)
	}
	return a
}

// Add adds tiles, or sums of tiles that Bytes returned. Five at a time share a
// pass, so pass many at once. Only length and header are checked here: bytes
// were checked by CheckTile or CheckSum when they were stored, and by their
// digest when they were read. On an error nothing was added.
func (a *Accumulator) Add(tiles ...[]byte) error {
	if a.in == nil {
		return fmt.Errorf("accumulating: %w: zero value", ErrParameters)
	}
	added := 0
	for i, b := range tiles {
		n, err := a.in.tilesOf(b)
		if err != nil {
			return fmt.Errorf("accumulating tile %d: %w", i, err)
		}
		added += n
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count+added > MaxTiles {
		return fmt.Errorf("accumulating: %w", a.in.noiseError(a.count+added, a.in.logB))
	}
	a.sealed = nil
	a.count += added
	for ; len(tiles) >= perPass; tiles = tiles[perPass:] {
		a.addFive(tiles)
	}
	for _, b := range tiles {
		a.addOne(b)
	}
	return nil
}

// tilesOf checks length and header and returns the number of tiles in b.
func (in *instance) tilesOf(b []byte) (int, error) {
	k := kindTile
	if len(b) > 4 && kind(b[4]) == kindSum {
		k = kindSum
	}
	h, err := in.parseHeader(b, k)
	return h.first, err
}

// low60 masks what a partial reduction keeps: x = h·2^60 + l ≡ h·δ + l modulo
// 2^60 − δ.
const low60 = 1<<60 - 1

// Coefficients are added in blocks of fixed size: with array pointers the
// compiler drops the bounds checks. Five tiles a pass and four coefficients a
// round are what measured best; the time is the memory's.
const (
	perPass = 5
	block   = 512
)

// addFive adds five tiles' coefficients. With the accumulator below 2^60 + 8δ
// and each tile below 2^60, a sum is below 2^63 and h at most 6, so the
// accumulator stays below 2^60 + 8δ.
func (a *Accumulator) addFive(t [][]byte) {
	for at := 0; at < len(a.sum); at += block {
		from := headerBytes + 8*at
		addFiveBlocks((*coefficients)(a.sum[at:]),
			(*words)(t[0][from:]), (*words)(t[1][from:]), (*words)(t[2][from:]),
			(*words)(t[3][from:]), (*words)(t[4][from:]), a.in.delta[at/a.in.n%limbs])
	}
}

func addFiveBlocks(s *coefficients, t0, t1, t2, t3, t4 *words, delta uint64) {
	le := binary.LittleEndian
	for i := 0; i < block; i += 4 {
		j := 8 * i
		x0 := s[i] + le.Uint64(t0[j:j+8]) + le.Uint64(t1[j:j+8]) + le.Uint64(t2[j:j+8]) +
			le.Uint64(t3[j:j+8]) + le.Uint64(t4[j:j+8])
		x1 := s[i+1] + le.Uint64(t0[j+8:j+16]) + le.Uint64(t1[j+8:j+16]) + le.Uint64(t2[j+8:j+16]) +
			le.Uint64(t3[j+8:j+16]) + le.Uint64(t4[j+8:j+16])
		x2 := s[i+2] + le.Uint64(t0[j+16:j+24]) + le.Uint64(t1[j+16:j+24]) + le.Uint64(t2[j+16:j+24]) +
			le.Uint64(t3[j+16:j+24]) + le.Uint64(t4[j+16:j+24])
		x3 := s[i+3] + le.Uint64(t0[j+24:j+32]) + le.Uint64(t1[j+24:j+32]) + le.Uint64(t2[j+24:j+32]) +
			le.Uint64(t3[j+24:j+32]) + le.Uint64(t4[j+24:j+32])
		s[i] = x0&low60 + x0>>60*delta
		s[i+1] = x1&low60 + x1>>60*delta
		s[i+2] = x2&low60 + x2>>60*delta
		s[i+3] = x3&low60 + x3>>60*delta
	}
}

// addOne adds one tile's coefficients.
func (a *Accumulator) addOne(t []byte) {
	for at := 0; at < len(a.sum); at += block {
		addBlock((*coefficients)(a.sum[at:]), (*words)(t[headerBytes+8*at:]), a.in.delta[at/a.in.n%limbs])
	}
}

func addBlock(s *coefficients, t *words, delta uint64) {
	for i := range s {
		x := s[i] + binary.LittleEndian.Uint64(t[8*i:8*i+8])
		s[i] = x&low60 + x>>60*delta
	}
}

// Count returns the number of tiles added.
func (a *Accumulator) Count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count
}

// Bytes reduces exactly and returns the sum on the wire, a sum of Count tiles
// that Add takes again. It fails with ErrEmpty without any.
func (a *Accumulator) Bytes() ([]byte, error) {
	s, err := a.seal()
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.bytes), nil
}

// Digest returns the SHA-256 of Bytes: what members compare before they open.
func (a *Accumulator) Digest() ([32]byte, error) {
	s, err := a.seal()
	if err != nil {
		return [32]byte{}, err
	}
	return s.digest, nil
}

// seal returns the accumulator's exact value, computing it once.
func (a *Accumulator) seal() (*sealedSum, error) {
	if a == nil || a.in == nil {
		return nil, fmt.Errorf("reading an accumulator: %w: zero value", ErrParameters)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == 0 {
		return nil, fmt.Errorf("reading an accumulator: %w", ErrEmpty)
	}
	if a.sealed == nil {
		b := make([]byte, a.in.size(kindSum))
		a.in.putHeader(b, kindSum, a.count, 0, [contextSize]byte{})
		n := a.in.n
		for l := range 2 * limbs {
			q := a.in.q[l%limbs].Modulus
			part := a.sum[l*n:][:n]
			for i, x := range part {
				// Below 2^60 + 8δ < 2q.
				if x >= q {
					x -= q
				}
				part[i] = x
			}
			storeWords(b[headerBytes+8*n*l:], part)
		}
		a.sealed = &sealedSum{bytes: b, digest: sha256.Sum256(b), count: a.count}
	}
	return a.sealed, nil
}
