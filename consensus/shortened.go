package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/weirdata/weir/consensus/pairs"
)

// An entry is shortened in the transaction of the entry that says so, on every node alike: so what is kept of
// it is part of the state's digest, snapshots and exports have it as it is, and a crash leaves both entries
// as they were or neither. What raft keeps goes later: its log, when a snapshot lets it begin behind the entries, and
// the snapshots from before, when two newer ones are there.

var shortenedKey = []byte{spaceMeta, 's'}

// shortenEvery is how seldom a snapshot is written for nothing but what is shortened. Each costs what the state
// costs.
const shortenEvery = 24 * time.Hour

// shortened is where raft may still have entries whole that are shortened: in a log that begins before upTo, and in
// snapshots from before log index by.
type shortened struct{ upTo, by uint64 }

func (s shortened) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, s.upTo), s.by)
}

func readShortened(r pairs.Reader) (s shortened, err error) {
	b, err := r.Get(shortenedKey)
	if err != nil || b == nil {
		return s, err
	}
	if len(b) == 16 {
		s = shortened{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
	}
	if s.by == 0 || s.upTo > s.by {
		return shortened{}, fmt.Errorf("%w: what is shortened does not decode", ErrInconsistent)
	}
	return s, nil
}

// dropShortened writes a snapshot where raft still has entries whole that are shortened, and has its log begin
// behind them.
func (m *maintenance) dropShortened(ctx context.Context) error {
	l := m.ledger
	var s shortened
	err := l.disk.state.view(func(r pairs.Reader) (err error) {
		s, err = readShortened(r)
		return err
	})
	if err != nil || s.by == 0 {
		return err
	}
	first, last, err := l.disk.logRange()
	if err != nil {
		return err
	}
	list, err := l.disk.snaps.List()
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	old := last > 0 && first < s.upTo
	for _, snapshot := range list {
		old = old || snapshot.Index < s.by
	}
	if !old {
		return nil
	}
	m.trailing.Store(min(l.opts.TrailingLogs, last-min(last, s.upTo)))
	if err = m.adapt(); err == nil {
		err = l.Snapshot(ctx)
	}
	m.trailing.Store(l.opts.TrailingLogs)
	return errors.Join(err, m.adapt())
}

// shorten does so once a day at most.
func (m *maintenance) shorten(ctx context.Context) {
	due := time.Since(m.shortenedAt) >= shortenEvery
	if due && m.beside(ctx, &m.shortening, "dropping what is shortened from the log", m.dropShortened) {
		m.shortenedAt = time.Now()
	}
}
