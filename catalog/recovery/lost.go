package recovery

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// MaxLost is of how many lost entries a restored cluster is told, at the most: no log gets so long
// after a backup.
const MaxLost = 1 << 40

// Present tells a restored cluster of entries that there were, and that it may lack: Note
// is a checkpoint of them that a threshold of nodes signed. Without one, the node that proposes
// it says that it has signed so many itself, which is one voice.
type Present struct {
	Order catalog.Digest `json:"order"`
	Size  uint64         `json:"size"`
	Root  catalog.Digest `json:"root"`
	Note  string         `json:"note,omitempty"`
	// Own is the root of as many entries of the restored log, and Proof that they begin those of the
	// order: of no more entries than the order has, that the roots differ is what is lost.
	Own   catalog.Digest   `json:"own,omitzero"`
	Proof []catalog.Digest `json:"proof,omitempty"`
}

// End says, for the seats of an operator, that nobody is left who could present more.
type End struct {
	Order catalog.Digest `json:"order"`
}

// Reopen has a dataset answered again that a restore had closed: its owner takes on what
// was answered from it and is known to nobody.
//
// What it says beside that is of its family: all datasets of the owner on the registry, those that are founded anew
// included. Without it their noise is used up, and no list that the ledger does not have is answered of what there was then.
type Reopen struct {
	Dataset   string         `json:"dataset"`
	Order     catalog.Digest `json:"order"`
	Statement string         `json:"statement"`
	// Noise is how much epsilon may still be spent: what was lost spent no more than the rest.
	Noise string `json:"noise,omitempty"`
	// Lists says that no list was answered which the ledger does not have.
	Lists bool `json:"lists,omitempty"`
}

// Told is of how many entries before the restore a node says that it has signed them.
type Told struct {
	Node string         `json:"node"`
	Size uint64         `json:"size"`
	Root catalog.Digest `json:"root"`
}

// Restored is the last restore of a cluster.
type Restored struct {
	Restore
	Number int    `json:"number"` // of restores, this one counted
	Seq    uint64 `json:"seq"`
	At     int64  `json:"at"`
	// Seen is how many entries there were before, as far as a threshold of nodes signed or said.
	Seen     uint64         `json:"seen"`
	SeenRoot catalog.Digest `json:"seen_root"`
	Told     []Told         `json:"told,omitempty"`  // by single nodes, the largest of each; the largest first
	Ended    []string       `json:"ended,omitempty"` // operators who wait for nobody
	Open     bool           `json:"open"`            // queries are answered
	// LostAt is until when by the state's clock something was lost, by this restore or one before; 0: nothing was.
	LostAt int64 `json:"lost_at,omitzero"`
}

// Lost is how many entries are known to be missing, at the most.
func (r Restored) Lost() uint64 { return r.Seen - r.Order.Agreed() }

// Tell counts one node's word, which counts as far as a threshold of them says the same.
func (r *Restored) Tell(node string, b Present, threshold int) error {
	if i := slices.IndexFunc(r.Told, func(t Told) bool { return t.Node == node }); i >= 0 {
		if b.Size <= r.Told[i].Size {
			return catalog.Conflict("restore_seen", "restore.seen", b.Size, r.Told[i].Size)
		}
		r.Told = slices.Delete(r.Told, i, i+1)
	}
	r.Told = append(r.Told, Told{Node: node, Size: b.Size, Root: b.Root})
	slices.SortFunc(r.Told, func(x, y Told) int {
		return cmp.Or(cmp.Compare(y.Size, x.Size), cmp.Compare(x.Node, y.Node))
	})
	if len(r.Told) >= threshold && r.Told[threshold-1].Size > r.Seen {
		r.Seen, r.SeenRoot = r.Told[threshold-1].Size, r.Told[threshold-1].Root
	}
	return nil
}
