package apitest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/versions"
)

// work does everything that is due. The lock is held.
func (c *Cluster) work() error {
	for range 100 {
		keys, err := c.view().Keys().Pending()
		if err != nil {
			return err
		}
		proposed, err := c.view().Versions().Pending()
		if err != nil {
			return err
		}
		queries, err := c.view().PendingQueries()
		if err != nil {
			return err
		}
		vectors, err := c.view().Vectors().Pending()
		if err != nil {
			return err
		}
		due := false
		for _, v := range vectors {
			due = true
			if err := c.take(v); err != nil {
				return fmt.Errorf("vector %s: %w", v.ID, err)
			}
		}
		for _, k := range keys {
			due = true
			if err := c.ceremony(k); err != nil {
				return fmt.Errorf("ceremony of %s: %w", k.Publisher, err)
			}
		}
		for _, v := range proposed {
			if v.State == catalog.VersionProposed {
				continue
			}
			due = true
			if err := c.check(v); err != nil {
				return fmt.Errorf("version %d of %s: %w", v.Version, v.Dataset, err)
			}
		}
		for _, q := range queries {
			due = true
			if err := c.answer(q); err != nil {
				return fmt.Errorf("query %s: %w", q.ID, err)
			}
		}
		if !due {
			return nil
		}
	}
	return errors.New("the nodes' work does not end")
}

// vectorRuns is how many numbers the checks of a vector have.
const vectorRuns = 2

// take has the nodes take a private vector as good: they look at no share, and answer no query within it. Nodes that do
// are those of package node.
func (c *Cluster) take(v catalog.Vector) error {
	for _, n := range c.nodes {
		nonce := make([]byte, 32)
		rand.Read(nonce) //nolint:errcheck // never fails
		if err := c.act(n, catalog.KindVectorHold, catalog.VectorHold{Vector: v.ID, Nonce: nonce}); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := c.act(n, catalog.KindVectorLine, catalog.VectorLine{Vector: v.ID, Values: make([]uint64, vectorRuns)}); err != nil {
			return err
		}
	}
	active := c.nodes[:c.record.Threshold]
	if err := c.act(active[0], catalog.KindVectorAttempt, catalog.VectorAttempt{Vector: v.ID, Attempt: 1, Active: ids(active)}); err != nil {
		return err
	}
	for _, n := range active {
		if err := c.act(n, catalog.KindVectorBits, catalog.VectorBits{Vector: v.ID, Attempt: 1, Values: make([]uint64, vectorRuns)}); err != nil {
			return err
		}
	}
	return nil
}

// act has a node's act applied.
func (c *Cluster) act(n *node, kind catalog.Kind, body any) error {
	e, err := sign(n.signing, catalog.NodeSigner(n.ID), c.record.ID.String(), kind, body)
	if err != nil {
		return err
	}
	r, err := c.apply(e)
	if err != nil {
		return err
	}
	if r.Outcome.Refusal != nil {
		return fmt.Errorf("%s of %s: %w", kind, n.ID, r.Outcome.Refusal)
	}
	return nil
}

// member is one node's ledger and blobs, for package versions. The lock is held.
type member struct {
	*Cluster
	node *node
}

// View implements versions.Ledger.
func (m member) View(fn func(state.View) error) error { return fn(m.view()) }

// Act implements versions.Ledger.
func (m member) Act(_ context.Context, kind catalog.Kind, body any) error {
	return m.act(m.node, kind, body)
}

// Load implements versions.Blobs: a blob that nobody has is empty, so that what needs it is
// refused.
func (m member) Load(_ context.Context, d catalog.Digest) ([]byte, error) { return m.blobs[d], nil }

// Sync implements versions.Blobs.
func (m member) Sync(context.Context) error { return nil }

func (c *Cluster) versionsOf(n *node) *versions.Store {
	m := member{c, n}
	return versions.New(versions.Options{Ledger: m, Blobs: m, Params: c.params, Logger: slog.New(slog.DiscardHandler)})
}

// check acknowledges a committed version and opens its parity, or refuses it.
func (c *Cluster) check(v catalog.Version) error {
	store := c.versionsOf(c.nodes[0])
	if err := store.Acknowledge(context.Background(), v.Dataset, v.Version); err != nil {
		return err
	}
	w, err := store.Load(v.Dataset, v.Version)
	if err != nil || w.Record.State == catalog.VersionRejected {
		return err
	}
	for _, n := range c.nodes[1:] { // they have the same blobs
		if err := c.act(n, catalog.KindVersionAck, catalog.VersionAck{Dataset: v.Dataset, Version: v.Version}); err != nil {
			return err
		}
	}
	active := c.nodes[:c.record.Threshold]
	number := len(v.Attempts) + 1
	err = c.act(active[0], catalog.KindVersionAttempt, catalog.VersionAttempt{
		Dataset: v.Dataset, Version: v.Version, Attempt: number, Active: ids(active), Root: active[0].ID,
	})
	if err != nil {
		return err
	}
	if err := store.FetchManifest(context.Background(), &w); err != nil {
		return err
	}
	o := he.Opening{Key: v.Key, Epoch: v.Epoch, Query: fmt.Sprintf("version %s/%d", v.Dataset, v.Version), Attempt: number}
	slots, _, err := c.open(w.Manifest.Digests(), o, active)
	if err != nil {
		return err
	}
	for i, n := range active {
		parity, err := c.params.Parity(slots[i])
		if err != nil {
			return err
		}
		body := catalog.VersionParity{Dataset: v.Dataset, Version: v.Version, Attempt: number, Share: parity, Modulus: c.params.T()}
		if err := c.act(n, catalog.KindVersionParity, body); err != nil {
			return err
		}
	}
	return nil
}

