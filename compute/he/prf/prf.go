// Package prf draws the core's randomness: streams of bytes under a key, and numbers from
// them with the distributions that the protocols need.
package prf

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const labelFresh = "weir he v1 fresh randomness"

// Stream is AES-256-CTR from counter 0 under a key from HKDF-SHA256. It is a
// PRF of (secret, label, context): one use per triple.
type Stream struct {
	ctr cipher.Stream
	buf [4096]byte
}

// New keys a stream. It fails only if the platform's primitives do.
func New(secret [32]byte, label string, context [32]byte) (*Stream, error) {
	key, err := hkdf.Key(sha256.New, secret[:], nil, label+string(context[:]), 32)
	if err != nil {
		return nil, fmt.Errorf("key stream: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key stream: %w", err)
	}
	iv := make([]byte, aes.BlockSize)
	return &Stream{ctr: cipher.NewCTR(block, iv)}, nil // #nosec G407 -- the key serves this one stream
}

// Fresh keys a stream from the system's randomness.
func Fresh() (*Stream, error) {
	var secret [32]byte
	defer clear(secret[:])
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, fmt.Errorf("draw randomness: %w", err)
	}
	return New(secret, labelFresh, [32]byte{})
}

// Read fills b with the next bytes. It is lattigo's sampling.PRNG.
func (s *Stream) Read(b []byte) (int, error) {
	clear(b)
	s.ctr.XORKeyStream(b, b)
	return len(b), nil
}

func (s *Stream) next(n int) []byte {
	b := s.buf[:n]
	clear(b)
	s.ctr.XORKeyStream(b, b)
	return b
}

// Erase overwrites what is buffered.
func (s *Stream) Erase() { clear(s.buf[:]) }

// Uniform draws dst uniformly below q by rejection.
func (s *Stream) Uniform(dst []uint64, q uint64) {
	mask := uint64(1)<<bits.Len64(q-1) - 1
	for k := 0; k < len(dst); {
		b := s.next(min(len(s.buf), 8*(len(dst)-k)))
		for len(b) >= 8 {
			x := binary.LittleEndian.Uint64(b) & mask
			b = b[8:]
			if x < q {
				dst[k] = x
				k++
			}
		}
	}
}

// Ternary draws every number uniformly from {−1, 0, 1}: two bits each, 3 rejected. dst has
// the same numbers modulo every prime.
func (s *Stream) Ternary(dst [][]uint64, primes []uint64) {
	first := dst[0]
	n := len(first)
	for k := 0; k < n; {
		for _, b := range s.next(min(len(s.buf), (n-k+2)/3+8)) {
			for range 4 {
				x := uint64(b & 3)
				b >>= 2
				if x != 3 && k < n {
					first[k] = x
					k++
				}
			}
		}
	}
	for l := len(primes) - 1; l >= 0; l-- {
		q, out := primes[l], dst[l]
		for i, x := range first {
			// 0 → q−1, 1 → 0, 2 → 1, without a branch on a secret.
			v := x - 1
			out[i] = v + q&-(v>>63)
		}
	}
}
