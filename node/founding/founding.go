package founding

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/vault"
)

// A cluster is founded by institutions that do not trust each other. Each makes its nodes
// (Init) and hands over their cards; one of them makes the founding of the cards (Found);
// the operators of all seats sign it (SignedBy); each node takes it when it holds the node
// as its card has it (CheckMember, Install). No node starts with a founding that an operator of
// a seat has not signed.

// OperatorSignature is an operator's signature over foundingContext and the cluster's id.
type OperatorSignature struct {
	Operator  string `json:"operator"` // a principal's id
	Signature []byte `json:"signature"`
}

// foundingContext separates operators' signatures of foundings from every other use of their keys.
const foundingContext = "weir founding v1\n"

// Why a founding is refused.
var (
	// ErrFoundingSignature is returned for a founding with a signature that is not of it: the
	// founding was changed after it was signed, or somebody signed who has no seat.
	ErrFoundingSignature = errors.New("the founding is not what was signed")
	// ErrNoSeat is returned when whoever founds or signs has no seat.
	ErrNoSeat = errors.New("no seat")
	// ErrMember is returned when a founding does not have a node as the node's card has it.
	ErrMember = errors.New("the founding does not have this node as its card says")
)

// UnsignedError is that operators of seats have not signed a founding.
type UnsignedError struct {
	Cluster catalog.Digest
	Seats   []catalog.Node // one of each such operator
}

// Error implements error.
func (e *UnsignedError) Error() string {
	var who []string
	for _, s := range e.Seats {
		who = append(who, fmt.Sprintf("%s (%s, node %s)", shown.Text(s.Institution), catalog.PrincipalID(s.Operator), shown.Text(s.ID)))
	}
	return "it is not signed by " + strings.Join(who, ", ") + ": every institution with a seat runs `weir operator sign GENESIS --key OPERATOR.key` on it"
}

// OtherClusterError is that the founding of another cluster is where one is to be installed.
type OtherClusterError struct {
	File            string
	Name            string // of the cluster there
	Cluster, Wanted catalog.Digest
}

// Error implements error.
func (e *OtherClusterError) Error() string {
	return fmt.Sprintf("%s holds the founding of another cluster, %s (%s), not of %s: it is never overwritten; move it away if this machine has left that cluster, or give another path",
		e.File, shown.Text(e.Name), e.Cluster, e.Wanted)
}

// Found makes the founding of a cluster with the nodes of cards, in the order of their Shamir
// points. body has the rest. The founder, whose key signs it, must have a seat. What the
// ledger would refuse is refused with its *catalog.Refusal.
func Found(founder ed25519.PrivateKey, now int64, body catalog.InitBody, cards []Card) (Genesis, error) {
	body.Nodes = nil
	for i, c := range cards {
		if err := c.Verify(); err != nil {
			return Genesis{}, fmt.Errorf("card %d: %w", i+1, err)
		}
		for j, other := range cards[:i] {
			if c.ID == other.ID || bytes.Equal(c.Key, other.Key) {
				return Genesis{}, fmt.Errorf("%w: cards %d and %d are both of a node %s, and every seat has a node of its own", ErrCard, j+1, i+1, c.ID)
			}
		}
		if bytes.Equal(c.Operator, body.Operator.Key) && c.Institution != body.Operator.Name {
			return Genesis{}, fmt.Errorf("%w: card %d, of node %s, calls the institution %q, and the founder's key %q", ErrCard, i+1, c.ID, c.Institution, body.Operator.Name)
		}
		body.Nodes = append(body.Nodes, c.Node(i+1))
	}
	if len(SeatsOf(body, body.Operator.Key)) == 0 {
		return Genesis{}, fmt.Errorf("%w: no card names the founder, %s (%s), as its operator: %s",
			ErrNoSeat, body.Operator.Name, catalog.PrincipalID(body.Operator.Key), institutions(body))
	}
	g, err := NewGenesis(founder, now, body)
	if err != nil {
		return Genesis{}, err
	}
	_, err = g.Check()
	return g, err
}

// SeatsOf returns the members of the roster that an operator's key holds the seats of.
func SeatsOf(body catalog.InitBody, operator []byte) (seats []catalog.Node) {
	for _, n := range body.Nodes {
		if bytes.Equal(n.Operator, operator) {
			seats = append(seats, n)
		}
	}
	return seats
}

// institutions says whose the seats are.
func institutions(body catalog.InitBody) string {
	var list []string
	for _, n := range body.Nodes {
		list = append(list, fmt.Sprintf("%s's is %s (%s)", shown.Text(n.ID), shown.Text(n.Institution), catalog.PrincipalID(n.Operator)))
	}
	return strings.Join(list, ", ")
}

