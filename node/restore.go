package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
)

// A cluster whose machines are all lost goes on from a backup. The operators of enough seats sign
// the order (attest.SeatsToRestore); each node's share is imported, and its ledger made of the
// backup (Restore). The first entry of the restored log is the order (restoreTask). Then nodes
// and clients present what they know of the time after the backup (presentTask, Present), and the
// operators end the waiting. What the entries do is in package catalog/state.

// fileRestore has, in a node's directory, the order that its ledger was made by.
const fileRestore = "restore.json"

const maxRestoreFile = 1 << 20 // bytes that are read of an order

// ErrRestore is returned for an order that is not one of the cluster, or that too few have signed.
var ErrRestore = errors.New("unusable restore order")

// restoreFile is an order as operators hand it on.
type restoreFile struct {
	Version int `json:"v"`
	catalog.ClusterRestore
}

// ReadRestore reads an order. It verifies no signature: see attest.CheckRestore.
func ReadRestore(file string) (b catalog.ClusterRestore, err error) {
	raw, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return b, fmt.Errorf("read the restore order: %w", err)
	}
	var f restoreFile
	if len(raw) > maxRestoreFile {
		return b, fmt.Errorf("%w: %s has more than %d bytes", ErrRestore, file, maxRestoreFile)
	}
	if err := catalog.DecodeStrict(bytes.TrimSpace(raw), &f); err != nil {
		return b, fmt.Errorf("%w: %s: %w", ErrRestore, file, err)
	}
	if f.Version != 1 {
		return b, fmt.Errorf("%w: %s has version %d, this program reads version 1", ErrRestore, file, f.Version)
	}
	return f.ClusterRestore, nil
}

// WriteRestore writes an order. Nothing in it is secret.
func WriteRestore(file string, b catalog.ClusterRestore) error {
	raw, err := json.MarshalIndent(restoreFile{1, b}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the restore order: %w", err)
	}
	if err := durable.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the restore order: %w", err)
	}
	return nil
}

// SignRestore adds an operator's signature to an order, unless it is there. The operator has a seat.
func SignRestore(c catalog.Cluster, b catalog.ClusterRestore, operator ed25519.PrivateKey) (catalog.ClusterRestore, error) {
	id := catalog.PrincipalID(operator.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // by definition
	if len(attest.Seats(c, id)) == 0 {
		return b, fmt.Errorf("%w: the key %s has none in cluster %s", founding.ErrNoSeat, id, c.ID)
	}
	if slices.ContainsFunc(b.Signatures, func(s catalog.RestoreSignature) bool { return s.Operator == id }) {
		return b, nil
	}
	b.Signatures = append(slices.Clone(b.Signatures), catalog.RestoreSignature{Operator: id, Signature: ed25519.Sign(operator, b.Order.SignedBytes())})
	return b, nil
}

// maxOrderAge is how long an order can be used. One that was used is not to be used again, on a node
// that has forgotten what it acknowledged since.
const maxOrderAge = 7 * 24 * time.Hour

// CheckRestoreAge returns an error for an order that is too old to be used, or that is of a time to come.
func CheckRestoreAge(o catalog.RestoreOrder, now time.Time) error {
	switch age := now.Sub(time.UnixMilli(o.Made)); {
	case age > maxOrderAge:
		return fmt.Errorf("%w: it was made on %s and is used for %d days: have it made anew in another file, `weir operator backup order ARCHIVE --file FILE`",
			ErrRestore, time.UnixMilli(o.Made).UTC().Format(time.DateOnly), int(maxOrderAge.Hours()/24))
	case age < -24*time.Hour:
		return fmt.Errorf("%w: it was made on %s, which is to come: set this machine's clock, or have the order made anew", ErrRestore, time.UnixMilli(o.Made).UTC().Format(time.DateOnly))
	}
	return nil
}

// Backup is what a node's ledger is made of. The caller has proved it: the state is what the
// entries make, and these have the root of the order.
type Backup struct {
	Roster []catalog.Envelope // the founding first
	Ledger io.Reader          // a stream of package snapstream
	Blobs  []catalog.Digest
	Load   func(context.Context, catalog.Digest) ([]byte, error) // reads a blob
}

// Restore makes the ledger and the blobs of the node in dir, which has its keys and has not
// started, those of a backup. Interrupted, it is repeated.
func Restore(ctx context.Context, dir string, key founding.SealKey, g founding.Genesis, order catalog.ClusterRestore, b Backup, progress func(done, all int)) (err error) {
	if err := g.CheckSigned(); err != nil {
		return err
	}
	rosters, err := attest.Rosters(g.Cluster(), b.Roster)
	if err != nil {
		return fmt.Errorf("read the backup's roster: %w", err)
	}
	members := rosters[len(rosters)-1]
	if err := attest.CheckRestore(members, order); err != nil {
		return fmt.Errorf("%w: %w", ErrRestore, err)
	}
	card, err := founding.OwnCard(dir)
	if err != nil {
		return err
	}
	if err := card.CheckKeys(ctx, dir, key); err != nil {
		return err
	}
	g.Roster = b.Roster[1:]
	if err := g.CheckMember(card); err != nil {
		return err
	}
	ledger := filepath.Join(dir, founding.DirLedger)
	if _, err := os.Lstat(ledger); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%w: %s is there: a node that has started knows what is in no backup; with the others up start it as it is", nodeshare.ErrStarted, ledger))
	}
	if err := storeBlobs(ctx, filepath.Join(dir, founding.DirBlobs), b, progress); err != nil {
		return err
	}
	if err := writeRosterFile(dir, rosterFile{Version: 1, Changes: b.Roster[1:]}); err != nil {
		return err
	}
	if err := WriteRestore(filepath.Join(dir, fileRestore), order); err != nil {
		return err
	}
	v, err := key.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	options := consensus.Options{Dir: ledger, ID: card.ID, Memory: vaultMemory{v, founding.SecretLedger}}
	for _, m := range members.Nodes {
		options.Members = append(options.Members, consensus.Member{ID: m.ID, Addr: m.Addr})
	}
	return consensus.Reseed(options, consensus.Seed{ID: order.Order.ID(), Made: order.Order.Made}, b.Ledger)
}

