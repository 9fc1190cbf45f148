package he

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/weirdata/weir/compute/he/modular"
	"github.com/weirdata/weir/compute/he/prf"
)

// sharing is how numbers are Shamir-shared mod T: to points 1..n, any t of which give
// them back. The shares of points 1..t−1 are expanded from seeds.
type sharing struct {
	nodes, threshold, length int
	label                    string // of the seeds' streams
}

// dealShares shares numbers by the polynomials of degree t−1 that have them at 0 and
// what the seeds give at 1..t−1. Every share begins with its header.
func (in *productInstance) dealShares(s sharing, secret []uint64, header func(point int) []byte) ([][]byte, error) {
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
		shares[point-1] = append(header(point), seed[:]...)
	}
	xs := make([]uint64, s.length)
	for point := s.threshold; point <= s.nodes; point++ {
		in.combine(xs, known, in.lagrange(base, point))
		h := header(point)
		b := append(h, make([]byte, modular.PackedBytes(len(xs), in.tWidth()))...)
		modular.Pack(b[len(h):], xs, in.tWidth())
		shares[point-1] = b
	}
	for _, xs := range known[1:] {
		clear(xs)
	}
	clear(xs)
	return shares, nil
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

// bodyBytes is the length of what follows the header of a point's share.
func (in *productInstance) bodyBytes(s sharing, point int) int {
	if point < s.threshold {
		return seedSize
	}
	return modular.PackedBytes(s.length, in.tWidth())
}

// parseShare reads a point's share, which begins with that header. what names what is shared.
func (in *productInstance) parseShare(s sharing, what string, point int, header, b []byte) ([]uint64, error) {
	if point < 1 || point > s.nodes {
		return nil, fmt.Errorf("%w: %d is not one of 1..%d", ErrPoint, point, s.nodes)
	}
	n := len(header)
	if want := n + in.bodyBytes(s, point); len(b) != want {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrMalformed, len(b), want)
	}
	if !bytes.Equal(b[:n], header) {
		if !bytes.Equal(b[:4], header[:4]) || b[5] != header[5] || header[7] == 0 && b[7] != 0 {
			return nil, fmt.Errorf("%w: not a %s share of version %d", ErrMalformed, what, wireVersion)
		}
		return nil, fmt.Errorf("%w: it is of another %s or point", ErrVector, what)
	}
	body := b[n:]
	if point < s.threshold {
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

// shareWeight returns a point's Lagrange coefficient λ_i in an active set.
func (in *productInstance) shareWeight(nodes, threshold, point int, active []int) (uint64, error) {
	if len(active) != threshold || !increasing(active) || active[0] < 1 || active[len(active)-1] > nodes {
		return 0, fmt.Errorf("%w: %v is not a sorted list of %d points of 1..%d", ErrActiveSet, active, threshold, nodes)
	}
	i := slices.Index(active, point)
	if i < 0 {
		return 0, fmt.Errorf("%w: point %d is not in %v", ErrNotActive, point, active)
	}
	return in.lagrange(active, 0)[i], nil
}

func freshSeed() (seed [seedSize]byte, err error) {
	if _, err := rand.Read(seed[:]); err != nil {
		return seed, fmt.Errorf("draw randomness: %w", err)
	}
	return seed, nil
}
