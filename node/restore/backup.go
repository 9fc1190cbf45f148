package restore

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
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/vault"
)

// File has, in a node's directory, the order that its ledger was made by.
const File = "restore.json"

const maxFile = 1 << 20 // bytes that are read of an order

// ErrOrder is returned for an order that is not one of the cluster, or that too few have signed.
var ErrOrder = errors.New("unusable restore order")

// orderFile is an order as operators hand it on.
type orderFile struct {
	Version int `json:"v"`
	recovery.Restore
}

// ReadOrder reads an order. It verifies no signature: see attest.CheckRestore.
func ReadOrder(file string) (b recovery.Restore, err error) {
	var f orderFile
	if err := readFile(file, "restore order", maxFile, &f); err != nil {
		return b, err
	}
	return f.Restore, checkVersion(file, f.Version)
}

// WriteOrder writes an order. Nothing in it is secret.
func WriteOrder(file string, b recovery.Restore) error {
	return writeFile(file, "restore order", orderFile{1, b})
}

// readFile reads what operators hand on, of so many bytes at the most.
func readFile(file, what string, most int, into any) error {
	raw, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return fmt.Errorf("read the %s: %w", what, err)
	}
	if len(raw) > most {
		return fmt.Errorf("%w: %s has more than %d bytes", ErrOrder, file, most)
	}
	if err := catalog.DecodeStrict(bytes.TrimSpace(raw), into); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrOrder, file, err)
	}
	return nil
}

func checkVersion(file string, version int) error {
	if version != 1 {
		return fmt.Errorf("%w: %s has version %d, this program reads version 1", ErrOrder, file, version)
	}
	return nil
}

func writeFile(file, what string, content any) error {
	raw, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the %s: %w", what, err)
	}
	if err := durable.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the %s: %w", what, err)
	}
	return nil
}

// SignOrder adds an operator's signature to an order, unless it is there. The operator has a seat.
func SignOrder(c catalog.Cluster, b recovery.Restore, operator ed25519.PrivateKey) (recovery.Restore, error) {
	id := catalog.PrincipalID(operator.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // by definition
	if len(attest.Seats(c, id)) == 0 {
		return b, fmt.Errorf("%w: the key %s has none in cluster %s", founding.ErrNoSeat, id, c.ID)
	}
	if slices.ContainsFunc(b.Signatures, func(s recovery.Signature) bool { return s.Operator == id }) {
		return b, nil
	}
	b.Signatures = append(slices.Clone(b.Signatures), recovery.Signature{Operator: id, Signature: ed25519.Sign(operator, b.Order.SignedBytes())})
	return b, nil
}

// maxOrderAge is how long an order can be used. One that was used is not to be used again, on a node
// that has forgotten what it acknowledged since.
const maxOrderAge = 7 * 24 * time.Hour

// CheckAge returns an error for an order that is too old to be used, or that is of a time to come.
func CheckAge(o recovery.Order, now time.Time) error {
	switch age := now.Sub(time.UnixMilli(o.Made)); {
	case age > maxOrderAge:
		return fmt.Errorf("%w: it was made on %s and is used for %d days: have it made anew, in another file",
			ErrOrder, time.UnixMilli(o.Made).UTC().Format(time.DateOnly), int(maxOrderAge.Hours()/24))
	case age < -24*time.Hour:
		return fmt.Errorf("%w: it was made on %s, which is to come: set this machine's clock, or have the order made anew", ErrOrder, time.UnixMilli(o.Made).UTC().Format(time.DateOnly))
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

// FromBackup makes the ledger and the blobs of the node in dir, which has its keys and has not
// started, those of a backup. Interrupted, it is repeated.
func FromBackup(ctx context.Context, dir string, key founding.SealKey, g founding.Genesis, order recovery.Restore, b Backup, progress func(done, all int)) (err error) {
	if err := g.CheckSigned(); err != nil {
		return err
	}
	members, err := Members(g, b.Roster)
	if err != nil {
		return err
	}
	if err := attest.CheckRestore(members, order); err != nil {
		return fmt.Errorf("%w: %w", ErrOrder, err)
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
	if err := b.layBlobs(ctx, dir, progress); err != nil {
		return err
	}
	if err := WriteOrder(filepath.Join(dir, File), order); err != nil {
		return err
	}
	return b.layLedger(ctx, dir, key, card, members.Nodes, consensus.Seed{ID: order.Order.ID(), Made: order.Order.Made})
}

// Members are the roster of a backup, which has to be of the cluster that a founding founds.
func Members(g founding.Genesis, chain []catalog.Envelope) (c catalog.Cluster, err error) {
	rosters, err := attest.Rosters(g.Cluster(), chain)
	if err != nil {
		return c, fmt.Errorf("read the backup's roster: %w", err)
	}
	return rosters[len(rosters)-1], nil
}

// Shadow makes the directory of a node of a shadow what FromBackup makes that of a node: among machines that no roster names,
// and by no order. Without a ledger in the backup the node comes with nothing but its keys.
func Shadow(ctx context.Context, dir string, key founding.SealKey, card founding.Card, machines []catalog.Node, seed consensus.Seed, b Backup) error {
	if err := b.layBlobs(ctx, dir, func(int, int) {}); err != nil || b.Ledger == nil {
		return err
	}
	return b.layLedger(ctx, dir, key, card, machines, seed)
}

// layBlobs makes what a node has beside its ledger that of the backup.
func (b Backup) layBlobs(ctx context.Context, dir string, progress func(done, all int)) error {
	if err := storeBlobs(ctx, filepath.Join(dir, founding.DirBlobs), b, progress); err != nil {
		return err
	}
	return founding.RosterFile{Version: 1, Changes: b.Roster[1:]}.Write(dir)
}

// layLedger makes the ledger.
func (b Backup) layLedger(ctx context.Context, dir string, key founding.SealKey, card founding.Card, members []catalog.Node, seed consensus.Seed) error {
	v, err := key.Open(ctx, dir)
	if err != nil {
		return err
	}
	return errors.Join(consensus.Reseed(ledgerOf(dir, card, v, members), seed, b.Ledger), v.Close())
}

// ledgerOf is the ledger of the node in dir, among these members.
func ledgerOf(dir string, card founding.Card, v *vault.Vault, members []catalog.Node) consensus.Options {
	o := consensus.Options{Dir: filepath.Join(dir, founding.DirLedger), ID: card.ID, Memory: vault.Memory{Vault: v, Name: founding.SecretLedger}}
	for _, m := range members {
		o.Members = append(o.Members, consensus.Member{ID: m.ID, Addr: m.Addr})
	}
	return o
}

func storeBlobs(ctx context.Context, dir string, b Backup, progress func(done, all int)) (err error) {
	disk, err := blobs.OpenDisk(dir, tiles.StoreOptions{Free: durable.FreeBytes})
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
