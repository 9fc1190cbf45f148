package node

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/leak"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/vault"
)

func newAgeKey(t *testing.T) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// export writes a node's share.
func (c *cluster) export(ctx context.Context, id string, to *age.HybridIdentity) []byte {
	c.t.Helper()
	var b bytes.Buffer
	info, err := nodeshare.Export(ctx, c.nodeDir(id), founding.SealKey{File: c.sealKey(id)}, 1, []age.Recipient{to.Recipient()}, &b)
	if err != nil {
		c.t.Fatal(err)
	}
	if info.Card.ID != id {
		c.t.Fatalf("the share is of %s, want %s", info.Card.ID, id)
	}
	return b.Bytes()
}

// wipe removes what a machine has: its directory and its seal key, of which it gets another one.
func (c *cluster) wipe(id string) {
	c.t.Helper()
	if err := errors.Join(os.RemoveAll(c.nodeDir(id)), os.Remove(c.sealKey(id)), vault.NewKeyFile(c.sealKey(id))); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) importShare(ctx context.Context, dir, id string, share []byte, with age.Identity) error {
	_, err := nodeshare.Import(ctx, dir, founding.SealKey{File: c.sealKey(id)}, id, &c.genesis, []age.Identity{with}, bytes.NewReader(share))
	return err
}

// A machine is lost with its disk; its share makes another one the same node. It opens with one
// of the others alone in the end, which it could not without its shares of keys.
func TestShareOfANodeMakesAnotherMachineThatNode(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	to := newAgeKey(t)
	share := c.export(ctx, "n3", to) // it runs
	ready, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	secrets, _ := c.secretNeedles(t, ready.Record)
	for _, found := range leak.Search([]leak.Place{{Name: "the share", Bytes: share}}, secrets) {
		t.Error(found)
	}
	askStations(ctx, t, bureau, truth) // something that the share does not know of
	c.close("n3")

	t.Run("refusals", func(t *testing.T) {
		// Incident: a restore ceremony on a node that has started already.
		if err := c.importShare(ctx, c.nodeDir("n3"), "n3", share, to); !errors.Is(err, nodeshare.ErrStarted) {
			t.Errorf("into the directory of the node itself: %v", err)
		}
		only := t.TempDir() // its secrets were moved away, say
		if err := os.CopyFS(filepath.Join(only, founding.DirLedger), os.DirFS(filepath.Join(c.nodeDir("n3"), founding.DirLedger))); err != nil {
			t.Fatal(err)
		}
		if err := c.importShare(ctx, only, "n3", share, to); !errors.Is(err, nodeshare.ErrStarted) {
			t.Errorf("beside a ledger: %v", err)
		}
		for what, try := range map[string]func(dir string) error{
			"another seat":   func(dir string) error { return c.importShare(ctx, dir, "n2", share, to) },
			"somebody's key": func(dir string) error { return c.importShare(ctx, dir, "n3", share, newAgeKey(t)) },
			"a flipped bit": func(dir string) error {
				b := bytes.Clone(share)
				b[len(b)/2] ^= 1
				return c.importShare(ctx, dir, "n3", b, to)
			},
			"half of it": func(dir string) error { return c.importShare(ctx, dir, "n3", share[:len(share)/2], to) },
			"nothing":    func(dir string) error { return c.importShare(ctx, dir, "n3", nil, to) },
		} {
			dir := t.TempDir()
			if err := try(dir); err == nil {
				t.Errorf("%s was taken", what)
			}
			if held, err := vault.Has(filepath.Join(dir, founding.DirSecrets), founding.SecretIdentity); err != nil || held {
				t.Errorf("%s made a node (%v)", what, err)
			}
		}
	})

	c.wipe("n3")
	if err := c.importShare(ctx, c.nodeDir("n3"), "n3", share, to); err != nil {
		t.Fatal(err)
	}
	n := c.open("n3")
	if err := n.ledger.MayVote(); !errors.Is(err, consensus.ErrNotVoter) {
		t.Errorf("a machine whose past is an older share has a vote: %v", err)
	}
	c.await(ctx, "the machine to vote", func() bool { return n.ledger.MayVote() == nil })
	c.await(ctx, "the machine to hold what is published", func() bool { ok, _ := n.standing.Ready(); return ok })
	c.close("n1")
	c.awaitGone(ctx, "n1")
	c.forgetAnswers()
	askStations(ctx, t, bureau, truth)
}

// A share that was written before the node's first start has no past. All of a cluster's nodes
// made of such shares do not found it a second time.
func TestShareWithoutAPastIsNoFounding(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := &cluster{t: t, dir: t.TempDir()}
	if err := vault.NewKeyFile(c.sealKey("n1")); err != nil {
		t.Fatal(err)
	}
	to := newAgeKey(t)
	dir := t.TempDir()
	if _, err := founding.Init(ctx, dir, founding.SealKey{File: c.sealKey("n1")}, founding.Card{
		ID: "n1", Institution: "test", Operator: newKey(t, "test").Public().Key, Addr: freeAddr(t), API: "https://" + freeAddr(t),
	}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := nodeshare.Export(ctx, dir, founding.SealKey{File: c.sealKey("n1")}, 1, []age.Recipient{to.Recipient()}, &b); err != nil {
		t.Fatal(err)
	}
	imported := t.TempDir()
	if _, err := nodeshare.Import(ctx, imported, founding.SealKey{File: c.sealKey("n1")}, "n1", nil, []age.Identity{to}, &b); err != nil {
		t.Fatal(err)
	}
	if held, err := vault.Has(filepath.Join(imported, founding.DirSecrets), founding.SecretLedger); err != nil || !held {
		t.Errorf("the node is on no record to have had a ledger (%v)", err)
	}
	if err := founding.CheckVacant(imported); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an imported node is none: %v", err)
	}
}
