package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/api/wire"
)

// Options adjust a Client; every zero value takes its default.
type Options struct {
	// Patience is how long nodes that do not answer are tried again; default
	// DefaultPatience. The context of a call ends it earlier.
	Patience time.Duration
	// RequestTimeout bounds one request to one node; default
	// DefaultRequestTimeout.
	RequestTimeout time.Duration
	// PingTimeout is how long a node may take to say that it lives while a request
	// is under way; default DefaultPingTimeout. Shorter, and a busy node is taken
	// for one that hangs, and the request made elsewhere once more; longer, and one
	// that hangs is waited for.
	PingTimeout time.Duration
	// Hedge is how long a node may take at least, beside what it holds on purpose, before
	// another one is asked as well; default: what the nodes took lately says so. Longer than
	// RequestTimeout, and one node is asked at a time.
	Hedge time.Duration
	// Workers is how many tiles are encrypted and uploaded at once; default:
	// the number of CPUs.
	Workers int
	// Spool is a directory that keeps the encrypted tiles of an upload until the
	// version is live, so that an interrupted one goes on where it stopped. Empty:
	// a temporary directory, and no resuming across processes.
	Spool string
	// Records is the directory under which portfolios are remembered. With it
	// a node cannot pass an older version of one off as the newest. Empty: it could.
	Records string
	// TLS replaces the configuration that accepts the pinned keys, in tests.
	TLS *tls.Config
	// Now is the clock that envelopes and tokens are dated by; default time.Now.
	Now func() time.Time
}

// Defaults of Options.
const (
	// DefaultPatience bridges the election of a leader, and still says within
	// ten seconds that nobody answers.
	DefaultPatience = 6 * time.Second
	// DefaultRequestTimeout is longer than a node waits for a quorum (six
	// seconds), so that its answer is heard.
	DefaultRequestTimeout = 30 * time.Second
	// DefaultPingTimeout leaves time to hear of a lost quorum from another node
	// within ten seconds.
	DefaultPingTimeout = 2 * time.Second
	// dialTimeout is how long a machine that is gone delays the next one.
	dialTimeout = 2 * time.Second
)

// Client talks to one cluster for one principal, or for nobody. It is safe for
// concurrent use.
type Client struct {
	*transport
	renewed  atomic.Pointer[Profile] // see Renewed
	attached sync.Map                // see Attached; reflect.Type → any
}

// New returns a client for the cluster that the profile pins. key may be nil;
// then only what is public can be read. It connects to nobody yet.
func New(profile Profile, key *Key, opts Options) (*Client, error) {
	if err := profile.check(); err != nil {
		return nil, err
	}
	opts.Patience = cmp.Or(opts.Patience, DefaultPatience)
	opts.RequestTimeout = cmp.Or(opts.RequestTimeout, DefaultRequestTimeout)
	opts.PingTimeout = cmp.Or(opts.PingTimeout, DefaultPingTimeout)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	opts.Workers = cmp.Or(max(opts.Workers, 0), runtime.GOMAXPROCS(0))
	return &Client{transport: newTransport(profile, key, opts)}, nil
}

// Close closes idle connections and what is attached to the client.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.attached.Range(func(_, have any) bool {
		if closer, ok := have.(io.Closer); ok {
			_ = closer.Close() // temporary files, which the system removes in any case
		}
		return true
	})
}

// Key returns the key the client acts with, or nil.
func (c *Client) Key() *Key { return c.key }

// Profile returns what the client pins: what it was made with, or once it has met a newer
// roster that is proved (Rosters), what pins that.
func (c *Client) Profile() Profile {
	p, _ := c.Renewed()
	return p
}

// Pinned is the profile that the client was made with, whatever it has met since. Its connections prove the keys in it.
func (c *Client) Pinned() Profile { return c.profile }

// Options are those that the client was made with, the defaults filled in.
func (c *Client) Options() Options { return c.opts }

// Principal is the id the client acts as.
func (c *Client) Principal() (string, error) {
	if c.key == nil {
		return "", ErrNoKey
	}
	return c.key.ID(), nil
}

// Submit signs body as an envelope of the kind and has it applied. A refusal is
// an error for which IsRefused holds.
func (c *Client) Submit(ctx context.Context, kind catalog.Kind, body any) (wire.Submitted, error) {
	envelope, err := c.Sign(kind, body)
	if err != nil {
		return wire.Submitted{}, err
	}
	return c.Send(ctx, kind, envelope)
}

// Send has a signed envelope of the kind applied, as Submit does.
func (c *Client) Send(ctx context.Context, kind catalog.Kind, envelope catalog.Envelope) (wire.Submitted, error) {
	return c.SendPreferring(ctx, kind, envelope, "")
}

