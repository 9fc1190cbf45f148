package state

import "github.com/weirdata/weir/catalog"

const (
	replayMargin  = catalog.MaxEnvelopeAge // milliseconds that an outcome is kept after its envelope expired
	pruneEvery    = 16                     // entries
	pruneBatch    = 256                    // records at a time
	yearMillis    = 365 * 86400_000        // the default term of a contract
	maxTermMillis = 10 * yearMillis
)
