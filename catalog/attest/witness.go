package attest

import "github.com/weirdata/weir/catalog"

// WitnessAAD binds a node's sealed share of the witnesses of a private query (PROTOCOL.md
// section 6.5) to all that it is for: cluster and roster, the buyer, the request as it
// will be signed, the structure of the test (he.PieceStructure.Digest), and the node it
// is sealed to. The envelope names the digests of what is sealed, so it cannot be bound
// to the envelope.
func WitnessAAD(c catalog.Cluster, buyer string, request catalog.Request, structure catalog.Digest, point int) []byte {
	type bound struct {
		Protocol  string         `json:"protocol"`
		Cluster   catalog.Digest `json:"cluster"`
		Nodes     []catalog.Node `json:"nodes"`
		Threshold int            `json:"threshold"`
		Buyer     string         `json:"buyer"`
		Request   catalog.Digest `json:"request"`
		Structure catalog.Digest `json:"structure"`
		Point     int            `json:"point"`
	}
	d := catalog.Sum(catalog.Encode(bound{"weir v1 witness share", c.ID, c.Nodes, c.Threshold, buyer, catalog.Sum(catalog.Encode(request)), structure, point}))
	return d[:]
}
