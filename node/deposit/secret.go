package deposit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/polynomial"
)

const (
	// modulus is the greatest prime below 2^59.
	modulus = polynomial.Modulus(1<<59 - 55)
	// elements is how many numbers the secret has.
	elements = 5

	secretContext     = "weir deposit v1\n"
	commitmentContext = "weir custodian's piece v1\n"
	stanzaType        = "weir-custodians"
)

// values are numbers modulo the prime: the secret, or what a custodian has of it.
type values [elements]uint64

func (v values) bytes() []byte {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint64(b, x)
	}
	return b
}

func (v values) check() bool {
	for _, x := range v {
		if x >= uint64(modulus) {
			return false
		}
	}
	return true
}

// share draws a secret and shares it among points 1, 2, … n, of which threshold recover it.
func share(threshold, n int) (secret values, pieces []values, err error) {
	pieces = make([]values, n)
	limit := new(big.Int).SetUint64(uint64(modulus))
	for e := range elements {
		coefficients := make([]uint64, threshold) // the secret first
		for i := range coefficients {
			x, err := rand.Int(rand.Reader, limit)
			if err != nil {
				return secret, nil, fmt.Errorf("draw the secret of the deposit: %w", err)
			}
			coefficients[i] = x.Uint64()
		}
		secret[e] = coefficients[0]
		for p := range pieces {
			var at uint64
			for i := threshold - 1; i >= 0; i-- {
				at = modulus.Add(modulus.Mul(at, uint64(p+1)), coefficients[i])
			}
			pieces[p][e] = at
		}
		clear(coefficients)
	}
	return secret, pieces, nil
}

// recoverSecret finds the secret of pieces, by their points. on is false where they do not lie on polynomials of
// the degree that the threshold says.
func recoverSecret(points []int, pieces []values, threshold int) (secret values, on bool) {
	runs := make([][]uint64, len(pieces))
	for i := range pieces {
		runs[i] = pieces[i][:]
	}
	at0, on := modulus.Interpolate(points, runs, threshold)
	if on {
		copy(secret[:], at0)
	}
	return secret, on
}

// commitment is by what a piece is known. id tells deposits apart.
func commitment(id catalog.Digest, point int, v values) catalog.Digest {
	b := append([]byte(commitmentContext), id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(point)) //nolint:gosec // from 1
	return catalog.Sum(append(b, v.bytes()...))
}

// shared encrypts to custodians together, and decrypts for them: it is age's recipient and identity of
// their secret.
type shared struct{ key []byte }

var (
	_ age.Recipient = shared{}
	_ age.Identity  = shared{}
)

func sharedBy(secret values, id catalog.Digest) (shared, error) {
	key, err := hkdf.Key(sha256.New, secret.bytes(), id[:], secretContext, 32)
	return shared{key}, err
}

func (s shared) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Wrap implements age.Recipient.
func (s shared) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	aead, err := s.aead()
	if err != nil {
		return nil, err
	}
	body := aead.Seal(nil, nil, fileKey, []byte(secretContext)) //nolint:gosec // G407: it draws the nonce itself
	return []*age.Stanza{{Type: stanzaType, Args: []string{"1"}, Body: body}}, nil
}

// Unwrap implements age.Identity.
func (s shared) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, x := range stanzas {
		if x.Type != stanzaType {
			continue
		}
		aead, err := s.aead()
		if err != nil {
			return nil, err
		}
		if key, err := aead.Open(nil, nil, x.Body, []byte(secretContext)); err == nil {
			return key, nil
		}
		return nil, errors.New("the custodians' secret does not open it")
	}
	return nil, age.ErrIncorrectIdentity
}
