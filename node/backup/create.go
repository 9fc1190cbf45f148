package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/objects"
)

// ErrGone is what a Source returns for a part of the ledger that its node no longer holds ready.
var ErrGone = errors.New("the node no longer holds this part ready")

// Contents is what a node holds ready of its ledger.
type Contents struct {
	Size       uint64
	Root       catalog.Digest
	Checkpoint string
	Roster     []catalog.Envelope
	Ledger     []Part
	Blobs      []catalog.Digest
}

// Source is a running cluster.
type Source interface {
	// Prepare has a node hold its ledger ready as it is.
	Prepare(ctx context.Context) (Contents, error)
	// Part fetches a part of the ledger from that node. It need not be what its digest says.
	Part(ctx context.Context, d catalog.Digest) ([]byte, error)
	// Blob fetches a blob from any node, likewise.
	Blob(ctx context.Context, d catalog.Digest) ([]byte, error)
}

// Options say how a backup is made. Cluster and To are needed.
type Options struct {
	Cluster catalog.Digest
	To      []age.Recipient
	// Workers is how many blobs are fetched at once; default 4. So many are in memory, twice.
	Workers int
	Now     func() time.Time
	// Progress is told how many parts are done, of how many; nil: nobody is.
	Progress func(done, all int)
}

// maxPrepared bounds how often the ledger is prepared anew because its node was started again.
const maxPrepared = 4

// Made says what a backup has copied.
type Made struct {
	Manifest
	Copied      int   // parts that the store did not have
	CopiedBytes int64 // before they are sealed
}

// Create makes a backup. What the store has already, of an earlier backup or of one that was
// interrupted, is not fetched. The manifest is written when all else is there.
func Create(ctx context.Context, from Source, s objects.Store, o Options) (made Made, err error) {
	if len(o.To) == 0 {
		return made, errors.New("make a backup: nobody is named who could read it")
	}
	c := &copying{from: from, to: s, options: o, recipients: recipientsName(o.To), have: map[catalog.Digest]Part{}}
	if c.options.Workers == 0 {
		c.options.Workers = 4
	}
	if err := s.List(ctx, partsTo(c.recipients), func(name string) error {
		if p, ok := parsePart(c.recipients, name); ok {
			c.have[p.Digest] = p
		}
		return nil
	}); err != nil {
		return made, err
	}
	for begun := 1; ; begun++ {
		err = c.ledger(ctx)
		if !errors.Is(err, ErrGone) || begun == maxPrepared {
			break
		}
	}
	if err == nil {
		err = c.blobs(ctx)
	}
	made = Made{Manifest: c.manifest, Copied: c.copied, CopiedBytes: c.bytes}
	if err != nil {
		return made, fmt.Errorf("make a backup: %w", err)
	}
	if err := made.Check(o.Cluster); err != nil {
		return made, fmt.Errorf("make a backup: %w", err)
	}
	return made, made.write(ctx, s)
}

// copying is a backup in the making.
type copying struct {
	from     Source
	to       objects.Store
	options  Options
	manifest Manifest

	recipients string
	all        int // parts

	mu     sync.Mutex // guards the following
	have   map[catalog.Digest]Part
	done   int
	copied int
	bytes  int64
}

// ledger copies the ledger. What the node says of it is checked first: a backup of another
// cluster, or one that too few nodes have signed, copies nothing.
func (c *copying) ledger(ctx context.Context) error {
	x, err := c.from.Prepare(ctx)
	if err != nil {
		return fmt.Errorf("have the ledger prepared: %w", err)
	}
	c.manifest = Manifest{
		Version: manifestVersion, Cluster: c.options.Cluster, Made: c.options.Now().UnixMilli(), Size: x.Size, Root: x.Root,
		Checkpoint: x.Checkpoint, Roster: x.Roster, Recipients: c.recipients, Ledger: x.Ledger,
	}
	slices.SortFunc(x.Blobs, func(a, b catalog.Digest) int { return bytes.Compare(a[:], b[:]) })
	for _, d := range slices.Compact(x.Blobs) {
		c.manifest.Blobs = append(c.manifest.Blobs, Part{Digest: d})
	}
	if err := c.manifest.Check(c.options.Cluster); err != nil {
		return fmt.Errorf("what the node prepared: %w", err)
	}
	c.all, c.done = len(x.Ledger)+len(c.manifest.Blobs), 0
	for _, p := range x.Ledger {
		got, err := c.part(ctx, p.Digest, c.from.Part)
		if err != nil {
			return fmt.Errorf("copy part %s of the ledger: %w", p.Digest, err)
		}
		if got != p {
			return fmt.Errorf("copy part %s of the ledger: it has %d bytes, the node said %d", p.Digest, got.Bytes, p.Bytes)
		}
	}
	return nil
}

// blobs copies the blobs, several at a time.
func (c *copying) blobs(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.options.Workers)
	for i := range c.manifest.Blobs {
		b := &c.manifest.Blobs[i]
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if *b, err = c.part(ctx, b.Digest, c.from.Blob); err != nil {
				return fmt.Errorf("copy a blob: %w", err)
			}
			return nil
		})
	}
	return g.Wait()
}

// part copies a part unless the store has it.
func (c *copying) part(ctx context.Context, d catalog.Digest, fetch func(context.Context, catalog.Digest) ([]byte, error)) (Part, error) {
	c.mu.Lock()
	p, have := c.have[d]
	c.mu.Unlock()
	if !have {
		b, err := fetch(ctx, d)
		if err != nil {
			return p, err
		}
		if got := catalog.Sum(b); got != d {
			return p, fmt.Errorf("%s: the node sent other bytes, with the digest %s", d, got)
		}
		p = Part{Digest: d, Bytes: int64(len(b))}
		sealed, err := Seal(b, c.options.To)
		if err != nil {
			return p, err
		}
		if err := c.to.Put(ctx, p.object(c.recipients), sealed); err != nil {
			return p, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.have[d] = p
	c.done++
	if !have {
		c.copied++
		c.bytes += p.Bytes
	}
	if c.options.Progress != nil {
		c.options.Progress(c.done, c.all)
	}
	return p, nil
}
