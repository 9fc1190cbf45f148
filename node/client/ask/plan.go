package ask

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/client"
)

// contractsFor chooses the contract under which a request is asked, and of a join
// that on the second dataset too, which it writes into the request.
func contractsFor(ctx context.Context, c *client.Client, d catalog.Dataset, r *catalog.Request, o Options) (string, error) {
	if r.Join == nil {
		return contractFor(ctx, c, d, *r, o.Contract)
	}
	first, err := contractFor(ctx, c, d, r.OfDataset(d.ID), o.Contract)
	if err != nil {
		return "", err
	}
	second, err := c.Dataset(ctx, r.Join.Dataset)
	if err != nil {
		return "", fmt.Errorf("read the joined dataset: %w", err)
	}
	r.Join.Contract, err = contractFor(ctx, c, second, r.OfDataset(second.ID), o.JoinContract)
	return first, err
}

// planned is what an answer is opened and shown by.
type planned struct {
	descriptor catalog.Descriptor
	layers     []plan.Layer
	joined     []catalog.Version // of the second dataset; none without one
	plan       *plan.Plan
}

// planFor plans a verdict as the members have, from public data: the presence of each
// version that it uses, compared with the digest in the ledger.
func planFor(ctx context.Context, c *client.Client, d catalog.Descriptor, verdict catalog.Verdict) (p planned, err error) {
	p.descriptor = d
	sides := map[catalog.VersionOf]plan.Side{}
	for _, x := range verdict.Versions() {
		of := d
		if x.Dataset != verdict.Dataset {
			if of, err = c.Descriptor(ctx, x.Dataset, verdict.Join.Amended); err != nil {
				return p, fmt.Errorf("read the joined dataset: %w", err)
			}
		}
		side, err := versionSide(ctx, c, of, x.Dataset, x.Version)
		if err != nil {
			return p, err
		}
		if sides[x] = side; x.Dataset != verdict.Dataset {
			p.joined = append(p.joined, side.Version)
		}
	}
	first := func(l catalog.Layer) plan.Side {
		return sides[catalog.VersionOf{Dataset: verdict.Dataset, Version: l.Version}]
	}
	if verdict.Join == nil {
		for _, l := range verdict.Layers {
			s := first(l)
			p.layers = append(p.layers, plan.Layer{Version: s.Version, Presence: s.Presence, Held: s.Held})
		}
		p.plan, err = plan.NewPrivate(d, p.layers, verdict)
		return p, err
	}
	var pairs []plan.Pair
	for _, l := range verdict.Layers {
		x := plan.Pair{First: first(l), Second: sides[catalog.VersionOf{Dataset: verdict.Join.Dataset, Version: verdict.JoinedWith(l)}]}
		p.descriptor = catalog.JoinDescriptors(d, x.Second.Descriptor)
		presence, err := plan.JoinPresence(x.First, x.Second)
		if err != nil {
			return p, err
		}
		pairs, p.layers = append(pairs, x), append(p.layers, plan.Layer{Version: x.First.Version, Presence: presence})
	}
	p.plan, err = plan.NewJoin(pairs, verdict)
	return p, err
}

// versionSide is one version of a verdict that was decided by the descriptor d.
func versionSide(ctx context.Context, c *client.Client, d catalog.Descriptor, dataset string, version int) (plan.Side, error) {
	v, err := versionOf(ctx, c, dataset, version)
	if err != nil {
		return plan.Side{}, err
	}
	held, err := c.Descriptor(ctx, dataset, v.Amended)
	if err != nil {
		return plan.Side{}, err
	}
	presence, err := c.Presence(ctx, held, v)
	if err != nil {
		return plan.Side{}, err
	}
	return plan.Side{Descriptor: d, Version: v, Presence: presence, Held: &held}, nil
}

// versionOf is a version that was decided on before (keepVersions), or is read.
func versionOf(ctx context.Context, c *client.Client, dataset string, version int) (catalog.Version, error) {
	if v, ok := client.Cache[catalog.VersionOf, catalog.Version](c).Get(catalog.VersionOf{Dataset: dataset, Version: version}); ok {
		return v, nil
	}
	return c.Version(ctx, dataset, version)
}

// keepVersions remembers the versions of a plan after checkSources has found them to be those that the ledger proves: what
// is in one that is live never changes.
func keepVersions(c *client.Client, of planned) {
	kept := client.Cache[catalog.VersionOf, catalog.Version](c)
	for _, l := range of.layers {
		kept.Add(catalog.VersionOf{Dataset: l.Version.Dataset, Version: l.Version.Version}, l.Version)
	}
	for _, v := range of.joined {
		kept.Add(catalog.VersionOf{Dataset: v.Dataset, Version: v.Version}, v)
	}
}

// sameJoin compares the second dataset of a verdict with the one that was asked
// for.
func sameJoin(asked *catalog.Join, got *catalog.JoinedVersion) bool {
	return (asked == nil) == (got == nil) && (asked == nil || asked.Dataset == got.Dataset)
}
