package consensus

import (
	"context"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/weirdata/weir/consensus/statesum"
	"github.com/weirdata/weir/consensus/tablecheck"
)

// scrubStep is how many bytes of the state a scrub reads between two pauses.
const scrubStep = 256 << 10

// Digests returns the digests that this node had after some of its last entries, the last one
// among them: 1, 8, 64 … entries apart. Two nodes that are less than 262,144 entries apart
// have one number of entries in common, and the same digest there if the state of both is
// that of the entries.
func (l *Ledger) Digests() []statesum.At {
	d := l.disk.state.currentDigest()
	return d.List()
}

// ScrubState reads the whole state, compares every table with its checksums, and what the
// pairs add up to with the digest that the entries made. pause is called after every 256 kB
// and may wait; its error ends the scrub. Damage, a [*DamageError], stops the ledger.
func (l *Ledger) ScrubState(ctx context.Context, pause func(context.Context) error) error {
	if err := l.life.usable(); err != nil {
		return err
	}
	err := l.disk.state.scrubTables(ctx, pause)
	if err == nil {
		err = l.disk.state.view(func(txn *badger.Txn) error { return scrubPairs(ctx, txn, pause) })
	}
	if err != nil {
		return l.life.checked(fmt.Errorf("scrub the state: %w", err))
	}
	return nil
}

// scrubTables verifies the tables on the disk.
func (s *appliedState) scrubTables(ctx context.Context, pause func(context.Context) error) error {
	g, err := s.acquire()
	if err != nil {
		return err
	}
	defer g.release()
	for _, t := range g.db.Tables() {
		if err := g.scrubTable(t.ID); err != nil {
			return err
		}
		for read := int64(0); read <= int64(t.OnDiskSize); read += scrubStep {
			if err := pause(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// scrubTable verifies a table. One that is no part of the state any more is passed over,
// whatever its file has: a compaction has written its pairs to others, and badger cuts a file
// to nothing before it removes it (z.MmapFile.Delete).
func (g *generation) scrubTable(id uint64) error {
	err := tablecheck.One(g.dir, id, options.Snappy)
	if err == nil || !slices.ContainsFunc(g.db.Tables(), func(t badger.TableInfo) bool { return t.ID == id }) {
		return nil
	}
	return openError(PartState, err)
}

// scrubPairs adds up one version of the state.
func scrubPairs(ctx context.Context, txn *badger.Txn, pause func(context.Context) error) error {
	p, d, err := readSummed(txn)
	if err != nil {
		return err
	}
	read := 0
	sum, err := sumTxn(txn, func(bytes int) error {
		if read += bytes; read < scrubStep {
			return nil
		}
		read = 0
		return pause(ctx)
	})
	if err != nil {
		return err
	}
	return difference(p, d.Sum, sum)
}
