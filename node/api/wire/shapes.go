package wire

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/sql"
)

// Receipt says where the evidence log holds an applied entry: its sequence
// number, and the hash and index of its leaf. What proves it is a receipt of
// package evidence.
type Receipt struct {
	Seq   uint64         `json:"seq"`
	Leaf  catalog.Digest `json:"leaf"`
	Index uint64         `json:"index"`
}

// Submitted answers POST /v1/envelopes: the envelope was applied.
type Submitted struct {
	Receipt Receipt         `json:"receipt"`
	Outcome catalog.Outcome `json:"outcome"`
	// Repeats is, for a caller that prefers it (PreferRepeat), the query of the caller's that was answered within the last
	// day and asks the same. The envelope was not applied then, and Receipt is that of the earlier one.
	Repeats string `json:"repeats,omitempty"`
	// Repeated is that query with its answer, as GET /v1/queries/{id} answers, for its owner, by the request's token, who
	// prefers it (PreferAnswer), where all of it can be had.
	Repeated *Query `json:"repeated,omitempty"`
}

// What a caller may prefer, in the header Prefer (RFC 7240).
const (
	// PreferRepeat has a query that repeats one of the last day answered by that one, without an entry.
	PreferRepeat = "repeat"
	// PreferAnswer has a query that is over come with its answer.
	PreferAnswer = "answer"
)

// More ends a page of a list. Next is the parameter after of the next page; empty: there
// is none.
type More struct {
	Next string `json:"next,omitempty" doc:"The parameter after of the next page; absent: this is the last"`
}

// Bounds of a page: records that it holds unless asked for another number, and the most
// that may be asked for. It ends earlier where its records take catalog.MaxPageBytes.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Roster answers GET /v1/roster: the founding, then the changes of the roster, and those that
// were proposed and wait for approvals.
type Roster struct {
	Changes   []roster.Change   `json:"changes"`
	Proposals []roster.Proposal `json:"proposals,omitempty"`
}

// Restores answers GET /v1/restores, the first first.
type Restores struct {
	Restores []recovery.Restored `json:"restores"`
}

// Deposit is a deposit of a node's share, and what it is worth now.
type Deposit struct {
	custody.Deposit
	custody.Standing
}

// Deposits answers GET /v1/deposits, by their digests.
type Deposits struct {
	Deposits []Deposit `json:"deposits"`
	More
}

// Note is a signed checkpoint, for POST /v1/evidence/present.
type Note struct {
	Note string `json:"note"`
}

// BackupPart is a part of the ledger that is held ready.
type BackupPart struct {
	Digest catalog.Digest `json:"digest"`
	Bytes  int64          `json:"bytes"`
}

// Backup answers POST /v1/backup: what a node holds ready of its ledger. The parts are those of
// the stream (package snapstream) in its order. Checkpoint, of exactly so many entries, is signed
// by a threshold of nodes.
type Backup struct {
	Size       uint64             `json:"size"`
	Root       catalog.Digest     `json:"root"`
	Checkpoint string             `json:"checkpoint"`
	Roster     []catalog.Envelope `json:"roster"`
	Ledger     []BackupPart       `json:"ledger"`
	Blobs      []catalog.Digest   `json:"blobs"`
}

// Principals answers GET /v1/principals, by name.
type Principals struct {
	Principals []catalog.Principal `json:"principals"`
	More
}

// Registries answers GET /v1/registries, by id.
type Registries struct {
	Registries []catalog.Registry `json:"registries"`
	More
}

// Rows answers GET /v1/registries/{id}/rows: consecutive rows from From on,
// each its id and then its attributes. There are no more than asked for, than
// MaxRows, and than fit into catalog.MaxPageBytes; Total says how many the registry has.
type Rows struct {
	Registry string     `json:"registry"`
	From     int        `json:"from"`
	Total    int        `json:"total"`
	Rows     [][]string `json:"rows"`
	// Corrected is how many corrections of attributes are in them.
	Corrected int `json:"corrected,omitempty"`
}

// RegistryStates answers GET /v1/registries/{id}/states: what its rows have been, the
// first first unless the newest are asked for.
type RegistryStates struct {
	Registry string                  `json:"registry"`
	States   []catalog.RegistryState `json:"states"`
	More
}

// Consistency answers GET /v1/evidence/consistency: the RFC 6962 proof that the
// first Old entries are the beginning of the first New.
type Consistency struct {
	Old    uint64           `json:"old"`
	New    uint64           `json:"new"`
	Hashes []catalog.Digest `json:"hashes"`
}

// MaxRows is the largest number of rows in one answer.
const MaxRows = 10_000

// Values asks POST /v1/registries/{id}/values which of them no row has.
type Values struct {
	Asked []sql.ColumnValues `json:"asked" maxItems:"128"`
}

// UnknownValues answers it: the first few.
type UnknownValues struct {
	Unknown []sql.UnknownValue `json:"unknown"`
}

// Datasets answers GET /v1/datasets, by id.
type Datasets struct {
	Datasets []catalog.Dataset `json:"datasets"`
	More
}

