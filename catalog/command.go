package catalog

import "github.com/weirdata/weir/catalog/calendar"

// Node is one member of the roster: a seat and the machine in it. Point is its Shamir
// point, 1..n in roster order. Key is its Ed25519 public key (TLS and envelopes), Sealing
// its HPKE public key (MLKEM768X25519). Operator is the Ed25519 public key of the
// institution's operator, who alone may put another machine into the seat.
type Node struct {
	ID          string `json:"id"`
	Point       int    `json:"point"`
	Institution string `json:"institution"`
	Operator    []byte `json:"operator"`
	Addr        string `json:"addr"` // peers
	API         string `json:"api"`  // clients, https URL
	Key         []byte `json:"key"`
	Sealing     []byte `json:"sealing"`
}

// Role is what a principal may do.
type Role string

// Roles of principals.
const (
	RoleOperator  Role = "operator"
	RolePublisher Role = "publisher"
	RoleBuyer     Role = "buyer"
)

// InitBody founds a cluster: the roster, the threshold and the founding operator, who
// signs it and has a seat. The operators of the other seats are admitted with it. The
// cluster's id is the digest of this first payload.
type InitBody struct {
	Name      string       `json:"name"`
	Threshold int          `json:"threshold"`
	Nodes     []Node       `json:"nodes"`
	Operator  PrincipalAdd `json:"operator"`
	Level     int          `json:"level,omitempty"` // feature level; 0: the first
}

// PrincipalAdd admits an organisation. Receiving is its HPKE public key.
type PrincipalAdd struct {
	Name      string `json:"name"`
	Role      Role   `json:"role"`
	Key       []byte `json:"key"`
	Receiving []byte `json:"receiving"`
}

// RegistryCreate begins a registry, or with Append the appending of rows to
// one that exists. Rows counts the rows that will follow; Digest is the SHA-256
// of all of them (RowsDigest), so that a lost or doubled chunk is noticed.
type RegistryCreate struct {
	ID       string   `json:"id"`
	IDColumn string   `json:"id_column"`
	Columns  []string `json:"columns"` // public attributes, without the id column
	Rows     int      `json:"rows"`
	Digest   Digest   `json:"digest"`
	Append   bool     `json:"append,omitempty"`
}

// RegistryRows carries rows From, From+1, … of the registry: id, then the
// attributes in the order of Columns.
type RegistryRows struct {
	ID   string     `json:"id"`
	From int        `json:"from"`
	Rows [][]string `json:"rows"`
}

// RegistryCommit makes the rows sent since RegistryCreate part of the registry.
type RegistryCommit struct {
	ID string `json:"id"`
}

// DatasetCreate lists a dataset.
type DatasetCreate struct {
	Descriptor Descriptor `json:"descriptor"`
}

// VersionPropose begins a version of a dataset. First is the index of its first
// period in the dataset's grain, Periods how many follow; Entities the length
// of the registry that it covers. Manifest and Presence are blobs.
type VersionPropose struct {
	Dataset  string  `json:"dataset"`
	Key      string  `json:"key"`
	Epoch    uint64  `json:"epoch"`
	First    int64   `json:"first"`
	Periods  int     `json:"periods"`
	Entities int     `json:"entities"`
	Blocks   []Block `json:"blocks"`
	Tiles    int     `json:"tiles"` // of all measures
	Manifest Digest  `json:"manifest"`
	Presence Digest  `json:"presence"`
	Counts   Digest  `json:"counts"` // CountsDigest of the bitmaps that follow; zero when the policy is public
	// Closed are the periods of the policy's grain that are complete in this version,
	// and settle with it (RELEASE.md section 2.1), at most MayClose; the others wait for a
	// later version. Empty when the policy is public.
	Closed calendar.Interval `json:"closed,omitzero"`
	// News is the NewsDigest of what follows of the version's sources; zero: nothing,
	// so that only first sources have news.
	News Digest `json:"news,omitzero"`
	// Settled is how many versions of the family had settled when the news was found. The
	// version is rejected when a related one settled since.
	Settled int `json:"settled,omitempty"`
	// Caps says that no reading exceeds its entity's cap; nil: nothing is said, and noise is scaled
	// to the range.
	Caps *CapsHeld `json:"caps,omitempty" since:"3"`
}

// CapsHeld says by which caps the readings of a version were checked: each by those of some state
// of the registry from From to To, both counted from 1, and those that came with the version by
// To's, which the registry has when it is proposed. An entity's cap in the version is the largest of
// these states. From is another one than To where tiles are taken over of versions before.
type CapsHeld struct {
	From   int    `json:"from"`
	To     int    `json:"to"`
	Digest Digest `json:"digest"` // of To's caps, as the publisher's program knew them (caps.Digest)
}

