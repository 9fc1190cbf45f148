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
	// the noise bound of PROTOCOL.md section 7.2 holds for so many.
	MaxTiles = 1 << 17
	// TileCells is the number of cells of a tile: N−1 slots, the last being the
	// parity (PROTOCOL.md section 2.2).
	TileCells = 8191
	// MaxOpened is the limit of Σ tiles over all openings of a key, PROTOCOL.md
	// section 7.2.
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

	// MaxSigner bounds the bytes of an envelope's signer: an id, or a node's name.
	MaxSigner = 72
	// MaxText bounds the bytes of a purpose, a reason, a title.
	MaxText = 1000
	// MaxName bounds the bytes of a name.
	MaxName = 64
	// SealedOverhead is what sealing adds to a share: the encapsulated key (1120 bytes),
	// the tag, and room for a header.
	SealedOverhead = 2048

	maxSQL       = 64 << 10 // bytes of a request's SQL
	maxPredicate = 512      // nodes of a predicate
	maxDepth     = 32       // nesting of a predicate

	// MaxPageBytes is how many bytes of records a page holds at most, as long as it holds
	// one: a hundred queries with their requests could else be a hundred envelopes.
	MaxPageBytes = 1 << 20
)

// MaxSealed is the greatest length of a sealed share of so many groups and
// columns: 8 bytes a number, one more number a column for the parity, and the
// overhead of sealing.
func MaxSealed(groups, columns int) int {
	return 8*(groups+1)*columns + 64 + SealedOverhead
}

const (
	// MaxVectorBits bounds the bits of a private weight.
	MaxVectorBits = 32
	// MaxPieces bounds the pieces of a private partition.
	MaxPieces = 16
	// MaxVectorEntries bounds the shared bits of a vector, entities × bits, and of a
	// partition one more an entity: what its check sends between two nodes must fit one
	// message of theirs.
	MaxVectorEntries = 1 << 19
	// MaxOpenVectors bounds the registrations that an owner may have under way.
	MaxOpenVectors = 4
	// MaxVectors bounds those and the vectors that are ready: every node holds
	// shares of them.
	MaxVectors = 256
)