// Versions answers GET /v1/datasets/{id}/versions, the first first unless the newest
// are asked for.
type Versions struct {
	Dataset  string            `json:"dataset"`
	Versions []catalog.Version `json:"versions"`
	More
}

// DatasetCheck asks POST /v1/check/dataset whether the caller could create a dataset
// now. It is answered with the refusal that the dataset would meet, or with itself.
type DatasetCheck struct {
	Descriptor catalog.Descriptor `json:"descriptor"`
}

// Orders answers GET /v1/orders; like contracts, queries and vectors in the ledger's
// order, or the newest first.
type Orders struct {
	Orders []catalog.Order `json:"orders"`
	More
}

// Order answers GET /v1/orders/{id}: an order, the envelope whose digest its id is, and
// the Ed25519 public key of the buyer, who signed it.
type Order struct {
	catalog.Order
	Signed catalog.Envelope `json:"signed"`
	Key    []byte           `json:"key"`
	// Places are those of exact portfolios in the measures of the order, where it asks for
	// one; absent: it does not.
	Places []catalog.Places `json:"places,omitempty"`
}

// IDs answers GET /v1/ids/{begin}: ids that begin so, ascending, and whether there are
// more of them than MaxIDs.
type IDs struct {
	IDs  []string `json:"ids"`
	More bool     `json:"more,omitempty"`
}

// MaxIDs is how many ids IDs has at most. A person types more digits after that.
const MaxIDs = 8

// Contracts answers GET /v1/contracts.
type Contracts struct {
	Contracts []catalog.Contract `json:"contracts"`
	More
}

// Queries answers GET /v1/queries.
type Queries struct {
	Queries []catalog.Query `json:"queries"`
	More
}

// Vectors is a page of a principal's private vectors.
type Vectors struct {
	Vectors []catalog.Vector `json:"vectors"`
	More
}

// SealedShare is what one node sealed to the buyer. Node is the node's id.
type SealedShare struct {
	Node   string `json:"node"`
	Sealed []byte `json:"sealed"`
}

// Shares answers GET /v1/queries/{id}/shares.
type Shares struct {
	Query  string        `json:"query"`
	Shares []SealedShare `json:"shares"`
}

// Missing asks which of the blobs a node does not hold, and answers it.
type Missing struct {
	Digests []catalog.Digest `json:"digests" maxItems:"4096"`
}

// MaxMissing is the largest number of digests in one question.
const MaxMissing = 4096

// Statement is SQL to compile, or to explain under a contract.
type Statement struct {
	SQL      string `json:"sql" maxLength:"65536"`
	Contract string `json:"contract,omitempty"`
	// JoinContract is that on the dataset which the SQL joins.
	JoinContract string `json:"join_contract,omitempty"`
	JoinAsOf     int    `json:"join_as_of,omitempty"` // its version as of which to answer; absent: the newest
	Complete     bool   `json:"complete,omitempty"`
	Partial      bool   `json:"partial,omitempty"`
	AsOf         int    `json:"as_of,omitempty"` // the version as of which to answer; absent: the newest
	// Noise asks to explain the noised query; absent: the exact one.
	Noise *catalog.Noise `json:"noise,omitempty"`
	// Verify asks to explain the checked answer.
	Verify bool `json:"verify,omitempty"`
	// NewPortfolio lets a private selector of any name stand for one that is not
	// registered yet.
	NewPortfolio bool `json:"new_portfolio,omitempty"`
}

// MaxSQL is the largest size of a statement in bytes.
const MaxSQL = 64 << 10

// Explained answers POST /v1/explain: what a query would release and what it
// would take. A query that would be refused is answered with the refusal.
type Explained struct {
	Dataset  string          `json:"dataset"`
	Version  int             `json:"version"`
	Contract string          `json:"contract,omitempty"`
	Request  catalog.Request `json:"request"`
	Groups   int             `json:"groups"`   // that would be released
	Withheld int             `json:"withheld"` // that would not
	Plan     plan.Explain    `json:"plan"`
	// TestProducts is how many products of shares the test of a private portfolio takes;
	// absent: nothing is tested.
	TestProducts int    `json:"test_products,omitempty"`
	Nodes        string `json:"nodes"` // what each node will learn
	Bits         *Bits  `json:"bits,omitempty"`

	// Verdict says in words what the policy and the contract make of it.
	Verdict []string `json:"verdict"`
	// WithheldGroups names groups that would not be released, at most
	// MaxWithheld of them.
	WithheldGroups []string `json:"withheld_groups,omitempty"`
	// LeftOut says what the released groups would lack, at most MaxWithheld lines.
	LeftOut []string `json:"left_out,omitempty"`
	// Coverage says of rows how many entities they would cover, at most MaxCovered of
	// them, those that would not be whole or lack corrections first. Whole counts the
	// rows that would be; HeldBack those that would lack corrections.
	Coverage []ExplainedRow `json:"coverage,omitempty"`
	Whole    int            `json:"whole"`
	HeldBack int            `json:"held_back"`
	// Price of the query, and what would be left after it; QueriesLeft and
	// BudgetLeft are absent where the contract does not limit them.
	Price       string `json:"price,omitempty"`
	Currency    string `json:"currency,omitempty"`
	BudgetLeft  string `json:"budget_left,omitempty"`
	QueriesLeft *int   `json:"queries_left,omitempty"`
	// Repeats is the released query that would be answered once more, for the
	// price alone.
	Repeats string `json:"repeats,omitempty"`
	// Millis estimates how long the answer takes on one machine.
	Millis int64 `json:"estimated_ms"`
	// Noise is what the figures would carry and cost; absent: they are exact.
	Noise *ExplainedNoise `json:"noise,omitempty"`
	// Checked is what checking the answer would take; absent: it would not be, or nothing is opened.
	Checked *ExplainedCheck `json:"checked,omitempty"`
}

