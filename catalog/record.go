package catalog

import "slices"

// Records are what the state holds and the API shows. All times are Unix
// milliseconds of the state's clock.

// Cluster is the founding, with the roster as it is now.
type Cluster struct {
	ID        Digest   `json:"id"`
	Name      string   `json:"name"`
	Threshold int      `json:"threshold"`
	Nodes     []Node   `json:"nodes"`             // ascending points
	Since     []uint64 `json:"since,omitempty"`   // by point: the entry that put the machine there; none: the founding
	Changes   int      `json:"changes,omitempty"` // of the roster
	Level     int      `json:"level,omitempty"`   // feature level; 0: the first
	Time      int64    `json:"time"`              // the state's clock

	Leaving []Leaving `json:"leaving,omitempty"` // in the order in which they lost their seats
}

// FeatureLevel is the cluster's, from 1.
func (c Cluster) FeatureLevel() int { return max(c.Level, 1) }

// Principal is an admitted organisation; ID is PrincipalID of its key.
type Principal struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Role      Role   `json:"role"`
	Key       []byte `json:"key"`
	Receiving []byte `json:"receiving"`
	Admitted  int64  `json:"admitted"`
}

// Registry describes a registry; its rows are read with View.RowsAt.
type Registry struct {
	ID       string   `json:"id"`
	Owner    string   `json:"owner"`
	IDColumn string   `json:"id_column"`
	Columns  []string `json:"columns"`
	Rows     int      `json:"rows"` // committed
	Pending  int      `json:"pending,omitempty"`
	Expect   int      `json:"expect,omitempty"` // rows announced by a create that is not committed
	Digest   Digest   `json:"digest"`           // RowsDigest of the committed rows
	Draft    Digest   `json:"draft,omitzero"`   // announced by the create that is not committed
	Chunks   int      `json:"chunks,omitempty"` // of the draft, received so far
	// States is how many states its rows have had, the present one included, and
	// Corrected how many corrections of attributes are among them.
	States    int `json:"states,omitempty"`
	Corrected int `json:"corrected,omitempty"`
}

// Dataset is a listed dataset.
type Dataset struct {
	ID         string     `json:"id"`
	Owner      string     `json:"owner"`
	Descriptor Descriptor `json:"descriptor"`
	Versions   int        `json:"versions"` // proposed so far
	Live       int        `json:"live"`     // newest live one that is not withdrawn; 0: none
	Created    int64      `json:"created"`

	Amended   int         `json:"amended,omitempty"`    // amendments of the descriptor so far
	AmendedAt int64       `json:"amended_at,omitempty"` // the last of them
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
	Closed    uint64      `json:"closed,omitempty"` // the entry that closed it, after a restore
	// Of a policy that keeps superseded versions for a time: every version before Kept was rejected or
	// has expired, and every one after it and before Newer was rejected or withdrawn.
	Kept  int `json:"kept,omitempty"`
	Newer int `json:"newer,omitempty"`
}

// VersionState is where a version is on its way.
type VersionState string

// States of a version.
const (
	VersionProposed  VersionState = "proposed"  // counting bitmaps are arriving
	VersionCommitted VersionState = "committed" // nodes are storing and checking
	VersionStored    VersionState = "stored"    // acknowledged; its parity is being opened
	VersionLive      VersionState = "live"
	VersionRejected  VersionState = "rejected"
)

// Version is one version of a dataset.
type Version struct {
	VersionPropose
	Version  int          `json:"version"`
	State    VersionState `json:"state"`
	Reason   Reason       `json:"reason,omitzero"`
	Acks     []string     `json:"acks,omitempty"` // node ids, ascending points; grows after live too
	Proposed int64        `json:"proposed"`
	LiveAt   int64        `json:"live_at,omitempty"`
	Attempts []Attempt    `json:"attempts,omitempty"`  // of the parity opening
	Parity   []uint64     `json:"parity,omitempty"`    // shares of the current attempt, by position in Active
	Held     []bool       `json:"held,omitempty"`      // which of them have arrived
	Modulus  uint64       `json:"modulus,omitempty"`   // of the shares
	Counted  []int        `json:"counted,omitempty"`   // of a protected dataset, by Descriptor.Counted: bitmaps received
	NewsHeld int          `json:"news_held,omitempty"` // sources whose news was received
	Chunks   int          `json:"chunks,omitempty"`    // that bitmaps and news came in
	Entries  []uint64     `json:"entries,omitempty"`   // of the log: the proposal, and the one that made it live

	Amended   int         `json:"amended,omitempty"` // amendments of the descriptor that its tiles and bitmaps follow
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
	Expired   int64       `json:"expired,omitempty"` // since when it cannot be asked any more, and no node keeps it
}

