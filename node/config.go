package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/ratelimit"
	"github.com/weirdata/weir/node/versions"
)

// Options configure a node. Open validates them and names the field that is wrong. Zero durations and counts take the
// defaults below.
type Options struct {
	// Dir holds everything the node keeps: ledger, blobs, sealed secrets.
	Dir string
	// SealKeyFile holds the key under which the secrets in Dir are sealed. On a real machine it lives on another
	// medium than Dir.
	SealKeyFile string
	// SealKeyCommand prints that key instead, in the form of such a file: a program and its arguments.
	SealKeyCommand []string
	// Passphrase asks a person for the passphrase that SealKeyFile is under, thrice at most. nil: nobody is there to
	// be asked, and Run waits, sealed, until Unseal is called on this machine.
	Passphrase func(ctx context.Context) ([]byte, error)
	// OnSealed is told by Run that the node is sealed; nil: nobody is.
	OnSealed func(*Sealed)
	// ID is the node's id in the founding's roster.
	ID string
	// Genesis is the cluster's founding.
	Genesis founding.Genesis
	// PeerListen and APIListen are the addresses to listen on; empty: the ones in the roster.
	PeerListen, APIListen string
	// MetricsListen is the address on which metrics are told, without encryption and to anybody; empty: on none.
	MetricsListen string
	// AuditLog is a file to which who did what is written (package auditlog); empty: to none.
	AuditLog string
	// DebugSocket is the path of a Unix socket at which profiles and metrics are served to the user of the node;
	// empty: at none.
	DebugSocket string
	// Version is the program's, for metrics.
	Version string

	Logger *slog.Logger
	Clock  func() time.Time
	// Tap sees the plaintext of peer connections, for tests that prove what does not travel. It is nil in production.
	Tap peer.Tap
	// WrapAPI wraps the handler of the API, for tests likewise. It is nil in production.
	WrapAPI func(http.Handler) http.Handler

	// Shadow are the machines of a shadow cluster, by point, of which this node is one (package shadow): with keys
	// that no roster names. It works on nothing, takes no act and asks nobody but them. nil: the node is none.
	Shadow []catalog.Node

	// Tick is how often work that failed is tried again, and how often a leader looks after attempts that stopped
	// moving.
	Tick time.Duration
	// PingEvery is how often the other nodes are asked whether they are there, PingTimeout how long an answer may
	// take. A node that missed one answer is in no new active set; one in a running attempt ends the attempt. Too
	// short, and a busy node is taken for a dead one, which costs an attempt of three; too long, and queries wait for
	// a dead node.
	PingEvery, PingTimeout time.Duration
	// AttemptTimeout ends an attempt in which all members are alive and that is still not done: a stuck node must not
	// hold a query for ever.
	AttemptTimeout time.Duration
	// CeremonyTimeout ends an attempt of a key ceremony that does not advance.
	CeremonyTimeout time.Duration
	// Workers is the number of cores that openings may use, all of them together.
	Workers int
	// ActBurst bounds what one principal may have recorded in the ledger at once.
	ActBurst int

	// ScrubEvery is how often all blobs are read and compared with their digests, beginning a minute after the node
	// has started; rot that nobody reads is found in that time. Shorter costs reads of the whole store.
	ScrubEvery time.Duration
	// ScrubPause is the pause after each blob of a scrub. It is what keeps a scrub from taking the disk and a core
	// from queries.
	ScrubPause time.Duration
	// CollectEvery is how often blobs that nothing in the ledger names are looked for, and KeepOrphans for how long
	// one stays that nobody asks for. Shorter than an upload takes, or a machine that uploads may be away, and it has
	// to be sent again.
	CollectEvery, KeepOrphans time.Duration
	// Ticks makes the timers of scrubs and of collecting, and the function that stops one. nil: time.NewTicker.
	Ticks func(every time.Duration) (ticks <-chan time.Time, stop func())

	// SnapshotThreshold, SnapshotInterval and TrailingLogs are the ledger's (see consensus.Options); zero takes its
	// defaults.
	SnapshotThreshold, TrailingLogs uint64
	SnapshotInterval                time.Duration
	// Heartbeat is how long a node hears nothing from the leader before it seeks another one; half of it is how long
	// a leader that hears nothing from a majority goes on. Zero: a second. Shorter, and a machine that stutters costs
	// an election; longer, and a lost leader stops the cluster for longer.
	Heartbeat time.Duration
	// QuorumWait is how long a request waits for a leader that can commit before the caller is told that there is
	// none. Zero: six seconds, or four times Heartbeat where that is more. Shorter, and an election that takes two
	// rounds is told as a lost quorum; longer, and a lost quorum is told late.
	QuorumWait time.Duration

	// MinFreeBytes is how much of the disk the ledger keeps free: with less the node proposes nothing and hands the
	// lead on. Zero: the ledger's default.
	MinFreeBytes uint64
	// BlobStore is the address of an object store that keeps the blobs (package objects), and BlobCache how many
	// bytes of them the disk keeps then. Empty: the disk keeps all.
	BlobStore string
	BlobCache int64
	// Free is the bytes that the file system of a directory has left for this process. nil: ask the operating system.
	Free func(dir string) (uint64, error)

	sealKey  []byte                                                // of a SealKeyFile under a passphrase; Run sets it
	memTable int64                                                 // of the state; zero: the ledger's default
	attempt  func() time.Duration                                  // tests change it while the node runs; nil: AttemptTimeout
	plan     versions.Planner                                      // tests put broken ones in; nil: versions.PlanOf
	summed   func(tiles int)                                       // told of every sum that is opened, by tests that count; nil: nobody
	root     func(size uint64, root catalog.Digest) catalog.Digest // changes what this node takes for a root of its log, in tests of forks
	lie      func(kind catalog.Kind, body any) any                 // changes what this node commits of what it computed, in tests of lies
	shuffle  func(n int, swap func(i, j int))                      // draws who opens among equals; nil: rand.Shuffle, which spreads the work
	far      func(session string, now wire.Progress)               // told of every step of an attempt, likewise
}

