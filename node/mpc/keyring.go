package mpc

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

// Keyring holds this node's part of every publisher's key. It is filled from
// the vault when first asked, and remembers what is wrong with a record so that
// the node can say why it is not ready.
type Keyring struct {
	secrets Secrets
	mu      sync.Mutex
	loaded  map[string]*he.NodeKey
	made    map[[3]int]he.Parameters // by nodes, threshold and dealers: making them takes a while
}

func newKeyring(s Secrets) *Keyring {
	return &Keyring{secrets: s, loaded: map[string]*he.NodeKey{}, made: map[[3]int]he.Parameters{}}
}

// parameters makes parameters, or finds those that were made before.
func (k *Keyring) parameters(lit he.ParametersLiteral) (he.Parameters, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	of := [3]int{lit.Nodes, lit.Threshold, lit.Dealers}
	if p, made := k.made[of]; made {
		return p, nil
	}
	p, err := he.NewParameters(lit)
	if err == nil {
		k.made[of] = p
	}
	return p, err
}

// keyRecord is what the vault keeps of one key: this node's Shamir share, the
// seeds it shares with every other node and the secret of its own randomness.
type keyRecord struct {
	Version int        `json:"v"`
	Key     string     `json:"key"`
	Epoch   uint64     `json:"epoch"`
	Attempt int        `json:"attempt"`
	Point   int        `json:"point"`
	Share   []byte     `json:"share"`
	Pairs   []pairSeed `json:"pairs"`
	Secret  []byte     `json:"secret"`
}

// pairSeed is the seed shared with the node at Point.
type pairSeed struct {
	Point int    `json:"point"`
	Seed  []byte `json:"seed"`
}

func (r *keyRecord) wipe() {
	vault.Wipe(r.Share)
	vault.Wipe(r.Secret)
	for _, p := range r.Pairs {
		vault.Wipe(p.Seed)
	}
}

// secretKey names a record in the vault. An attempt that failed leaves a record
// under its own name that nothing refers to.
func secretKey(s catalog.Sharing) string { return SharingSession(s) }

// encodeRecord writes digest ‖ record: sealing shows that nobody changed the file,
// the digest that what was sealed is what the ceremony made.
func encodeRecord(r keyRecord) ([]byte, error) {
	b, err := json.Marshal(r) //nolint:gosec // G117: for the vault, which seals it
	if err != nil {
		return nil, fmt.Errorf("encode the share of key %s: %w", r.Key, err)
	}
	d := catalog.Sum(b)
	return append(d[:], b...), nil
}

func decodeRecord(b []byte) (keyRecord, error) {
	var r keyRecord
	if len(b) < len(catalog.Digest{}) {
		return r, fmt.Errorf("the record has %d bytes, too few for its digest", len(b))
	}
	want, body := catalog.Digest(b[:32]), b[32:]
	if got := catalog.Sum(body); got != want {
		return r, fmt.Errorf("the record does not match its digest: %s, want %s", got, want)
	}
	if err := strictjson.Decode(body, &r); err != nil {
		return r, fmt.Errorf("decode the record: %w", err)
	}
	if r.Version != 1 {
		return r, fmt.Errorf("the record has version %d, want 1", r.Version)
	}
	return r, nil
}

// store makes the node's part of a key durable. What was stored of the same attempt
// before stays, with its seeds and its secret: the node may have given its word for it,
// and opened with it. Another share than that one is a deviation.
func (k *Keyring) store(r keyRecord) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := secretKey(catalog.Sharing{Key: r.Key, Epoch: r.Epoch, Attempt: r.Attempt})
	stored, err := k.secrets.Get(name)
	if err == nil {
		defer vault.Wipe(stored)
		return sameShare(stored, r)
	}
	if !errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("look for a stored share of key %s: %w", r.Key, err)
	}
	b, err := encodeRecord(r)
	if err != nil {
		return err
	}
	defer vault.Wipe(b)
	if err := k.secrets.Put(name, b); err != nil {
		return fmt.Errorf("store the share of key %s: %w", r.Key, err)
	}
	return nil
}

// drawnPrefix begins the names of records that say for which sharing of a key this node drew last
// what it keeps in memory only.
const drawnPrefix = "drawn/"

// draws makes durable that this node draws its part of a sharing to which it commits nothing. It
// returns failure.ErrRestarted where it did so before: that part is lost, and others may have some
// of it.
func (k *Keyring) draws(s catalog.Sharing) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	name, session := drawnPrefix+s.Key, SharingSession(s)
	last, err := k.secrets.Get(name)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("look for what was drawn last for key %s: %w", s.Key, err)
	}
	if err == nil && string(last) == session {
		return failure.ErrRestarted
	}
	if err := k.secrets.Put(name, []byte(session)); err != nil {
		return fmt.Errorf("note that seeds of key %s are drawn: %w", s.Key, err)
	}
	return nil
}

