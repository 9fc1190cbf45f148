package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/objects"
	"github.com/weirdata/weir/node/versions"
)

// Check is what came of one thing that was tried. One that was not tried says why.
type Check struct {
	recovery.Tried
	Skipped string   `json:"skipped,omitempty"`
	Missed  string   `json:"missed,omitempty"` // why what was asked for was not tried, or not all of it
	Notes   []string `json:"notes,omitempty"`  // on differences first, at most maxNotes of them
}

const maxNotes = 20

func (c *Check) differ(format string, args ...any) {
	if c.Differ++; len(c.Notes) < maxNotes {
		c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
	}
}

func (c *Check) note(format string, args ...any) {
	if len(c.Notes) < maxNotes {
		c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
	}
}

// File is a file that was given.
type File struct {
	Name  string
	Bytes []byte
}

// Share is a node's share, in memory.
type Share struct {
	Info    nodeshare.Info
	Secrets nodeshare.Secrets
}

// Options say what is tried.
type Options struct {
	Archive  backup.Archive // with the identities that open it
	Dir      string         // of this user alone, and empty; the caller removes it
	Queries  int            // how many recorded queries are computed anew; 0: all
	Receipts []File
	Results  []File // as weir query -o json printed them
	Shares   []Share
	// Shadow restores the backup as a cluster of its own on this machine, in an empty directory; nil: it is not tried.
	Shadow   func(ctx context.Context, dir string) (Shadow, error)
	Progress func(string)
	Plan     versions.Planner // nil: as nodes plan
}

// Shadow is a restored cluster that is up (package shadow). Its nodes are called by their places.
type Shadow interface {
	Size() int
	// Stands waits until a node has all that is committed: how many entries, with which root, and how many datasets it reads.
	Stands(ctx context.Context, at int) (size uint64, root catalog.Digest, datasets int, err error)
	// Recompute is mpc.Recompute from what a node has on its disk.
	Recompute(ctx context.Context, query string, among catalog.KeyRoster) (plan, contexts catalog.Digest, err error)
	Close() error
}

// Report is what a drill found.
type Report struct {
	Checks []Check `json:"checks"`
}

// What a drill tries beside what it reports to the ledger: that the nodes of a shadow come up, and that queries
// which they compute anew come to what is recorded.
const (
	Nodes    = "nodes"
	Restored = "restored"
)

// names are all checks, in their order.
func names() []string { return append(recovery.Drills(), Nodes, Restored) }

// Differs counts the differences.
func (r Report) Differs() (n int) {
	for _, c := range r.Checks {
		n += c.Differ
	}
	return n
}

// OfShadow counts those that a shadow alone shows.
func (r Report) OfShadow() (n int) {
	for _, c := range r.Checks {
		if c.What == Nodes || c.What == Restored {
			n += c.Differ
		}
	}
	return n
}

// Missed are the checks that were asked for, by what was given, and that were not tried, or not all of them.
func (r Report) Missed() (missed []Check) {
	for _, c := range r.Checks {
		if c.Missed != "" {
			missed = append(missed, c)
		}
	}
	return missed
}

// For is the report as the ledger takes it: no words and no names. What the ledger has no name for counts where it
// belongs: nodes that do not come up are a ledger that does not, and what they compute otherwise are other sums.
func (r Report) For(m backup.Manifest) recovery.Drill {
	d := recovery.Drill{Root: m.Root, Size: m.Size, Made: m.Made}
	differ := map[string]int{}
	for _, c := range r.Checks {
		switch c.What {
		case Nodes:
			differ[recovery.Entries] += c.Differ
		case Restored:
			differ[recovery.Sums] += c.Differ
		}
	}
	for _, c := range r.Checks {
		if c.What != Nodes && c.What != Restored {
			c.Differ += differ[c.What]
			d.Tried = append(d.Tried, c.Tried)
		}
	}
	return d
}

// drilling is a drill under way.
type drilling struct {
	Options
	checks map[string]*Check
	blobs  backup.Listed

	machine *state.Machine
	replay  *consensus.Replay
	store   *versions.Store
	cluster catalog.Cluster
	among   map[string]attemptRoster // by query, of its last attempt
	results map[string]File          // by query
	expired []string                 // queries that were answered from versions that nobody keeps
}

