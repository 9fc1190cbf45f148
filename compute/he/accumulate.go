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

// Add adds tiles, or sums of tiles that Bytes returned. Four at a time share a
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
	for ; len(tiles) >= 4; tiles = tiles[4:] {
		a.addFour(tiles[0][headerBytes:], tiles[1][headerBytes:], tiles[2][headerBytes:], tiles[3][headerBytes:])
	}
	for _, b := range tiles {
		a.addOne(b[headerBytes:])
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

// addFour adds four tiles' coefficients. With the accumulator below 2^60 + 8δ
// and each tile below 2^60, the sum is below 2^63 and h at most 5, so the
// accumulator stays below 2^60 + 8δ.
func (a *Accumulator) addFour(t0, t1, t2, t3 []byte) {
	n := a.in.n
	for l := range 2 * limbs {
		delta := a.in.delta[l%limbs]
		part := a.sum[l*n:][:n]
		from, to := 8*n*l, 8*n*(l+1)
		addFourLimbs(part, t0[from:to], t1[from:to], t2[from:to], t3[from:to], delta)
	}
}

func addFourLimbs(sum []uint64, t0, t1, t2, t3 []byte, delta uint64) {
	for len(sum) >= 4 && len(t0) >= 32 && len(t1) >= 32 && len(t2) >= 32 && len(t3) >= 32 {
		s := (*[4]uint64)(sum)
		w0, w1, w2, w3 := (*[32]byte)(t0), (*[32]byte)(t1), (*[32]byte)(t2), (*[32]byte)(t3)
		x0 := s[0] + word(w0, 0) + word(w1, 0) + word(w2, 0) + word(w3, 0)
		x1 := s[1] + word(w0, 8) + word(w1, 8) + word(w2, 8) + word(w3, 8)
		x2 := s[2] + word(w0, 16) + word(w1, 16) + word(w2, 16) + word(w3, 16)
		x3 := s[3] + word(w0, 24) + word(w1, 24) + word(w2, 24) + word(w3, 24)
		s[0] = x0&low60 + x0>>60*delta
		s[1] = x1&low60 + x1>>60*delta
		s[2] = x2&low60 + x2>>60*delta
		s[3] = x3&low60 + x3>>60*delta
		sum, t0, t1, t2, t3 = sum[4:], t0[32:], t1[32:], t2[32:], t3[32:]
	}
}

func word(w *[32]byte, at int) uint64 { return binary.LittleEndian.Uint64(w[at : at+8]) }

// addOne adds one tile's coefficients.
func (a *Accumulator) addOne(t []byte) {
	n := a.in.n
	for l := range 2 * limbs {
		delta := a.in.delta[l%limbs]
		part, b := a.sum[l*n:][:n], t[8*n*l:][:8*n]
		for i := range part {
			x := part[i] + binary.LittleEndian.Uint64(b[8*i:])
			part[i] = x&low60 + x>>60*delta
		}
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
