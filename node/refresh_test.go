package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/vault"
)

// keyAt is a key as a node has it.
func (c *cluster) keyAt(node, id string) (k catalog.Key) {
	c.t.Helper()
	err := c.nodes[node].view(func(v state.View) (err error) {
		k, err = v.Keys().Get(id)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return k
}

// refresh shares a key anew and waits until all nodes have erased their old shares.
func (c *cluster) refresh(ctx context.Context, key catalog.Key, epoch uint64) {
	c.t.Helper()
	if err := govern.RefreshKey(ctx, c.client(c.operator), key.ID); err != nil {
		c.t.Fatal(err)
	}
	c.awaitRefreshed(ctx, key.ID, epoch)
}

func (c *cluster) awaitRefreshed(ctx context.Context, id string, epoch uint64) {
	c.t.Helper()
	c.await(ctx, "the new shares", func() bool {
		for node := range c.nodes {
			if k := c.keyAt(node, id); k.InForce().Epoch != epoch || k.Refresh != nil || k.Retired != nil {
				return false
			}
		}
		return true
	})
}

// shareNames lists what a node's vault has of a key.
func (c *cluster) shareNames(node, key string) []string {
	c.t.Helper()
	names, err := c.nodes[node].vault.List("key/" + key + "/")
	if err != nil {
		c.t.Fatal(err)
	}
	return names
}

// forgetAnswers has a cluster open what it answered anew.
func (c *cluster) forgetAnswers() {
	c.t.Helper()
	for _, n := range c.nodes {
		names, err := n.vault.List("answered/")
		if err != nil {
			c.t.Fatal(err)
		}
		for _, name := range names {
			if err := n.vault.Delete(name); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// A key that was shared anew opens what was encrypted before and after; each node has one
// share of it, another one than before, and the publisher's public key is the same.
func TestFiguresAreTheSameUnderNewShares(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	askStations(ctx, t, bureau, truth)
	before, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	key := before.Record
	old := map[string][]byte{}
	for id, n := range c.nodes {
		b, err := n.vault.Get(mpc.SharingSession(key.Made()))
		if err != nil {
			t.Fatal(err)
		}
		old[id] = b
	}
	for epoch := uint64(2); epoch <= 3; epoch++ {
		c.refresh(ctx, key, epoch)
		c.forgetAnswers()
		q := askStations(ctx, t, bureau, truth)
		last := q.Attempts[len(q.Attempts)-1]
		if last.Reseals || len(last.Sharings) != 1 || last.Sharings[0].Epoch != epoch {
			t.Errorf("epoch %d: answered by %+v", epoch, last)
		}
	}
	for id, n := range c.nodes {
		now := mpc.SharingSession(c.keyAt(id, key.ID).InForce())
		if names := c.shareNames(id, key.ID); !slices.Equal(names, []string{now}) {
			t.Errorf("%s has %v, want %s alone", id, names, now)
		}
		b, err := n.vault.Get(now)
		if err != nil || bytes.Equal(b, old[id]) {
			t.Errorf("%s has the share that it had: %v", id, err)
		}
	}
	after, err := c.client(bureau.Key()).ReadyKey(ctx, bureau.Key().ID())
	if err != nil || !bytes.Equal(after.Public, before.Public) {
		t.Errorf("the public key changed: %v", err)
	}
	more := stationTruth(publishStations(ctx, t, bureau, "more"))
	if got := queryRows(ctx, t, bureau, strings.Replace(stationsSQL, "%s", "more", 1)); len(got) != len(more) {
		t.Errorf("%d rows of what was published after, want %d", len(got), len(more))
	}
}

// A refresh waits for a node that is down, goes on by itself when it is back, and one that a
// node's restart breaks off is begun again; the old shares stay in force meanwhile.
func TestRefreshWaitsForAllNodesAndOutlivesARestart(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	key, err := bureau.PublisherKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	c.close("n3")
	c.awaitGone(ctx, "n3")
	operator := c.client(c.operator)
	if err := govern.RefreshKey(ctx, operator, key.ID); err != nil {
		t.Fatal(err)
	}
	if r, refused := client.IsRefused(govern.RefreshKey(ctx, operator, key.ID)); !refused || r.Rule != "refresh" {
		t.Errorf("asked twice: %v", r)
	}
	c.await(ctx, "the leader to say what it waits for", func() bool {
		for _, n := range c.nodes {
			if strings.Contains(n.standing.Status().Waiting, "n3 does not answer") {
				return true
			}
		}
		return false
	})
	askStations(ctx, t, bureau, truth)
	c.open("n3")
	c.awaitRefreshed(ctx, key.ID, 2)
	c.forgetAnswers()
	askStations(ctx, t, bureau, truth)
}

// A node whose share is damaged cannot deal: the attempt ends with its name, and one of other
// dealers restores its share.
func TestRefreshRestoresALostShare(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	key, err := bureau.PublisherKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	c.close("n1")
	if v, err := vault.Open(filepath.Join(c.nodeDir("n1"), founding.DirSecrets), c.sealKey("n1")); err != nil {
		t.Fatal(err)
	} else if err := errors.Join(v.Delete(mpc.SharingSession(key.Made())), v.Close()); err != nil {
		t.Fatal(err)
	}
	c.open("n1")
	if ok, reasons := c.awaitReady(ctx, "n1"); ok {
		t.Errorf("a node without its share is ready: %v", reasons)
	}
	c.refresh(ctx, key, 2)
	c.await(ctx, "n1 to be ready", func() bool { ok, _ := c.awaitReady(ctx, "n1"); return ok })
	c.close("n2") // so that n1 is needed
	c.awaitGone(ctx, "n2")
	c.forgetAnswers()
	askStations(ctx, t, c.client(bureau.Key()), truth)
}

// Only an operator asks for new shares.
func TestOnlyAnOperatorRefreshes(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	key, err := bureau.PublisherKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	if r, refused := client.IsRefused(govern.RefreshKey(ctx, bureau, key.ID)); !refused || r.Kind != catalog.RefusedForbidden {
		t.Errorf("a publisher: %v", r)
	}
}

// spoilShare changes a node's stored share to another one of the same form, as a node has that
// deals another secret than it was dealt.
func (c *cluster) spoilShare(node string, s catalog.Sharing) {
	c.t.Helper()
	v, err := vault.Open(filepath.Join(c.nodeDir(node), founding.DirSecrets), c.sealKey(node))
	if err != nil {
		c.t.Fatal(err)
	}
	stored, err := v.Get(mpc.SharingSession(s))
	if err != nil {
		c.t.Fatal(err)
	}
	var record map[string]json.RawMessage
	if err := json.Unmarshal(stored[len(catalog.Digest{}):], &record); err != nil {
		c.t.Fatal(err)
	}
	var share []byte
	if err := json.Unmarshal(record["share"], &share); err != nil {
		c.t.Fatal(err)
	}
	share[len(share)/2] ^= 1
	record["share"] = catalog.Encode(share)
	text := catalog.Encode(record)
	digest := catalog.Sum(text)
	if err := errors.Join(v.Put(mpc.SharingSession(s), append(digest[:], text...)), v.Close()); err != nil {
		c.t.Fatal(err)
	}
}

// A node that deals another secret spoils the attempts that it deals in, and nothing else: the
// old sharing stays in force until an attempt of other dealers has passed, in which it gets a
// right share itself.
func TestDealerOfAnotherSecretIsFoundAndLeftOut(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, bureau, truth := withStations(ctx, t)
	key, err := bureau.PublisherKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	c.close("n1")
	c.spoilShare("n1", key.Made())
	c.open("n1")
	c.refresh(ctx, key, 2)
	if k := c.keyAt("n2", key.ID); k.Sharing.Attempt < 3 {
		t.Errorf("the attempt that node 1 dealt in passed: %+v", k.Sharing)
	}
	c.close("n2") // so that n1 is needed
	c.awaitGone(ctx, "n2")
	c.forgetAnswers()
	askStations(ctx, t, c.client(bureau.Key()), truth)
}
