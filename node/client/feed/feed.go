package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/feed/spool"
	"github.com/weirdata/weir/node/client/publish"
)

// spoolDir is the spool's directory in the feed's.
const spoolDir = "spool"

// stateEvery is how often the state is written for others to read.
const stateEvery = time.Second

// Options adjust a feed; every zero value takes its default.
type Options struct {
	Now   func() time.Time
	Stdin io.Reader
	// Note tells a person of what happens; nil: nobody.
	Note func(format string, args ...any)
	// NewHeader takes a changed header of a file as the one to expect from now on.
	NewHeader bool
}

// ChangedError is returned when what comes is not what the configuration says.
type ChangedError struct {
	Source string
	Diff   []string // one line each, + what came and is not expected, - what is and did not come
	Fix    string
}

// Error implements error.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("source %s sends something else than the configuration says:\n  %s\n%s", e.Source, strings.Join(e.Diff, "\n  "), e.Fix)
}

// Feed is a feed that runs, or is about to.
type Feed struct {
	config  *Config
	client  *client.Client
	source  *panel.Source // how the dataset's files are read, and its descriptor
	periods periods
	intake  *intake // what sources hand their readings to
	spool   *spool.Spool
	told    *told
	options Options

	appending sync.Mutex // one append at a time; guards what follows
	verified  bool       // the entities are in the registry, and its first period is known

	stop      context.CancelCauseFunc
	listening chan struct{} // closed once all sources are open; tests wait for it
}

// New opens a feed. The cluster need not be reached yet.
func New(c *client.Client, config *Config, o Options) (*Feed, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Note == nil {
		o.Note = func(string, ...any) {}
	}
	src, err := sourceOf(c, config)
	if err != nil {
		return nil, err
	}
	if err := config.Fits(src); err != nil {
		return nil, err
	}
	in, err := newIntake(config, src, o.Now)
	if err != nil {
		return nil, err
	}
	f := &Feed{config: config, client: c, source: src, periods: in.periods, intake: in, options: o, listening: make(chan struct{})}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the feed's directory: %w", err)
	}
	if f.spool, err = spool.Open(filepath.Join(config.Dir, spoolDir), c.Key().Sealed()); err != nil {
		if errors.Is(err, spool.ErrLocked) {
			err = fmt.Errorf("a feed runs in %s already: %w", config.Dir, err)
		}
		return nil, err
	}
	if err := f.own(); err != nil {
		return nil, errors.Join(err, f.spool.Close())
	}
	f.told = newTold(config.Dir, config.Dataset, o.Now())
	in.spool, in.told = f.spool, f.told
	torn := f.spool.Stats().Torn
	f.told.update(func(s *State) { s.Torn += torn })
	return f, nil
}

// ownMark is of which dataset and cluster a spool is.
const ownMark = "dataset"

// own makes sure that the spool is of this dataset and cluster: what it has of another one, and
// what it calls published there, is of no use here.
func (f *Feed) own() error {
	own := fmt.Sprintf("%s of cluster %.16s", f.config.Dataset, f.client.Profile().Cluster)
	switch was := f.spool.Mark(ownMark); was {
	case own:
		return nil
	case "":
		_, err := f.spool.Put(context.Background(), nil, spool.Mark{Key: ownMark, Value: own})
		return err
	default:
		return &ConfigError{File: f.config.file, Message: fmt.Sprintf("dir %s has readings of dataset %s, and the configuration is of %s", f.config.Dir, was, own),
			Want: "want a directory for each dataset"}
	}
}

// sourceOf is how the dataset's files are read: by the descriptor that is named, or as they
// were when this machine published it.
func sourceOf(c *client.Client, config *Config) (*panel.Source, error) {
	if config.Descriptor != "" {
		return publish.OpenDescriptor(config.Descriptor)
	}
	src, err := publish.LastSource(c, config.Dataset)
	if err == nil && src == nil {
		err = fmt.Errorf("this machine has not published dataset %s: name its descriptor in %s", config.Dataset, config.file)
	}
	return src, err
}

// Close ends a feed that does not run.
func (f *Feed) Close() error {
	return errors.Join(f.spool.Close(), f.told.write(f.options.Now()))
}

// errEnded ends a feed whose sources have all ended by themselves.
var errEnded = errors.New("all sources have ended")

// Run takes what comes and publishes it until the context ends, which is no error. A changed
// schema is a *ChangedError.
func (f *Feed) Run(parent context.Context) error {
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	f.stop = stop
	if err := f.verifyAtStart(ctx); err != nil {
		return f.ended(err)
	}
	running, ctx := errgroup.WithContext(ctx)
	var sources sync.WaitGroup
	for i := range f.config.Sources {
		s := &f.config.Sources[i]
		run, err := f.begin(ctx, s)
		if err != nil {
			stop(err)
			return f.ended(errors.Join(err, running.Wait()))
		}
		sources.Add(1)
		running.Go(func() error {
			defer sources.Done()
			err := run(ctx)
			if _, changed := errors.AsType[*ChangedError](err); changed || err == nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("source %s: %w", s.Name, err)
		})
	}
	close(f.listening)
	running.Go(func() error { return f.publishing(ctx) })
	running.Go(func() error { return f.telling(ctx) })
	go func() { // ends with the sources, and these with ctx
		sources.Wait()
		stop(errEnded)
	}()
	err := running.Wait()
	sources.Wait()
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	if errors.Is(err, errEnded) && parent.Err() == nil {
		err = f.Append(parent)
	}
	if parent.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errEnded)) {
		err = nil
	}
	return f.ended(err)
}

