package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
)

// # A majority of the members is lost for good
//
// Then nothing is ever committed again, and nobody can tell what was: the members that are lost may
// have acknowledged entries that those which are left do not have. So the ledger does not go on, and
// another one begins, as after a restore from a backup, with what one of the survivors has. All of
// its log counts, committed or not: an entry that a majority of the lost acknowledged may be at the
// end of a survivor's log without its knowledge, and one that was never acknowledged does no harm,
// since whoever proposed it was told that its outcome is unknown. How many entries were committed for
// sure is kept apart ([Remains.Committed]): in the place of those behind them the lost may have had
// others.
//
// The survivor is the only voter at first. The other members, those that survived as well included,
// are members without a vote: each has one when it has taken the ledger over (readmit.go). A vote
// before that would be one on entries which it lacks. The log begins later than any log gets, and with
// other incarnations ([Reseed]), so that neither a vote nor an acknowledgement of before counts, and a
// member that comes back with its old log takes the new one over.
//
// Two survivors cannot each begin a ledger of their own by one order: it names the survivor.

// beforeSuffix is behind the name of the ledger that [Recover] has replaced, until it has ended.
const beforeSuffix = ".before"

// ErrStale is returned for a member whose ledger is not the one that it is on record to have had last,
// such as an old copy.
var ErrStale = errors.New("this node's ledger is not all that it had last")

// Remains is what a member that is stopped has of a ledger.
type Remains struct {
	// Term and Index are those of the last entry in its log: of two members, the one whose term is
	// higher has more, and of one term the one whose index is.
	Term, Index uint64
	// Committed is how many entries a majority is known to have had, and Size how many there are with
	// those at the end of the log, and Root the root of all of them.
	Committed, Size uint64
	Root            [32]byte
	// Damage is why the log could not be read to its end; nil: it was.
	Damage error

	state *appliedState
}

