package consensus

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/statesum"
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
	err := l.disk.state.scrubDisk(ctx, pause)
	if err == nil {
		err = l.disk.state.view(func(r pairs.Reader) error { return scrubPairs(ctx, r, pause) })
	}
	if err != nil {
		return l.life.checked(fmt.Errorf("scrub the state: %w", err))
	}
	return nil
}

// scrubDisk verifies what is on the disk.
func (s *appliedState) scrubDisk(ctx context.Context, pause func(context.Context) error) error {
	g, err := s.acquire()
	if err != nil {
		return err
	}
	defer g.release()
	return g.store.Scrub(ctx, scrubStep, pause)
}

// scrubPairs adds up one version of the state.
func scrubPairs(ctx context.Context, r pairs.Reader, pause func(context.Context) error) error {
	p, d, err := readSummed(r)
	if err != nil {
		return err
	}
	read := 0
	sum, err := sumPairs(r, func(bytes int) error {
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