// attemptRoster is the roster that the points of an attempt are of. A key may move afterwards.
type attemptRoster struct {
	number int
	roster catalog.KeyRoster
}

// Run tries what can be tried. What differs is in the report; its error is one of the drill itself, as where
// the archive cannot be reached.
func Run(ctx context.Context, o Options) (r Report, err error) {
	d := &drilling{
		Options: o, checks: map[string]*Check{},
		machine: state.NewMachine(), among: map[string]attemptRoster{}, results: map[string]File{},
	}
	d.Archive.Store = readOnly{o.Archive.Store}
	for _, name := range names() {
		d.checks[name] = &Check{Tried: recovery.Tried{What: name}}
	}
	d.blobs = d.Archive.Listed()
	d.skipped()
	err = d.run(ctx)
	for name, asked := range map[string]int{recovery.Receipts: len(d.Receipts), recovery.Openings: len(d.Shares), recovery.Figures: len(d.Results)} {
		if c := d.checks[name]; asked > 0 && c.Tried.Tried == 0 && c.Missed == "" {
			c.Missed = c.Skipped
		}
	}
	for _, name := range names() {
		r.Checks = append(r.Checks, *d.checks[name])
	}
	return r, err
}

// skipped says what cannot be tried with what was given.
func (d *drilling) skipped() {
	if len(d.Receipts) == 0 {
		d.checks[recovery.Receipts].Skipped = "no receipt was given"
	}
	if len(d.Shares) == 0 {
		d.checks[recovery.Openings].Skipped = "no share of a node was given: nothing was opened"
	}
	if d.Shadow == nil {
		d.checks[Nodes].Skipped = "no founding was given: no node was started"
		d.checks[Restored].Skipped = d.checks[Nodes].Skipped
	}
	switch {
	case len(d.Results) == 0:
		d.checks[recovery.Figures].Skipped = "no result was given"
	case len(d.Shares) == 0:
		d.checks[recovery.Figures].Skipped = "no share of a node was given: nothing was opened"
	}
}

// run tries one thing after the other. The ledger has to prove itself before anything that it says is
// compared with anything.
func (d *drilling) run(ctx context.Context) error {
	d.Progress("reading every part")
	c := d.checks[recovery.Parts]
	err := d.Archive.ReadParts(ctx, func(_ backup.Part, err error) error {
		c.differ("%v", err)
		return nil
	}, func(done, _ int) { c.Tried.Tried = done })
	if err != nil {
		return err
	}
	d.Progress("applying the ledger's entries anew")
	err = d.Archive.CheckLedger(ctx, d.Dir, d.machine, backup.Look{
		Lot: func(l *consensus.Replay, _ uint64, lot []evidence.Record) error {
			d.replay = l
			return d.follow(lot)
		},
		Proved: func(l *consensus.Replay) error {
			d.replay = l
			return d.proved(ctx)
		},
	})
	if errors.Is(err, backup.ErrDamaged) {
		d.checks[recovery.Entries].differ("%v", err)
		for _, name := range []string{recovery.Blobs, recovery.Sums, recovery.Receipts, recovery.Openings, recovery.Figures, Nodes, Restored} {
			d.checks[name].Skipped = "the ledger does not prove itself"
		}
		return nil
	}
	return err
}