// SendPreferring is Send with what the node would better do, such as wire.PreferRepeat. The request carries a token then.
func (c *Client) SendPreferring(ctx context.Context, kind catalog.Kind, envelope catalog.Envelope, prefer string) (wire.Submitted, error) {
	done, err := post[wire.Submitted](ctx, c, Call{Path: "/v1/envelopes", Prefer: prefer, Token: prefer != ""}, envelope)
	if err != nil {
		return done, fmt.Errorf("%s: %w", kind, err)
	}
	return done, nil
}

// Sign makes an envelope that is valid from now on.
func (c *Client) Sign(kind catalog.Kind, body any) (catalog.Envelope, error) {
	signer, err := c.Principal()
	if err != nil {
		return catalog.Envelope{}, fmt.Errorf("%s: %w", kind, err)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return catalog.Envelope{}, fmt.Errorf("encode %s: %w", kind, err)
	}
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return catalog.Envelope{}, fmt.Errorf("draw a nonce: %w", err)
	}
	now := c.Now().UnixMilli()
	return catalog.Sign(c.key.signing, signer, catalog.Payload{
		Version: 1,
		Cluster: c.profile.Cluster.String(),
		Kind:    kind,
		Nonce:   hex.EncodeToString(nonce[:]),
		Issued:  now,
		Expires: now + catalog.MaxEnvelopeAge,
		Body:    raw,
	})
}

// Ready asks one node after another whether it can take work, until one can, and
// returns the last answer.
func (c *Client) Ready(ctx context.Context) (wire.Ready, error) {
	var last wire.Ready
	var failures []NodeFailure
	for _, n := range c.Nodes() {
		resp, err := c.send(ctx, n, Call{Path: "/readyz"})
		if err != nil {
			failures = append(failures, NodeFailure{ID: n.ID, Addr: n.Addr, Err: err})
			continue
		}
		last = wire.Ready{}
		if err := json.Unmarshal(resp.body, &last); err != nil {
			return last, fmt.Errorf("read the answer of node %s: %w", n.ID, err)
		}
		if last.Ready {
			return last, nil
		}
	}
	if len(failures) == len(c.nodes) {
		return last, &UnreachableError{Nodes: failures}
	}
	return last, nil
}

// Attached returns the T that belongs to the client; create makes it when it is first asked
// for. The packages beside this one keep in one what they have read or made with a client,
// under a type of their own, so that it lives as long as the client. Close closes those that
// have a Close method.
func Attached[T any](c *Client, create func() T) T {
	kind := reflect.TypeFor[T]()
	if have, ok := c.attached.Load(kind); ok {
		return have.(T) //nolint:errcheck,forcetypeassert // the key is its type
	}
	have, _ := c.attached.LoadOrStore(kind, create())
	return have.(T) //nolint:errcheck,forcetypeassert // likewise
}

// maxCached is how many things of a kind a Client remembers: those that were used last.
const maxCached = 64

// Cache is what a client remembers of one kind of thing, which never changes.
func Cache[K comparable, V any](c *Client) *lru.Cache[K, V] {
	return Attached(c, func() *lru.Cache[K, V] {
		cache, err := lru.New[K, V](maxCached)
		if err != nil {
			panic(err) // the size is not positive
		}
		return cache
	})
}

// Cached returns what the client remembers under k, or what load makes, and remembers it.
// Two callers may load the same thing at once. What it remembers of one kind is told from
// others by the types of key and value.
func Cached[K comparable, V any](ctx context.Context, c *Client, k K, load func(context.Context) (V, error)) (V, error) {
	cache := Cache[K, V](c)
	if v, ok := cache.Get(k); ok {
		return v, nil
	}
	v, err := load(ctx)
	if err == nil {
		cache.Add(k, v)
	}
	return v, err
}

// shape is how many nodes share keys, how many of them open, and how many made a key.
type shape struct{ nodes, threshold, dealers int }

// Parameters are those that a cluster's data is encrypted with. Making them takes some
// twenty milliseconds, so it is done once.
func (c *Client) Parameters(ctx context.Context, cluster catalog.Cluster) (he.Parameters, error) {
	return parametersOf(ctx, c, shape{len(cluster.Nodes), cluster.Threshold, len(cluster.Nodes)})
}

// parametersOf are those of keys of a shape.
func parametersOf(ctx context.Context, c *Client, of shape) (he.Parameters, error) {
	return Cached(ctx, c, of, func(context.Context) (he.Parameters, error) {
		lit := he.DataParameters(of.nodes, of.threshold)
		lit.Dealers = of.dealers
		p, err := he.NewParameters(lit)
		if err != nil {
			return p, fmt.Errorf("make the parameters for %d of %d nodes: %w", of.threshold, of.nodes, err)
		}
		return p, nil
	})
}