// Check returns what the founding says, when the ledger would take it in time and all
// signatures are of it. Some may be missing.
func (g Genesis) Check() (catalog.InitBody, error) {
	body, _, err := g.unsigned()
	if err != nil {
		return body, err
	}
	p, err := catalog.ParsePayload(g.Envelope.Payload)
	if err != nil {
		return body, fmt.Errorf("read the founding's payload: %w", err)
	}
	raw, err := state.NewMachine().Apply(memstore.New(), 1, catalog.NewEntry(p.Issued, g.Envelope).Marshal())
	if err != nil {
		return body, fmt.Errorf("try the founding: %w", err)
	}
	var out catalog.Outcome
	if err := catalog.DecodeStrict(raw, &out); err != nil {
		return body, fmt.Errorf("try the founding: %w", err)
	}
	if out.Refusal != nil {
		return body, fmt.Errorf("no ledger takes the founding: %w", out.Refusal)
	}
	return body, nil
}

// CheckSigned returns an *UnsignedError unless the operators of all seats have signed, and
// another error when a signature is not of this founding.
func (g Genesis) CheckSigned() error {
	_, missing, err := g.unsigned()
	if err == nil && len(missing) > 0 {
		err = &UnsignedError{Cluster: g.Cluster(), Seats: missing}
	}
	return err
}

// unsigned verifies the signatures that there are. It returns a seat of each operator who has not signed.
func (g Genesis) unsigned() (body catalog.InitBody, missing []catalog.Node, err error) {
	if body, err = g.Body(); err != nil {
		return body, nil, err
	}
	founder := catalog.PrincipalID(body.Operator.Key)
	if g.Envelope.Signer != founder || !g.Envelope.Verify(body.Operator.Key) {
		return body, nil, fmt.Errorf("%w: the founder's signature, of %s, is not of it; get the file from him again", ErrFoundingSignature, shown.Text(body.Operator.Name))
	}
	signed := map[string]bool{founder: true}
	for _, s := range g.Signatures {
		at := slices.IndexFunc(body.Nodes, func(n catalog.Node) bool { return catalog.PrincipalID(n.Operator) == s.Operator })
		switch {
		case at < 0:
			return body, nil, fmt.Errorf("%w: %s has signed and has no seat: %s", ErrFoundingSignature, shown.Text(s.Operator), institutions(body))
		case signed[s.Operator]:
			return body, nil, fmt.Errorf("%w: %s has signed twice", ErrFoundingSignature, shown.Text(s.Operator))
		case len(body.Nodes[at].Operator) != ed25519.PublicKeySize || !ed25519.Verify(body.Nodes[at].Operator, g.operatorBytes(), s.Signature):
			return body, nil, fmt.Errorf("%w: the signature of %s (%s) is not of it; get the file that they signed, or have all sign this one",
				ErrFoundingSignature, shown.Text(body.Nodes[at].Institution), s.Operator)
		}
		signed[s.Operator] = true
	}
	for _, n := range body.Nodes {
		if id := catalog.PrincipalID(n.Operator); !signed[id] {
			missing, signed[id] = append(missing, n), true
		}
	}
	return body, missing, nil
}

// Unsigned returns a seat of each operator who has not signed.
func (g Genesis) Unsigned() ([]catalog.Node, error) {
	_, missing, err := g.unsigned()
	return missing, err
}

// operatorBytes are what operators sign.
func (g Genesis) operatorBytes() []byte {
	id := g.Cluster()
	return append([]byte(foundingContext), id[:]...)
}

// SignedBy returns the founding with an operator's signature, unless it is there already.
// The operator must have a seat.
func (g Genesis) SignedBy(operator ed25519.PrivateKey) (Genesis, error) {
	body, err := g.Check()
	if err != nil {
		return g, err
	}
	public := operator.Public().(ed25519.PublicKey) //nolint:forcetypeassert // by definition
	id := catalog.PrincipalID(public)
	if len(SeatsOf(body, public)) == 0 {
		return g, fmt.Errorf("%w: the key %s has none in the founding: %s", ErrNoSeat, id, institutions(body))
	}
	if bytes.Equal(public, body.Operator.Key) || slices.ContainsFunc(g.Signatures, func(s OperatorSignature) bool { return s.Operator == id }) {
		return g, nil
	}
	g.Version = genesisVersion
	g.Signatures = append(slices.Clone(g.Signatures), OperatorSignature{Operator: id, Signature: ed25519.Sign(operator, g.operatorBytes())})
	return g, nil
}