// VersionExpired is what a live version is said to be that has expired. It is the State of none.
const VersionExpired VersionState = "expired"

// Standing is what people are told of where a version is.
func (v Version) Standing() VersionState {
	if v.Expired > 0 {
		return VersionExpired
	}
	return v.State
}

// Attempt is one opening that was named.
type Attempt struct {
	Number int      `json:"number"`
	Active []string `json:"active"`
	Root   string   `json:"root"`             // empty of a checked answer: each set has its own
	SetOf  int      `json:"set_of,omitempty"` // members of each set of a checked answer (package checked); 0: Active is the one set
	Named  int64    `json:"named"`
	Failed Reason   `json:"failed,omitzero"` // zero: running or done
	Tiles  int64    `json:"tiles"`
	Joined int64    `json:"joined,omitempty"` // tiles of the second dataset
	// Reseals is set where nothing is opened: the members seal the shares again that
	// they have kept of the query which this one repeats.
	Reseals bool `json:"reseals,omitempty"`
	// Sharings says of every key that was shared anew which of its sharings is opened under:
	// the one that was in force when the attempt was named.
	Sharings []Sharing `json:"sharings,omitempty"`
	// Vectors says likewise of private vectors that were moved.
	Vectors []VectorUnder `json:"vectors,omitempty"`
}

// KeyState is where a key is on its way.
type KeyState string

// States of a key.
const (
	KeyCommitting KeyState = "committing" // waiting for n commitments
	KeyDealing    KeyState = "dealing"    // waiting for n acknowledgements
	KeyTesting    KeyState = "testing"    // test sets are opened
	KeySigning    KeyState = "signing"    // waiting for n signatures
	KeyReady      KeyState = "ready"
	KeyFailed     KeyState = "failed" // this attempt; the next will start anew
	KeyWanted     KeyState = "wanted" // of a refresh: asked for, and not begun
)

// Key is a publisher's collective key.
type Key struct {
	ID        string      `json:"id"`
	Publisher string      `json:"publisher"`
	Epoch     uint64      `json:"epoch"`
	Attempt   int         `json:"attempt"`
	State     KeyState    `json:"state"`
	Reference Digest      `json:"reference"` // seed of the reference polynomial
	Threshold int         `json:"threshold"`
	Nodes     []string    `json:"nodes"`               // among whom it is shared now, point 1 first
	Commits   []KeyCommit `json:"commits,omitempty"`   // by point; Public zero where missing
	Acked     []bool      `json:"acked,omitempty"`     // by point
	Tested    []bool      `json:"tested,omitempty"`    // by test set
	Signed    [][]byte    `json:"signed,omitempty"`    // by point: signatures under the ready statement
	Statement []byte      `json:"statement,omitempty"` // ReadyStatement
	Reason    Reason      `json:"reason,omitzero"`
	Opened    int64       `json:"opened"` // Σ tiles over all openings, PROTOCOL.md section 7.2
	Started   int64       `json:"started"`
	Sharing   Sharing     `json:"sharing,omitzero"`  // in force; zero: the one that the ceremony made
	Shared    int64       `json:"shared,omitzero"`   // since when Sharing is in force
	Refresh   *Refresh    `json:"refresh,omitempty"` // the next sharing, wanted or under way
	Retired   *Retired    `json:"retired,omitempty"` // the sharing before, until all have erased it
	First     *KeyRoster  `json:"first,omitempty"`   // among whom the ceremony made it, once it has moved
	Moved     *KeyMoved   `json:"moved,omitempty"`   // its publisher's approval of whom it is shared among, once it has moved
	Lacks     []string    `json:"lacks,omitempty"`   // of Nodes: whose machines were replaced since, and have no share in force
}

// OrderState is where an order is.
type OrderState string

// States of an order.
const (
	OrderOpen     OrderState = "open"
	OrderApproved OrderState = "approved"
	OrderRefused  OrderState = "refused"
)