// ExplainedCheck is what a checked answer takes: so many members, fewer by one where no more are up, who open it under
// every set of SetOf of them. Each set counts its tiles against the key.
type ExplainedCheck struct {
	Members int   `json:"members"`
	SetOf   int   `json:"set_of"`
	Sets    int   `json:"sets"`
	Tiles   int64 `json:"tiles"` // that count against the key, of all sets
	Most    int64 `json:"most"`  // that a key bears
}

// ExplainedRow is what a row of a result would cover.
type ExplainedRow struct {
	Group string `json:"group"`
	catalog.Coverage
}

// MaxCovered is how many rows Explained says the coverage of.
const MaxCovered = 100

// ExplainedNoise is the noise that is expected in a query's sums and what the
// query costs of the budgets of epsilon: once for each attempt that is named,
// which is one unless nodes fail.
type ExplainedNoise struct {
	Sums []plan.ColumnNoise `json:"sums"`
	catalog.NoiseBudget
}

// Bits says how much of the encryption's room a query takes, in log2 of the
// worst case: the noise of its largest sum after the opening, and the largest
// sum itself. Beyond what is available a query is refused, never answered wrongly.
type Bits struct {
	Noise              float64 `json:"noise"`
	NoiseAvailable     float64 `json:"noise_available"`
	Magnitude          float64 `json:"magnitude"`
	MagnitudeAvailable float64 `json:"magnitude_available"`
}

// MaxWithheld is how many withheld groups Explained names.
const MaxWithheld = 20

// Ready answers GET /readyz.
type Ready struct {
	Ready   bool     `json:"ready"`
	Sealed  bool     `json:"sealed,omitempty"` // its secrets are: it waits for a passphrase
	Reasons []string `json:"reasons,omitempty"`
}

// Live answers GET /livez.
type Live struct {
	Live bool `json:"live"`
}

// BlobKind says what an uploaded blob is, which decides how large it may be.
type BlobKind string

// Kinds of blobs that a publisher uploads.
const (
	BlobTile     BlobKind = "tile"     // exactly the size of a tile
	BlobManifest BlobKind = "manifest" // up to the bound of manifests
	BlobPresence BlobKind = "presence" // up to the bound of presences
	BlobVector   BlobKind = "vector"   // a sealed share of a private vector
)

// Family answers GET /v1/datasets/{id}/family: the state of the release rule of a
// protected dataset's family. Declared has those from the parameter declared on, at most
// MaxDeclared, and Settled those from the parameter settled on, at most MaxSettled; the
// totals say how many there are.
type Family struct {
	Tree          catalog.Digest  `json:"tree" doc:"Of the bytes of the tree of classes"`
	Declared      []FamilyDataset `json:"declared" doc:"Datasets as they were declared, amendments included, in the order of the ledger"`
	DeclaredTotal int             `json:"declared_total"`
	Settled       []Settled       `json:"settled" doc:"Versions in the order in which they went live"`
	SettledTotal  int             `json:"settled_total"`
}

// Bounds of a page of a family.
const (
	MaxDeclared = 32
	MaxSettled  = 1000
)

// Settled names what a version settled.
type Settled struct {
	Dataset string         `json:"dataset"`
	Version int            `json:"version"`
	Digest  catalog.Digest `json:"digest"`
}

// FamilyDataset is what the release rule knows of a dataset.
type FamilyDataset struct {
	ID          string         `json:"id"`
	Grain       calendar.Grain `json:"grain"`
	PolicyGrain calendar.Grain `json:"policy_grain"`
	MinCohort   int            `json:"min_cohort"`
	Portfolios  int            `json:"portfolios"`
	Cubes       [][]string     `json:"cubes,omitempty"`
	Measures    []string       `json:"measures"`
	Moments     [][2]string    `json:"moments,omitempty"`
	Related     [][]string     `json:"related,omitempty"`
	Joins       []string       `json:"joins,omitempty"`
}

// Declared is the dataset as the release rule takes it.
func (d FamilyDataset) Declared() disclosure.Dataset { return disclosure.Dataset(d) }
