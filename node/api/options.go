package api

import (
	"cmp"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// Options are what New needs. Zero values of those marked with a default take it.
type Options struct {
	Backend Backend
	Blobs   Blobs
	Health  Health
	// Evidence proves what was recorded.
	Evidence Evidence
	// Backups holds the ledger ready for backups; nil: this node makes none.
	Backups Backups
	// Progress tells how far this node is with a query, which is told to its owner alone;
	// nil: it does not say.
	Progress func(q catalog.Query) *wire.Progress
	// Applied is the index of the last entry in this node's state: a state that is looked
	// at afterwards has that entry. nil: explanations are not remembered.
	Applied func() uint64
	// ClockFault says what is wrong with this node's clock, by which tokens are judged; it
	// returns nil while nothing is known against it. nil: nobody asks.
	ClockFault func() error
	// Cores bounds the goroutines that compile SQL and judge queries; default: as many as
	// leave one core of the process to the rest of the node.
	Cores Cores
	// Cluster is the audience that tokens must name.
	Cluster catalog.Digest
	// TileBytes and PackedTileBytes are the exact sizes of an uploaded tile. Packed ones are taken
	// from feature level catalog.LevelPackedTiles on: the release before cannot read them.
	TileBytes, PackedTileBytes int
	// MaxIndexBytes bounds an uploaded manifest or presence; default DefaultMaxIndexBytes.
	MaxIndexBytes int
	// ShareBytes bounds the sealed shares of private vectors that one caller may upload
	// in a day; default DefaultShareBytes.
	ShareBytes int64
	// Concurrency is how many requests of one caller may be under way; default
	// DefaultConcurrency.
	Concurrency int
	// Version is the program's version, for the OpenAPI document.
	Version string
	// Logger takes internal errors; default: none.
	Logger *slog.Logger
	// Now is the clock that tokens are judged by; default time.Now.
	Now func() time.Time
}

// Defaults of Options.
const (
	// DefaultConcurrency lets a publisher upload from many goroutines and still
	// keeps one caller from taking all of a node's memory: 64 tiles are 25 MB.
	DefaultConcurrency = 64
	// DefaultMaxIndexBytes fits the presence of 25,000 entities over four years
	// of days with ten measures.
	DefaultMaxIndexBytes = 64 << 20
	// DefaultShareBytes is 25 registrations of the largest vector on five nodes, or 500
	// of 25,000 entities. Nobody pays for them, so somebody has to stop.
	DefaultShareBytes = 512 << 20

	shareDay = 24 * time.Hour
)

// checked returns the options with defaults filled in, or names the field that
// is missing or out of range.
func (o Options) checked() (Options, error) {
	for _, field := range []struct {
		wrong bool
		what  string
	}{
		{o.Backend == nil, "Backend is not set"},
		{o.Blobs == nil, "Blobs is not set"},
		{o.Health == nil, "Health is not set"},
		{o.Evidence == nil, "Evidence is not set"},
		{o.Cluster.IsZero(), "Cluster is not set"},
		{o.TileBytes <= 0 || o.PackedTileBytes <= 0, "TileBytes and PackedTileBytes must be positive"},
		{o.MaxIndexBytes < 0, "MaxIndexBytes must not be negative"},
		{o.ShareBytes < 0, "ShareBytes must not be negative"},
		{o.Concurrency < 0, "Concurrency must not be negative"},
	} {
		if field.wrong {
			return o, errors.New("api options: " + field.what)
		}
	}
	o.MaxIndexBytes = cmp.Or(o.MaxIndexBytes, DefaultMaxIndexBytes)
	o.ShareBytes = cmp.Or(o.ShareBytes, DefaultShareBytes)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.Version = cmp.Or(o.Version, "devel")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(catalog.Query) *wire.Progress { return nil }
	}
	if o.ClockFault == nil {
		o.ClockFault = func() error { return nil }
	}
	if o.Cores == nil {
		o.Cores = NewCores(runtime.GOMAXPROCS(0) - 1)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}
