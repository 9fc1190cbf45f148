// Package node is the Weir daemon: it wires one node's ledger, secrets, blobs
// and connections together and does the node's part of everything that the
// ledger decides. DATA_MODEL.md beside this file has the words, what is stored where, a state
// machine of each record with the entries that move it, and what is durable before what
// leaves.
//
// # How it works
//
// The ledger is the only source of work. Every node looks at the same replicated
// state and derives from it what is left for it to do: commit to a key ceremony,
// fetch the tiles of a version, open its part of a query. What it did it says in
// a signed envelope, which changes the state, which ends the work. There is no
// other protocol state: a node that was killed looks at the ledger and goes on.
//
//   - reconcile.go runs the work of this node as a member, which tasks.go derives. At a change only that is derived
//     anew of which an entry has touched what was read (package changes); all of it at every tick, and when a node
//     comes or goes.
//   - leader.go derives what the leader alone has to decide (when a ceremony starts, which
//     active set opens) and proposes it.
//   - The work itself is in packages of its own, which know the ledger and the other nodes
//     through interfaces (adapters.go): package versions loads, checks and plans, package mpc
//     opens, multiplies and answers, package blobs keeps blobs sound, package failure has the
//     errors that end attempts.
//   - upkeep.go has the state and the blobs read whole from time to time, and blobs deleted
//     that nobody needs.
//   - observation.go has what the other nodes tell of themselves; clock.go, comparestates.go
//     and comparelogs.go compare it with this node's clock, state and log; damage.go has what
//     can go bad below a node's directory and what mends it; run.go opens a node again that had
//     stopped for want of space.
//   - preflight.go plans a query before it is proposed, and refuses one whose
//     plan does not fit (plan.Plan.Check).
//   - checkpoints.go signs this node's own evidence log and gathers other nodes'
//     signatures on demand; evidence.go proves entries with them.
//   - access.go is the way into the ledger from any node, reading.go the
//     linearizable way out; ratelimit.go bounds what one principal may have recorded and pending.
//
// # Invariants
//
// A share of an opening is sent to the attempt's root over its pinned connection and nowhere
// else. Sealed shares leave through the ledger, to the buyer's key alone.
//
// A node signs checkpoints of the log that it applied itself, never a smaller one
// after a larger one, and none that does not continue what it signed before: the
// last one is in the vault before a signature leaves.
//
// # How it fails
//
// Work that fails is tried again at the next change of the state or tick, until
// the leader ends the attempt: because a member does not answer, was started
// anew and lost what others had sent it, or takes too long. A node that starts
// ends the attempts itself that its state has it in: a new leader would not know.
// The next attempt's set prefers nodes that took part in fewer failed ones. Work that can never
// succeed (digests of members differ, a manifest that contradicts the ledger) ends its attempt at
// once, with the reason in the ledger. A node whose key share does not match its digest is not
// ready, says which file is wrong, and takes no part in openings. A query that fails or panics
// wherever it is planned is ended, and keeps nothing else from being decided. Attempts to make or to share a key
// that fail are begun again after pauses that grow to a minute.
//
// # Simulation
//
// TestDutiesSimulation runs three whole nodes in bubbles of testing/synctest (duties_test.go): the reconciler, the
// leader's decisions, the monitor, package mpc, the state machine and all cryptography are the product's. The
// log is one list of entries that nodes hear of late, proposals are lost before or after they are taken, and the
// lead is given and taken; requests between nodes are late, lost, repeated and held back by partitions; nodes crash
// and keep what their disks had synced; machines burn down, and others with other keys and empty disks are put into
// their seats. Buyers ask, some with a private vector, operators share the key and the vectors anew, a
// publisher appends a version, and the shares are tried, while the faults of a seed happen. Whatever happens, each
// query is answered with the figure of the plaintext or failed and refunded, nothing is charged twice, no node gives
// two things in one place of an attempt, all members of an attempt open under one epoch, and no share of a key or of
// a vector is used before all who get one have stored theirs. Once the faults are
// over the key is shared wholly, every member's share fits, every vector opens to what its owner registered by the shares of
// any two nodes, no share that was erased is taken for one in force or opens anything with one, every machine has what
// was published, and no goroutine is left.
// TestDutiesSimulationFindsPlantedBugs plants a node that opens with its share of the epoch before, one that computes with
// its share of a vector from before a move, one that says that it holds a share which its disk loses, and a ledger
// that goes on with a move before all have said so.
//
// A schedule takes 0.4 s of a core; go test runs a few, WEIR_SCHEDULES=n so many, WEIR_SEED=n one: its events are the
// same again, but not the order in which goroutines run. WEIR_SIM_LOG names a directory for what nodes log.
package node
