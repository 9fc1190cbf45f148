package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/weirdata/weir/compute/he"
)

// Options say how much is measured. Zero values take their defaults, which
// together stay well under a minute.
type Options struct {
	// Bytes of tiles that are added up in memory; default DefaultBytes.
	Bytes int64
	// StoredTiles is how many tiles are written to a store and added up from
	// there; default DefaultStoredTiles.
	StoredTiles int
	// Proposing is how long proposals are counted, for each number of clients;
	// default DefaultProposing.
	Proposing time.Duration
	// Dir is where the temporary directory is made; default: the system's place
	// for such.
	Dir string
	// Step is told what is measured next; nil: nobody.
	Step func(what string)
}

// Defaults of Options.
const (
	// DefaultBytes outgrow every cache by far.
	DefaultBytes = 1 << 30
	// DefaultStoredTiles are 393 MB.
	DefaultStoredTiles = 1000
	// DefaultProposing is some thousand proposals.
	DefaultProposing = 2 * time.Second
)

func (o Options) filled() Options {
	o.Bytes = cmp.Or(max(o.Bytes, 0), DefaultBytes)
	o.StoredTiles = cmp.Or(max(o.StoredTiles, 0), DefaultStoredTiles)
	o.Proposing = cmp.Or(max(o.Proposing, 0), DefaultProposing)
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return o
}

// Figures are the figures of one run, in the order they are printed.
type Figures []he.Measurement

// Value returns the figure of that name, 0 where there is none.
func (f Figures) Value(name string) float64 {
	for _, m := range f {
		if m.Name == name {
			return m.Value
		}
	}
	return 0
}

func (f *Figures) add(name string, value float64, unit string) {
	*f = append(*f, he.Measurement{Name: name, Value: value, Unit: unit})
}

// Run measures: the number of cores, everything of he.Measure, then
//
//	accumulate_of_memory           share of the plain sum's rate, "1"
//	encrypt_2_values_per_s         two goroutines, 1/s
//	encrypt_2_ratio                of that to one goroutine, "1"
//	store_put_bytes_per_s          written and synced, B/s
//	store_first_bytes_per_s        added up from the store, SHA-256 compared, B/s
//	store_accumulate_bytes_per_s   the same again, read in place, B/s
//	store_accumulate_values_per_s  the same in values, 1/s
//	propose_per_s                  one client, three members, fsync, 1/s
//	propose_64_per_s               64 clients, 1/s
func Run(ctx context.Context, o Options) (_ Figures, err error) {
	o = o.filled()
	dir, err := os.MkdirTemp(o.Dir, "weir-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the benchmark: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := he.NewParameters(he.DataParameters(3, 2))
	if err != nil {
		return nil, err
	}
	var f Figures
	f.add("cores", float64(runtime.GOMAXPROCS(0)), "cores")
	o.Step("adding, encrypting and opening in memory, on one core")
	primitives, err := he.Measure(ctx, p, o.Bytes)
	if err != nil {
		return nil, err
	}
	f = append(f, primitives...)
	f.add("accumulate_of_memory", f.Value("accumulate_bytes_per_s")/f.Value("memory_bytes_per_s"), "1")
	o.Step("encrypting on two goroutines")
	e, err := encryptor(p)
	if err != nil {
		return nil, err
	}
	if err := f.encryptTwice(ctx, p, e); err != nil {
		return nil, fmt.Errorf("measuring encryption: %w", err)
	}
	o.Step(fmt.Sprintf("writing %d tiles to a store and adding them up from there", o.StoredTiles))
	if err := f.stored(ctx, p, e, dir, o.StoredTiles); err != nil {
		return nil, fmt.Errorf("measuring the store: %w", err)
	}
	o.Step("proposing to a ledger of three members")
	if err := f.propose(ctx, dir, o.Proposing); err != nil {
		return nil, fmt.Errorf("measuring the ledger: %w", err)
	}
	return f, nil
}

// fastest keeps the shortest time of several passes.
type fastest time.Duration

func (f *fastest) note(start time.Time) {
	if d := fastest(time.Since(start)); *f == 0 || d < *f {
		*f = d
	}
}

func (f fastest) rate(n int) float64 { return float64(n) / time.Duration(f).Seconds() }
