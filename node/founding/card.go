package founding

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/vault"
)

// Card is what a node tells of itself to those who found a cluster with it: who it is, who
// runs it, where it is reached, and its public keys. Its own key signs it, so that a card is
// known to come from the holder of the key. Nothing in it is secret.
type Card struct {
	Version     int    `json:"v"`
	ID          string `json:"id"`
	Institution string `json:"institution"`
	Operator    []byte `json:"operator"` // Ed25519, of the institution's operator
	Addr        string `json:"addr"`     // for other nodes, HOST:PORT
	API         string `json:"api"`      // for clients, https://HOST:PORT
	Key         []byte `json:"key"`      // Ed25519
	Sealing     []byte `json:"sealing"`  // HPKE, MLKEM768X25519
	Signature   []byte `json:"signature,omitempty"`
}

const (
	cardVersion = 1
	cardContext = "weir node card v1\n" // separates signatures of cards from every other use of a node's key
	maxCard     = 64 << 10              // bytes that are read of a card; a real one has about 3 kB
)

// Why a card is refused.
var (
	// ErrCard is returned for a card that is malformed, or that names what no roster can.
	ErrCard = errors.New("unusable node card")
	// ErrCardSignature is returned for a card that the holder of the key in it did not sign as it is.
	ErrCardSignature = errors.New("the card is not signed by the key in it: it was changed, or is not the node's")
)

// HeldError is returned by Init for a directory that holds a node already.
type HeldError struct {
	Dir  string
	Card Card // zero: it cannot be read
}

// Error implements error.
func (e *HeldError) Error() string {
	if e.Card.ID == "" {
		return e.Dir + " holds a node already, whose card is not there; give another directory"
	}
	return fmt.Sprintf("%s holds node %s of %s already, with the key %s; print its card with `weir node card --dir %s`, or give another directory",
		e.Dir, e.Card.ID, e.Card.Institution, Fingerprint(e.Card.Key), e.Dir)
}

// Unwrap makes it an fs.ErrExist.
func (e *HeldError) Unwrap() error { return fs.ErrExist }

// Fingerprint is the beginning of the SHA-256 of a public key, for people to compare.
func Fingerprint(key []byte) string { return catalog.Sum(key).String()[:16] }

// SealKey says where the key is that seals a node's secrets: in a file, or printed by a
// program that is given with its arguments.
type SealKey struct {
	File    string
	Command []string
	Key     []byte // itself, where the file is under a passphrase and was opened with it
}

// Open opens the vault of the node in dir.
func (k SealKey) Open(ctx context.Context, dir string) (*vault.Vault, error) {
	if len(k.Key) > 0 {
		return vault.OpenUnder(filepath.Join(dir, DirSecrets), k.Key)
	}
	if len(k.Command) > 0 {
		return vault.OpenByCommand(ctx, filepath.Join(dir, DirSecrets), k.Command)
	}
	return vault.Open(filepath.Join(dir, DirSecrets), k.File)
}

// Read opens the vault of the node in dir, which may be running, to read it.
func (k SealKey) Read(ctx context.Context, dir string) (*vault.Vault, error) {
	key, err := bytes.Clone(k.Key), error(nil)
	switch {
	case len(key) > 0:
	case len(k.Command) > 0:
		key, err = vault.KeyByCommand(ctx, k.Command)
	default:
		key, err = vault.Unlock(k.File, nil)
	}
	if err != nil {
		return nil, err
	}
	defer vault.Wipe(key)
	return vault.ReadUnder(filepath.Join(dir, DirSecrets), key)
}

// Init makes a node's own keys in dir and its card, of which n has all but the keys. The
// card stays in dir too. It refuses a directory that holds a node already with a *HeldError.
func Init(ctx context.Context, dir string, key SealKey, n Card) (card Card, err error) {
	if err := n.checkNamed(); err != nil {
		return n, err
	}
	if err := CheckVacant(dir); err != nil {
		return n, err
	}
	v, err := key.Open(ctx, dir)
	if err != nil {
		return n, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return n, fmt.Errorf("make the node's key: %w", err)
	}
	defer vault.Wipe(private)
	sealing, sealingPublic, err := seal.GenerateKey()
	if err != nil {
		return n, fmt.Errorf("make the node's sealing key: %w", err)
	}
	defer vault.Wipe(sealing)
	n.Key, n.Sealing = public, sealingPublic
	if n, err = n.sign(private); err != nil {
		return n, err
	}
	if err := v.Put(SecretSealing, sealing); err != nil {
		return n, err
	}
	if err := durable.WriteFile(filepath.Join(dir, FileCard), n.Marshal(), 0o600); err != nil {
		return n, fmt.Errorf("write the node's card: %w", err)
	}
	// The identity is last: a directory without one holds no node, whatever else is there.
	return n, v.Put(SecretIdentity, private.Seed())
}

// CheckVacant returns a *HeldError for a directory that holds a node. It needs no seal key.
func CheckVacant(dir string) error {
	held, err := vault.Has(filepath.Join(dir, DirSecrets), SecretIdentity)
	if err != nil || !held {
		return err
	}
	card, err := ReadCard(filepath.Join(dir, FileCard))
	if err != nil {
		card = Card{}
	}
	return &HeldError{Dir: dir, Card: card}
}