// sameShare refuses a record that is not of the share which is stored.
func sameShare(stored []byte, r keyRecord) error {
	old, err := decodeRecord(stored)
	if err != nil {
		return fmt.Errorf("%w: what is stored of attempt %d of key %s cannot be used: %w", failure.ErrDeviates, r.Attempt, r.Key, err)
	}
	defer old.wipe()
	if subtle.ConstantTimeCompare(old.Share, r.Share) != 1 {
		return fmt.Errorf("%w: attempt %d of key %s was dealt twice, with another share the second time", failure.ErrDeviates, r.Attempt, r.Key)
	}
	return nil
}

// Get returns this node's part of a key, of one of its sharings.
func (k *Keyring) Get(p he.Parameters, of catalog.Sharing) (*he.NodeKey, error) {
	name := secretKey(of)
	k.mu.Lock()
	defer k.mu.Unlock()
	if nk := k.loaded[name]; nk != nil {
		return nk, nil
	}
	nk, err := k.load(p, of, name)
	if err != nil {
		return nil, fmt.Errorf("%w %s (%s in the vault): %w", failure.ErrNoShare, of.Key, name, err)
	}
	k.loaded[name] = nk
	return nk, nil
}

// Read reads this node's part of a key from the vault, whatever is loaded. The caller erases it.
func (k *Keyring) Read(p he.Parameters, of catalog.Sharing) (*he.NodeKey, error) {
	nk, err := k.load(p, of, secretKey(of))
	if err != nil {
		return nil, fmt.Errorf("%w %s (%s in the vault): %w", failure.ErrNoShare, of.Key, secretKey(of), err)
	}
	return nk, nil
}

// ReadShare decodes a node's part of a key, by the name and the bytes that its vault has of it.
func ReadShare(p he.Parameters, of catalog.Sharing, secret func(name string) ([]byte, error)) (*he.NodeKey, error) {
	return (&Keyring{secrets: readOnly(secret)}).Read(p, of)
}

// readOnly are secrets that are only read.
type readOnly func(name string) ([]byte, error)

func (r readOnly) Get(name string) ([]byte, error) { return r(name) }
func (readOnly) Put(string, []byte) error          { return errReadOnly }
func (readOnly) PutCached(string, []byte) error    { return errReadOnly }
func (readOnly) Delete(string) error               { return errReadOnly }
func (readOnly) List(string) ([]string, error)     { return nil, errReadOnly }

var errReadOnly = errors.New("these secrets are only read")

func (k *Keyring) load(p he.Parameters, of catalog.Sharing, name string) (*he.NodeKey, error) {
	b, err := k.secrets.Get(name)
	if err != nil {
		return nil, err
	}
	defer vault.Wipe(b)
	r, err := decodeRecord(b)
	if err != nil {
		return nil, err
	}
	defer r.wipe()
	if (catalog.Sharing{Key: r.Key, Epoch: r.Epoch, Attempt: r.Attempt}) != of {
		return nil, fmt.Errorf("the record is of key %s, epoch %d, attempt %d", r.Key, r.Epoch, r.Attempt)
	}
	pairs := make(map[int][32]byte, len(r.Pairs))
	for _, s := range r.Pairs {
		if len(s.Seed) != 32 {
			return nil, fmt.Errorf("the seed shared with point %d has %d bytes, want 32", s.Point, len(s.Seed))
		}
		pairs[s.Point] = [32]byte(s.Seed)
	}
	if len(r.Secret) != 32 {
		return nil, fmt.Errorf("the secret has %d bytes, want 32", len(r.Secret))
	}
	return he.NewNodeKey(p, r.Point, r.Share, pairs, [32]byte(r.Secret))
}

// eraseBefore deletes this node's parts of a key from all attempts before one, and forgets
// them. Numbers of attempts only grow: what an old state calls old is old.
func (k *Keyring) eraseBefore(before catalog.Sharing) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	prefix := "key/" + before.Key + "/"
	names, err := k.secrets.List(prefix)
	if err != nil {
		return fmt.Errorf("list the shares of key %s: %w", before.Key, err)
	}
	for _, name := range names {
		s, ok := KeyShare(name)
		if !ok {
			return fmt.Errorf("the vault has %s, which is no share of a key", name)
		}
		if s.Attempt >= before.Attempt {
			continue
		}
		if nk := k.loaded[name]; nk != nil {
			nk.Erase()
			delete(k.loaded, name)
		}
		if err := k.secrets.Delete(name); err != nil && !errors.Is(err, vault.ErrNotFound) {
			return fmt.Errorf("erase an old share of key %s: %w", before.Key, err)
		}
	}
	return nil
}

// close forgets everything that was loaded.
func (k *Keyring) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, nk := range k.loaded {
		nk.Erase()
		delete(k.loaded, name)
	}
}