// Rosters are the cluster as it was founded and after each change of its roster that the file
// has. They are checked against the cluster's id (attest.Rosters).
func (g Genesis) Rosters() ([]catalog.Cluster, error) {
	rosters, err := attest.Rosters(g.Cluster(), append([]catalog.Envelope{g.Envelope}, g.Roster...))
	if err != nil {
		return nil, fmt.Errorf("read the roster: %w", err)
	}
	return rosters, nil
}

// CheckMember returns an ErrMember unless the roster has the node as its card has it.
func (g Genesis) CheckMember(c Card) error {
	rosters, err := g.Rosters()
	if err != nil {
		return err
	}
	body := rosters[len(rosters)-1]
	at := slices.IndexFunc(body.Nodes, func(n catalog.Node) bool { return n.ID == c.ID })
	if at < 0 {
		var ids []string
		for _, n := range body.Nodes {
			ids = append(ids, shown.Text(n.ID))
		}
		return fmt.Errorf("%w: it has no node %s, but %s", ErrMember, c.ID, strings.Join(ids, ", "))
	}
	n := body.Nodes[at]
	for _, f := range []struct{ field, has, card string }{
		{"institution", n.Institution, c.Institution},
		{"operator", catalog.PrincipalID(n.Operator), catalog.PrincipalID(c.Operator)},
		{"addr", n.Addr, c.Addr},
		{"api", n.API, c.API},
		{"key", Fingerprint(n.Key), Fingerprint(c.Key)},
		{"sealing", Fingerprint(n.Sealing), Fingerprint(c.Sealing)},
	} {
		if f.has != f.card {
			return fmt.Errorf("%w: its %s of node %s is %s, the card's is %s; have the founder make it of the card that `weir node card` prints",
				ErrMember, f.field, c.ID, shown.Text(f.has), f.card)
		}
	}
	if !bytes.Equal(n.Key, c.Key) || !bytes.Equal(n.Sealing, c.Sealing) || !bytes.Equal(n.Operator, c.Operator) {
		return fmt.Errorf("%w: keys with the same fingerprints differ", ErrMember)
	}
	return nil
}

// CheckKeys returns an error unless the secret keys of the node in dir are those of its card.
func (c Card) CheckKeys(ctx context.Context, dir string, key SealKey) error {
	private, err := c.openKey(ctx, dir, key)
	vault.Wipe(private)
	return err
}

// SigningKey is the key that a node signs with, of its vault. The caller wipes it.
func SigningKey(v *vault.Vault) (ed25519.PrivateKey, error) {
	seed, err := v.Get(SecretIdentity)
	if err != nil {
		return nil, fmt.Errorf("read this node's key: %w", err)
	}
	defer vault.Wipe(seed)
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("this node's key has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// openKey is the signing key of the node in dir, after CheckKeys. The caller wipes it.
func (c Card) openKey(ctx context.Context, dir string, key SealKey) (private ed25519.PrivateKey, err error) {
	v, err := key.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	sealing, err := v.Get(SecretSealing)
	if err != nil {
		return nil, fmt.Errorf("read this node's sealing key: %w", err)
	}
	defer vault.Wipe(sealing)
	if private, err = SigningKey(v); err != nil {
		return nil, err
	}
	if !private.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(c.Key)) { //nolint:forcetypeassert // by definition
		return private, fmt.Errorf("%w: the card in %s has another key than the node there", ErrCard, dir)
	}
	if public, err := seal.PublicKey(sealing); err != nil || !bytes.Equal(public, c.Sealing) {
		return private, errors.Join(fmt.Errorf("%w: the card in %s has another sealing key than the node there", ErrCard, dir), err)
	}
	return private, nil
}

// Install puts a founding that all have signed where a node is started from, in one step. Of the
// same cluster it may be there already; another cluster's is never overwritten.
func (g Genesis) Install(file string) error {
	if err := g.CheckSigned(); err != nil {
		return err
	}
	have, err := ReadDraft(file)
	if errors.Is(err, fs.ErrNotExist) {
		return g.WriteFile(file)
	}
	if err != nil {
		return fmt.Errorf("a file is in the founding's place: %w; move it away", err)
	}
	if have.Cluster() != g.Cluster() {
		body, err := have.Body()
		if err != nil {
			return fmt.Errorf("%s is not of this cluster: %w; move it away", file, err)
		}
		return &OtherClusterError{File: file, Name: body.Name, Cluster: have.Cluster(), Wanted: g.Cluster()}
	}
	return g.WriteFile(file)
}
