package seal

import "fmt"

// witnessInfo is the HPKE info of a node's share of a private query's witnesses.
const witnessInfo = "weir/witness"

// WitnessShare closes a node's share of the witnesses of a private query, as
// he.DealWitnesses makes it, to that node's sealing key. aad is attest.WitnessAAD for
// the node's point: a share opens in no other place.
func WitnessShare(public, aad, share []byte) ([]byte, error) {
	sealed, err := Seal(public, []byte(witnessInfo), aad, share)
	if err != nil {
		return nil, fmt.Errorf("seal a share of witnesses: %w", err)
	}
	return sealed, nil
}

// OpenWitnessShare opens what WitnessShare closed. It fails like Open.
func OpenWitnessShare(private, aad, sealed []byte) ([]byte, error) {
	share, err := Open(private, []byte(witnessInfo), aad, sealed)
	if err != nil {
		return nil, fmt.Errorf("open a share of witnesses: %w", err)
	}
	return share, nil
}
