// Package sealed keeps files on a principal's machine that only the holder of its signing
// key can read. Their names say nothing to others either (Files.Name). A file that is
// damaged, cut, put in another one's place or of another key reads as if it were not
// there, or ends with ErrDamaged; it is never read in part as if it were whole.
//
// Small files have format 1: its byte, a nonce and the ciphertext, AES-256-GCM under a key
// that follows from the signing key (HKDF), bound to the file's name. Streams have format 2
// (stream.go). Files are replaced in one step, and have mode 0600.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/consensus/durable"
)

// format is the first byte of a sealed file; nonce and ciphertext follow.
const format = 1

// Files seals and reads what the holder of a signing key keeps.
type Files struct{ key ed25519.PrivateKey }

// New returns the files of who holds the key.
func New(key ed25519.PrivateKey) Files { return Files{key} }

// MAC is a keyed hash that nobody can compute without the key.
func (f Files) MAC() hash.Hash { return hmac.New(sha256.New, f.key.Seed()) }

// Name is a file's name: a short name of its kind, and a keyed hash of that and of what it
// is of, one line each.
func (f Files) Name(kind string, of ...string) string {
	h := f.MAC()
	fmt.Fprintf(h, "weir %s 1\n", kind) //nolint:errcheck // hash.Hash: Write never returns an error
	for _, line := range of {
		fmt.Fprintln(h, line) //nolint:errcheck // likewise
	}
	return kind + "-" + Hex(h)
}

// Hex is the first 16 bytes of a keyed hash, for a file's name.
func Hex(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }

// Write keeps bytes in a sealed file, in the place of what it held: whole, or not at all.
func (f Files) Write(name string, plain []byte) error {
	sealer, err := f.sealer()
	if err != nil {
		return err
	}
	return replace(name, func(w io.Writer) error {
		_, err := w.Write(sealer.Seal([]byte{format}, nil, plain, bound(format, name))) //nolint:gosec // G407: it draws its nonces
		return err
	})
}

// Read returns what a sealed file holds; nil where there is none, or it is damaged or of
// another key.
func (f Files) Read(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sealer, err := f.sealer()
	if err != nil || len(b) == 0 || b[0] != format {
		return nil, err
	}
	plain, err := sealer.Open(nil, nil, b[1:], bound(format, name))
	if err != nil {
		return nil, nil //nolint:nilerr // as if it were not there
	}
	return plain, nil
}

// sealer encrypts small files.
func (f Files) sealer() (cipher.AEAD, error) {
	block, err := f.cipher(nil, "weir sealed file 1")
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// cipher is AES-256 under a key that follows from the signing key, a salt and what it is
// for.
func (f Files) cipher(salt []byte, purpose string) (cipher.Block, error) {
	key, err := hkdf.Key(sha256.New, f.key.Seed(), salt, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of what is kept: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive the key of what is kept: %w", err)
	}
	return block, nil
}

// bound is what a sealed file is bound to: its format and its name.
func bound(format byte, name string) []byte { return append([]byte{format}, filepath.Base(name)...) }

// replace puts a sealed file into the place of what was there, in a directory that others
// do not see into.
func replace(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return durable.Replace(name, 0o600, write)
}
