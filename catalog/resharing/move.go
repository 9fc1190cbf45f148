package resharing

import (
	"crypto/sha256"
	"slices"

	"github.com/weirdata/weir/catalog"
)

const (
	// MaxVectors bounds the vectors of one move: what their nodes publish must fit an entry.
	MaxVectors = 64
	// MaxEntries bounds their entries, bits of all entities of all of them: what a dealer
	// sends a node must fit one message, and a dealer keeps all of it until it is stored.
	MaxEntries = 1 << 20
	// Runs is how often each check is run (PROTOCOL.md section 6.3).
	Runs = 2
)

// Begin begins a move of vectors that are to be moved and have the same holders. Dealers are
// points of the old roster, exactly its threshold, ascending, of machines that are still there.
// Without are nodes whose seats were given up and that do not answer: they are not waited for.
type Begin struct {
	Vectors []string `json:"vectors"`
	Dealers []int    `json:"dealers"`
	Without []string `json:"without,omitempty"`
}

// Deal is a dealer's commitment: the digest of what it sends each member of the move. Lacks
// are the places of vectors whose shares it does not have.
type Deal struct {
	Move    uint64           `json:"move"`
	Digests []catalog.Digest `json:"digests"` // in the order of Move.Members
	Lacks   []int            `json:"lacks,omitempty"`
}

// Hold says that a member has stored what it was dealt, durably, and adds its nonce to the
// challenge.
type Hold struct {
	Move  uint64 `json:"move"`
	Nonce []byte `json:"nonce"` // 32 bytes
}

// Line is what a member publishes in the first check, by vector one number a run: on its old
// share, where it has one, and on its new one, where it is of the new roster.
type Line struct {
	Move uint64     `json:"move"`
	Old  [][]uint64 `json:"old,omitempty"`
	New  [][]uint64 `json:"new,omitempty"`
}

// Attempt names an active set of the new roster for the second check.
type Attempt struct {
	Move    uint64   `json:"move"`
	Attempt int      `json:"attempt"`
	Active  []string `json:"active"`
}

// Bits is a member's share of what the second check opens, by vector one number a run.
type Bits struct {
	Move    uint64     `json:"move"`
	Attempt int        `json:"attempt"`
	Values  [][]uint64 `json:"values"`
}

// Fail ends an attempt of the second check, or with attempt 0 the move.
type Fail struct {
	Move    uint64         `json:"move"`
	Attempt int            `json:"attempt"`
	Reason  catalog.Reason `json:"reason"`
}

// Erased says that a member has erased its shares from before the move.
type Erased struct {
	Move uint64 `json:"move"`
}

// Refresh asks for every private vector to be moved to the roster as it is.
type Refresh struct{}

// State is where a move is.
type State string

// States of a move. One that failed is forgotten, and its vectors are to be moved as before.
const (
	Dealing State = "dealing" // waiting for the dealers' commitments
	Storing State = "storing" // waiting for all to hold what they were dealt
	Lining  State = "lining"  // waiting for all lines
	Proving State = "proving" // the second check
	Erasing State = "erasing" // the new shares are in force
)

// Move is a move of vectors under way.
type Move struct {
	Seq       uint64         `json:"seq"` // of the entry that began it, which names it
	Reference catalog.Digest `json:"reference"`
	Began     int64          `json:"began"`
	State     State          `json:"state"`
	Vectors   []string       `json:"vectors"`

	From          []string `json:"from"` // old roster, point 1 first; "" where the machine is gone
	FromThreshold int      `json:"from_threshold"`
	To            []string `json:"to"` // new roster
	ToThreshold   int      `json:"to_threshold"`
	Dealers       []int    `json:"dealers"` // points of From

	// Out says of every vector why it stays where it is; zero: it moves.
	Out     []catalog.Reason   `json:"out"`
	Deals   [][]catalog.Digest `json:"deals"`             // by dealer, then by member; nil where missing
	Nonces  [][]byte           `json:"nonces,omitempty"`  // by member; nil where missing
	Lines   []*Line            `json:"lines,omitempty"`   // by member; nil where missing
	Tries   []catalog.Attempt  `json:"tries,omitempty"`   // of the second check
	Checks  [][][]uint64       `json:"checks,omitempty"`  // of the current attempt, by place in Active; nil where missing
	Erased  []bool             `json:"erased,omitempty"`  // by member
	InForce int64              `json:"in_force,omitzero"` // since when
}

