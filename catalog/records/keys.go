package records

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// Keys of the state. Numbers in them have a fixed width, so that byte order is
// their order; names have no slash.
const (
	KeyCluster = "cluster"
	KeyClock   = "clock"
	KeyRestore = "restored" // the last Restored
	KeyDrill   = "drilled"  // the last Drilled
	// KeySchedule is where it is kept how old shares may get.
	KeySchedule = "refresh.schedule"
	// KeyReached is where it is kept which time nodes say has been reached, for what is to be forgotten.
	KeyReached = "retention.reached"

	PrefixSeen      = "seen/"       // envelope digest → outcome
	PrefixSeenUntil = "seen.until/" // time/envelope digest: when to forget it

	PrefixRoster        = "roster/"         // number → RosterChange
	PrefixRestore       = "restored/"       // seq → Restored, those before the last
	PrefixDeposit       = "deposit/"        // digest → Deposit
	PrefixProposal      = "proposal/"       // operator → Proposal
	PrefixPrincipal     = "principal/"      // id → Principal
	PrefixPrincipalName = "principal.name/" // name → id
	PrefixRegistry      = "registry/"       // id → Registry
	PrefixRows          = "registry.rows/"  // id/from → rows
	PrefixDataset       = "dataset/"        // id → Dataset
	prefixDescriptor    = "dataset.was/"    // dataset/amendments → Descriptor before the next one
	PrefixCorrection    = "registry.draft/" // id → correction under way
	PrefixCorrecting    = "registry.new/"   // id/from → its rows
	PrefixRegistryState = "registry.state/" // id/number → RegistryState
	prefixUndo          = "registry.was/"   // id/corrections/from → rows before the next one
	PrefixFamily        = "family/"         // owner/registry → family
	PrefixNoise         = "noise/"          // owner/registry → noiseFamily
	PrefixVersion       = "version/"        // dataset/version → Version
	PrefixChange        = "change/"         // seq → Change
	PrefixCounts        = "version.counts/" // dataset/version/measure/from → bitmaps
	PrefixKey           = "key/"            // id → Key
	PrefixKeyOf         = "key.of/"         // publisher → id
	PrefixOrder         = "order/"          // id → Order
	PrefixOrderOf       = "order.of/"       // party/seq → id; the party is the buyer, the dataset's owner, or empty
	PrefixOrderSigned   = "order.signed/"   // id → the Envelope that made it
	PrefixContract      = "contract/"       // id → Contract
	PrefixContractOf    = "contract.of/"    // party/seq → id, likewise
	PrefixQuery         = "query/"          // id → Query
	PrefixVerdict       = "query.verdict/"  // id → Verdict
	PrefixShare         = "query.share/"    // id/position → QueryShare
	PrefixQueryOf       = "query.of/"       // principal/seq → id
	PrefixContractQuery = "query.under/"    // contract/seq → id
	prefixRepeat        = "query.released/" // principal/Query.Asks → id of the query to repeat
	PrefixTree          = "family.tree/"    // owner/registry → its tree of classes
	PrefixSettled       = "family.settled/" // owner/registry/number → what a version settled
	prefixCodes         = "registry.codes/" // id/attribute → its values in the order in which they came
	PrefixNews          = "version.news/"   // dataset/version/from → declared news of sources
	prefixHolders       = "place.holders/"  // dataset/measure → contracts that give a place
	PrefixPlace         = "place/"          // dataset/measure/period → owners with their lists
	prefixBond          = "place.bond/"     // owner/registry/principal → its first list
	prefixKnown         = "place.known/"    // owner/registry → ListsKnown
	PrefixVector        = "vector/"         // id → Vector
	PrefixVectorOf      = "vector.of/"      // owner/seq → id
	PrefixVectorHeld    = "vector.held/"    // owner/seq → id, neither rejected nor dropped
	PrefixVectorName    = "vector.name/"    // owner/name → last version
	PrefixVectorShare   = "vector.share/"   // digests of sealed shares and witnesses that were named

	// What is left to do, so that finding it costs nothing when there is nothing.
	PrefixTodoKey     = "todo.key/"     // publisher without a ready key
	PrefixTodoRefresh = "todo.refresh/" // key that is to be shared anew
	PrefixTodoVersion = "todo.version/" // dataset/version neither live nor rejected
	PrefixTodoAck     = "todo.ack/"     // node/dataset/version not acknowledged
	PrefixTodoQuery   = "todo.query/"   // seq → id, neither done nor failed
	PrefixTodoVector  = "todo.vector/"  // seq → id, registration under way
	PrefixTodoMove    = "todo.move/"    // seq → id, vector that is to be moved
	PrefixMove        = "vector.move/"  // seq → Move that is not over
	PrefixTodoForget  = "todo.forget/"  // time/seq → id, query of which the retention is over then
	PrefixCanary      = "key.canary/"   // key → its last Canary
)

// RosterKey is where the change of the roster with that number is, 0 for the founding.
func RosterKey(number int) string { return fmt.Sprintf("%s%08d", PrefixRoster, number) }

// RowsKey is where the rows of a registry are kept that begin at a place.
func RowsKey(registry string, from int) string {
	return fmt.Sprintf("%s%s/%08d", PrefixRows, registry, from)
}

// VersionName names a version in keys, so that versions are in their order.
func VersionName(dataset string, version int) string {
	return fmt.Sprintf("%s/%08d", dataset, version)
}

// CountsKey is where the bitmaps begin that start offset periods of the policy's
// grain after the version's first.
func CountsKey(dataset string, version int, measure string, offset int) string {
	return fmt.Sprintf("%s%08d", CountsPrefix(dataset, version, measure), offset)
}

// CountsPrefix is what the keys of a measure's bitmaps of a version begin with.
func CountsPrefix(dataset string, version int, measure string) string {
	return PrefixCounts + VersionName(dataset, version) + "/" + measure + "/"
}

// ShareKey is where the sealed share of a member of the active set is kept.
func ShareKey(query string, position int) string {
	return fmt.Sprintf("%s%s/%02d", PrefixShare, query, position)
}

// SeqName is a sequence number in keys, so that numbers are in their order.
func SeqName(seq uint64) string { return fmt.Sprintf("%020d", seq) }

// SeenUntilKey is where it is kept until when an envelope is remembered, in the order of time.
func SeenUntilKey(until int64, d catalog.Digest) string {
	return fmt.Sprintf("%s%016x/%s", PrefixSeenUntil, until, d)
}

// CodesKey is where the values of an attribute are kept, by its position.
func CodesKey(registry string, attribute int) string {
	return fmt.Sprintf("%s%s/%02d", prefixCodes, registry, attribute)
}

// ForgetKey is where it is kept when the retention of a query is over, in the order of time.
func ForgetKey(at int64, seq uint64) string {
	return fmt.Sprintf("%s%016x/%s", PrefixTodoForget, at, SeqName(seq))
}

// RepeatKey is where the newest answer is kept to what a principal asked.
func RepeatKey(principal string, asks catalog.Digest) string {
	return prefixRepeat + principal + "/" + asks.String()
}
