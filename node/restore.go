package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/restore"
	"github.com/weirdata/weir/node/vault"
)

// A cluster whose machines are all lost goes on from a backup, and one that has lost a majority of them
// from what one of the others has (package restore). The operators of enough seats sign
// the order (attest.SeatsToRestore); each node's share is imported, and its ledger made of the
// backup (Restore). The first entry of the restored log is the order (restoreTask). Then nodes
// and clients present what they know of the time after the backup (presentTask, Present), and the
// operators end the waiting. What the entries do is in package catalog/state.

// openRestore reads by which order the node's ledger was made, if it was.
func (n *Node) openRestore() error {
	b, err := restore.ReadOrder(filepath.Join(n.opts.Dir, restore.File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	n.order = &b
	return err
}

// restoredAs is the restore that the node signs after: the last in the ledger, or the order of
// which the ledger was made and that it does not have yet. Zero: none.
func (c *core) restoredAs() (id catalog.Digest, err error) {
	r, known, err := c.lastRestore()
	if err != nil {
		return id, err
	}
	if known {
		id = r.Order.ID()
	}
	if c.awaitsOrder(r, known) {
		id = c.order.Order.ID()
	}
	return id, nil
}

func (c *core) lastRestore() (r recovery.Restored, known bool, err error) {
	err = c.view(func(v state.View) (err error) { r, known, err = v.Restored(); return err })
	return r, known, err
}

// awaitsOrder reports whether the ledger was made by an order that is to be its next entry.
func (c *core) awaitsOrder(last recovery.Restored, known bool) bool {
	if c.order == nil {
		return false
	}
	var previous catalog.Digest
	if known {
		previous = last.Order.ID()
	}
	return c.order.Order.Previous == previous && c.order.Order.ID() != previous
}

// errNotRestored is returned by a leader whose log does not have the order yet that it was made by.
var errNotRestored = errors.New("the cluster is being restored")

// orderFirst refuses everything before the order, and everything in a shadow.
func (c *core) orderFirst(e catalog.Envelope) error {
	if c.opts.Shadow != nil {
		return errShadow
	}
	if c.order == nil {
		return nil
	}
	r, known, err := c.lastRestore()
	if err != nil || !c.awaitsOrder(r, known) {
		return err
	}
	if p, err := catalog.ParsePayload(e.Payload); err != nil || p.Kind != catalog.KindClusterRestore {
		return errNotRestored
	}
	return nil
}

// signedName is under what name the vault keeps what was signed last after a restore. Before the
// first it is secretSigned. No two roots of one size are signed after one restore.
func signedName(restore catalog.Digest) string {
	if restore.IsZero() {
		return secretSigned
	}
	return secretSigned + "/" + restore.String()[:16]
}

// restoreTasks has the order recorded, and tells what this node has signed of a past that the
// ledger does not have, while others may tell it too: one node's word closes nothing.
func (rec *reconciler) restoreTasks(v state.View) ([]task, error) {
	r, known, err := v.Restored()
	if err != nil {
		return nil, err
	}
	if rec.awaitsOrder(r, known) {
		return []task{{name: "restore", run: func(ctx context.Context) error {
			return rec.access.act(ctx, catalog.KindClusterRestore, *rec.order)
		}}}, nil
	}
	if !known {
		return nil, nil
	}
	before, err := vault.Memory{Vault: rec.vault, Name: signedName(r.Order.Previous)}.Load()
	if err != nil || before == nil {
		return nil, err
	}
	signed, err := evidence.Remembered(before)
	if err != nil || signed.Size <= r.Seen || r.Open {
		return nil, err
	}
	told := slices.ContainsFunc(r.Told, func(t recovery.Told) bool { return t.Node == rec.id && t.Size >= signed.Size })
	if told || rec.members.Roster().Point(rec.id) == 0 {
		return nil, nil
	}
	present, differs, err := rec.presented(r.Order, signed)
	if err != nil || !differs {
		return nil, err
	}
	return []task{{name: "present", run: func(ctx context.Context) error {
		return rec.access.act(ctx, catalog.KindRestorePresent, present)
	}}}, nil
}

// Present implements api.Backups: a client shows a checkpoint, which may be of a past that was lost.
// Anybody may, without a key. So the node first learns what is committed: a checkpoint of the very
// log that it is behind in is none of another past.
func (b *backups) Present(ctx context.Context, note []byte) error {
	rosters, _, _, err := founding.ReadRosters(b.opts.Dir, b.opts.Genesis)
	if err != nil {
		return err
	}
	trust := backup.TrustIn(rosters)
	signed, err := trust.Open(note, trust.Threshold)
	if err != nil {
		return fmt.Errorf("%w: %w", api.ErrNote, err)
	}
	var r recovery.Restored
	var known bool
	err = b.access.Read(ctx, func(v state.View) (err error) { r, known, err = v.Restored(); return err })
	if err != nil || !known || signed.Size <= r.Seen && signed.Size > r.Agreed() {
		return err
	}
	present, differs, err := b.presented(r.Order, signed.Checkpoint)
	if err != nil || !differs {
		return err
	}
	present.Note = string(note)
	return b.access.act(ctx, catalog.KindRestorePresent, present)
}

// presented tells of a checkpoint of entries that the restored log lacks, or has others in the place
// of, with the proof. differs is false where it has them.
func (c *core) presented(o recovery.Order, x evidence.Checkpoint) (b recovery.Present, differs bool, err error) {
	b = recovery.Present{Order: o.ID(), Size: x.Size, Root: catalog.Digest(x.Root)}
	if x.Size > c.ledger.NextSeq() {
		return b, true, nil
	}
	own, err := c.ledger.RootAt(x.Size)
	if err != nil || own == x.Root {
		return b, false, err
	}
	if x.Size > o.Size {
		return b, true, nil
	}
	b.Own = own
	proof, err := c.ledger.Consistency(x.Size, o.Size)
	for _, h := range proof {
		b.Proof = append(b.Proof, catalog.Digest(h))
	}
	return b, true, err
}
