package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

const (
	fileVersion = 1
	nonceSize   = 12
	tagSize     = 16

	// Overhead is how many bytes longer than its secret a sealed file is:
	// version byte, nonce, tag.
	Overhead = 1 + nonceSize + tagSize
	// MaxSecret bounds a secret in bytes. The largest are a share of a
	// publisher's key (197 kB) and a private vector's (8 bytes an entity).
	MaxSecret = 64 << 20
)

// errUnsealed is why a file's bytes do not open; callers see ErrSealed.
var errUnsealed = errors.New("changed, renamed, or sealed under another key")

// aead is the cipher of one name. A key per name and a random 96-bit nonce per
// write keep nonces apart for 2^32 writes of a name (NIST SP 800-38D, 8.3).
func aead(key []byte, name string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "weir/vault/1\x00"+name, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	defer Wipe(derived)
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCM(block)
}

func additional(name string) []byte {
	return append([]byte{fileVersion}, name...)
}

// sealFile lays out a sealed file: version byte, nonce, ciphertext and tag.
func sealFile(key []byte, name string, secret []byte) ([]byte, error) {
	c, err := aead(key, name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 1+nonceSize, Overhead+len(secret))
	b[0] = fileVersion
	rand.Read(b[1:]) // never fails
	return c.Seal(b, b[1:1+nonceSize], secret, additional(name)), nil
}

// openFile is the inverse of sealFile.
func openFile(key []byte, name string, b []byte) ([]byte, error) {
	if len(b) < Overhead || len(b) > Overhead+MaxSecret {
		return nil, fmt.Errorf("%d bytes cannot be a sealed file", len(b))
	}
	if b[0] != fileVersion {
		return nil, fmt.Errorf("version %d, want %d", b[0], fileVersion)
	}
	c, err := aead(key, name)
	if err != nil {
		return nil, err
	}
	secret, err := c.Open(nil, b[1:1+nonceSize], b[1+nonceSize:], additional(name))
	if err != nil {
		return nil, errUnsealed
	}
	return secret, nil
}