// ended notes why the feed ended.
func (f *Feed) ended(err error) error {
	now := f.options.Now()
	f.tellPeriods(now)
	if err != nil {
		f.told.update(func(s *State) { s.Stopped = &Happened{now, err.Error()} })
	}
	return err
}

// listensAt notes where a source listens.
func (f *Feed) listensAt(source, address string) {
	f.told.source(source, func(s *SourceState) { s.Address = address })
	f.options.Note("source %s listens on %s", source, address)
}

// begin opens a source; run reads it until the context ends or nothing more comes.
func (f *Feed) begin(ctx context.Context, s *Source) (run func(context.Context) error, err error) {
	f.told.source(s.Name, func(x *SourceState) { x.Kind, x.Open, x.Error = s.Kind, 0, nil })
	x := opened{intake: f.intake, source: s, note: f.options.Note, listens: f.listensAt, stop: f.stop}
	r := rows{opened: x, client: f.client, files: f.source, newHeader: f.options.NewHeader}
	switch s.Kind {
	case kindHJ212:
		return listenForFrames(ctx, x)
	case kindLines:
		return listenForLines(ctx, x)
	case kindStdin:
		return readStdin(x, f.options.Stdin)
	case kindDirectory:
		return watchDirectory(r)
	case kindTable:
		return watchTable(r)
	}
	return nil, fmt.Errorf("source %s: there is no kind %s", s.Name, s.Kind)
}

// verifyAtStart compares the configuration with what the cluster has, where it can be asked.
func (f *Feed) verifyAtStart(ctx context.Context) error {
	f.appending.Lock()
	defer f.appending.Unlock()
	err := f.verify(ctx)
	if _, wrong := errors.AsType[*ConfigError](err); wrong || ctx.Err() != nil {
		return err
	}
	if err != nil {
		f.options.Note("readings are kept, and published when the cluster answers: %v", err)
		f.failed(err)
	}
	return nil
}

// failed notes that publishing did not go.
func (f *Feed) failed(err error) {
	now := f.options.Now()
	f.told.update(func(s *State) { s.Error = &Happened{now, err.Error()} })
}

// verify makes sure that the entities of devices are in the registry, and learns with which
// period the dataset begins.
func (f *Feed) verify(ctx context.Context) error {
	if f.verified {
		return nil
	}
	d, err := f.client.Dataset(ctx, f.config.Dataset)
	if client.IsNotFound(err) {
		if f.source.Registry == "" {
			return fmt.Errorf("dataset %s is not published yet, and brings its own registry: publish the first files with `weir dataset publish`", f.config.Dataset)
		}
		d.Descriptor, err = f.source.Descriptor, nil
	}
	if err != nil {
		return err
	}
	if changes := d.Descriptor.Changes(f.source.Descriptor); len(changes) > 0 {
		return &ConfigError{File: f.config.file, Message: fmt.Sprintf("dataset %s has another descriptor than the feed's", f.config.Dataset),
			Want: "compare with `weir dataset show " + f.config.Dataset + "`"}
	}
	ids, err := f.client.RegistryIDs(ctx, d.Descriptor.Registry)
	if err != nil {
		return err
	}
	x := &configCheck{Config: f.config}
	for device, entity := range f.config.Devices {
		if !slices.Contains(ids, entity) {
			x.fault("$.devices."+device, fmt.Sprintf("is entity %.80q, which registry %s does not have", entity, d.Descriptor.Registry),
				"append it with `weir registry append`"+didYouMean(entity, ids))
		}
	}
	if len(x.faults) > 0 {
		return errors.Join(x.faults...)
	}
	if d.Live > 0 {
		v, err := f.client.Version(ctx, d.ID, d.Live)
		if err != nil {
			return err
		}
		f.intake.first.Store(&v.First)
	}
	f.verified = true
	return nil
}

// telling writes the state for others to read.
func (f *Feed) telling(ctx context.Context) error {
	return every(ctx, stateEvery, func() error {
		f.tellPeriods(f.options.Now())
		if err := f.told.write(f.options.Now()); err != nil {
			return fmt.Errorf("write the feed's state: %w", err)
		}
		return nil
	})
}

// every does something at once and then again and again, until the context ends or it fails.
func every(ctx context.Context, pause time.Duration, do func() error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if err := do(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tellPeriods puts into the state what waits to be published.
func (f *Feed) tellPeriods(now time.Time) {
	var pending []PendingPeriod
	late := 0
	for _, p := range f.spool.Periods() {
		switch {
		case p.Dirty == 0:
		case p.Appended:
			late += p.Dirty
		default:
			pending = append(pending, PendingPeriod{f.periods.grain.Format(p.Period), p.Dirty, f.due(p.Period)})
		}
	}
	next := f.nextCorrection(now)
	f.told.update(func(s *State) { s.Pending, s.Late, s.NextCorrection = pending, late, next })
}
