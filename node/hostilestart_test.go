package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/founding"
)

// A node that is started with what is not its own does not start, says what is wrong,
// and leaves what it was started with as it was.
func TestNodeDoesNotStartWithWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	c.close("n3")
	for name, x := range map[string]struct {
		id, dir, key string // whose
		want         string
	}{
		"another node's seal key":                {"n3", "n3", "n2", "sealed under another key"},
		"another node's directory":               {"n3", "n2", "n3", "sealed under another key"},
		"another node's directory and seal key":  {"n3", "n2", "n2", "not the one that the roster names for n3"},
		"a directory in which a node runs":       {"n2", "n2", "n2", "Another process is using"},
		"a node that the founding does not name": {"n4", "n3", "n3", `the roster has no node "n4"`},
	} {
		n, err := Open(Options{Dir: c.nodeDir(x.dir), SealKeyFile: c.sealKey(x.key), ID: x.id, Genesis: c.genesis, PeerListen: freeAddr(t), APIListen: freeAddr(t)})
		if err == nil {
			t.Errorf("%s: it starts: %v", name, n.Close())
		} else if !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.open("n3")
	c.await(ctx, "n3 to be ready", func() bool { ok, _ := c.nodes["n3"].standing.Ready(); return ok })
	c.admit(ctx, newKey(t, "after"), catalog.RoleBuyer)
}

// A node whose ledger was deleted knows that it had one, by what it signed, and is
// not ready before it has caught up with that.
func TestNodeWhoseLedgerWasDeletedIsNotReadyBeforeItHasCaughtUp(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 3, nil) // all three sign a checkpoint
	operator := c.client(c.operator)
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	if _, _, err := audit.Checkpoint(ctx, operator); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.body.Nodes {
		c.close(m.ID)
	}
	if err := os.RemoveAll(filepath.Join(c.nodeDir("n3"), founding.DirLedger)); err != nil {
		t.Fatal(err)
	}
	n := c.open("n3")
	if ok, reasons := n.standing.Ready(); ok || !strings.Contains(strings.Join(reasons, " "), "it has 0 entries, and it signed") {
		t.Errorf("alone and without its ledger n3 is ready: %t, %v", ok, reasons)
	}
	c.open("n1")
	c.open("n2")
	c.await(ctx, "n3 to catch up", func() bool { ok, _ := n.standing.Ready(); return ok })
	if _, _, err := audit.Checkpoint(ctx, operator); err != nil {
		t.Errorf("n3 does not sign: %v", err)
	}
}
