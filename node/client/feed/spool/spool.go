// Package spool keeps what a feed took and did not publish yet: readings by entity, measure and
// time, on disk before anybody is told that they are kept.
//
// A spool is a directory of mode 0700 with one file (two while it is written anew), of records
// that are sealed one by one under the publisher's signing key (AES-256-GCM, a key of the
// file's own, the record's number as nonce). Put returns when what it was given is on disk: it
// waits for an fsync, which many calls share. Killed at any time, the process loses nothing
// that Put returned for; a record that was half-written then is dropped, and counted
// (Stats.Torn). A record that does not open though others follow it is damage: Open fails with
// ErrDamaged, for readings that somebody was told are kept would be missing.
//
// A later reading of the same entity, measure and time takes the place of the earlier one. A
// period's readings are dirty until Appended says that they are published as they are; what
// comes afterwards makes them dirty again, and is what a correction consists of.
//
// It does not survive the loss of the disk. After an error of the disk it takes nothing more
// (ErrBroken): what an fsync failed for may or may not be there.
package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/weirdata/weir/node/client/sealed"
)

var (
	// ErrDamaged is returned by Open for a file of which records are missing that others follow.
	ErrDamaged = errors.New("the spool is damaged, or of another key")
	// ErrBroken is returned once a write failed.
	ErrBroken = errors.New("the spool takes no more readings")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the spool is closed")
	// ErrLocked is returned by Open while another process has the spool.
	ErrLocked = errors.New("another process has the spool")
)

// Reading is a reading, or that there is none. Its value is Mantissa·10^-Decimals.
type Reading struct {
	Entity, Measure string
	At              int64 // seconds since 1970, UTC
	Period          int64 // in the dataset's grain
	Mantissa        int64
	Decimals        uint8
	Flag            byte // as the device sent it; 0: none
	Missing         bool // the device says that it has no reading
}

// Sample is a reading of a cell.
type Sample struct {
	At       int64
	Mantissa int64
	Decimals uint8
	Flag     byte
	Missing  bool
}

// Cell are the readings of an entity's measure in a period, by time.
type Cell struct {
	Entity, Measure string
	Period          int64
	Samples         []Sample // must not be changed
}

// Outcome is what readings were that came.
type Outcome struct{ New, Same, Replaced int }

// Mark is something that is kept beside the readings: how far a source was read, say.
type Mark struct{ Key, Value string }

// Stats are of what is kept.
type Stats struct {
	Dirty, Samples int   // dirty cells, and samples of all
	Torn           int64 // bytes of records that were half-written when the process was killed
}

// cellKey names a cell.
type cellKey struct {
	period          int64
	entity, measure int32
}

// cell is a cell. changed is the number of the change after which it is as it is.
type cell struct {
	samples []Sample
	changed uint64
	dirty   bool
}

// period has the cells of a period, and counts the dirty ones: who asks what waits to be published does so every second,
// while readings come.
type period struct {
	cells map[cellKey]*cell
	dirty int
}

// turn makes a cell of the period dirty or not.
func (p *period) turn(c *cell, dirty bool) {
	switch {
	case dirty && !c.dirty:
		p.dirty++
	case !dirty && c.dirty:
		p.dirty--
	}
	c.dirty = dirty
}

// find is where the sample of a time is, or belongs.
func (c *cell) find(at int64) (int, bool) {
	return slices.BinarySearchFunc(c.samples, at, func(x Sample, at int64) int { return cmp.Compare(x.At, at) })
}

// Spool is an open spool.
type Spool struct {
	dir   string
	files sealed.Files
	lock  *os.File

	mu       sync.Mutex // guards what follows
	names    map[string]int32
	list     []string
	cells    map[cellKey]*cell
	periods  map[int64]*period
	appended map[int64]bool
	marks    map[string]string
	change   uint64 // number of the last one
	samples  int
	torn     int64
	broken   error

	file    *journal
	queue   chan *request
	closing chan struct{}
	ended   chan struct{}
}

// request is something to write, and then to apply.
type request struct {
	records [][]byte
	rewrite bool
	done    chan error
	applied Outcome
}

// Open opens a spool, which is made where there is none. It is for one process.
func Open(dir string, files sealed.Files) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // G703: the directory is the operator's to name
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{dir: dir, files: files, lock: lock, queue: make(chan *request), closing: make(chan struct{}), ended: make(chan struct{})}
	s.clear()
	if err := s.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	go s.write()
	return s, nil
}

// clear forgets everything.
func (s *Spool) clear() {
	s.names, s.list = map[string]int32{}, nil
	s.cells, s.periods, s.appended, s.marks = map[cellKey]*cell{}, map[int64]*period{}, map[int64]bool{}, map[string]string{}
	s.samples = 0
}

// Close writes nothing more: what Put returned for is on disk.
func (s *Spool) Close() error {
	select {
	case <-s.closing:
		return nil
	default:
	}
	close(s.closing)
	<-s.ended
	return errors.Join(s.file.close(), s.lock.Close())
}

// Put keeps readings and marks, in this order, and returns when they are on disk.
func (s *Spool) Put(ctx context.Context, readings []Reading, marks ...Mark) (Outcome, error) {
	fresh := s.different(readings)
	same := len(readings) - len(fresh)
	records := encodeReadings(fresh)
	for _, m := range marks {
		if s.Mark(m.Key) != m.Value {
			records = append(records, encodeMark(m))
		}
	}
	if len(records) == 0 {
		return Outcome{Same: same}, s.failed()
	}
	r := &request{records: records, done: make(chan error, 1)}
	if err := s.submit(ctx, r); err != nil {
		return Outcome{}, err
	}
	r.applied.Same += same
	return r.applied, nil
}

