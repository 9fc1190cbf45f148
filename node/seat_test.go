package node

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// newMachine makes the keys of another machine for a node's seat, and its directory with
// nothing else in it. The one before is gone, with its disk.
func (c *cluster) newMachine(id string) catalog.Node {
	c.t.Helper()
	for _, path := range []string{c.nodeDir(id), c.sealKey(id)} {
		if err := os.RemoveAll(path); err != nil {
			c.t.Fatal(err)
		}
	}
	i := slices.IndexFunc(c.body.Nodes, func(n catalog.Node) bool { return n.ID == id })
	was := c.body.Nodes[i]
	if err := vault.NewKeyFile(c.sealKey(id)); err != nil {
		c.t.Fatal(err)
	}
	card, err := founding.Init(c.t.Context(), c.nodeDir(id), founding.SealKey{File: c.sealKey(id)}, founding.Card{
		ID: id, Institution: was.Institution, Operator: was.Operator, Addr: freeAddr(c.t), API: "https://" + freeAddr(c.t),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return card.Node(was.Point)
}

// replace puts it into the seat, and opens the nodes that are up again, as Run does.
func (c *cluster) replace(ctx context.Context, m catalog.Node) {
	c.t.Helper()
	operator := c.client(c.operator)
	if _, err := govern.ReplaceSeat(ctx, operator, m, false); err != nil {
		c.t.Fatal(err)
	}
	chain, err := operator.RosterEnvelopes(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	c.genesis.Roster = chain[1:]
	for _, id := range slices.Sorted(maps.Keys(c.nodes)) { // which a loop over the map itself might open twice
		select {
		case err := <-c.nodes[id].Failed():
			if !errors.Is(err, errRoster) {
				c.t.Fatalf("%s: %v", id, err)
			}
		case <-ctx.Done():
			c.t.Fatalf("%s does not notice that the roster changed", id)
		}
		c.close(id)
		c.open(id)
	}
	c.open(m.ID)
}

// A machine that burned down is replaced by its operator's word: queries are answered
// meanwhile, and the new one has everything in the end, what was sealed to the other excepted.
func TestAMachineThatBurnedDownIsReplaced(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	askStations(ctx, t, bureau, truth)
	before, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	c.close("n3")
	c.awaitGone(ctx, "n3")
	c.replace(ctx, c.newMachine("n3"))
	c.forgetAnswers()
	askStations(ctx, t, bureau, truth)

	c.await(ctx, "the new machine to vote", func() bool { return c.nodes["n3"].ledger.MayVote() == nil })
	c.awaitRefreshed(ctx, before.Record.ID, 2)
	c.await(ctx, "the new machine to hold what is published", func() bool {
		var left []string
		err := c.nodes["n1"].view(func(v state.View) (err error) {
			versions, err := v.Versions().Of("stations")
			for _, x := range versions {
				if !slices.Contains(x.Acks, "n3") {
					left = append(left, x.Dataset)
				}
			}
			return err
		})
		return err == nil && len(left) == 0
	})
	// The client of before goes on, and its profile can be renewed.
	renewed, newer := c.client(bureau.Key()).Renewed()
	if newer {
		t.Error("a client that has asked nothing knows of a newer roster")
	}
	again := c.client(bureau.Key())
	if _, err := again.Cluster(ctx); err != nil {
		t.Fatal(err)
	}
	if renewed, newer = again.Renewed(); !newer || renewed.Changes != 1 {
		t.Fatalf("profile %+v, newer %t", renewed, newer)
	}
	c.profile = renewed
	after, err := c.client(bureau.Key()).ReadyKey(ctx, bureau.Key().ID())
	if err != nil || string(after.Public) != string(before.Public) {
		t.Fatalf("the key under the new roster: %v", err)
	}

	// The new machine opens with one of the others alone.
	c.close("n1")
	c.awaitGone(ctx, "n1")
	c.forgetAnswers()
	askStations(ctx, t, c.client(bureau.Key()), truth)
	more := stationTruth(publishStations(ctx, t, c.client(bureau.Key()), "more"))
	if got := queryRows(ctx, t, c.client(bureau.Key()), strings.Replace(stationsSQL, "%s", "more", 1)); len(got) != len(more) {
		t.Errorf("%d rows of what was published after, want %d", len(got), len(more))
	}
}

// Another operator cannot, a key that was replaced is not taken again, and the machine that
// was replaced does not start.
func TestAReplacedMachineTakesNoPart(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.await(ctx, "the founding", func() bool { _, err := c.client(nil).Cluster(ctx); return err == nil })
	c.close("n3")
	was := c.body.Nodes[2]
	aside := t.TempDir()
	if err := os.Rename(c.nodeDir("n3"), aside+"/n3"); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(c.sealKey("n3"))
	if err != nil {
		t.Fatal(err)
	}
	m := c.newMachine("n3")
	stranger := newKey(t, "stranger")
	if _, err := govern.AddPrincipal(ctx, c.client(c.operator), stranger.Public(), catalog.RoleOperator); err != nil {
		t.Fatal(err)
	}
	if _, err := govern.ReplaceSeat(ctx, c.client(stranger), m, false); !refused(err) {
		t.Errorf("another operator: %v", err)
	}
	c.replace(ctx, m)
	if _, err := govern.ReplaceSeat(ctx, c.client(c.operator), was, false); !refused(err) {
		t.Errorf("the old machine again: %v", err)
	}
	c.close("n3")
	if err := os.RemoveAll(c.nodeDir("n3")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside+"/n3", c.nodeDir("n3")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.sealKey("n3"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := c.tryOpen("n3"); err == nil || !strings.Contains(err.Error(), "a machine that was replaced") {
		t.Errorf("the replaced machine: %v, %v", n, err)
	}
}

func refused(err error) bool {
	_, is := client.IsRefused(err)
	return is
}
