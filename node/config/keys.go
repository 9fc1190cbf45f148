package config

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Config is what a node is started with. Zero values are defaults.
type Config struct {
	ID, Dir, SealKeyFile, Genesis string
	Institution, OperatorKey      string
	PeerAddr, APIAddr             string
	PeerListen, APIListen         string
	MetricsListen                 string
	AuditLog, DebugSocket         string
	SealKeyCommand                string
	LogLevel                      slog.Level
	Workers                       int
	Heartbeat, QuorumWait         time.Duration
	PingTimeout                   time.Duration
	AttemptTimeout                time.Duration
	CeremonyTimeout               time.Duration
	ScrubEvery, ScrubPause        time.Duration
	CollectEvery, KeepOrphans     time.Duration
	MinFree                       Bytes
	BlobStore                     string
	BlobCache                     Bytes
}

// Bytes is an amount of memory or disk.
type Bytes uint64

// key is one key of a configuration.
type key struct {
	name     string
	meaning  string // lines of at most 85 characters
	example  string // the default, where the key is optional
	optional bool
	of       func(*Config) any // a pointer to its value
}

// keys are all there are, in the order of the example.
var keys = []key{
	{name: "id", example: "n1", of: func(c *Config) any { return &c.ID },
		meaning: "This node's id in the founding's roster."},
	{name: "dir", example: "/var/lib/weir", of: func(c *Config) any { return &c.Dir },
		meaning: "Where the node keeps its ledger, its blobs and its sealed secrets."},
	{name: "seal_key_file", example: "/run/keys/weir", of: func(c *Config) any { return &c.SealKeyFile },
		meaning: "The key that seals the node's secrets. It belongs on another medium than dir. It may\n" +
			"be under a passphrase (weir node passphrase), for which the node waits at its start."},
	{name: "seal_key_command", example: "/usr/local/bin/unseal --slot 1", optional: true, of: func(c *Config) any { return &c.SealKeyCommand },
		meaning: "A program, with its arguments, that prints that key instead, in the form of the\n" +
			"file: for a TPM, a key management service or a password manager. It is split at\n" +
			"blanks and run without a shell. Either this or seal_key_file is set."},
	{name: "genesis", example: "/etc/weir/genesis.json", of: func(c *Config) any { return &c.Genesis },
		meaning: "The cluster's founding."},
	{name: "institution", example: "Bureau of Hengshui", optional: true, of: func(c *Config) any { return &c.Institution },
		meaning: "Who runs this node: the name in its operator's key. This key and the next three go into\n" +
			"the card that weir node init makes, and into the founding from there."},
	{name: "operator_key", example: "/etc/weir/operator.key.pub", optional: true, of: func(c *Config) any { return &c.OperatorKey },
		meaning: "The public key of the institution's operator, as weir keygen writes it."},
	{name: "peer_addr", example: `"n1.bureau.example:7301"`, optional: true, of: func(c *Config) any { return &c.PeerAddr },
		meaning: "The address at which the other nodes reach this one."},
	{name: "api_addr", example: `"n1.bureau.example:7300"`, optional: true, of: func(c *Config) any { return &c.APIAddr },
		meaning: "The address at which clients reach this node."},
	{name: "peer_listen", example: `"0.0.0.0:7301"`, optional: true, of: func(c *Config) any { return &c.PeerListen },
		meaning: "The address to listen on for other nodes. Left out: the one in the roster."},
	{name: "api_listen", example: `"0.0.0.0:7300"`, optional: true, of: func(c *Config) any { return &c.APIListen },
		meaning: "The address to listen on for clients. Left out: the one in the roster."},
	{name: "metrics_listen", example: `"127.0.0.1:7302"`, optional: true, of: func(c *Config) any { return &c.MetricsListen },
		meaning: "The address on which metrics are told in Prometheus' format, at /metrics. They are not\n" +
			"encrypted and anybody who reaches it reads them. Left out: on none."},
	{name: "audit_log", example: "/var/log/weir/audit.jsonl", optional: true, of: func(c *Config) any { return &c.AuditLog },
		meaning: "A file to which who did what is written: a line of JSON for each act of a person or an\n" +
			"organisation that the ledger took or refused. It goes on where it was after a restart,\n" +
			"and is begun anew when it was moved away. Left out: to none."},
	{name: "debug_socket", example: "/run/weir/debug.sock", optional: true, of: func(c *Config) any { return &c.DebugSocket },
		meaning: "A Unix socket at which profiles (/debug/pprof) and metrics are served to the user of\n" +
			"the node alone, for weir operator debug. Left out: at none."},
	{name: "log_level", example: "info", optional: true, of: func(c *Config) any { return &c.LogLevel },
		meaning: "What is logged: debug, info, warn or error."},
	{name: "workers", example: "2", optional: true, of: func(c *Config) any { return &c.Workers },
		meaning: "How many cores openings may use, all of them together."},
	{name: "heartbeat", example: "1s", optional: true, of: func(c *Config) any { return &c.Heartbeat },
		meaning: "How long the node hears nothing from the leader before it seeks another one.\n" +
			"Shorter, and a machine that stutters costs an election; longer, and a lost leader\n" +
			"stops the cluster for longer."},
	{name: "quorum_wait", example: "6s", optional: true, of: func(c *Config) any { return &c.QuorumWait },
		meaning: "How long a request waits for a leader before its caller is told that there is none."},
	{name: "ping_timeout", example: "2s", optional: true, of: func(c *Config) any { return &c.PingTimeout },
		meaning: "How long another node may take to say that it lives. Shorter, and a node that is busy\n" +
			"is left out of queries; longer, and one that hangs holds them up."},
	{name: "attempt_timeout", example: "2m", optional: true, of: func(c *Config) any { return &c.AttemptTimeout },
		meaning: "When an attempt at a query ends in which all members are alive and nothing moves."},
	{name: "ceremony_timeout", example: "30s", optional: true, of: func(c *Config) any { return &c.CeremonyTimeout },
		meaning: "When an attempt at a key ceremony ends that does not advance."},
	{name: "scrub_every", example: "24h", optional: true, of: func(c *Config) any { return &c.ScrubEvery },
		meaning: "How often all blobs are read and compared with their digests."},
	{name: "scrub_pause", example: "20ms", optional: true, of: func(c *Config) any { return &c.ScrubPause },
		meaning: "The pause after each blob of a scrub, which leaves the disk to queries."},
	{name: "collect_every", example: "1h", optional: true, of: func(c *Config) any { return &c.CollectEvery },
		meaning: "How often blobs that nothing in the ledger names are looked for."},
	{name: "keep_orphans", example: "72h", optional: true, of: func(c *Config) any { return &c.KeepOrphans },
		meaning: "For how long such a blob stays. Shorter than an upload takes, or a publisher's machine\n" +
			"may be away, and it has to be sent again."},
	{name: "min_free", example: "512MiB", optional: true, of: func(c *Config) any { return &c.MinFree },
		meaning: "With less room than this on the disk of dir the node hands the lead on and\nacknowledges nothing."},
	{name: "blob_store", example: "s3+https://s3.example/weir/n1", optional: true, of: func(c *Config) any { return &c.BlobStore },
		meaning: "A bucket of an S3-compatible service, with a prefix of this node's own, that keeps the\n" +
			"blobs; dir then has those that are used. Its credentials are in the environment\n" +
			"(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION). Left out: dir keeps all."},
	{name: "blob_cache", example: "20GiB", optional: true, of: func(c *Config) any { return &c.BlobCache },
		meaning: "How many bytes of blobs dir keeps where blob_store has them all, at least 64MiB. Space\n" +
			"of what was removed comes back by and by: give the disk twice as much."},
}

// variable is the key's name in the environment.
func (k key) variable() string { return "WEIR_NODE_" + strings.ToUpper(k.name) }

func keyNames() (names []string) {
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

// assign reads text into the value that to points to. It returns what would be right where
// the text is not, and leaves the value alone then.
func assign(to any, text string) (want string) {
	switch to := to.(type) {
	case *string:
		if text == "" {
			return "a text that is not empty"
		}
		*to = text
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return "a whole number of at least 1"
		}
		*to = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return "a time with its unit, such as 30s, 5m or 24h"
		}
		*to = d
	case *Bytes:
		n, err := humanize.ParseBytes(text)
		if err != nil || n == 0 {
			return "an amount with its unit, such as 512MiB or 2GiB"
		}
		*to = Bytes(n)
	case *slog.Level:
		var l slog.Level
		if err := l.UnmarshalText([]byte(text)); err != nil {
			return "debug, info, warn or error"
		}
		*to = l
	default:
		panic("a key of an unknown type") // see keys
	}
	return ""
}
