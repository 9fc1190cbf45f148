package catalog

// Bounds on what state may hold. They keep every entry, record and computation
// of the machine small enough to be applied while others wait.
const (
	// MaxNodes bounds the roster.
	MaxNodes = 16
	// MaxTime is the last time that the machine accepts: the end of year 9999.
	MaxTime = 253402300799999
	// MaxSkew is how far an envelope's Issued may lie ahead of the state's
	// clock, in milliseconds: clocks of clients and of the leader differ.
	MaxSkew = 2 * 60 * 1000
	// MaxRegistryRows bounds the rows of a registry.
	MaxRegistryRows = 1 << 18
	// MaxColumns bounds the attributes of a registry and the measures of a dataset.
	MaxColumns = 64
	// MaxChunks bounds the chunks of a registry's draft and of a version's
	// counting bitmaps, so that giving one up is one small transaction.
	MaxChunks = 4096
	// MaxTiles bounds the tiles of a version: its parity adds them all up, and
	// the noise bound of PROTOCOL section 7 holds for so many.
	MaxTiles = 1 << 17
	// TileCells is the number of cells of a tile: N−1 slots, the last being the
	// parity (DESIGN section 5).
	TileCells = 8191
	// MaxOpened is the limit of Σ tiles over all openings of a key, PROTOCOL
	// section 7.
	MaxOpened = 1 << 37
	// MaxParityAttempts bounds the openings of one version's parity.
	MaxParityAttempts = 16
	// MaxSum bounds the magnitude of a sum of encoded values: it stays below T/2.
	MaxSum = 140_000_000_000_000_000
	// MaxCell bounds the bytes of an id or an attribute in a registry.
	MaxCell = 256
	// MaxIntervals bounds the intervals of a request's periods.
	MaxIntervals = 4096
	// MaxVerdict bounds the bytes of a stored verdict.
	MaxVerdict = 4 << 20
	// ReceivingKeySize is the length of an MLKEM768X25519 public key.
	ReceivingKeySize = 1216

	maxSigner      = 64              // bytes of an envelope's signer
	maxText        = 1000            // bytes of a purpose, a reason, a title
	maxName        = 64              // bytes of a name
	maxSQL         = 64 << 10        // bytes of a request's SQL
	maxPredicate   = 512             // nodes of a predicate
	maxDepth       = 32              // nesting of a predicate
	maxWork        = 1 << 30         // steps of the cohort test of one verdict
	maxExclusions  = 4 * MaxGroups   // intervals of all exclusions of a verdict
	replayMargin   = MaxEnvelopeAge  // milliseconds that an outcome is kept after its envelope expired
	pruneEvery     = 16              // entries
	pruneBatch     = 256             // records at a time
	yearMillis     = 365 * 86400_000 // the default term of a contract
	maxTermMillis  = 10 * yearMillis
	sealedOverhead = 2048 // encapsulated key (1120 bytes), tag, and room for a header
)

// MaxSealed is the greatest length of a sealed share of so many groups and
// columns: 8 bytes a number, one more number a column for the parity, and the
// overhead of sealing.
func MaxSealed(groups, columns int) int {
	return 8*(groups+1)*columns + 64 + sealedOverhead
}
