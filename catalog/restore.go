package catalog

// RestoreOrder is what the operators of seats sign to have a cluster go on from a backup, after
// its machines are lost: the first Size entries of its log, whose root is Root. Previous is the
// id of the order before it, zero for the first.
type RestoreOrder struct {
	Cluster  Digest `json:"cluster"`
	Size     uint64 `json:"size"`
	Root     Digest `json:"root"`
	Previous Digest `json:"previous,omitzero"`
	Made     int64  `json:"made"` // Unix milliseconds
}

// restoreContext separates signatures of such orders from every other use of operators' keys.
const restoreContext = "weir restore v1\n"

// SignedBytes are what an operator signs.
func (o RestoreOrder) SignedBytes() []byte { return append([]byte(restoreContext), Encode(o)...) }

// ID names the order.
func (o RestoreOrder) ID() Digest { return Sum(o.SignedBytes()) }

// RestoreSignature is an operator's signature of an order.
type RestoreSignature struct {
	Operator  string `json:"operator"` // a principal's id
	Signature []byte `json:"signature"`
}

// ClusterRestore has the cluster go on from a backup. A node proposes it; the operators' signatures
// are what counts.
type ClusterRestore struct {
	Order      RestoreOrder       `json:"order"`
	Signatures []RestoreSignature `json:"signatures"`
}

// MaxLost is of how many lost entries a restored cluster is told, at the most: no log gets so long
// after a backup.
const MaxLost = 1 << 40

// RestorePresent tells a restored cluster of entries that there were, and that it may lack: Note
// is a checkpoint of them that a threshold of nodes signed. Without one, the node that proposes
// it says that it has signed so many itself, which is one voice.
type RestorePresent struct {
	Order Digest `json:"order"`
	Size  uint64 `json:"size"`
	Root  Digest `json:"root"`
	Note  string `json:"note,omitempty"`
}

// RestoreEnd says, for the seats of an operator, that nobody is left who could present more.
type RestoreEnd struct {
	Order Digest `json:"order"`
}

// DatasetReopen has a dataset answered again that a restore had closed: its owner takes on what
// was answered from it and is known to nobody.
type DatasetReopen struct {
	Dataset   string `json:"dataset"`
	Order     Digest `json:"order"`
	Statement string `json:"statement"`
}

// RestoreTold is of how many entries before the restore a node says that it has signed them.
type RestoreTold struct {
	Node string `json:"node"`
	Size uint64 `json:"size"`
	Root Digest `json:"root"`
}

// Restored is the last restore of a cluster.
type Restored struct {
	ClusterRestore
	Number int    `json:"number"` // of restores, this one counted
	Seq    uint64 `json:"seq"`
	At     int64  `json:"at"`
	// Seen is how many entries there were before, as far as a threshold of nodes signed or said.
	Seen     uint64        `json:"seen"`
	SeenRoot Digest        `json:"seen_root"`
	Told     []RestoreTold `json:"told,omitempty"`  // by single nodes, the largest of each; the largest first
	Ended    []string      `json:"ended,omitempty"` // operators who wait for nobody
	Open     bool          `json:"open"`            // queries are answered
}

// Lost is how many entries are known to be missing.
func (r Restored) Lost() uint64 { return r.Seen - r.Order.Size }
