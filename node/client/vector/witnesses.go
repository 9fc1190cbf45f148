package vector

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// SealWitnesses computes the witnesses of a private partition for the test of a query
// (PROTOCOL.md section 6.5), shares them among the nodes and seals each share to its node:
// point 1 first. They are bound to the caller, to the request as it will be signed and
// to the structure of the test, which is public. pieceOf is the piece of every entity,
// −1 for none. cluster has the nodes that compute it (Client.KeyRoster).
func SealWitnesses(c *client.Client, cluster catalog.Cluster, request catalog.Request, s *he.PieceStructure, pieceOf []int8) ([][]byte, error) {
	if c.Key() == nil {
		return nil, fmt.Errorf("seal the witnesses of a query: %w", client.ErrNoKey)
	}
	params, err := productParameters()
	if err != nil {
		return nil, err
	}
	witnesses, err := he.PieceWitnesses(params, s, pieceOf)
	if err != nil {
		return nil, err
	}
	defer clear(witnesses)
	digest := s.Digest()
	spec := he.WitnessSpec{Nodes: len(cluster.Nodes), Threshold: cluster.Threshold, Count: len(witnesses), Structure: digest}
	shares, err := he.DealWitnesses(params, spec, witnesses)
	if err != nil {
		return nil, err
	}
	return sealEach(cluster, shares, seal.WitnessInfo, func(point int) []byte {
		return attest.WitnessAAD(cluster, c.Key().ID(), request, digest, point)
	})
}

// PutWitnesses uploads each node's sealed share of the witnesses to that node, so that
// whichever node dies next, the others hold what they compute with. A share that its node
// does not take goes to any other, which hands it on. It returns the digests, in the order
// of the shares.
func PutWitnesses(ctx context.Context, c *client.Client, cluster catalog.Cluster, sealed [][]byte) ([]catalog.Digest, error) {
	digests := make([]catalog.Digest, len(sealed))
	g, ctx := errgroup.WithContext(ctx)
	for i, b := range sealed {
		digests[i] = catalog.Sum(b)
		node, known := c.Profile().Node(cluster.Nodes[i].ID)
		g.Go(func() error {
			if known {
				if _, err := c.Ask(ctx, node, client.BlobCall(wire.BlobVector, digests[i], b)); err == nil {
					return nil
				}
			}
			return c.PutBlob(ctx, wire.BlobVector, digests[i], b)
		})
	}
	return digests, g.Wait()
}
