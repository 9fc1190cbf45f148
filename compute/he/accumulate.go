package he

import (
	"crypto/sha256"
	"fmt"
	"slices"
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

// Add adds tiles, packed or not, or sums of tiles that Bytes returned. Five at a time share a
// pass, so pass many of one form at once. Only length and header are checked here: bytes
// were checked by CheckTile when they were stored, and by their
// digest when they were read. On an error nothing was added.
func (a *Accumulator) Add(tiles ...[]byte) error {
	if a.in == nil {
		return fmt.Errorf("accumulate: %w: zero value", ErrParameters)
	}
	added, packed := 0, 0
	for i, b := range tiles {
		h, k, err := a.in.parseSum(b)
		if err != nil {
			return fmt.Errorf("accumulate tile %d: %w", i, err)
		}
		added += h.first
		if k == kindPackedTile {
			packed++
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count+added > MaxTiles {
		return fmt.Errorf("accumulate: %w", a.in.noiseError(a.count+added, a.in.logB))
	}
	a.sealed = nil
	a.count += added
	if packed > 0 && packed < len(tiles) { // a version's tiles that were there before it may have the other form
		isPacked := func(b []byte) bool { return tileKind(b) == kindPackedTile }
		a.addAll(slices.DeleteFunc(slices.Clone(tiles), isPacked), kindTile)
		tiles = slices.DeleteFunc(slices.Clone(tiles), func(b []byte) bool { return !isPacked(b) })
	}
	if packed > 0 {
		a.addAll(tiles, kindPackedTile)
	} else {
		a.addAll(tiles, kindTile)
	}
	return nil
}

// addAll adds what is checked and has the layout of one kind.
func (a *Accumulator) addAll(tiles [][]byte, k kind) {
	addAll, add := modular.Near60.AddAll, modular.Near60.Add
	if k == kindPackedTile {
		addAll, add = modular.Near60.AddAllPacked, modular.Near60.AddPacked
	}
	limb := func(l int) (p modular.Near60, sum []uint64, from int) {
		return a.in.sums[l%limbs], a.limb(l), headerBytes + l*k.bytes(a.in.n)
	}
	for ; len(tiles) >= modular.PerPass; tiles = tiles[modular.PerPass:] {
		for l := range 2 * limbs {
			p, sum, from := limb(l)
			addAll(p, sum, tiles, from)
		}
	}
	for _, b := range tiles {
		for l := range 2 * limbs {
			p, sum, from := limb(l)
			add(p, sum, b[from:])
		}
	}
}

// parseSum checks length and header of what is added, and says what it is.
func (in *instance) parseSum(b []byte) (header, kind, error) {
	k := tileKind(b)
	if len(b) > 4 && kind(b[4]) == kindSum {
		k = kindSum
	}
	h, err := in.parseHeader(b, k)
	return h, k, err
}

// limb is one limb of the sum.
func (a *Accumulator) limb(l int) []uint64 { return a.sum[l*a.in.n:][:a.in.n] }

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
			sum := a.limb(l)
			for i, x := range sum {
				sum[i] = modular.Reduce(x, q) // from below 2^60 + 8δ < 2q
			}
			modular.Store(b[headerBytes+l*kindSum.bytes(a.in.n):], sum)
		}
		a.sealed = &sealedSum{bytes: b, digest: sha256.Sum256(b)}
	}
	return a.sealed, nil
}