// Block is a run of consecutive entities cut into tiles of equally many
// periods, anchored at the version's first period.
type Block struct {
	First    int `json:"first"`
	Entities int `json:"entities"`
	Periods  int `json:"periods"` // per tile
}

// VersionCounts carries, for consecutive periods of the policy's grain from
// From on, the bitmap of the entities that count there (RELEASE.md section 0.4):
// bit e of byte e/8, lowest first, ⌈entities/8⌉ bytes each. Where the policy's
// grain is coarser than the dataset's, Present has as many bitmaps, of the
// entities that have a cell there at all; and pairs of measures have bitmaps too,
// without Present (Descriptor.Counted).
type VersionCounts struct {
	Dataset string   `json:"dataset"`
	Version int      `json:"version"`
	Measure string   `json:"measure"` // one of Descriptor.Counted
	From    int64    `json:"from"`
	Bitmaps [][]byte `json:"bitmaps"`
	Present [][]byte `json:"present,omitempty"`
}

// VersionCommit asks the nodes to store and check the version. VersionDrop
// gives up one that is not live yet.
type VersionCommit struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version"`
}

// OrderCreate asks for a contract. Empty Measures or Aggregates ask for all
// that the policy allows, no Scope for every column and period that it allows,
// zero Queries for any number, no Budget for any amount, zero Until for a year.
type OrderCreate struct {
	Dataset    string   `json:"dataset"`
	Purpose    string   `json:"purpose"`
	Measures   []string `json:"measures,omitempty"`
	Aggregates []string `json:"aggregates,omitempty"`
	Until      int64    `json:"until,omitempty"` // Unix milliseconds
	Queries    int      `json:"queries,omitempty"`
	Budget     string   `json:"budget,omitempty"` // decimal amount in the currency of the dataset's price
	Scope      *Scope   `json:"scope,omitempty"`
	// MinCohort asks for groups of at least so many entities in every period,
	// where the policy's min_cohort would do with fewer.
	MinCohort int `json:"min_cohort,omitempty"`
	// Portfolio asks for exact figures of a private portfolio: a place among the owners
	// that the policy's portfolios allow, in all of Measures (RELEASE.md section 6.5).
	Portfolio bool `json:"portfolio,omitempty"`
}

// OrderApprove grants an order, as asked or narrowed: a field that is set may
// only be narrower than the order's.
type OrderApprove struct {
	Order      string   `json:"order"`
	Measures   []string `json:"measures,omitempty"`
	Aggregates []string `json:"aggregates,omitempty"`
	Until      int64    `json:"until,omitempty"`
	Queries    int      `json:"queries,omitempty"`
	Budget     string   `json:"budget,omitempty"`
	Scope      *Scope   `json:"scope,omitempty"`
	Epsilon    string   `json:"epsilon,omitempty"`    // for all noised queries of the contract; empty: the policy's epsilon_per_contract
	MinCohort  int      `json:"min_cohort,omitempty"` // narrower: larger
	// NoPortfolio grants the order without the exact portfolio that it asks for.
	NoPortfolio bool `json:"no_portfolio,omitempty"`
}

// OrderRefuse ends an order with a reason.
type OrderRefuse struct {
	Order  string `json:"order"`
	Reason string `json:"reason"`
}

// QuerySubmit asks for one release. Contract is empty when a publisher queries
// its own dataset. Receiving is the HPKE public key the shares are sealed to.
type QuerySubmit struct {
	Contract  string  `json:"contract,omitempty"`
	Receiving []byte  `json:"receiving"`
	Request   Request `json:"request"`
	// Witnesses are the digests of the sealed witnesses of an exact query with a private
	// portfolio on protected data, point 1 first (PROTOCOL.md section 6.5); else none.
	Witnesses []Digest `json:"witnesses,omitempty"`
}

// KeyStart begins one attempt of a publisher's key ceremony. The reference
// polynomial is expanded from the digest of this payload.
type KeyStart struct {
	Publisher string `json:"publisher"`
	Key       string `json:"key"`
	Epoch     uint64 `json:"epoch"`
	Attempt   int    `json:"attempt"`
}

// KeyCommit is node Point's commitment: the digest of its public share and of
// its dealing to every point 1..n.
type KeyCommit struct {
	Key      string   `json:"key"`
	Attempt  int      `json:"attempt"`
	Public   Digest   `json:"public"`
	Dealings []Digest `json:"dealings"`
}

// KeyAck says that the node stored its key share and pair seeds durably and
// that every public share matched its commitment.
type KeyAck struct {
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
}

// KeyTested says that the root of test set Set (see TestSets) opened the known
// vector correctly.
type KeyTested struct {
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
	Set     int    `json:"set"`
}

// KeySign is the node's signature under the ready statement (ReadyStatement).
type KeySign struct {
	Key       string `json:"key"`
	Attempt   int    `json:"attempt"`
	Signature []byte `json:"signature"`
}

