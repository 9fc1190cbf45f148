package attest

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// SignedOrder is an order as its buyer signed it. An approval names the order by its
// id, which is the digest of what was signed: so it grants these terms and no others,
// whatever a node says that the order is.
type SignedOrder struct {
	catalog.OrderCreate
	ID    string
	Buyer string
}

// OpenOrder reads the envelope that made an order and verifies it: that the Ed25519
// public key is its signer's, that it was signed by it, and for this cluster.
func OpenOrder(e catalog.Envelope, key []byte, cluster catalog.Digest) (SignedOrder, error) {
	var o SignedOrder
	if catalog.PrincipalID(key) != e.Signer {
		return o, fmt.Errorf("the key is not that of its signer, %.80q", e.Signer)
	}
	if !e.Verify(key) {
		return o, fmt.Errorf("the signature is not that of %s", e.Signer)
	}
	p, err := catalog.ParsePayload(e.Payload)
	switch {
	case err != nil:
		return o, err
	case p.Kind != catalog.KindOrderCreate:
		return o, fmt.Errorf("a %s was signed, not an order", p.Kind)
	case p.Signer != e.Signer:
		return o, fmt.Errorf("the payload was made by %.80q, and signed by %s", p.Signer, e.Signer)
	case p.Cluster != cluster.String():
		return o, fmt.Errorf("it was signed for cluster %.80q, this is %s", p.Cluster, cluster)
	}
	if err := catalog.DecodeStrict(p.Body, &o.OrderCreate); err != nil {
		return o, fmt.Errorf("the order: %w", err)
	}
	o.ID, o.Buyer = catalog.OrderID(e.Digest()), e.Signer
	return o, nil
}

// Same reports whether the record of an order says what its buyer signed.
func (o SignedOrder) Same(r catalog.Order) bool {
	return r.ID == o.ID && r.Buyer == o.Buyer && string(catalog.Encode(r.OrderCreate)) == string(catalog.Encode(o.OrderCreate))
}