// Defaults of Options.
const (
	DefaultTick            = time.Second
	DefaultPingEvery       = 400 * time.Millisecond
	DefaultPingTimeout     = 2 * time.Second
	DefaultAttemptTimeout  = 2 * time.Minute
	DefaultCeremonyTimeout = 30 * time.Second
	DefaultWorkers         = 2
	// DefaultScrubEvery finds a bit that rotted within a day.
	DefaultScrubEvery = 24 * time.Hour
	// DefaultScrubPause lets a scrub read 20 MB/s, for about a twentieth of one core: 100 GB in an hour and a half.
	DefaultScrubPause = 20 * time.Millisecond
	// DefaultCollectEvery is what a day or two more of garbage is worth.
	DefaultCollectEvery = time.Hour
	// DefaultKeepOrphans lets an upload that broke off go on after a weekend.
	DefaultKeepOrphans = 72 * time.Hour
	// DefaultBlobCache has a year of ten measures of 600 sites in its tiles of months.
	DefaultBlobCache = 20 << 30
)

// attemptTime is AttemptTimeout, unless a test changes it.
func (o Options) attemptTime() time.Duration {
	if o.attempt != nil {
		return o.attempt()
	}
	return o.AttemptTimeout
}

func (o Options) validate() (Options, error) {
	var errs []error
	require := func(ok bool, field, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("option %s: %s", field, want))
		}
	}
	require(o.Dir != "", "Dir", "a directory is needed")
	require((o.SealKeyFile != "") != (len(o.SealKeyCommand) > 0), "SealKeyFile", "a file with the key that seals the node's secrets is needed, or SealKeyCommand, and not both")
	require(o.ID != "", "ID", "the node's id in the roster is needed")
	require(len(o.Genesis.Envelope.Payload) > 0, "Genesis", "the cluster's founding is needed")
	setDefault(require, "Tick", &o.Tick, DefaultTick)
	setDefault(require, "PingEvery", &o.PingEvery, DefaultPingEvery)
	setDefault(require, "PingTimeout", &o.PingTimeout, DefaultPingTimeout)
	setDefault(require, "AttemptTimeout", &o.AttemptTimeout, DefaultAttemptTimeout)
	setDefault(require, "CeremonyTimeout", &o.CeremonyTimeout, DefaultCeremonyTimeout)
	setDefault(require, "ScrubEvery", &o.ScrubEvery, DefaultScrubEvery)
	setDefault(require, "ScrubPause", &o.ScrubPause, DefaultScrubPause)
	setDefault(require, "CollectEvery", &o.CollectEvery, DefaultCollectEvery)
	setDefault(require, "KeepOrphans", &o.KeepOrphans, DefaultKeepOrphans)
	setDefault(require, "Heartbeat", &o.Heartbeat, consensus.DefaultHeartbeatTimeout)
	setDefault(require, "QuorumWait", &o.QuorumWait, max(leastQuorumWait, 4*o.Heartbeat))
	setDefault(require, "Workers", &o.Workers, DefaultWorkers)
	setDefault(require, "ActBurst", &o.ActBurst, ratelimit.DefaultBurst)
	o.BlobCache = cmp.Or(o.BlobCache, DefaultBlobCache)
	o.MinFreeBytes = cmp.Or(o.MinFreeBytes, consensus.DefaultMinFreeBytes)
	if o.Free == nil {
		o.Free = durable.FreeBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.shuffle == nil {
		o.shuffle = rand.Shuffle
	}
	if o.Ticks == nil {
		o.Ticks = func(every time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(every)
			return t.C, t.Stop
		}
	}
	return o, errors.Join(errs...)
}

// setDefault gives an option that is zero its default, and requires that none is negative.
func setDefault[T ~int | ~int64](require func(ok bool, field, want string), field string, value *T, def T) {
	require(*value >= 0, field, "must not be negative")
	*value = cmp.Or(*value, def)
}
