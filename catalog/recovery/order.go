// Package recovery says how a cluster goes on whose machines, or most of them, are lost: by which
// order, signed by whom, and what a cluster that was restored knows of what it lost. What the entries
// do is in package catalog/state.
package recovery

import "github.com/weirdata/weir/catalog"

// Order is what the operators of seats sign to have a cluster go on after its machines, or most of
// them, are lost: from the first Size entries of its log, whose root is Root. They are in a backup, or
// in the ledger of a node that survived. Previous is the id of the order before it, zero for the
// first.
type Order struct {
	Cluster  catalog.Digest `json:"cluster"`
	Size     uint64         `json:"size"`
	Root     catalog.Digest `json:"root"`
	Previous catalog.Digest `json:"previous,omitzero"`
	Made     int64          `json:"made"` // Unix milliseconds

	// Survivor is the node whose ledger it is; empty: it is a backup's.
	Survivor string `json:"survivor,omitempty"`
	// Committed is how many of the survivor's entries a majority is known to have had. In the place of
	// those behind them the nodes that are lost may have had others. A backup has none.
	Committed uint64 `json:"committed,omitempty"`
}

// orderContext separates signatures of such orders from every other use of operators' keys.
const orderContext = "weir restore v1\n"

// SignedBytes are what an operator signs.
func (o Order) SignedBytes() []byte { return append([]byte(orderContext), catalog.Encode(o)...) }

// ID names the order.
func (o Order) ID() catalog.Digest { return catalog.Sum(o.SignedBytes()) }

// Agreed is how many entries of the log before the restored one has for sure, as they were.
func (o Order) Agreed() uint64 {
	if o.Survivor == "" {
		return o.Size
	}
	return o.Committed
}

// Signature is an operator's signature of an order.
type Signature struct {
	Operator  string `json:"operator"` // a principal's id
	Signature []byte `json:"signature"`
}

// Restore has the cluster go on by an order. A node proposes it; the operators' signatures
// are what counts.
type Restore struct {
	Order      Order       `json:"order"`
	Signatures []Signature `json:"signatures"`
}