func storeBlobs(ctx context.Context, dir string, b Backup, progress func(done, all int)) (err error) {
	disk, err := blobs.OpenDisk(dir, tiles.StoreOptions{Free: consensus.FreeBytes})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	missing, err := disk.Missing(ctx, b.Blobs)
	if err != nil {
		return fmt.Errorf("look which blobs are there: %w", err)
	}
	for i, d := range missing {
		content, err := b.Load(ctx, d)
		if err != nil {
			return fmt.Errorf("restore blob %s: %w", d, err)
		}
		if err := disk.Put(ctx, d, content); err != nil {
			return fmt.Errorf("restore blob %s: %w", d, err)
		}
		progress(i+1, len(missing))
	}
	return disk.Sync(ctx)
}

// openRestore reads by which order the node's ledger was made, if it was.
func (n *Node) openRestore() error {
	b, err := ReadRestore(filepath.Join(n.opts.Dir, fileRestore))
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

func (c *core) lastRestore() (r catalog.Restored, known bool, err error) {
	err = c.view(func(v state.View) (err error) { r, known, err = v.Restored(); return err })
	return r, known, err
}

// awaitsOrder reports whether the ledger was made by an order that is to be its next entry.
func (c *core) awaitsOrder(last catalog.Restored, known bool) bool {
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

// orderFirst refuses everything before the order.
func (c *core) orderFirst(e catalog.Envelope) error {
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
	before, err := vaultMemory{rec.vault, signedName(r.Order.Previous)}.Load()
	if err != nil || before == nil {
		return nil, err
	}
	signed, err := evidence.Remembered(before)
	if err != nil || signed.Size <= r.Seen || r.Open {
		return nil, err
	}
	told := slices.ContainsFunc(r.Told, func(t catalog.RestoreTold) bool { return t.Node == rec.id && t.Size >= signed.Size })
	if told || rec.members.Roster().Point(rec.id) == 0 {
		return nil, nil
	}
	present := catalog.RestorePresent{Order: r.Order.ID(), Size: signed.Size, Root: catalog.Digest(signed.Root)}
	return []task{{name: "present", run: func(ctx context.Context) error {
		return rec.access.act(ctx, catalog.KindRestorePresent, present)
	}}}, nil
}

// Present implements api.Backups: a client shows a checkpoint, which may be of a past that was lost.
// Anybody may, without a key. So the node first learns what is committed: a checkpoint of the very
// log that it is behind in is none of another past.
func (b *backups) Present(ctx context.Context, note []byte) error {
	rosters, _, err := readRosters(b.opts.Dir, b.opts.Genesis)
	if err != nil {
		return err
	}
	trust := backup.TrustIn(rosters)
	signed, err := trust.Open(note, trust.Threshold)
	if err != nil {
		return fmt.Errorf("%w: %w", api.ErrNote, err)
	}
	var r catalog.Restored
	var known bool
	err = b.access.Read(ctx, func(v state.View) (err error) { r, known, err = v.Restored(); return err })
	if err != nil || !known || signed.Size <= r.Seen {
		return err
	}
	if signed.Size <= b.ledger.NextSeq() {
		own, err := b.ledger.RootAt(signed.Size)
		if err != nil || own == signed.Root {
			return err
		}
	}
	return b.access.act(ctx, catalog.KindRestorePresent, catalog.RestorePresent{
		Order: r.Order.ID(), Size: signed.Size, Root: catalog.Digest(signed.Root), Note: string(note),
	})
}
