package client

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
)

// Profile pins a cluster: its id and every node's key. It is the content of
// ready.json (DATA_MODEL.md section 3.7), and public.
type Profile struct {
	Addr    string         `json:"addr"`    // of the node to ask first, an https URL
	Cluster catalog.Digest `json:"cluster"` // the cluster's id
	Nodes   []ProfileNode  `json:"nodes"`   // point 1 first
	// Threshold is how many nodes must sign what the profile's owner believes.
	// Zero, in a profile made before there was one: a majority, at least two.
	Threshold int `json:"threshold,omitempty"`
	// Changes is how many changes of the roster the pinned nodes are after.
	Changes int `json:"changes,omitempty"`
	// Gone are nodes whose seats were given up. They are known, since they may have answered
	// queries, or answer them until keys have moved; what they sign of the ledger counts no more.
	Gone []ProfileNode `json:"gone,omitempty"`
	// Moved says of publishers, by their ids, after how many changes of the roster the one was that
	// they let their key move to, where one was seen. An earlier one is not taken again.
	Moved map[string]int `json:"moved,omitempty"`
}

// ProfileNode is a pinned node.
type ProfileNode struct {
	ID   string `json:"id"`
	Addr string `json:"addr"` // of its API, an https URL
	Key  []byte `json:"key"`  // Ed25519
	// Former are the keys of the machines that were in the node's seat before.
	Former [][]byte `json:"former,omitempty"`
}

// Keys are those that the node has signed with: that of its machine now, and those of the machines before.
func (n ProfileNode) Keys() [][]byte { return append([][]byte{n.Key}, n.Former...) }

// Pin returns the profile of a cluster with its founding's roster and threshold.
func Pin(cluster catalog.Digest, founding catalog.InitBody) Profile {
	p := Profile{Cluster: cluster, Threshold: founding.Threshold}
	for i, n := range founding.Nodes {
		if i == 0 {
			p.Addr = n.API
		}
		p.Nodes = append(p.Nodes, ProfileNode{ID: n.ID, Addr: n.API, Key: n.Key})
	}
	return p
}

// ErrProfile is returned for a profile that does not pin a cluster.
var ErrProfile = errors.New("unusable profile")

// LoadProfile reads a profile from a file such as D/ready.json.
func LoadProfile(path string) (Profile, error) {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return Profile{}, err
	}
	p, err := parseProfile(b)
	if err != nil {
		return Profile{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func parseProfile(b []byte) (Profile, error) {
	var p Profile
	if err := strictjson.Decode(b, &p); err != nil {
		return Profile{}, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	if err := p.check(); err != nil {
		return Profile{}, err
	}
	return p, nil
}

// Save writes the profile in one step, so that a reader never sees half of it.
func (p Profile) Save(path string) error {
	if err := p.check(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the profile: %w", err)
	}
	return durable.WriteFile(path, append(b, '\n'), 0o644)
}

func (p Profile) check() error {
	if p.Cluster.IsZero() {
		return fmt.Errorf("%w: field cluster is not set", ErrProfile)
	}
	if len(p.Nodes) == 0 {
		return fmt.Errorf("%w: field nodes is empty", ErrProfile)
	}
	if p.Changes < 0 {
		return fmt.Errorf("%w: field changes is %d", ErrProfile, p.Changes)
	}
	if p.Threshold < 0 || p.Threshold == 1 || p.Threshold > catalog.MaxNodes {
		return fmt.Errorf("%w: field threshold is %d, 2 to %d are possible", ErrProfile, p.Threshold, catalog.MaxNodes)
	}
	seen := make(map[string]bool)
	for i, n := range append(slices.Clone(p.Nodes), p.Gone...) {
		field := fmt.Sprintf("nodes[%d]", i)
		if i >= len(p.Nodes) {
			field = fmt.Sprintf("gone[%d]", i-len(p.Nodes))
		}
		switch {
		case n.ID == "" || seen[n.ID]:
			return fmt.Errorf("%w: %s.id %q is empty or there twice", ErrProfile, field, n.ID)
		case len(n.Key) != ed25519.PublicKeySize:
			return fmt.Errorf("%w: %s.key has %d bytes, want %d", ErrProfile, field, len(n.Key), ed25519.PublicKeySize)
		case slices.ContainsFunc(n.Former, func(k []byte) bool { return len(k) != ed25519.PublicKeySize }):
			return fmt.Errorf("%w: %s.former has a key that is not of %d bytes", ErrProfile, field, ed25519.PublicKeySize)
		}
		seen[n.ID] = true
		if err := checkAddr(n.Addr); err != nil {
			return fmt.Errorf("%w: %s.addr: %w", ErrProfile, field, err)
		}
	}
	if p.Addr != "" {
		if err := checkAddr(p.Addr); err != nil {
			return fmt.Errorf("%w: addr: %w", ErrProfile, err)
		}
	}
	return nil
}

func checkAddr(addr string) error {
	u, err := url.Parse(addr)
	if err != nil {
		return err
	}
	if u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("%q is not of the form https://HOST:PORT", addr)
	}
	return nil
}

// keys are those of all nodes that may answer.
func (p Profile) keys() []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	for _, n := range append(slices.Clone(p.Nodes), p.Gone...) {
		keys = append(keys, n.Key)
	}
	return keys
}

// Quorum is how many pinned nodes must sign what is believed.
func (p Profile) Quorum() int {
	if p.Threshold == 0 {
		return max(2, len(p.Nodes)/2+1)
	}
	return p.Threshold
}

// Trust is what evidence is verified against.
func (p Profile) Trust() evidence.Trust {
	t := evidence.Trust{Origin: evidence.Origin(p.Cluster.String()), Threshold: p.Quorum()}
	for _, n := range p.Nodes {
		for _, key := range n.Keys() {
			t.Nodes = append(t.Nodes, evidence.Node{ID: n.ID, Key: key})
		}
	}
	return t
}

// Node returns the node with the id, which has a seat or had one.
func (p Profile) Node(id string) (ProfileNode, bool) {
	for _, n := range append(slices.Clone(p.Nodes), p.Gone...) {
		if n.ID == id {
			return n, true
		}
	}
	return ProfileNode{}, false
}
