package client

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
)

// contractsFor chooses the contract under which a request is asked, and of a join
// that on the second dataset too, which it writes into the request.
func (c *Client) contractsFor(ctx context.Context, d catalog.Dataset, r *catalog.Request, o QueryOptions) (string, error) {
	if r.Join == nil {
		return c.contractFor(ctx, d, *r, o.Contract)
	}
	first, err := c.contractFor(ctx, d, r.OfDataset(d.ID), o.Contract)
	if err != nil {
		return "", err
	}
	second, err := c.Dataset(ctx, r.Join.Dataset)
	if err != nil {
		return "", fmt.Errorf("read the joined dataset: %w", err)
	}
	r.Join.Contract, err = c.contractFor(ctx, second, r.OfDataset(second.ID), o.JoinContract)
	return first, err
}

// planned is what an answer is opened and shown by.
type planned struct {
	descriptor catalog.Descriptor
	version    catalog.Version
	presence   query.Presence
	plan       *query.Plan
}

// planFor plans a verdict as the members have, from public data.
func (c *Client) planFor(ctx context.Context, d catalog.Descriptor, verdict catalog.Verdict) (p planned, err error) {
	first, err := c.joinSide(ctx, d, verdict.Dataset, verdict.Release)
	if err != nil {
		return p, err
	}
	p = planned{descriptor: d, version: first.Version, presence: first.Presence}
	if verdict.Join == nil {
		p.plan, err = query.NewPrivatePlan(d, p.version, verdict, p.presence)
		return p, err
	}
	other, err := c.Dataset(ctx, verdict.Join.Dataset)
	if err != nil {
		return p, fmt.Errorf("read the joined dataset: %w", err)
	}
	second, err := c.joinSide(ctx, other.Descriptor, verdict.Join.Dataset, verdict.Join.Release)
	if err != nil {
		return p, err
	}
	p.descriptor = catalog.JoinDescriptors(d, other.Descriptor)
	if p.presence, err = query.JoinPresence(first, second); err != nil {
		return p, err
	}
	p.plan, err = query.NewJoinPlan(first, second, verdict)
	return p, err
}

// joinSide is one version of a verdict.
func (c *Client) joinSide(ctx context.Context, d catalog.Descriptor, dataset string, release int) (query.Side, error) {
	v, err := c.Version(ctx, dataset, release)
	if err != nil {
		return query.Side{}, err
	}
	presence, err := c.Presence(ctx, d, v)
	if err != nil {
		return query.Side{}, err
	}
	return query.Side{Descriptor: d, Version: v, Presence: presence}, nil
}

// sameJoinAs compares the second dataset of a verdict with the one that was asked
// for.
func sameJoinAs(asked *catalog.Join, got *catalog.JoinedRelease) bool {
	return asked == nil && got == nil || asked != nil && got != nil && asked.Dataset == got.Dataset
}

// sameJoin compares the second dataset of a decision with the one that was asked for.
func sameJoin(asked *catalog.Join, decided *catalog.JoinedDecision) error {
	switch {
	case asked == nil && decided == nil:
		return nil
	case asked == nil:
		return fmt.Errorf("it is on dataset %s too, which was not asked", decided.Dataset)
	case decided == nil:
		return fmt.Errorf("it is not on dataset %s, which was joined", asked.Dataset)
	case asked.Dataset != decided.Dataset:
		return fmt.Errorf("it is on dataset %s, joined was %s", decided.Dataset, asked.Dataset)
	}
	return nil
}
