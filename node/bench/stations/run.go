package stations

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/publish"
)

// Options say how large a run is.
type Options struct {
	Stations, Seconds, Kills int
	// Feed makes the process that runs a feed by a configuration.
	Feed func(ctx context.Context, config string) *exec.Cmd
	Note func(format string, args ...any)
	Log  io.Writer // of the feeds
}

// ErrLost is returned where the dataset is not what the stations sent.
var ErrLost = errors.New("the dataset is not what the stations sent")

// Report is what a run was.
type Report struct {
	Frames, Again, Answered int64
	Kills                   int
	Sent                    time.Duration // that it took
	Rows                    int           // compared
	State                   feed.State
}

// Run has stations send to a feed that is killed now and then, waits until it has published
// what they sent, asks for it, and compares. dir is an empty directory.
func Run(ctx context.Context, c *client.Client, dir string, o Options) (Report, error) {
	name := fmt.Sprintf("bench_feed_%d", time.Now().Unix())
	zone := time.FixedZone("UTC+08:00", 8*3600)
	// The stations' hour is the last one, which has ended; the feed is told to wait for it
	// until all has been sent.
	now := time.Now().In(zone)
	hour := now.Truncate(time.Hour)
	lateness := now.Sub(hour) + time.Duration(o.Seconds)*time.Second + time.Minute
	s := &Stations{Count: o.Stations, Frames: o.Seconds, Begin: hour.Add(-time.Hour), Every: time.Second}
	if o.Seconds > 3600 {
		return Report{}, fmt.Errorf("%d seconds are more than the hour that stations send", o.Seconds)
	}
	table := publish.RegistryTable{ID: name, IDColumn: "station", Columns: []string{"county"}}
	for i := range o.Stations {
		table.Rows = append(table.Rows, []string{Entity(i), County(i)})
	}
	if _, err := publish.Registry(ctx, c, table, nil); err != nil {
		return Report{}, err
	}
	p := &process{ctx: ctx, config: filepath.Join(dir, "feed.yaml"), dir: filepath.Join(dir, "feed"), options: o}
	err := errors.Join(os.WriteFile(filepath.Join(dir, "descriptor.yaml"), []byte(Descriptor(name, name)), 0o600),
		os.WriteFile(p.config, []byte(Config(name, p.dir, "127.0.0.1:0", o.Stations, lateness, time.Second)), 0o600))
	if err == nil {
		err = p.start()
	}
	if err != nil {
		return Report{}, err
	}
	defer p.end(syscall.SIGKILL) //nolint:errcheck // it has ended, unless something failed
	s.Address = p.address
	begun := time.Now()
	kills := p.killing(s, o)
	err = s.Run(ctx, 0, s.Frames)
	r := Report{Sent: time.Since(begun), Answered: s.Answered(), Again: s.Again(), Frames: int64(s.Count * s.Frames)}
	r.Kills = <-kills
	if err != nil {
		return r, err
	}
	o.Note("%d frames of %d stations were answered in %s; %d were sent again; the feed was killed %d times", r.Answered, o.Stations, r.Sent.Round(time.Second), r.Again, r.Kills)
	for r.State.Appends == 0 {
		if err := client.Pause(ctx, 200*time.Millisecond); err != nil {
			return r, err
		}
		if state, err := feed.ReadState(p.dir); err == nil {
			r.State = state
		}
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		return r, fmt.Errorf("the feed was told to end: %w", err)
	}
	answer, err := ask.Query(ctx, c, Query(name), ask.Options{})
	if err != nil {
		return r, err
	}
	want := s.Truth()
	for i, row := range answer.Table.Rows {
		if got := strings.TrimSpace(fmt.Sprintln(row...)); i >= len(want) || got != want[i] {
			return r, fmt.Errorf("%w: row %d is %s, want %s", ErrLost, i+1, got, append(want, "none")[min(i, len(want))])
		}
		r.Rows++
	}
	if r.Rows != len(want) {
		return r, fmt.Errorf("%w: %d rows, want %d", ErrLost, r.Rows, len(want))
	}
	return r, nil
}

// process is a feed that is started anew after it was killed.
type process struct {
	ctx         context.Context //nolint:containedctx // of one run
	config, dir string
	options     Options

	mu   sync.Mutex // guards live
	live *exec.Cmd
}

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = p.options.Feed(p.ctx, p.config)
	p.live.Stdout, p.live.Stderr = p.options.Log, p.options.Log
	return p.live.Start()
}

// end ends the process that runs.
func (p *process) end(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == nil {
		return nil
	}
	err := errors.Join(p.live.Process.Signal(s), p.live.Wait())
	p.live = nil
	return err
}

// address is where the feed that runs listens, or the last one did.
func (p *process) address() string {
	s, err := feed.ReadState(p.dir)
	if err != nil || s.Sources["chimneys"] == nil {
		return "127.0.0.1:1" // nobody listens there
	}
	return s.Sources["chimneys"].Address
}

// killing kills the feed so many times while stations send, evenly.
func (p *process) killing(s *Stations, o Options) <-chan int {
	done := make(chan int, 1)
	go func() {
		n := 0
		defer func() { done <- n }()
		for n < o.Kills {
			if s.Answered() < int64(s.Count*s.Frames)*int64(n+1)/int64(o.Kills+1) {
				if client.Pause(p.ctx, 5*time.Millisecond) != nil {
					return
				}
				continue
			}
			_ = p.end(syscall.SIGKILL) // that it was killed is its error
			if p.start() != nil {
				return
			}
			n++
		}
	}()
	return done
}