// ReadRemains reads what a member has that is stopped. Nothing in its directory changes, but for
// what every start mends: the state is copied into a directory that holds nothing and that the caller
// removes, and the entries at the end of the log are applied there. Of o it takes Dir, ID, Memory,
// Logger, Free and NoSync.
func ReadRemains(ctx context.Context, o Options, scratch string, m Machine) (r *Remains, err error) {
	o = o.offline()
	d := &disk{opts: o, storage: o.storage, logger: o.Logger}
	d.identity = &identity{id: o.ID, storage: o.storage, memory: o.Memory, logger: o.Logger, applied: d.applied}
	if _, err := os.Stat(filepath.Join(o.Dir, idFile)); err != nil {
		return nil, fmt.Errorf("%w: there is no ledger in %s: %w", ErrStale, o.Dir, err)
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.openStopped(); err != nil {
		return nil, err
	}
	r = &Remains{Committed: d.state.position().NextSeq}
	if r.state, err = openScratch(scratch, o.Logger); err != nil {
		return nil, err
	}
	state := d.state.stream()
	if err := errors.Join(r.state.restore(state, 0), state.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the state: %w", err), r.Close())
	}
	if err := r.applyEnd(ctx, d, m); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (o Options) offline() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Free == nil {
		o.Free = durable.FreeBytes
	}
	o.storage = directory{o}
	return o
}

// openStopped opens a ledger as open does, and leaves it the incarnation that it is.
func (d *disk) openStopped() (err error) {
	if err := d.claim(); err != nil {
		return err
	}
	if d.state, err = openState(d.storage.state(), d.logger); err != nil {
		return err
	}
	if d.wal, err = d.storage.openLog(); err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	if d.snaps, err = openSnapshots(d.opts, d.logger, d.applied); err != nil {
		return err
	}
	kept, found, err := d.identity.remembered()
	if err != nil {
		return err
	}
	own, ownErr := d.identity.own()
	at, err := d.furthest()
	if err != nil {
		return err
	}
	if why := lostSince(kept, found, own, ownErr, at); why != "" {
		return fmt.Errorf("%w: %s", ErrStale, why)
	}
	return d.reconcile()
}

// stream is the state as a stream of package snapstream. It is read to its end, or closed.
func (s *appliedState) stream() *io.PipeReader {
	out, in := io.Pipe()
	go func() { // ends with who reads
		in.CloseWithError(s.view(func(from pairs.Reader) error {
			_, err := writeState(in, from, 0)
			return err
		}))
	}()
	return out
}

// applyEnd applies what is in the log and not in the state.
func (r *Remains) applyEnd(ctx context.Context, d *disk, m Machine) error {
	flaws, err := d.inspectLog()
	if err != nil {
		return err
	}
	_, last, err := d.logRange()
	if err != nil {
		return err
	}
	if flaws.cut > 0 {
		last, r.Damage = flaws.cut-1, flaws.why
	}
	if err := r.findEnd(d, last); err != nil {
		return err
	}
	for from := d.applied() + 1; from <= last; from += rebuildBatch {
		if err := ctx.Err(); err != nil {
			return err
		}
		var logs []*raft.Log
		for i := from; i < from+rebuildBatch && i <= last; i++ {
			e := &raft.Log{}
			if err := readEntry(d.wal, i, e); err != nil {
				return err
			}
			logs = append(logs, e)
		}
		if _, err := r.state.applyBatch(m, logs); err != nil {
			return fmt.Errorf("apply the end of the log: %w", err)
		}
	}
	r.Size = r.state.position().NextSeq
	r.Root, err = r.RootAt(r.Size)
	return err
}

// findEnd finds the term of the last entry.
func (r *Remains) findEnd(d *disk, last uint64) error {
	r.Index = last
	var e raft.Log
	err := raft.ErrLogNotFound
	if last > 0 {
		err = readEntry(d.wal, last, &e)
	}
	if !errors.Is(err, raft.ErrLogNotFound) {
		r.Term = e.Term
		return err
	}
	list, err := d.snaps.List() // the log is all in a snapshot
	if err != nil || len(list) == 0 {
		return err
	}
	r.Term, r.Index = list[0].Term, list[0].Index
	return nil
}

// View calls fn with the machine's keys after all entries.
func (r *Remains) View(fn func(records.Reader) error) error {
	return r.state.view(func(from pairs.Reader) error { return fn(machineReader{from}) })
}

// RootAt is the root of the first so many entries.
func (r *Remains) RootAt(size uint64) (root [32]byte, err error) {
	err = r.state.view(func(from pairs.Reader) error {
		h, err := evidence.Root(evidenceReader{from}, size)
		root = h
		return err
	})
	return root, err
}

// Close lets the copy go.
func (r *Remains) Close() error { return r.state.close() }

// Recover makes the ledger of a member that is stopped that of a recovered cluster, in which it is
// the only voter at first (Seed.Voter). check is asked whether what it has is what it is to be
// recovered by. named is called when the old ledger is out of the way and before the new one counts.
// o is as for [Reseed] and [ReadRemains] together. A crash leaves a member that does not open until
// Recover is repeated, which it can be; that was opened since is [ErrRan].
func Recover(ctx context.Context, o Options, restore Seed, scratch string, m Machine, check func(*Remains) error, named func() error) error {
	if err := o.checkMembers(); err != nil {
		return err
	}
	o = o.offline()
	dir, before := filepath.Clean(o.Dir), filepath.Clean(o.Dir)+beforeSuffix
	ended, err := seededBy(o, restore)
	if err != nil {
		return err
	}
	there, err := isThere(dir)
	if err != nil {
		return err
	}
	if ended && there {
		own, err := (&identity{storage: o.storage}).own()
		if err != nil || own.incarnation != restoredIncarnation(restore.ID, o.ID) {
			return errors.Join(err, fmt.Errorf("%w: %s is not the recovered ledger, and this node is on record to have it", ErrInconsistent, dir))
		}
		return os.RemoveAll(before)
	}
	from := o
	if !there {
		from.Dir = before
		if ended { // the record was written, and the ledger is still in its old place
			from.Memory = forgotten{}
		}
	}
	r, err := ReadRemains(ctx, from, scratch, m)
	if err != nil {
		return err
	}
	half, index, err := r.seed(o, restore, check)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if there {
		if err := errors.Join(os.RemoveAll(before), os.Rename(dir, before), durable.SyncDir(filepath.Dir(dir))); err != nil {
			return fmt.Errorf("put the old ledger out of the way: %w", err)
		}
	}
	if err := named(); err != nil {
		return err
	}
	if err := endSeed(o, restore, half, index); err != nil {
		return err
	}
	return os.RemoveAll(before)
}

// seed begins the ledger that follows.
func (r *Remains) seed(o Options, restore Seed, check func(*Remains) error) (half string, index uint64, err error) {
	if err := check(r); err != nil {
		return "", 0, err
	}
	state := r.state.stream()
	half, index, err = beginSeed(o, restore, state)
	return half, index, errors.Join(err, state.Close())
}

// forgotten is the memory of a member whose record is another ledger's already.
type forgotten struct{}

// Load implements evidence.Memory.
func (forgotten) Load() ([]byte, error) { return nil, nil }

// Save implements evidence.Memory.
func (forgotten) Save([]byte) error { return nil }

func isThere(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// recoveredHalf returns an error where a recovery of this member was begun and not ended.
func (d *disk) recoveredHalf() error {
	if _, on := d.storage.(directory); !on {
		return nil
	}
	dir := filepath.Clean(d.opts.Dir)
	there, err := isThere(dir)
	if err != nil {
		return err
	}
	before, err := isThere(dir + beforeSuffix)
	if err != nil || !before {
		return err
	}
	if there { // it has ended but for this
		return os.RemoveAll(dir + beforeSuffix)
	}
	return fmt.Errorf("%w: the recovery of this node was begun and not ended: repeat it", ErrInconsistent)
}