// KeyRefresh asks for a key to be shared anew (PROTOCOL.md section 1.5).
type KeyRefresh struct {
	Key string `json:"key"`
}

// KeyReshare begins one attempt to share a key anew: the nodes at Dealers, exactly t points
// in ascending order, deal their parts of it onward. Dealings are bound to the digest of
// this payload.
type KeyReshare struct {
	Key     string `json:"key"`
	Epoch   uint64 `json:"epoch"`
	Attempt int    `json:"attempt"`
	Dealers []int  `json:"dealers"`
}

// KeyErased says that the node has erased its share of the sharing before the present one.
type KeyErased struct {
	Key   string `json:"key"`
	Epoch uint64 `json:"epoch"` // of what was erased
}

// KeyFail ends an attempt; the leader starts the next with everything new.
type KeyFail struct {
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
	Reason  Reason `json:"reason"`
}

// VersionAck says that the node holds all tiles of the version, checked their
// encoding, the manifest, the presence, the counting bitmaps and what is declared of
// its sources. With a Reason it says why it cannot accept the version.
type VersionAck struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version"`
	Reason  Reason `json:"reason,omitzero"`
}

// VersionAttempt names the opening of a version's parity.
type VersionAttempt struct {
	Dataset string   `json:"dataset"`
	Version int      `json:"version"`
	Attempt int      `json:"attempt"`
	Active  []string `json:"active"` // node ids, ascending points
	Root    string   `json:"root"`
}

// VersionParity is a member's additive share of the version's parity, mod T.
type VersionParity struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version"`
	Attempt int    `json:"attempt"`
	Share   uint64 `json:"share"`
	Modulus uint64 `json:"modulus"`
}

// VersionFail ends a parity attempt.
type VersionFail struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version"`
	Attempt int    `json:"attempt"`
	Reason  Reason `json:"reason"`
}

// QueryAttempt names an attempt: the active set, its root, and the number of
// tiles that the plan opens, which every member checks against its own plan
// and which is counted against the key's limit (PROTOCOL.md section 7.2).
type QueryAttempt struct {
	Query   string   `json:"query"`
	Attempt int      `json:"attempt"`
	Active  []string `json:"active"`
	Root    string   `json:"root"`
	Tiles   int64    `json:"tiles"`
	Joined  int64    `json:"joined,omitempty"` // tiles of the second dataset of a join
	// Reseals names an attempt of a repeat that opens nothing: the members of the
	// attempt that answered the repeated query, and no others, seal their shares
	// again. Tiles is 0.
	Reseals bool `json:"reseals,omitempty"`
}

// QueryShare is a member's sealed share of the groups, and the digest of the
// plan under which it was computed.
type QueryShare struct {
	Query   string `json:"query"`
	Attempt int    `json:"attempt"`
	Plan    Digest `json:"plan"`
	Context Digest `json:"context"` // hash of the list of opening contexts
	Sealed  []byte `json:"sealed"`
}

// QueryFail ends an attempt of a query, or, with the number of the next one, which
// was never named, the query.
type QueryFail struct {
	Query   string `json:"query"`
	Attempt int    `json:"attempt"`
	Reason  Reason `json:"reason"`
}

// QueryForget is a node's word that a time has been reached. The state forgets what was asked and answered by
// queries of which the retention was over at the latest time that a threshold of nodes has said, the longest
// ago first, as many as one entry takes.
type QueryForget struct {
	Until int64 `json:"until"` // Unix milliseconds, not after the ledger's time
}

// Kind names what an envelope asks for; each has one body type in command.go.
type Kind string

