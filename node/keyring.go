package node

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/strictjson"
	"github.com/weirdata/weir/node/vault"
)

// errNoShare is returned when this node holds no usable share of a key. Trying
// again does not help; another active set does.
var errNoShare = errors.New("this node holds no usable share of the key")

// keyring holds this node's part of every publisher's key. It is filled from
// the vault when first asked, and remembers what is wrong with a record so that
// the node can say why it is not ready.
type keyring struct {
	vault  *vault.Vault
	mu     sync.Mutex
	loaded map[string]*he.NodeKey
	noise  drawer // of the same vault
}

func newKeyring(v *vault.Vault) *keyring {
	return &keyring{vault: v, loaded: map[string]*he.NodeKey{}, noise: drawer{vault: v}}
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
func secretKey(key string, epoch uint64, attempt int) string {
	return fmt.Sprintf("key/%s/%d/%d", key, epoch, attempt)
}

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
		return r, fmt.Errorf("the record: %w", err)
	}
	if r.Version != 1 {
		return r, fmt.Errorf("the record has version %d, want 1", r.Version)
	}
	return r, nil
}

// store makes the node's part of a key durable.
func (k *keyring) store(r keyRecord) error {
	b, err := encodeRecord(r)
	if err != nil {
		return err
	}
	defer vault.Wipe(b)
	if err := k.vault.Put(secretKey(r.Key, r.Epoch, r.Attempt), b); err != nil {
		return fmt.Errorf("store the share of key %s: %w", r.Key, err)
	}
	return nil
}

// get returns this node's part of a key.
func (k *keyring) get(p he.Parameters, key catalog.Key) (*he.NodeKey, error) {
	name := secretKey(key.ID, key.Epoch, key.Attempt)
	k.mu.Lock()
	defer k.mu.Unlock()
	if nk := k.loaded[name]; nk != nil {
		return nk, nil
	}
	nk, err := k.load(p, key, name)
	if err != nil {
		return nil, fmt.Errorf("%w %s (%s in the vault): %w", errNoShare, key.ID, name, err)
	}
	k.loaded[name] = nk
	return nk, nil
}

func (k *keyring) load(p he.Parameters, key catalog.Key, name string) (*he.NodeKey, error) {
	b, err := k.vault.Get(name)
	if err != nil {
		return nil, err
	}
	defer vault.Wipe(b)
	r, err := decodeRecord(b)
	if err != nil {
		return nil, err
	}
	defer r.wipe()
	if r.Key != key.ID || r.Epoch != key.Epoch || r.Attempt != key.Attempt {
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

// close forgets everything that was loaded.
func (k *keyring) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, nk := range k.loaded {
		nk.Erase()
		delete(k.loaded, name)
	}
}

// packUint64s is the little-endian form in which opened slots travel.
func packUint64s(v []uint64) []byte {
	b := make([]byte, 8*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(b[8*i:], x)
	}
	return b
}

func unpackUint64s(b []byte, want int) ([]uint64, error) {
	if len(b)%8 != 0 || len(b)/8 != want {
		return nil, fmt.Errorf("%d bytes, want %d numbers of 8", len(b), want)
	}
	v := make([]uint64, want)
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return v, nil
}
