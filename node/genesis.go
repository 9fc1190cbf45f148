package node

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/vault"
)

// Genesis is the founding of a cluster: the signed first envelope, which every
// node of the roster is started with. Its payload's digest is the cluster's id.
type Genesis struct {
	Version  int              `json:"v"`
	Envelope catalog.Envelope `json:"envelope"`
	// Roster are the changes of the roster since, for a machine that comes later.
	Roster []catalog.Envelope `json:"roster,omitempty"`
}

// NewGenesis signs the founding of a cluster with the operator's key.
func NewGenesis(operator ed25519.PrivateKey, now int64, body catalog.InitBody) (Genesis, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Genesis{}, fmt.Errorf("encode the founding: %w", err)
	}
	e, err := catalog.Sign(operator, catalog.PrincipalID(body.Operator.Key), newPayload("", catalog.KindInit, now, raw))
	if err != nil {
		return Genesis{}, fmt.Errorf("sign the founding: %w", err)
	}
	return Genesis{Version: 1, Envelope: e}, nil
}

// Cluster returns the cluster's id.
func (g Genesis) Cluster() catalog.Digest { return g.Envelope.Digest() }

// Body returns the roster, the threshold and the first operator. It checks
// nothing: the state machine does, when the founding is applied.
func (g Genesis) Body() (catalog.InitBody, error) {
	var body catalog.InitBody
	p, err := catalog.ParsePayload(g.Envelope.Payload)
	if err != nil {
		return body, fmt.Errorf("read the founding's payload: %w", err)
	}
	if p.Kind != catalog.KindInit {
		return body, fmt.Errorf("the founding is a %q, want %q", p.Kind, catalog.KindInit)
	}
	if err := strictjson.Decode(p.Body, &body); err != nil {
		return body, fmt.Errorf("read the founding's body: %w", err)
	}
	return body, nil
}

// ReadGenesis reads the file that WriteFile wrote.
func ReadGenesis(file string) (Genesis, error) {
	var g Genesis
	b, err := os.ReadFile(file)
	if err != nil {
		return g, fmt.Errorf("read the founding: %w", err)
	}
	if g, err = parseGenesis(b); err != nil {
		return g, fmt.Errorf("read the founding %s: %w", file, err)
	}
	return g, nil
}

func parseGenesis(b []byte) (Genesis, error) {
	var g Genesis
	if err := strictjson.Decode(b, &g); err != nil {
		return Genesis{}, err
	}
	if g.Version != 1 {
		return Genesis{}, fmt.Errorf("version %d, want 1", g.Version)
	}
	return g, nil
}

// WriteFile writes the founding, readable by all: nothing in it is secret.
func (g Genesis) WriteFile(file string) error {
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the founding: %w", err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil { //nolint:gosec // public
		return fmt.Errorf("write the founding: %w", err)
	}
	return nil
}

// Names of a node's own secrets in its vault.
const (
	secretIdentity = "node/identity"
	secretSealing  = "node/sealing"
)

// Paths in a node's directory.
const (
	dirLedger = "ledger"
	dirBlobs  = "blobs"
	dirVault  = "secrets"
)

// Init makes a node's own keys in dir, sealed under the key in sealKeyFile, and
// returns what the roster needs to know of it. It refuses a directory that holds
// a node already.
func Init(dir, sealKeyFile string, n catalog.Node) (catalog.Node, error) {
	v, err := vault.Open(filepath.Join(dir, dirVault), sealKeyFile)
	if err != nil {
		return n, err
	}
	if _, err := v.Get(secretIdentity); !errors.Is(err, vault.ErrNotFound) {
		if err != nil {
			return n, err
		}
		return n, fmt.Errorf("%s holds a node already: %w", dir, fs.ErrExist)
	}
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
	if err := v.Put(secretSealing, sealing); err != nil {
		return n, err
	}
	if err := v.Put(secretIdentity, private.Seed()); err != nil {
		return n, err
	}
	n.Key, n.Sealing = public, sealingPublic
	return n, nil
}

// hostPort is the address in an https URL such as the roster's.
func hostPort(api string) (string, error) {
	u, err := url.Parse(api)
	if err != nil {
		return "", fmt.Errorf("read the roster's address for clients: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("the roster's address for clients is %q, want https://HOST:PORT", api)
	}
	return u.Host, nil
}