// follow looks at entries that were applied anew.
func (d *drilling) follow(lot []evidence.Record) error {
	d.checks[recovery.Entries].Tried.Tried += len(lot)
	for _, rec := range lot {
		var o catalog.Outcome
		if rec.Void {
			continue
		}
		if err := json.Unmarshal(rec.Outcome, &o); err != nil {
			return fmt.Errorf("read an outcome of the ledger: %w", err)
		}
		if o.Repeat {
			continue
		}
		if o.Decision != nil {
			d.checks[recovery.Decisions].Tried.Tried++ // had it come to another verdict, the replay would have ended
		}
		if o.Kind == catalog.KindQueryAttempt && o.Refusal == nil {
			if err := d.noteRoster(o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteRoster remembers among whom the last attempt of a query computes.
func (d *drilling) noteRoster(query string) error {
	return d.view(func(v state.View) error {
		q, err := v.Query(query)
		if err != nil || len(q.Attempts) == 0 {
			return err
		}
		version, err := v.Versions().Get(q.Dataset, q.Version)
		if errors.Is(err, records.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		key, err := v.Keys().Get(version.Key)
		if err != nil {
			return err
		}
		a := q.Attempts[len(q.Attempts)-1]
		if r, known := key.RosterOf(a.SharingOf(key)); known {
			d.among[query] = attemptRoster{a.Number, r}
		}
		return nil
	})
}

// view runs fn on the state that the entries have made so far.
func (d *drilling) view(fn func(state.View) error) error {
	return d.replay.View(func(r records.Reader) error { return fn(d.machine.View(r)) })
}

// proved goes on with a ledger that has proved itself.
func (d *drilling) proved(ctx context.Context) error {
	err := d.view(func(v state.View) (err error) {
		d.cluster, err = v.Cluster()
		return err
	})
	if err != nil {
		return err
	}
	params, err := he.NewParameters(he.DataParameters(len(d.cluster.Nodes), d.cluster.Threshold))
	if err != nil {
		return err
	}
	d.store = versions.New(versions.Options{Ledger: shadowLedger{d}, Blobs: archiveBlobs{d}, Params: params, Logger: slog.New(slog.DiscardHandler), Plan: d.Plan})
	d.Progress("looking which blobs the state needs")
	if err := d.checkBlobs(ctx); err != nil {
		return err
	}
	d.Progress("verifying receipts")
	if err := d.checkReceipts(); err != nil {
		return err
	}
	d.readResults()
	chosen, err := d.checkQueries(ctx)
	if err != nil {
		return err
	}
	return d.checkShadow(ctx, chosen)
}

func (d *drilling) checkBlobs(ctx context.Context) error {
	c := d.checks[recovery.Blobs]
	err := d.view(func(v state.View) error {
		needed, absent, err := LeftOut(ctx, d.Archive, v)
		c.Tried.Tried = needed
		for _, a := range absent {
			c.differ("%s", a)
		}
		return err
	})
	if errors.Is(err, backup.ErrDamaged) {
		c.differ("%v", err)
		return nil
	}
	return err
}

// LeftOut tells which blobs a state needs that the backup does not list, and how many it needs. The
// list is what one node said; the state was proved.
func LeftOut(ctx context.Context, a backup.Archive, v state.View) (needed int, absent []string, err error) {
	listed := a.Listed()
	all, err := blobs.Needed(v, func(m catalog.Digest) (tiles.Manifest, error) {
		b, err := listed.Load(ctx, m)
		if err != nil {
			return tiles.Manifest{}, err
		}
		return tiles.ParseManifest(b)
	})
	if err != nil {
		return 0, nil, err
	}
	for d, what := range all {
		if !listed.Has(d) {
			absent = append(absent, fmt.Sprintf("the backup's list leaves out blob %s, %s", d, what))
		}
	}
	return len(all), absent, nil
}

// readOnly is a store that nothing is written to.
type readOnly struct{ objects.Store }

var errReadOnly = errors.New("a drill only reads the archive")

func (readOnly) Put(context.Context, string, []byte) error { return errReadOnly }
func (readOnly) Remove(context.Context, string) error      { return errReadOnly }

// shadowLedger is the state as the work of nodes reads it.
type shadowLedger struct{ *drilling }

// View implements versions.Ledger.
func (l shadowLedger) View(fn func(state.View) error) error { return l.view(fn) }

// Act implements versions.Ledger.
func (shadowLedger) Act(context.Context, catalog.Kind, any) error {
	return errors.New("a drill says nothing in the ledger")
}

// archiveBlobs are the blobs of the archive.
type archiveBlobs struct{ *drilling }

// Load implements versions.Blobs.
func (b archiveBlobs) Load(ctx context.Context, d catalog.Digest) ([]byte, error) {
	return b.blobs.Load(ctx, d)
}

// Sync implements versions.Blobs.
func (archiveBlobs) Sync(context.Context) error { return nil }