// OwnCard returns the card of the node in dir.
func OwnCard(dir string) (Card, error) {
	c, err := ReadCard(filepath.Join(dir, FileCard))
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%s holds no node that has a card; `weir node init` makes one: %w", dir, err)
	}
	return c, err
}

// Readdress makes the card of the node in dir anew, with other addresses; an empty one stays.
func Readdress(ctx context.Context, dir string, key SealKey, addr, api string) (card Card, err error) {
	if card, err = OwnCard(dir); err != nil {
		return card, err
	}
	private, err := card.openKey(ctx, dir, key)
	defer vault.Wipe(private)
	if err != nil {
		return card, err
	}
	card.Addr, card.API = cmp.Or(addr, card.Addr), cmp.Or(api, card.API)
	if err := card.checkNamed(); err != nil {
		return card, err
	}
	if card, err = card.sign(private); err != nil {
		return card, err
	}
	if err := durable.WriteFile(filepath.Join(dir, FileCard), card.Marshal(), 0o600); err != nil {
		return card, fmt.Errorf("write the node's card: %w", err)
	}
	return card, nil
}

// ReadCard reads and verifies a card.
func ReadCard(file string) (Card, error) {
	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return Card{}, fmt.Errorf("read the node card: %w", err)
	}
	c, err := ParseCard(b)
	if err != nil {
		return Card{}, fmt.Errorf("read the node card %s: %w", file, err)
	}
	return c, nil
}

// ParseCard reads and verifies what Marshal wrote. Several parties read a card and have to
// read the same: no field is there twice, or in another case.
func ParseCard(b []byte) (Card, error) {
	var c Card
	if len(b) > maxCard {
		return c, fmt.Errorf("%w: it has more than %d bytes", ErrCard, maxCard)
	}
	if err := catalog.DecodeStrict([]byte(strings.TrimSpace(string(b))), &c); err != nil {
		return Card{}, fmt.Errorf("%w: %w", ErrCard, err)
	}
	if c.Version != cardVersion {
		return Card{}, fmt.Errorf("%w: version %d, this program reads version %d", ErrCard, c.Version, cardVersion)
	}
	if err := c.Verify(); err != nil {
		return Card{}, err
	}
	return c, nil
}

// Marshal returns the card as it is handed on.
func (c Card) Marshal() []byte {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(err) // it has texts and bytes alone
	}
	return append(b, '\n')
}

// sign completes the card of the holder of key.
func (c Card) sign(key ed25519.PrivateKey) (Card, error) {
	c.Version = cardVersion
	c.Signature = ed25519.Sign(key, c.signedBytes())
	return c, c.Verify()
}

// signedBytes are the context and the card without its signature, as compact JSON.
func (c Card) signedBytes() []byte {
	c.Signature = nil
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // as in Marshal
	}
	return append([]byte(cardContext), b...)
}

// Verify returns an error unless the card can be in a roster and the holder of its key has signed it.
func (c Card) Verify() error {
	if err := c.checkNamed(); err != nil {
		return err
	}
	switch {
	case len(c.Key) != ed25519.PublicKeySize:
		return fmt.Errorf("%w: field key has %d bytes, want %d", ErrCard, len(c.Key), ed25519.PublicKeySize)
	case seal.CheckPublicKey(c.Sealing) != nil:
		return fmt.Errorf("%w: field sealing is no public key for sealing", ErrCard)
	case !ed25519.Verify(c.Key, c.signedBytes(), c.Signature):
		return fmt.Errorf("node %s: %w", shown.Text(c.ID), ErrCardSignature)
	}
	return nil
}

// checkNamed checks what people choose of a card.
func (c Card) checkNamed() error {
	wrong := func(field, value, want string) error {
		return fmt.Errorf("%w: field %s is %q, want %s", ErrCard, field, shown.Text(value), want)
	}
	u, err := url.Parse(c.API)
	switch {
	case !catalog.IsLabel(c.ID):
		return wrong("id", c.ID, "lower-case letters, digits and hyphens, such as n1")
	case c.Institution == "" || !catalog.IsText(c.Institution, catalog.MaxName) || strings.TrimSpace(c.Institution) != c.Institution || strings.Contains(c.Institution, "/"):
		return wrong("institution", c.Institution, fmt.Sprintf("a name of at most %d bytes without a slash", catalog.MaxName))
	case len(c.Operator) != ed25519.PublicKeySize:
		return fmt.Errorf("%w: field operator has %d bytes, want the %d of a public key", ErrCard, len(c.Operator), ed25519.PublicKeySize)
	case !isReachable(c.Addr):
		return wrong("addr", c.Addr, "HOST:PORT, at which the other nodes reach this one")
	case err != nil || c.API != "https://"+u.Host || !isReachable(u.Host):
		return wrong("api", c.API, "https://HOST:PORT, at which clients reach this node")
	}
	return nil
}

// isReachable reports whether others can dial an address: it names a host, and a port.
func isReachable(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && host != "" && port != "" && port != "0" && catalog.IsText(addr, catalog.MaxCell-len("https://")) && (ip == nil || !ip.IsUnspecified())
}

// Node is the member of the roster that the card is for, at a Shamir point.
func (c Card) Node(point int) catalog.Node {
	return catalog.Node{
		ID: c.ID, Point: point, Institution: c.Institution, Operator: c.Operator,
		Addr: c.Addr, API: c.API, Key: c.Key, Sealing: c.Sealing,
	}
}