// Order is a buyer's wish for a contract.
type Order struct {
	OrderCreate
	ID       string     `json:"id"`
	Buyer    string     `json:"buyer"`
	State    OrderState `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	Contract string     `json:"contract,omitempty"`
	Created  int64      `json:"created"`
	Amended  int        `json:"amended,omitempty"` // amendments of the descriptor that its buyer could see
}

// Contract is what a publisher granted a buyer.
type Contract struct {
	ID         string   `json:"id"`
	Order      string   `json:"order,omitempty"`
	Buyer      string   `json:"buyer"`
	Publisher  string   `json:"publisher"`
	Dataset    string   `json:"dataset"`
	Purpose    string   `json:"purpose,omitempty"`
	Measures   []string `json:"measures,omitempty"`
	Aggregates []string `json:"aggregates,omitempty"`
	From       int64    `json:"from"`
	Until      int64    `json:"until"`
	Queries    int      `json:"queries,omitempty"`    // granted; 0: any number
	MinCohort  int      `json:"min_cohort,omitempty"` // of its groups, where it asks for more than the policy
	Portfolio  bool     `json:"portfolio,omitempty"`  // exact figures of a private portfolio (RELEASE.md section 6.5)
	Used       int      `json:"used"`

	Scope   *Scope        `json:"scope,omitempty"`  // nil: whatever the policy allows
	Price   *Price        `json:"price,omitempty"`  // of a query
	Budget  string        `json:"budget,omitempty"` // granted, in the price's currency; empty: any amount
	Spent   string        `json:"spent,omitempty"`  // charged and not refunded
	State   ContractState `json:"state"`
	Reason  string        `json:"reason,omitempty"`  // of the last change of state
	Changed int64         `json:"changed,omitempty"` // when
	// Epsilon bounds what noised queries may spend; empty: the policy's
	// epsilon_per_contract. EpsilonSpent is charged when an attempt is named.
	Epsilon      string `json:"epsilon,omitempty"`
	EpsilonSpent string `json:"epsilon_spent,omitempty"`
}

// QueryState is where a query is.
type QueryState string

// States of a query.
const (
	QueryAccepted QueryState = "accepted" // waiting for an attempt
	QueryRunning  QueryState = "running"  // an attempt is named
	QueryDone     QueryState = "done"
	QueryFailed   QueryState = "failed" // no attempt left
)

// Query is an accepted query. Its verdict is read with View.Verdict, its
// sealed shares with View.Shares.
type Query struct {
	ID        string       `json:"id"`
	Principal string       `json:"principal"`
	Envelope  Digest       `json:"envelope"` // of the payload that asked for it
	Seq       uint64       `json:"seq"`      // entry that accepted it
	Leaf      string       `json:"leaf,omitempty"`
	Submit    QuerySubmit  `json:"submit"`
	Dataset   string       `json:"dataset"`
	Version   int          `json:"release"`
	Amended   int          `json:"amended,omitempty"` // amendments of the dataset's descriptor that it was decided by
	Join      *JoinedQuery `json:"join,omitempty"`    // the second dataset
	Groups    int          `json:"groups"`            // released
	Withheld  int          `json:"withheld"`
	Pieces    int          `json:"pieces,omitempty"` // of which each has figures of all groups; 0: none
	State     QueryState   `json:"state"`
	Attempts  []Attempt    `json:"attempts,omitempty"`
	Plan      Digest       `json:"plan,omitzero"`      // of the first share of the current attempt; all must agree
	Context   Digest       `json:"context,omitzero"`   // likewise
	Entries   []uint64     `json:"entries,omitempty"`  // of the log: the current attempt's, then its shares'
	Spent     []uint64     `json:"spent,omitempty"`    // entries of the shares of earlier attempts
	Shares    []string     `json:"shares,omitempty"`   // nodes whose share of the current attempt is held
	Price     string       `json:"price,omitempty"`    // charged to the contract
	Refunded  bool         `json:"refunded,omitempty"` // the price was given back
	Asks      Digest       `json:"asks,omitzero"`      // of the request, its sources and the commitments of its vectors
	Repeats   string       `json:"repeats,omitempty"`  // the released query that it is answered as: one that asks the same
	// Failing are the nodes of the current attempt that found its test failed, or with
	// Witnesses the owner's witnesses wrong.
	Failing   []string `json:"failing,omitempty"`
	Witnesses bool     `json:"witnesses,omitempty"`

	Accepted int64  `json:"accepted"`
	Done     int64  `json:"done,omitempty"`
	Reason   Reason `json:"reason,omitzero"`
	// Forgotten is since when only this is left of it: who asked it of what, what it cost, what became of
	// it, and which entries of the log prove it. 0: all is there.
	Forgotten int64 `json:"forgotten,omitempty"`
}

// Forget is what stays of a query once its retention is over. Its id is not given again, and what it
// took of budgets is where it was taken from.
func (q Query) Forget(now int64) Query {
	q.Submit = QuerySubmit{Contract: q.Submit.Contract}
	q.Submit.Request.Dataset = q.Dataset
	q.Attempts, q.Plan, q.Context, q.Shares = nil, Digest{}, Digest{}, nil
	q.Asks, q.Failing, q.Spent, q.Forgotten = Digest{}, nil, nil, now
	return q
}

// ShareEntries are the entries by which shares were taken, those of failed attempts first.
func (q Query) ShareEntries() []uint64 {
	return slices.Concat(q.Spent, q.Entries[min(1, len(q.Entries)):])
}

// Over says whether a query is answered or has failed.
func (q Query) Over() bool { return q.State == QueryDone || q.State == QueryFailed }
