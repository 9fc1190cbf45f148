package attest

import (
	"bytes"
	"crypto/ed25519"
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// Rosters checks what made the roster of the cluster with that id: the founding, whose
// digest is the id, then machines that were put into its seats, each signed by the operator
// that the founding names for the seat, and naming the one before. It returns the cluster
// as each entry left it. Nobody but these operators has to be believed: who passes the
// entries on can only leave the last ones out.
func Rosters(id catalog.Digest, envelopes []catalog.Envelope) ([]catalog.Cluster, error) {
	if len(envelopes) == 0 || envelopes[0].Digest() != id {
		return nil, fmt.Errorf("the first entry is not the founding of cluster %s", id)
	}
	var body catalog.InitBody
	if err := readBody(envelopes[0], catalog.KindInit, "", &body); err != nil {
		return nil, fmt.Errorf("read the founding: %w", err)
	}
	all := []catalog.Cluster{{ID: id, Name: body.Name, Threshold: body.Threshold, Nodes: body.Nodes}}
	for i, e := range envelopes[1:] {
		next, err := replaced(all[i], envelopes[i].Digest(), e)
		if err != nil {
			return nil, fmt.Errorf("read change %d of the roster: %w", i+1, err)
		}
		all = append(all, next)
	}
	return all, nil
}

// replaced is the cluster after another machine was put into a seat.
func replaced(c catalog.Cluster, previous catalog.Digest, e catalog.Envelope) (catalog.Cluster, error) {
	var body catalog.SeatReplace
	if err := readBody(e, catalog.KindSeatReplace, c.ID.String(), &body); err != nil {
		return c, err
	}
	n, at := body.Node, body.Node.Point-1
	switch {
	case body.Previous != previous:
		return c, fmt.Errorf("it follows %s, not %s", body.Previous, previous)
	case at < 0 || at >= len(c.Nodes) || c.Nodes[at].ID != n.ID:
		return c, fmt.Errorf("there is no node %.80q at point %d", n.ID, n.Point)
	case n.Institution != c.Nodes[at].Institution || !bytes.Equal(n.Operator, c.Nodes[at].Operator):
		return c, fmt.Errorf("it gives the seat of %s to another institution or operator", n.ID)
	case len(n.Operator) != ed25519.PublicKeySize || !e.Verify(n.Operator):
		return c, fmt.Errorf("the operator of %s has not signed it", n.ID)
	case len(n.Key) != ed25519.PublicKeySize || len(n.Sealing) != catalog.ReceivingKeySize:
		return c, fmt.Errorf("the keys of %s have %d and %d bytes, want %d and %d",
			n.ID, len(n.Key), len(n.Sealing), ed25519.PublicKeySize, catalog.ReceivingKeySize)
	}
	return c.With(n), nil
}

// readBody reads the body of an envelope of a kind that is meant for a cluster.
func readBody(e catalog.Envelope, kind catalog.Kind, cluster string, body any) error {
	p, err := catalog.ParsePayload(e.Payload)
	switch {
	case err != nil:
		return err
	case p.Kind != kind || p.Cluster != cluster || p.Signer != e.Signer:
		return fmt.Errorf("it is a %q of cluster %.80q signed for %.80q, want a %q of cluster %q", p.Kind, p.Cluster, p.Signer, kind, cluster)
	}
	return catalog.DecodeStrict(p.Body, body)
}
