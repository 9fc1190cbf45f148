package he

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/weirdata/weir/compute/he/modular"
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
// were checked by CheckTile when they were stored, and by their
// digest when they were read. On an error nothing was added.
func (a *Accumulator) Add(tiles ...[]byte) error {
	if a.in == nil {
		return fmt.Errorf("accumulate: %w: zero value", ErrParameters)
	}
	added := 0
	for i, b := range tiles {
		n, err := a.in.tilesOf(b)
		if err != nil {
			return fmt.Errorf("accumulate tile %d: %w", i, err)
		}
		added += n
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count+added > MaxTiles {
		return fmt.Errorf("accumulate: %w", a.in.noiseError(a.count+added, a.in.logB))
	}
	a.sealed = nil
	a.count += added
	for ; len(tiles) >= modular.PerPass; tiles = tiles[modular.PerPass:] {
		for l := range 2 * limbs {
			sum, from := a.limb(l)
			a.in.sums[l%limbs].AddAll(sum, tiles, from)
		}
	}
	for _, b := range tiles {
		for l := range 2 * limbs {
			sum, from := a.limb(l)
			a.in.sums[l%limbs].Add(sum, b[from:])
		}
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

// limb is one limb of the sum, and where it is in a tile.
func (a *Accumulator) limb(l int) (sum []uint64, from int) {
	n := a.in.n
	return a.sum[l*n:][:n], headerBytes + 8*n*l
}

// Count returns the number of tiles added.
func (a *Accumulator) Count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count
}

// Digest reduces exactly and returns the SHA-256 of the sum on the wire: what members
// compare before they open. It fails with ErrEmpty without any tile.
func (a *Accumulator) Digest() ([32]byte, error) {
	s, err := a.seal()
	if err != nil {
		return [32]byte{}, err
	}
	return s.digest, nil
}

// Bytes reduces exactly and returns the sum on the wire, a sum of Count tiles
// that Add takes again. Nobody may change them. It fails with ErrEmpty without any tile.
func (a *Accumulator) Bytes() ([]byte, error) {
	s, err := a.seal()
	if err != nil {
		return nil, err
	}
	return s.bytes, nil
}

// Empty returns an accumulator of the same parameters without any tile.
func (a *Accumulator) Empty() *Accumulator { return NewAccumulator(Parameters{a.in}) }

// seal returns the accumulator's exact value, computing it once.
func (a *Accumulator) seal() (*sealedSum, error) {
	if a == nil || a.in == nil {
		return nil, fmt.Errorf("read an accumulator: %w: zero value", ErrParameters)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == 0 {
		return nil, fmt.Errorf("read an accumulator: %w", ErrEmpty)
	}
	if a.sealed == nil {
		b := make([]byte, a.in.size(kindSum))
		a.in.putHeader(b, kindSum, a.count, 0, [contextSize]byte{})
		for l := range 2 * limbs {
			q := a.in.q[l%limbs].Modulus
			sum, from := a.limb(l)
			for i, x := range sum {
				sum[i] = modular.Reduce(x, q) // from below 2^60 + 8δ < 2q
			}
			modular.Store(b[from:], sum)
		}
		a.sealed = &sealedSum{bytes: b, digest: sha256.Sum256(b)}
	}
	return a.sealed, nil
}
