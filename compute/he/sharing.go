package he

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/weirdata/weir/compute/he/modular"
	"github.com/weirdata/weir/compute/he/prf"
)

// sharing is how numbers are Shamir-shared mod T: to points 1..n, any t of which give
// them back. The shares of points 1..t−1 are expanded from seeds.
type sharing struct {
	what             string // for errors
	nodes, threshold int
	length, masks    int    // numbers, and how many of them, at the end, are masks
	label            string // of the seeds' streams
	header           func(point int) []byte
	numbers          bool // no share is a seed
}

// dealShares shares numbers by the polynomials of degree t−1 that have them at 0 and
// what the seeds give at 1..t−1. Every share begins with its header.
func (in *productInstance) dealShares(s sharing, secret []uint64) ([][]byte, error) {
	base := everyPoint(s.threshold)
	for i := range base {
		base[i]-- // 0..t−1
	}
	known := [][]uint64{secret}
	shares := make([][]byte, s.nodes)
	for point := 1; point < s.threshold; point++ {
		seed, err := freshSeed()
		if err != nil {
			return nil, err
		}
		xs, err := in.expandShare(s, seed)
		if err != nil {
			return nil, err
		}
		known = append(known, xs)
		shares[point-1] = append(s.header(point), seed[:]...)
	}
	xs := make([]uint64, s.length)
	for point := s.threshold; point <= s.nodes; point++ {
		in.combine(xs, known, in.lagrange(base, point))
		shares[point-1] = in.packedShare(s, point, xs)
	}
	for _, xs := range known[1:] {
		clear(xs)
	}
	clear(xs)
	return shares, nil
}

// packedShare writes the numbers of a point's share after its header.
func (in *productInstance) packedShare(s sharing, point int, xs []uint64) []byte {
	h := s.header(point)
	b := append(h, make([]byte, modular.PackedBytes(len(xs), in.tWidth()))...)
	modular.Pack(b[len(h):], xs, in.tWidth())
	return b
}

// expandShare returns the share that a seed stands for.
func (in *productInstance) expandShare(s sharing, seed [seedSize]byte) ([]uint64, error) {
	st, err := prf.New(seed, s.label, [32]byte{})
	if err != nil {
		return nil, err
	}
	defer st.Erase()
	xs := make([]uint64, s.length)
	st.Uniform(xs, in.t.Modulus)
	return xs, nil
}

// sharedHeader is the part of a share's header that all kinds of shares have.
func (in *productInstance) sharedHeader(size int, seed kind, nodes, threshold, point, count int) []byte {
	h := make([]byte, size)
	copy(h, wireMagic)
	h[4], h[5] = byte(seed), wireVersion
	if point >= threshold {
		h[4]++ // the numbers themselves
	}
	binary.LittleEndian.PutUint16(h[8:], uint16(nodes))
	binary.LittleEndian.PutUint16(h[10:], uint16(point))
	binary.LittleEndian.PutUint32(h[12:], uint32(count))
	binary.LittleEndian.PutUint64(h[16:], in.t.Modulus)
	return h
}

// parseShare reads a point's share, which begins with its header.
func (in *productInstance) parseShare(s sharing, point int, b []byte) ([]uint64, error) {
	if point < 1 || point > s.nodes {
		return nil, fmt.Errorf("%w: %d is not one of 1..%d", ErrPoint, point, s.nodes)
	}
	header := s.header(point)
	n := len(header)
	want := n + seedSize
	seeded := point < s.threshold && !s.numbers
	if !seeded {
		want = n + modular.PackedBytes(s.length, in.tWidth())
	}
	if len(b) != want {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrMalformed, len(b), want)
	}
	if !bytes.Equal(b[:n], header) {
		if !bytes.Equal(b[:4], header[:4]) || b[5] != header[5] || header[7] == 0 && b[7] != 0 {
			return nil, fmt.Errorf("%w: not a %s share of version %d", ErrMalformed, s.what, wireVersion)
		}
		return nil, fmt.Errorf("%w: it is of another %s or point", ErrVector, s.what)
	}
	body := b[n:]
	if seeded {
		return in.expandShare(s, [seedSize]byte(body))
	}
	xs := make([]uint64, s.length)
	if len(xs) == 0 {
		return xs, nil
	}
	modular.Unpack(xs, body, in.tWidth())
	if slices.Max(xs) >= in.t.Modulus {
		return nil, fmt.Errorf("%w: a number is not below T", ErrMalformed)
	}
	if used := len(xs) * int(in.tWidth()) % 8; used != 0 && body[len(body)-1]>>used != 0 {
		return nil, fmt.Errorf("%w: bits after the last number", ErrMalformed)
	}
	return xs, nil
}

// share is one node's Shamir share of numbers.
type share struct {
	p     ProductParameters
	how   sharing
	point int
	xs    []uint64
}

// weight returns this node's Lagrange coefficient λ_i in an active set.
func (s *share) weight(active []int) (uint64, error) {
	if len(active) != s.how.threshold || !increasing(active, 1, s.how.nodes) {
		return 0, fmt.Errorf("weight a %s share: %w: %v is not a sorted list of %d points of 1..%d",
			s.how.what, ErrActiveSet, active, s.how.threshold, s.how.nodes)
	}
	i := slices.Index(active, s.point)
	if i < 0 {
		return 0, fmt.Errorf("weight a %s share: %w: point %d is not in %v", s.how.what, ErrNotActive, s.point, active)
	}
	return s.p.in.lagrange(active, 0)[i], nil
}

// Additive returns the node's additive shares λ_i·x of the numbers in an active set,
// masks left out: those of all members add up to the numbers.
func (s *share) Additive(active []int) ([]uint64, error) {
	f, err := s.weight(active)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, s.how.length-s.how.masks)
	s.p.in.combine(out, [][]uint64{s.xs}, []uint64{f})
	return out, nil
}

// Erase overwrites the share. Nobody may be using it.
func (s *share) Erase() { clear(s.xs) }

func freshSeed() (seed [seedSize]byte, err error) {
	if _, err := rand.Read(seed[:]); err != nil {
		return seed, fmt.Errorf("draw randomness: %w", err)
	}
	return seed, nil
}
