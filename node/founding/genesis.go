package founding

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/durable"
)

// Genesis is the founding of a cluster: the signed first envelope, which every
// node of the roster is started with. Its payload's digest is the cluster's id.
// The founder signed the envelope; the operators of the other seats sign the cluster's id.
type Genesis struct {
	Version    int                 `json:"v"`
	Envelope   catalog.Envelope    `json:"envelope"`
	Signatures []OperatorSignature `json:"signatures,omitempty"` // from version 2 on
	// Roster are the changes of the roster since, as attest.Rosters takes them, for a machine
	// that comes later.
	Roster []catalog.Envelope `json:"roster,omitempty"`
	// Left are seats that were given up in them and are no members any more, as a node told the operator. Nobody signs that:
	// it only says with whom a machine that comes later does not begin.
	Left []string `json:"left,omitempty"`
}

// genesisVersion is the version that is written. Version 1 has no signatures: its founder holds all seats.
const genesisVersion = 2

// maxGenesis bounds what is read of a founding.
const maxGenesis = 16 * catalog.MaxEnvelope

// NewGenesis signs the founding of a cluster with the operator's key.
func NewGenesis(operator ed25519.PrivateKey, now int64, body catalog.InitBody) (Genesis, error) {
	body.Level = cmp.Or(body.Level, state.FeatureLevel) // no older program is in the cluster
	raw, err := json.Marshal(body)
	if err != nil {
		return Genesis{}, fmt.Errorf("encode the founding: %w", err)
	}
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	p := catalog.Payload{
		Version: 1, Kind: catalog.KindInit, Nonce: hex.EncodeToString(nonce[:]),
		Issued: now, Expires: now + catalog.MaxFoundingAge, Body: raw,
	}
	e, err := catalog.Sign(operator, catalog.PrincipalID(body.Operator.Key), p)
	if err != nil {
		return Genesis{}, fmt.Errorf("sign the founding: %w", err)
	}
	return Genesis{Version: genesisVersion, Envelope: e}, nil
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
	if err := catalog.DecodeStrict(p.Body, &body); err != nil {
		return body, fmt.Errorf("read the founding's body: %w", err)
	}
	return body, nil
}

// ReadGenesis reads a founding that the operators of all seats have signed.
func ReadGenesis(file string) (Genesis, error) {
	g, err := ReadDraft(file)
	if err != nil {
		return g, err
	}
	if err := g.CheckSigned(); err != nil {
		return Genesis{}, fmt.Errorf("read the founding %s: %w", file, err)
	}
	return g, nil
}

// ReadDraft reads a founding that operators may have yet to sign. It verifies nothing.
func ReadDraft(file string) (Genesis, error) {
	var g Genesis
	b, err := os.ReadFile(filepath.Clean(file))
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
	if len(b) > maxGenesis {
		return g, fmt.Errorf("it has more than %d bytes", maxGenesis)
	}
	if err := catalog.DecodeStrict(bytes.TrimSpace(b), &g); err != nil { // all institutions have to read the same
		return Genesis{}, err
	}
	switch {
	case g.Version < 1 || g.Version > genesisVersion:
		return Genesis{}, fmt.Errorf("version %d, this program reads versions 1 to %d", g.Version, genesisVersion)
	case g.Version == 1 && g.Signatures != nil:
		return Genesis{}, errors.New("signatures in version 1, which has none")
	}
	return g, nil
}

// WriteFile puts the founding into the place of file, readable by all: nothing in it is secret.
func (g Genesis) WriteFile(file string) error {
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the founding: %w", err)
	}
	if err := durable.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the founding: %w", err)
	}
	return nil
}

// Names of a node's own secrets in its vault.
const (
	SecretIdentity = "node/identity"
	SecretSealing  = "node/sealing"
	// SecretLedger is the record of the ledger, which is no secret: see consensus. It is here
	// because who loses it loses the node's identity too.
	SecretLedger = "node/ledger"
)

// Paths in a node's directory.
const (
	DirLedger  = "ledger"
	DirBlobs   = "blobs"
	DirRollups = "rollups"
	DirSecrets = "secrets"
	FileCard   = "card.json"
	// FileUploaded lists the blobs that an object store has (package blobcache).
	FileUploaded = "blobs.uploaded"
	// FileRoster has the changes of the roster that the node's ledger had last. A node that was
	// away finds the others by it before it has the ledger's newest entries.
	FileRoster = "roster.json"
)
