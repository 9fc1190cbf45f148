package catalog

// Node is one member of the roster. Point is its Shamir point, 1..n in roster
// order. Key is its Ed25519 public key (TLS and envelopes), Sealing its HPKE
// public key (MLKEM768X25519).
type Node struct {
	ID      string `json:"id"`
	Point   int    `json:"point"`
	Addr    string `json:"addr"` // peers
	API     string `json:"api"`  // clients, https URL
	Key     []byte `json:"key"`
	Sealing []byte `json:"sealing"`
}

// Role is what a principal may do.
type Role string

// Roles of principals.
const (
	RoleOperator  Role = "operator"
	RolePublisher Role = "publisher"
	RoleBuyer     Role = "buyer"
)

// InitBody founds a cluster: the roster, the threshold and the first operator,
// who signs it. The cluster's id is the digest of this first payload.
type InitBody struct {
	Name      string       `json:"name"`
	Threshold int          `json:"threshold"`
	Nodes     []Node       `json:"nodes"`
	Operator  PrincipalAdd `json:"operator"`
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
	// Compared are the earlier releases that a protected version was compared
	// with (DESIGN section 8, point 4); Sets is the SetsDigest of the sets that
	// follow, zero when nothing was compared. What was not compared is taken for
	// the worst.
	Compared []Comparison `json:"compared,omitempty"`
	Sets     Digest       `json:"sets,omitzero"`
}

// Comparison is a measure of a version held against a measure of a release that
// may tell of the same cells: the same measure of an earlier version, one of the
// same name and unit in another dataset of the family, or, with Release 0, an
// earlier measure of the version itself that is declared as related.
type Comparison struct {
	Measure string `json:"measure"`
	Dataset string `json:"dataset"`
	Release int    `json:"release,omitempty"`
	Other   string `json:"other"`
}

// VersionSets carries sets of cells by which a version differs from what it was
// compared with, in ascending order of (Comparison, Period); where there is none
// for a period, nothing differs. From counts the sets that came before.
type VersionSets struct {
	Dataset string    `json:"dataset"`
	Version int       `json:"version"`
	From    int       `json:"from"`
	Sets    []CellSet `json:"sets"`
}

// CellSet says who has cells that differ. Levels is the PackAssign of, for every
// entity of the longer of the two versions, ⌊log2 n⌋ of its n differing cells,
// or −1 for none. Period is of the coarser of the two policies' grains; cells are
// those of the finer of the two datasets' grains.
type CellSet struct {
	Comparison int    `json:"comparison"` // in VersionPropose.Compared
	Period     int64  `json:"period"`
	Levels     []byte `json:"levels"`
}

// Block is a run of consecutive entities cut into tiles of equally many
// periods, anchored at the version's first period.
type Block struct {
	First    int `json:"first"`
	Entities int `json:"entities"`
	Periods  int `json:"periods"` // per tile
}

// VersionCounts carries, for consecutive periods of the policy's grain from
// From on, the bitmap of the entities that count there (DESIGN section 8.2):
// bit e of byte e/8, lowest first, ⌈entities/8⌉ bytes each. Where the policy's
// grain is coarser than the dataset's, Present has as many bitmaps, of the
// entities that have a cell there at all.
type VersionCounts struct {
	Dataset string   `json:"dataset"`
	Version int      `json:"version"`
	Measure string   `json:"measure"`
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

// KeyFail ends an attempt; the leader starts the next with everything new.
type KeyFail struct {
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
	Reason  string `json:"reason"`
}

// VersionAck says that the node holds all tiles of the version, checked their
// digests and layout, and recomputed the counting bitmaps from the presence.
// With a Reason it says the opposite: the version cannot be accepted.
type VersionAck struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version"`
	Reason  string `json:"reason,omitempty"`
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
	Reason  string `json:"reason"`
}

// QueryAttempt names an attempt: the active set, its root, and the number of
// tiles that the plan opens, which every member checks against its own plan
// and which is counted against the key's limit (PROTOCOL section 7).
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
	Reason  string `json:"reason"`
}
