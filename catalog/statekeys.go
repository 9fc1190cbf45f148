package catalog

import "fmt"

// Keys of the state. Numbers in them have a fixed width, so that byte order is
// their order; names have no slash.
const (
	keyCluster = "cluster"
	keyClock   = "clock"

	prefixSeen      = "seen/"       // envelope digest → outcome
	prefixSeenUntil = "seen.until/" // time/envelope digest: when to forget it

	prefixPrincipal     = "principal/"       // id → Principal
	prefixPrincipalName = "principal.name/"  // name → id
	prefixRegistry      = "registry/"        // id → Registry
	prefixRows          = "registry.rows/"   // id/from → rows
	prefixDataset       = "dataset/"         // id → Dataset
	prefixFamily        = "family/"          // owner/registry → family
	prefixNoise         = "noise/"           // owner/registry → noiseFamily
	prefixVersion       = "version/"         // dataset/version → Version
	prefixChange        = "change/"          // seq → Change
	prefixCounts        = "version.counts/"  // dataset/version/measure/from → bitmaps
	prefixKey           = "key/"             // id → Key
	prefixKeyOf         = "key.of/"          // publisher → id
	prefixOrder         = "order/"           // id → Order
	prefixOrderOf       = "order.of/"        // party/seq → id; the party is the buyer, the dataset's owner, or empty
	prefixContract      = "contract/"        // id → Contract
	prefixContractOf    = "contract.of/"     // party/seq → id, likewise
	prefixQuery         = "query/"           // id → Query
	prefixVerdict       = "query.verdict/"   // id → Verdict
	prefixShare         = "query.share/"     // id/position → QueryShare
	prefixQueryOf       = "query.of/"        // principal/seq → id
	prefixContractQuery = "query.under/"     // contract/seq → id
	prefixRepeat        = "query.released/"  // principal/digest of the request → id of the query to repeat
	prefixPartition     = "family.classes/"  // owner/registry → partition
	prefixBurdens       = "family.released/" // owner/registry → what was released of each class
	prefixSets          = "version.sets/"    // dataset/version/from → sets of point 4
	prefixVector        = "vector/"          // id → Vector
	prefixVectorOf      = "vector.of/"       // owner/seq → id
	prefixVectorHeld    = "vector.held/"     // owner/seq → id, neither rejected nor dropped
	prefixVectorName    = "vector.name/"     // owner/name → last version
	prefixVectorShare   = "vector.share/"    // digests of sealed shares that were named

	// What is left to do, so that finding it costs nothing when there is nothing.
	prefixTodoKey     = "todo.key/"     // publisher without a ready key
	prefixTodoVersion = "todo.version/" // dataset/version neither live nor rejected
	prefixTodoAck     = "todo.ack/"     // node/dataset/version not acknowledged
	prefixTodoQuery   = "todo.query/"   // seq → id, neither done nor failed
	prefixTodoVector  = "todo.vector/"  // seq → id, registration under way
)

func rowsKey(registry string, from int) string {
	return fmt.Sprintf("%s%s/%08d", prefixRows, registry, from)
}

func versionName(dataset string, version int) string {
	return fmt.Sprintf("%s/%08d", dataset, version)
}

// countsKey is where the bitmaps begin that start offset periods of the policy's
// grain after the version's first.
func countsKey(dataset string, version int, measure string, offset int) string {
	return fmt.Sprintf("%s%08d", countsPrefix(dataset, version, measure), offset)
}

func countsPrefix(dataset string, version int, measure string) string {
	return prefixCounts + versionName(dataset, version) + "/" + measure + "/"
}

func shareKey(query string, position int) string {
	return fmt.Sprintf("%s%s/%02d", prefixShare, query, position)
}

func seqName(seq uint64) string { return fmt.Sprintf("%020d", seq) }

func seenUntilKey(until int64, d Digest) string {
	return fmt.Sprintf("%s%016x/%s", prefixSeenUntil, until, d)
}