// Kinds of envelopes, by who signs them.
const (
	// The first entry of a cluster, signed by the founding operator.
	KindInit        Kind = "cluster.init"
	KindSeatReplace Kind = "seat.replace"
	// KindClusterLevel raises the feature level.
	KindClusterLevel Kind = "cluster.level"

	// Of a cluster that was restored: by its nodes, operators and publishers.
	KindClusterRestore Kind = "cluster.restore"
	KindRestorePresent Kind = "restore.present"
	KindRestoreEnd     Kind = "restore.end"
	KindDatasetReopen  Kind = "dataset.reopen"

	// Deposits of nodes' shares with custodians (package custody).
	KindDepositRegister Kind = "deposit.register" // the seat's operator
	KindDepositUse      Kind = "deposit.use"      // the node that was made of it

	// Operators.
	KindPrincipalAdd   Kind = "principal.add"
	KindRosterPropose  Kind = "roster.propose"
	KindRosterApprove  Kind = "roster.approve"
	KindRosterWithdraw Kind = "roster.withdraw"

	// Publishers.
	KindRegistryCreate Kind = "registry.create"
	KindRegistryRows   Kind = "registry.rows"
	KindRegistryCommit Kind = "registry.commit"
	KindDatasetCreate  Kind = "dataset.create"
	KindVersionPropose Kind = "version.propose"
	KindVersionCounts  Kind = "version.counts"
	KindVersionNews    Kind = "version.news"
	KindVersionCommit  Kind = "version.commit"
	KindVersionDrop    Kind = "version.drop"
	KindOrderApprove   Kind = "order.approve"
	KindOrderRefuse    Kind = "order.refuse"

	// Publishers, on what they have published.
	KindRegistryCorrect Kind = "registry.correct"
	KindDatasetAmend    Kind = "dataset.amend"
	KindDatasetWithdraw Kind = "dataset.withdraw"
	KindKeyMove         Kind = "key.move" // to the roster as it is now

	// Publishers, on contracts they granted.
	KindContractSuspend Kind = "contract.suspend"
	KindContractResume  Kind = "contract.resume"
	KindContractRevoke  Kind = "contract.revoke"

	// Buyers; publishers query their own data without an order.
	KindOrderCreate Kind = "order.create"
	KindQuerySubmit Kind = "query.submit"

	// Whoever asks, on private vectors of its own.
	KindVectorRegister Kind = "vector.register"
	KindVectorDrop     Kind = "vector.drop"

	// Nodes; those marked (leader) are refused unless they follow from the
	// state, whoever sends them, so a lying leader can only delay.
	KindKeyStart       Kind = "key.start"       // (leader)
	KindKeyCommit      Kind = "key.commit"      // every node
	KindKeyAck         Kind = "key.ack"         // every node, dealings stored
	KindKeyTested      Kind = "key.tested"      // root of each test set
	KindKeySign        Kind = "key.sign"        // every node, its signature under the ready statement
	KindKeyFail        Kind = "key.fail"        // any node: the attempt is over
	KindKeyRefresh     Kind = "key.refresh"     // operator: share a key anew
	KindKeyReshare     Kind = "key.reshare"     // any node: an attempt to share a key anew
	KindKeyErased      Kind = "key.erased"      // each node: its old share is erased
	KindSeatLeft       Kind = "seat.left"       // any node: a seat that leaves holds nothing any more
	KindVersionAck     Kind = "version.ack"     // a node holds and checked everything
	KindVersionAttempt Kind = "version.attempt" // (leader) names the parity opening
	KindVersionParity  Kind = "version.parity"  // a member's parity share
	KindVersionFail    Kind = "version.fail"    // a member or the leader: the attempt is over
	KindQueryAttempt   Kind = "query.attempt"   // (leader)
	KindQueryShare     Kind = "query.share"     // a member's sealed share
	KindQueryFail      Kind = "query.fail"      // a member or the leader: the attempt is over
	KindVectorHold     Kind = "vector.hold"     // a node holds its share, with its nonce
	KindVectorLine     Kind = "vector.line"     // a node's value in the first check
	KindVectorAttempt  Kind = "vector.attempt"  // (leader) names the second check
	KindVectorBits     Kind = "vector.bits"     // a member's share in the second check
	KindVectorFail     Kind = "vector.fail"     // a member or the leader: the attempt is over
	KindTestFailed     Kind = "query.test"      // a member: the test of a private query failed
	KindQueryForget    Kind = "query.forget"    // a threshold of nodes: what was answered long ago goes

	// Private vectors that are moved to the roster as it is (package resharing).
	KindVectorRefresh Kind = "vector.refresh" // operator: move all of them
	KindMoveBegin     Kind = "move.begin"     // any node
	KindMoveDeal      Kind = "move.deal"      // a dealer's commitment
	KindMoveHold      Kind = "move.hold"      // each member: it has stored what it was dealt
	KindMoveLine      Kind = "move.line"      // each member's numbers in the first check
	KindMoveAttempt   Kind = "move.attempt"   // any node: names the second check
	KindMoveBits      Kind = "move.bits"      // a member's shares in the second check
	KindMoveFail      Kind = "move.fail"      // any node: the attempt, or the move, is over
	KindMoveErased    Kind = "move.erased"    // each member: its old shares are erased
	KindDrillReport   Kind = "drill.report"   // operator: what came of a drill with a backup
	KindRefreshEvery  Kind = "refresh.every"  // operator: how old shares may get
	KindRefreshDue    Kind = "refresh.due"    // any node: new shares of all that is due
	KindCanaryBegin   Kind = "canary.begin"   // any node: try everybody's share of a key
	KindCanarySet     Kind = "canary.set"     // the root of a set: what it opened
	KindCanaryLacks   Kind = "canary.lacks"   // a member: it has no share
	KindCanaryFail    Kind = "canary.fail"    // any node: the canary does not get on
)
