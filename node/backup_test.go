package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/snapstream"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/leak"
	"github.com/weirdata/weir/node/objects"
)

// archive makes a backup of a cluster into a directory.
func (c *cluster) archive(ctx context.Context, dir string, id *age.HybridIdentity) (backup.Made, backup.Archive) {
	c.t.Helper()
	if c.now != nil {
		return c.archiveAt(ctx, dir, id, c.now)
	}
	return c.archiveAt(ctx, dir, id, time.Now)
}

func (c *cluster) archiveAt(ctx context.Context, dir string, id *age.HybridIdentity, now func() time.Time) (backup.Made, backup.Archive) {
	c.t.Helper()
	made, err := backup.Create(ctx, &backup.Remote{Client: c.clientWith(c.operator, client.Options{Now: now})}, objects.Directory(dir), backup.Options{
		Cluster: c.genesis.Cluster(), To: []age.Recipient{id.Recipient()}, Now: now,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return made, backup.Archive{Manifest: made.Manifest, Store: objects.Directory(dir), With: []age.Identity{id}}
}

// A backup of a running cluster is the ledger at one moment under signatures, and the blobs; the
// next one copies what is new. Nobody gets it but operators of seats, and nothing in it is a
// secret of a node.
func TestBackupOfARunningCluster(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	dir := t.TempDir()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	first, whole := c.archive(ctx, dir, id)
	if len(first.Blobs) == 0 || first.Copied != len(first.Ledger)+len(first.Blobs) {
		t.Fatalf("the first backup has copied %d parts of %d and %d blobs", first.Copied, len(first.Ledger), len(first.Blobs))
	}
	if err := whole.CheckLedger(ctx, t.TempDir(), state.NewMachine(), backup.Look{}); err != nil {
		t.Error(err)
	}
	err = whole.CheckParts(ctx, func(p backup.Part, err error) { t.Error(p.Digest, err) }, func(int, int) {})
	if err != nil {
		t.Error(err)
	}

	c.forgetAnswers()
	askStations(ctx, t, bureau, truth)
	second, later := c.archive(ctx, dir, id)
	if second.Size <= first.Size || second.Copied >= len(second.Blobs) {
		t.Errorf("the second backup, of %d entries after %d, has copied %d parts; %d blobs were there", second.Size, first.Size, second.Copied, len(second.Blobs))
	}
	if err := later.CheckLedger(ctx, t.TempDir(), state.NewMachine(), backup.Look{}); err != nil {
		t.Error(err)
	}

	t.Run("nobody else gets it", func(t *testing.T) {
		other := c.admit(ctx, newKey(t, "operator without a seat"), catalog.RoleOperator)
		for who, cl := range map[string]*client.Client{"an operator without a seat": other, "a publisher": bureau} {
			for what, err := range map[string]error{
				"the ledger": func() error { _, err := (&backup.Remote{Client: cl}).Prepare(ctx); return err }(),
				"a part": func() error {
					_, err := cl.Ask(ctx, cl.Nodes()[0], client.Call{Path: "/v1/backup/parts/" + second.Ledger[0].Digest.String(), Token: true})
					return err
				}(),
				"a blob": func() error { _, err := (&backup.Remote{Client: cl}).Blob(ctx, second.Blobs[0].Digest); return err }(),
			} {
				if p, ok := errors.AsType[*wire.Problem](err); !ok || p.Kind != wire.KindForbidden {
					t.Errorf("%s asked for %s: %v", who, what, err)
				}
			}
		}
	})
	t.Run("what is in it", func(t *testing.T) {
		ready, err := bureau.ReadyKey(ctx, bureau.Key().ID())
		if err != nil {
			t.Fatal(err)
		}
		secrets, pairs := c.secretNeedles(t, ready.Record)
		for _, seeds := range pairs {
			secrets = append(secrets, seeds...)
		}
		stream, err := io.ReadAll(later.Stream(ctx))
		if err != nil {
			t.Fatal(err)
		}
		places := []leak.Place{{Name: "the ledger's stream", Bytes: stream}}
		if _, err := snapstream.Read(bytes.NewReader(stream), func(_, _ []byte) error { return nil }); err != nil {
			t.Error(err)
		}
		for _, p := range later.Blobs {
			b, err := later.Load(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) < 64<<10 { // longer ones are ciphertexts
				places = append(places, leak.Place{Name: "blob " + p.Digest.String(), Bytes: b})
			}
		}
		for _, found := range leak.Search(places, secrets) {
			t.Error(found)
		}
		leak.MustFindAll(t, "a secret", []leak.Place{{Name: "planted", Bytes: leak.Planted(secrets)}}, secrets)
		// At rest it shows nothing of the ledger either.
		sealed := leak.Files(t, filepath.Join(dir, "parts"))
		ledger := []leak.Needle{{Name: "the dataset's name", Bytes: []byte("stations")}, {Name: "a principal", Bytes: []byte(bureau.Key().ID())}, {Name: "SQL", Bytes: []byte("SELECT")}}
		leak.MustFindAll(t, "the ledger in the clear", places, ledger)
		for _, found := range leak.Search(sealed, ledger) {
			t.Error(found)
		}
		leak.Private(t, dir)
	})
	t.Run("what is held ready", func(t *testing.T) {
		for range heldBackups {
			if _, err := (&backup.Remote{Client: c.client(c.operator)}).Prepare(ctx); err != nil {
				t.Fatal(err)
			}
		}
		total := 0
		for id, n := range c.nodes {
			files, err := os.ReadDir(filepath.Join(c.nodeDir(id), dirBackup))
			if err != nil || len(files) != len(n.backups.held) || len(files) > heldBackups {
				t.Errorf("%s has %d files of %d (%v)", id, len(files), len(n.backups.held), err)
			}
			total += len(files)
		}
		if total == 0 {
			t.Error("nothing is held ready")
		}
		n2 := c.nodes["n2"].backups
		if _, err := n2.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		n2.mu.Lock()
		n2.held[len(n2.held)-1].used = n2.opts.Clock().Add(-2 * heldFor)
		all := len(n2.held)
		n2.mu.Unlock()
		if err := n2.releaseIdle(); err != nil || len(n2.held) != all-1 {
			t.Errorf("of %d held one is idle, and %d are held (%v)", all, len(n2.held), err)
		}
		c.close("n1")
		if files, err := os.ReadDir(filepath.Join(c.nodeDir("n1"), dirBackup)); err != nil || len(files) > 0 {
			t.Errorf("a node that was closed leaves %d files (%v)", len(files), err)
		}
		c.open("n1")
	})
}
