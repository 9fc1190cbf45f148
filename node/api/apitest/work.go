package apitest

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/compute/tiles"
)

// work does everything that is due. The lock is held.
func (c *Cluster) work() error {
	for range 100 {
		keys, err := c.view().PendingKeys()
		if err != nil {
			return err
		}
		versions, err := c.view().PendingVersions()
		if err != nil {
			return err
		}
		queries, err := c.view().PendingQueries()
		if err != nil {
			return err
		}
		due := false
		for _, k := range keys {
			due = true
			if err := c.ceremony(k); err != nil {
				return fmt.Errorf("ceremony of %s: %w", k.Publisher, err)
			}
		}
		for _, v := range versions {
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
	return errStuck
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

// check acknowledges a committed version and opens its parity, or refuses it.
func (c *Cluster) check(v catalog.Version) error {
	d, err := c.view().DatasetAt(v.Dataset, v.Amended)
	if err != nil {
		return err
	}
	manifest, reason := c.holds(d, v)
	if !reason.IsZero() {
		return c.act(c.nodes[0], catalog.KindVersionAck, catalog.VersionAck{Dataset: v.Dataset, Version: v.Version, Reason: reason})
	}
	for _, n := range c.nodes {
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
	acc, err := c.accumulate(manifest.Digests())
	if err != nil {
		return err
	}
	slots, _, err := c.open(acc, he.Opening{Key: v.Key, Epoch: v.Epoch, Query: fmt.Sprintf("version %s/%d", v.Dataset, v.Version), Attempt: number}, active)
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

// holds says why a version cannot be accepted.
func (c *Cluster) holds(d catalog.Dataset, v catalog.Version) (tiles.Manifest, catalog.Reason) {
	raw, ok := c.blobs[v.Manifest]
	if !ok {
		return tiles.Manifest{}, catalog.Why("node.manifest")
	}
	m, err := tiles.ParseManifest(raw)
	if err == nil {
		err = m.Check(v.VersionPropose, d.Descriptor, c.params.Values())
	}
	if err != nil {
		return m, catalog.Why("node.manifest_contradicts")
	}
	for _, digest := range m.Digests() {
		if c.params.CheckTile(c.blobs[digest]) != nil {
			return m, catalog.Why("node.tile", digest)
		}
	}
	p, err := tiles.DecodePresence(c.blobs[v.Presence], len(d.Descriptor.Measures), v.Entities, v.Periods)
	if err != nil {
		return m, catalog.Why("node.presence")
	}
	if !d.Descriptor.Policy.Public {
		counts, err := p.Counts(d.Descriptor, v.First)
		if err != nil {
			return m, catalog.Why("node.presence_count")
		}
		if counts.Digest() != v.Counts {
			return m, catalog.Why("node.counts")
		}
	}
	return m, catalog.Reason{}
}

func ids(nodes []*node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.ID
	}
	return out
}

func (c *Cluster) accumulate(digests []catalog.Digest) (*he.Accumulator, error) {
	acc := he.NewAccumulator(c.params)
	for _, d := range digests {
		if err := acc.Add(c.blobs[d]); err != nil {
			return nil, err
		}
	}
	return acc, nil
}

// open opens an accumulator with the active set, whose first member is the root.
func (c *Cluster) open(acc *he.Accumulator, o he.Opening, active []*node) ([][]uint64, [32]byte, error) {
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
	d, err := c.view().DatasetAt(q.Dataset, verdict.Amended)
	if err != nil {
		return err
	}
	var layers []plan.Layer
	manifests := make([]tiles.Manifest, len(verdict.Layers))
	for i, x := range verdict.Releases() {
		v, err := c.view().Version(x.Dataset, x.Release)
		if err != nil {
			return err
		}
		held, err := c.view().DatasetAt(x.Dataset, v.Amended)
		if err != nil {
			return err
		}
		layers = append(layers, plan.Layer{Version: v, Held: &held.Descriptor})
		if manifests[i], err = tiles.ParseManifest(c.blobs[v.Manifest]); err != nil {
			return err
		}
	}
	plan, err := plan.New(d.Descriptor, layers, verdict)
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
	return c.sealShares(q, number, plan, manifests, layers, active)
}

// sealShares opens the plan's accumulators, folds and seals.
func (c *Cluster) sealShares(q catalog.Query, number int, plan *plan.Plan, manifests []tiles.Manifest, layers []plan.Layer, active []*node) error {
	values := make([][]uint64, len(active))
	parity := make([]uint64, len(active))
	for i := range values {
		values[i] = make([]uint64, plan.Width)
	}
	var contexts [][32]byte
	groups := len(plan.Groups)
	for a, one := range plan.Accumulators {
		var digests []catalog.Digest
		for _, k := range one.Tiles {
			digests = append(digests, manifests[one.Layer].Tile(plan.Layers[one.Layer].Packed[one.Column], one.Block, k))
		}
		acc, err := c.accumulate(digests)
		if err != nil {
			return err
		}
		slots, ctx, err := c.open(acc, he.Opening{
			Key: layers[one.Layer].Version.Key, Epoch: layers[one.Layer].Version.Epoch, Query: q.ID, Attempt: number, Plan: plan.Digest(), Number: a,
		}, active)
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