// submit has a request written. It is written even if the context ends meanwhile.
func (s *Spool) submit(ctx context.Context, r *request) error {
	select {
	case s.queue <- r:
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-r.done
}

// failed is why nothing is taken any more.
func (s *Spool) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// different are the readings that are not kept as they are.
func (s *Spool) different(readings []Reading) []Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(readings), func(r Reading) bool {
		e, known := s.names[r.Entity]
		m, both := s.names[r.Measure]
		if !known || !both {
			return false
		}
		c := s.cells[cellKey{r.Period, e, m}]
		if c == nil {
			return false
		}
		at, found := c.find(r.At)
		return found && c.samples[at] == r.sample()
	})
}

func (r Reading) sample() Sample {
	return Sample{At: r.At, Mantissa: r.Mantissa, Decimals: r.Decimals, Flag: r.Flag, Missing: r.Missing}
}

// Appended says that the cells of some periods are published as Take had them.
func (s *Spool) Appended(ctx context.Context, periods []int64, change uint64) error {
	return s.submit(ctx, &request{records: [][]byte{encodeAppended(periods, change)}, done: make(chan error, 1)})
}

// Forget drops the cells of periods before one that are published as they are, and writes the
// spool anew without them.
func (s *Spool) Forget(ctx context.Context, before int64) error {
	return s.submit(ctx, &request{records: [][]byte{encodeForget(before)}, rewrite: true, done: make(chan error, 1)})
}

// Mark is the value that was kept for a key.
func (s *Spool) Mark(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks[key]
}

// Take are the cells of the periods that are wanted, dirty or not, by period, entity and
// measure, and the number of the last change that they have. wanted is told whether a period
// was appended before, and whether it has changed cells.
func (s *Spool) Take(wanted func(period int64, appended, dirty bool) bool, dirtyOnly bool) (cells []Cell, change uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, p := range s.periods {
		if !wanted(at, s.appended[at], p.dirty > 0) {
			continue
		}
		for key, c := range p.cells {
			if c.dirty || !dirtyOnly {
				cells = append(cells, Cell{s.list[key.entity], s.list[key.measure], at, c.samples[:len(c.samples):len(c.samples)]})
			}
		}
	}
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Measure, b.Measure))
	})
	return cells, s.change
}

// PeriodState is what is kept of a period.
type PeriodState struct {
	Period   int64
	Appended bool
	Dirty    int // cells
}

// Periods are all periods of which something is kept, the first one first.
func (s *Spool) Periods() (list []PeriodState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, p := range s.periods {
		list = append(list, PeriodState{Period: at, Appended: s.appended[at], Dirty: p.dirty})
	}
	slices.SortFunc(list, func(a, b PeriodState) int { return cmp.Compare(a.Period, b.Period) })
	return list
}

// Stats are of what is kept now.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{Samples: s.samples, Torn: s.torn}
	for _, p := range s.periods {
		out.Dirty += p.dirty
	}
	return out
}

// put applies a reading.
func (s *Spool) put(r Reading, o *Outcome) {
	key := cellKey{r.Period, s.number(r.Entity), s.number(r.Measure)}
	c := s.cell(key)
	at, found := c.find(r.At)
	switch {
	case found && c.samples[at] == r.sample():
		o.Same++
		return
	case found:
		c.samples = slices.Clone(c.samples) // what was taken stays as it was
		c.samples[at] = r.sample()
		o.Replaced++
	case at == len(c.samples):
		c.samples = append(c.samples, r.sample())
		s.samples++
		o.New++
	default:
		c.samples = slices.Concat(c.samples[:at], []Sample{r.sample()}, c.samples[at:])
		s.samples++
		o.New++
	}
	s.change++
	c.changed = s.change
	s.periods[key.period].turn(c, true)
}

// cell is a cell, which is made where there is none.
func (s *Spool) cell(key cellKey) *cell {
	if c := s.cells[key]; c != nil {
		return c
	}
	c := &cell{}
	s.cells[key] = c
	if s.periods[key.period] == nil {
		s.periods[key.period] = &period{cells: map[cellKey]*cell{}}
	}
	s.periods[key.period].cells[key] = c
	return c
}

// number is a name's number.
func (s *Spool) number(name string) int32 {
	if n, ok := s.names[name]; ok {
		return n
	}
	n := int32(len(s.list)) //nolint:gosec // entities and measures of a dataset
	s.names[name], s.list = n, append(s.list, name)
	return n
}

// appendedAt applies that periods are published as they were after a change.
func (s *Spool) appendedAt(periods []int64, change uint64) {
	for _, at := range periods {
		s.appended[at] = true
		if p := s.periods[at]; p != nil {
			for _, c := range p.cells {
				p.turn(c, c.dirty && c.changed > change)
			}
		}
	}
}

// forget applies that old periods are not needed any more.
func (s *Spool) forget(before int64) {
	for at, p := range s.periods {
		if at >= before || !s.appended[at] {
			continue
		}
		for key, c := range p.cells {
			if !c.dirty {
				s.samples -= len(c.samples)
				delete(p.cells, key)
				delete(s.cells, key)
			}
		}
		if len(p.cells) == 0 {
			delete(s.periods, at)
		}
	}
	for period := range s.appended {
		if period < before && s.periods[period] == nil {
			delete(s.appended, period)
		}
	}
}
