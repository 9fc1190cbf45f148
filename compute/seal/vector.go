package seal

import "fmt"

// vectorInfo is the HPKE info of a node's share of a private vector.
const vectorInfo = "weir/vector"

// VectorShare closes a node's share of a private vector, as he.DealVector makes
// it, to that node's sealing key. aad is the registration's, for the node's point
// (catalog.VectorRegister.AAD): a share opens in no other place (PROTOCOL.md section
// 6.1).
func VectorShare(public, aad, share []byte) ([]byte, error) {
	sealed, err := Seal(public, []byte(vectorInfo), aad, share)
	if err != nil {
		return nil, fmt.Errorf("seal a share of a vector: %w", err)
	}
	return sealed, nil
}

// OpenVectorShare opens what VectorShare closed. It fails like Open.
func OpenVectorShare(private, aad, sealed []byte) ([]byte, error) {
	share, err := Open(private, []byte(vectorInfo), aad, sealed)
	if err != nil {
		return nil, fmt.Errorf("open a share of a vector: %w", err)
	}
	return share, nil
}
