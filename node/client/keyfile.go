package client

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client/sealed"
)

// keyVersion is the version of both files' layout.
const keyVersion = 1

// maxKeyFile bounds what is read of a key file; a real one has about 2 kB.
const maxKeyFile = 64 << 10

// ErrKeyFile is returned for a key file that is malformed, or that others than
// its owner may read.
var ErrKeyFile = errors.New("unusable key file")

// Key is a principal's key pair for signing and for receiving results. It must
// not be copied to where others can read it; String and Format show no secret.
type Key struct {
	Name      string
	signing   ed25519.PrivateKey
	receiving []byte // HPKE private key
	opener    seal.Opener
	public    PublicKey
}

// PublicKey is what an operator needs to admit a principal: the content of
// FILE.pub.
type PublicKey struct {
	Version   int    `json:"version"`
	Name      string `json:"name"`
	Key       []byte `json:"key"`       // Ed25519
	Receiving []byte `json:"receiving"` // HPKE, MLKEM768X25519
}

// secretKey is the content of the key file.
type secretKey struct {
	Version   int    `json:"version"`
	Name      string `json:"name"`
	Seed      []byte `json:"seed"`      // Ed25519, RFC 8032 section 5.1.5
	Receiving []byte `json:"receiving"` // HPKE private key
}

// NewKey draws a key pair for an organisation.
func NewKey(name string) (*Key, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, fmt.Errorf("draw a signing key: %w", err)
	}
	private, _, err := seal.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("draw a receiving key: %w", err)
	}
	return newKey(secretKey{Version: keyVersion, Name: name, Seed: seed, Receiving: private})
}

func newKey(s secretKey) (*Key, error) {
	public, err := seal.PublicKey(s.Receiving)
	if err != nil {
		return nil, fmt.Errorf("receiving key: %w", err)
	}
	opener, err := seal.NewOpener(s.Receiving)
	if err != nil {
		return nil, fmt.Errorf("receiving key: %w", err)
	}
	signing := ed25519.NewKeyFromSeed(s.Seed)
	verify, ok := signing.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("signing key has no Ed25519 public key")
	}
	return &Key{
		Name: s.Name, signing: signing, receiving: s.Receiving, opener: opener,
		public: PublicKey{Version: keyVersion, Name: s.Name, Key: verify, Receiving: public},
	}, nil
}

func checkName(name string) error {
	if name == "" || len(name) > 200 || !utf8.ValidString(name) {
		return fmt.Errorf("a name of 1 to 200 bytes of UTF-8 is needed, not %.40q", name)
	}
	return nil
}

// Public returns what may be given to anybody.
func (k *Key) Public() PublicKey { return k.public }

// Open opens what was sealed to the receiving key.
func (k *Key) Open(info, aad, sealed []byte) ([]byte, error) {
	return k.opener.Open(info, aad, sealed)
}

// Sealed are the files on this machine that only the holder of the key can read.
func (k *Key) Sealed() sealed.Files { return sealed.New(k.signing) }

// Signing returns the private signing key.
func (k *Key) Signing() ed25519.PrivateKey { return k.signing }

// ID is the principal's id.
func (k *Key) ID() string { return catalog.PrincipalID(k.public.Key) }

// String names the key and shows nothing of it.
func (k *Key) String() string { return "key of " + k.Name }

// GoString is String, so that %#v shows no secret either.
func (k *Key) GoString() string { return k.String() }

// Save writes the key to path with mode 0600 and what is public to path.pub.
// It never overwrites: a lost key is a lost principal.
func (k *Key) Save(path string) error {
	secret, err := json.MarshalIndent(secretKey{
		Version: keyVersion, Name: k.Name, Seed: k.signing.Seed(), Receiving: k.receiving,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the key: %w", err)
	}
	defer clear(secret)
	public, err := json.MarshalIndent(k.public, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the public key: %w", err)
	}
	if err := durable.WriteNew(path, append(secret, '\n'), 0o600); err != nil {
		return err
	}
	if err := durable.WriteNew(path+".pub", append(public, '\n'), 0o644); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// readKeyFile returns what a key file of either kind holds, and its permissions.
func readKeyFile(path string) (b []byte, mode fs.FileMode, err error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	b, err = io.ReadAll(io.LimitReader(f, maxKeyFile))
	return b, info.Mode().Perm(), err
}

// LoadKey reads a key file. It fails with ErrKeyFile when the file is malformed
// or when its mode lets anybody but the owner at it.
func LoadKey(path string) (*Key, error) {
	b, mode, err := readKeyFile(path)
	defer clear(b)
	if err != nil {
		return nil, err
	}
	k, err := parseKey(b)
	if err != nil {
		if parsePublicKey(b, new(PublicKey)) == nil {
			return nil, fmt.Errorf("%w: %s holds a public key; give the private one that was made with it", ErrKeyFile, path)
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrKeyFile, path, err)
	}
	if mode&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s may be read by others (mode %04o): run `chmod 600 %s`", ErrKeyFile, path, mode, path)
	}
	return k, nil
}

func parseKey(b []byte) (*Key, error) {
	var s secretKey
	if err := strictjson.Decode(b, &s); err != nil {
		return nil, err
	}
	if err := checkKeyFile("seed", s.Version, s.Seed, ed25519.SeedSize, s.Name); err != nil {
		return nil, err
	}
	return newKey(s)
}

// LoadPublicKey reads a FILE.pub.
func LoadPublicKey(path string) (PublicKey, error) {
	b, _, err := readKeyFile(path)
	defer clear(b)
	if err != nil {
		return PublicKey{}, err
	}
	return ReadPublicKey(path, b)
}

// ReadPublicKey reads a public key of a file of that name.
func ReadPublicKey(name string, b []byte) (p PublicKey, err error) {
	if err := parsePublicKey(b, &p); err != nil {
		if _, private := parseKey(b); private == nil {
			return PublicKey{}, fmt.Errorf("%w: %s holds a private key, which is nobody's but its owner's; give %s.pub", ErrKeyFile, name, name)
		}
		return PublicKey{}, fmt.Errorf("%w: %s: %w", ErrKeyFile, name, err)
	}
	return p, nil
}

func parsePublicKey(b []byte, p *PublicKey) error {
	if err := strictjson.Decode(b, p); err != nil {
		return err
	}
	if err := checkKeyFile("key", p.Version, p.Key, ed25519.PublicKeySize, p.Name); err != nil {
		return err
	}
	return seal.CheckPublicKey(p.Receiving)
}

// checkKeyFile checks what both files have: their version, so many bytes of Ed25519, a name.
func checkKeyFile(what string, version int, key []byte, size int, name string) error {
	switch {
	case version != keyVersion:
		return fmt.Errorf("version %d, this program reads version %d", version, keyVersion)
	case len(key) != size:
		return fmt.Errorf("the %s has %d bytes, want %d", what, len(key), size)
	}
	return checkName(name)
}