// Members are the nodes that a move needs: the new roster, and the holders of the old shares
// that are not of it.
func (m Move) Members() []string {
	out := slices.Clone(m.To)
	for _, id := range m.From {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// Target is the new roster.
func (m Move) Target() catalog.KeyRoster {
	return catalog.KeyRoster{Nodes: m.To, Threshold: m.ToThreshold}
}

// Moves reports whether the vector at a place is still moved.
func (m Move) Moves(i int) bool { return m.Out[i].IsZero() }

// Waits names the nodes that a move waits for in its present step.
func (m Move) Waits() (nodes []string) {
	if m.State == Dealing {
		for i, point := range m.Dealers {
			if m.Deals[i] == nil {
				nodes = append(nodes, m.From[point-1])
			}
		}
		return nodes
	}
	for i, id := range m.Members() {
		switch m.State {
		case Storing:
			if m.Nonces[i] != nil {
				continue
			}
		case Lining:
			if m.Lines[i] != nil {
				continue
			}
		case Erasing:
			if m.Erased[i] {
				continue
			}
		default:
			continue
		}
		nodes = append(nodes, id)
	}
	return nodes
}

// Commitment is a digest of all that is dealt in a move: nobody can change it once the
// challenge is known.
func (m Move) Commitment() catalog.Digest {
	h := sha256.New()
	h.Write([]byte("weir v1 move of vectors"))
	h.Write(m.Reference[:])
	for _, list := range m.Deals {
		for _, d := range list {
			h.Write(d[:])
		}
	}
	return catalog.Digest(h.Sum(nil))
}

// Sharing is the division into shares that comes of it.
func (m Move) Sharing() catalog.VectorSharing {
	return catalog.VectorSharing{Move: m.Seq, Nodes: m.To, Threshold: m.ToThreshold, At: m.InForce}
}

// MayDeal reports whether points are those of exactly the threshold of holders, ascending.
func (m Move) MayDeal(points []int) bool {
	for i, p := range points {
		if p < 1 || p > len(m.From) || m.From[p-1] == "" || i > 0 && p <= points[i-1] {
			return false
		}
	}
	return len(points) == m.FromThreshold
}

// Next groups the first vectors in no move that can be moved together: of the same holders, and as often
// tried, so that the next window of dealers deals. false: none can be moved now.
func Next(waiting []catalog.Vector, cluster catalog.Cluster, without []string) (b Begin, some bool) {
	b.Without = without
	var from []string
	var first catalog.Vector
	entries := 0
	for _, x := range waiting {
		held := x.HeldBy(cluster)
		if x.Holders(cluster) < x.InForce().Threshold {
			continue
		}
		if len(b.Vectors) == 0 {
			first, from = x, held
		}
		if len(b.Vectors) == MaxVectors {
			break
		}
		together := x.Tried == first.Tried && slices.Equal(held, from) && x.InForce().Threshold == first.InForce().Threshold
		if size := x.Entities * x.Bits; together && entries+size <= MaxEntries {
			entries += size
			b.Vectors = append(b.Vectors, x.ID)
		}
	}
	if len(b.Vectors) == 0 {
		return b, false
	}
	var holders []int
	for i, id := range from {
		if id != "" && !slices.Contains(without, id) {
			holders = append(holders, i+1)
		}
	}
	if len(holders) < first.InForce().Threshold {
		return b, false
	}
	for i := range first.InForce().Threshold {
		b.Dealers = append(b.Dealers, holders[(first.Tried+i)%len(holders)])
	}
	slices.Sort(b.Dealers)
	return b, true
}