func ids(nodes []*node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.ID
	}
	return out
}

// open adds up tiles and opens the sum with the active set, whose first member is the root.
func (c *Cluster) open(digests []catalog.Digest, o he.Opening, active []*node) ([][]uint64, [32]byte, error) {
	acc := he.NewAccumulator(c.params)
	for _, d := range digests {
		if err := acc.Add(c.blobs[d]); err != nil {
			return nil, [32]byte{}, err
		}
	}
	var err error
	o.Cluster, o.Root = c.record.ID, active[0].Point
	for _, n := range active {
		o.Active = append(o.Active, n.Point)
	}
	if o.Accumulator, err = acc.Digest(); err != nil {
		return nil, [32]byte{}, err
	}
	slots := make([][]uint64, len(active))
	ds := make(map[int][]byte)
	for i, n := range active[1:] {
		if ds[n.Point], slots[i+1], err = n.keys[o.Key].Contribute(o, acc); err != nil {
			return nil, [32]byte{}, err
		}
	}
	slots[0], err = active[0].keys[o.Key].Combine(o, acc, ds)
	return slots, o.Context(), err
}

// answer runs an attempt of a query (PROTOCOL.md sections 3 and 4).
func (c *Cluster) answer(q catalog.Query) error {
	verdict, err := c.view().Verdict(q.ID)
	if err != nil {
		return err
	}
	store := c.versionsOf(c.nodes[0])
	sources, err := store.Sources(context.Background(), verdict)
	if err != nil {
		return err
	}
	if err := store.FetchManifests(context.Background(), sources); err != nil {
		return err
	}
	plan, err := versions.PlanOf(sources, verdict)
	if err != nil {
		return err
	}
	active := c.nodes[:c.record.Threshold]
	number := len(q.Attempts) + 1
	err = c.act(active[0], catalog.KindQueryAttempt, catalog.QueryAttempt{
		Query: q.ID, Attempt: number, Active: ids(active), Root: active[0].ID, Tiles: plan.Tiles,
	})
	if err != nil {
		return err
	}
	return c.sealShares(q, number, plan, sources, active)
}

// sealShares opens the plan's accumulators, folds and seals.
func (c *Cluster) sealShares(q catalog.Query, number int, plan *plan.Plan, sources versions.Sources, active []*node) error {
	values := make([][]uint64, len(active))
	parity := make([]uint64, len(active))
	for i := range values {
		values[i] = make([]uint64, plan.Width)
	}
	var contexts [][32]byte
	groups := len(plan.Groups)
	keys := map[int]catalog.Key{} // by accumulator
	for _, k := range versions.OpeningsByKey(sources, plan) {
		for _, a := range k.Numbers {
			keys[a] = k.Key
		}
	}
	for a, one := range plan.Accumulators {
		o := he.Opening{Key: keys[a].ID, Epoch: keys[a].Epoch, Query: q.ID, Attempt: number, Plan: plan.Digest(), Number: a}
		slots, ctx, err := c.open(versions.OpeningDigests(sources, plan, a), o, active)
		if err != nil {
			return err
		}
		contexts = append(contexts, ctx)
		for i := range active {
			column := values[i][one.Column*groups : (one.Column+1)*groups]
			if _, err := c.params.Fold(slots[i], plan.SlotMaps[one.SlotMap], column); err != nil {
				return err
			}
			p, err := c.params.Parity(slots[i])
			if err != nil {
				return err
			}
			if err := c.params.AddMod(parity[i:i+1], []uint64{p}); err != nil {
				return err
			}
		}
	}
	list := catalog.Digest(seal.ContextsDigest(contexts))
	for i, n := range active {
		sealed, err := seal.Seal(q.Submit.Receiving, []byte(seal.ShareInfo), seal.ShareAAD(list, plan.Digest(), q.Envelope), seal.EncodeShare(values[i], &parity[i]))
		if err != nil {
			return err
		}
		err = c.act(n, catalog.KindQueryShare, catalog.QueryShare{
			Query: q.ID, Attempt: number, Plan: plan.Digest(), Context: list, Sealed: sealed,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
