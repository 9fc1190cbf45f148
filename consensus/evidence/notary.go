package evidence

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	// ErrRewritten is returned when a node's tree is not the continuation of one
	// that it signed: something rewrote its log, or took it back.
	ErrRewritten = errors.New("this node's log is not a continuation of what it signed")
	// ErrAhead is returned for a size that the tree does not have yet.
	ErrAhead = errors.New("this node's log is not that long yet")
)

// PassedError is returned for a size below the largest that was signed.
type PassedError struct {
	Size uint64 // the largest
}

// Error implements error.
func (e *PassedError) Error() string {
	return fmt.Sprintf("this node has signed a checkpoint of %d entries and signs no smaller one", e.Size)
}

// Tree is a node's own log, as a Notary reads it.
type Tree interface {
	// Size is how many leaves the tree has.
	Size() (uint64, error)
	// RootAt is the root that the tree had with size leaves.
	RootAt(size uint64) (Hash, error)
}

// Memory keeps a few bytes durably.
type Memory interface {
	// Load returns what Save was given last, or nil.
	Load() ([]byte, error)
	// Save returns when b will be found after a crash.
	Save(b []byte) error
}

// Notary signs checkpoints of one node's own tree, and never two that contradict
// each other: what it signed last is remembered durably before the signature is
// made; a smaller tree is not signed any more; and a larger one only when the
// tree still has the root that was signed, at the size at which it was signed.
// So all that it ever signed are beginnings of one another, and no two roots
// have one size. Its methods are safe for concurrent use.
type Notary struct {
	origin, node string
	key          ed25519.PrivateKey
	tree         Tree
	memory       Memory
	now          func() time.Time

	mu    sync.Mutex
	last  Checkpoint // Size 0: nothing was signed
	lines []byte     // the signature under last, if it was made by this process
}

const (
	notaryVersion = 1
	notaryBytes   = 1 + 8 + 32
)

// NewNotary returns the notary of a node. It fails when what is remembered does
// not decode: a notary that has forgotten could contradict itself.
func NewNotary(origin, node string, key ed25519.PrivateKey, tree Tree, memory Memory, now func() time.Time) (*Notary, error) {
	n := &Notary{origin: origin, node: node, key: key, tree: tree, memory: memory, now: now}
	b, err := memory.Load()
	if err != nil {
		return nil, fmt.Errorf("read what was signed last: %w", err)
	}
	if b == nil {
		return n, nil
	}
	n.last, err = Remembered(b)
	n.last.Origin = origin
	return n, err
}

// Remembered is the size and the root of what a notary signed last, of its memory.
func Remembered(b []byte) (Checkpoint, error) {
	if len(b) != notaryBytes || b[0] != notaryVersion {
		return Checkpoint{}, fmt.Errorf("%w: what was signed last is %d bytes that do not decode", ErrCorrupt, len(b))
	}
	return Checkpoint{Size: binary.BigEndian.Uint64(b[1:]), Root: Hash(b[9:])}, nil
}

// Sign signs the tree of size leaves, or the whole tree for size 0, and returns
// the checkpoint and this node's signature lines. It fails with ErrRewritten,
// ErrAhead or a *PassedError.
func (n *Notary) Sign(size uint64) (Checkpoint, []byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	has, err := n.tree.Size()
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	if err := n.unchanged(has); err != nil {
		return Checkpoint{}, nil, err
	}
	if size == 0 {
		size = has
	}
	switch {
	case size == 0 || size > has:
		return Checkpoint{}, nil, fmt.Errorf("%w: %d entries, not %d", ErrAhead, has, size)
	case size < n.last.Size:
		return Checkpoint{}, nil, &PassedError{Size: n.last.Size}
	case size == n.last.Size && n.lines != nil:
		return n.last, n.lines, nil
	}
	root, err := n.tree.RootAt(size)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("sign a checkpoint of %d entries: %w", size, err)
	}
	c := Checkpoint{Origin: n.origin, Size: size, Root: root}
	if c != n.last {
		b := binary.BigEndian.AppendUint64([]byte{notaryVersion}, size)
		if err := n.memory.Save(append(b, root[:]...)); err != nil {
			return Checkpoint{}, nil, fmt.Errorf("remember a checkpoint of %d entries: %w", size, err)
		}
		n.last, n.lines = c, nil
	}
	if n.lines, err = SignCheckpoint(n.key, n.node, c, n.now()); err != nil {
		return Checkpoint{}, nil, err
	}
	return c, n.lines, nil
}

// Check fails with ErrRewritten while the tree is not a continuation of what was
// signed last: it was lost, say, or is an older copy, and has not caught up yet.
func (n *Notary) Check() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	has, err := n.tree.Size()
	if err != nil {
		return fmt.Errorf("compare the log with what was signed: %w", err)
	}
	return n.unchanged(has)
}

// unchanged fails unless the tree still begins with what was signed last.
func (n *Notary) unchanged(has uint64) error {
	if n.last.Size == 0 {
		return nil
	}
	if has < n.last.Size {
		return fmt.Errorf("%w: it has %d entries, and it signed %d", ErrRewritten, has, n.last.Size)
	}
	root, err := n.tree.RootAt(n.last.Size)
	if err != nil {
		return fmt.Errorf("compare the log with what was signed: %w", err)
	}
	if root != n.last.Root {
		return fmt.Errorf("%w: the root of its first %d entries was %s, now it is %s", ErrRewritten, n.last.Size, n.last.Root, root)
	}
	return nil
}
