package api

import (
	"context"
	"fmt"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/dcat"
	"github.com/weirdata/weir/node/api/wire"
)

// document is an answer whose bytes another vocabulary prescribes.
type document struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

const (
	typeJSONLD = "application/ld+json"
	typeFeed   = "application/feed+json"
)

// listings reads what the catalog says of every dataset.
func listings(v catalog.View) (catalog.Cluster, []dcat.Listing, error) {
	cluster, err := v.Cluster()
	if err != nil {
		return cluster, nil, err
	}
	datasets, err := v.Datasets()
	if err != nil {
		return cluster, nil, err
	}
	out := make([]dcat.Listing, len(datasets))
	for i, d := range datasets {
		owner, err := v.Principal(d.Owner)
		if err != nil {
			return cluster, nil, fmt.Errorf("find the owner of dataset %s: %w", d.ID, err)
		}
		out[i] = dcat.Listing{Dataset: d, Owner: owner.Name}
		if out[i].Versions, err = v.Versions(d.ID); err != nil {
			return cluster, nil, err
		}
	}
	return cluster, out, nil
}

func dcatCatalog(ctx context.Context, s *server, _ *nothing) (*document, error) {
	out := &document{ContentType: typeJSONLD}
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		cluster, all, err := listings(v)
		if err != nil {
			return err
		}
		out.Body, err = dcat.Catalog(cluster, all)
		return err
	})
}

func changes(ctx context.Context, s *server, _ *nothing) (*document, error) {
	out := &document{ContentType: typeFeed}
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		cluster, all, err := listings(v)
		if err != nil {
			return err
		}
		out.Body, err = dcat.Feed(cluster, all)
		return err
	})
}

func listVersions(ctx context.Context, s *server, in *ByID) (*reply[wire.Versions], error) {
	out := &reply[wire.Versions]{Body: wire.Versions{Dataset: in.ID, Versions: []catalog.Version{}}}
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		if _, err := find(v.Dataset, "dataset", in.ID); err != nil {
			return err
		}
		all, err := v.Versions(in.ID)
		out.Body.Versions = append(out.Body.Versions, all...)
		return err
	})
}

// partyContract finds a contract that the caller may read.
func partyContract(ctx context.Context, v catalog.View, id string) (catalog.Contract, error) {
	k, err := find(v.Contract, "contract", id)
	if err == nil && !mayRead(callerOf(ctx), k.Buyer, k.Publisher) {
		return catalog.Contract{}, notFound("contract", id)
	}
	return k, err
}

func contractODRL(ctx context.Context, s *server, in *ByID) (*document, error) {
	out := &document{ContentType: typeJSONLD}
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		k, err := partyContract(ctx, v, in.ID)
		if err != nil {
			return err
		}
		d, err := v.Dataset(k.Dataset)
		if err != nil {
			return err
		}
		buyer, err := v.Principal(k.Buyer)
		if err != nil {
			return err
		}
		publisher, err := v.Principal(k.Publisher)
		if err != nil {
			return err
		}
		cluster, err := v.Cluster()
		if err != nil {
			return err
		}
		out.Body, err = dcat.Agreement(cluster, k, d, buyer.Name, publisher.Name)
		return err
	})
}

type byMonth struct {
	ByID
	Month string `query:"month" maxLength:"7" doc:"Such as 2026-11; empty: the whole term"`
}

// contractStatement is for both parties: it tells when was asked and what it
// cost, and not what was asked.
func contractStatement(ctx context.Context, s *server, in *byMonth) (*reply[catalog.Statement], error) {
	out := new(reply[catalog.Statement])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		if _, err := partyContract(ctx, v, in.ID); err != nil {
			return err
		}
		var err error
		out.Body, err = v.Statement(in.ID, in.Month)
		return err
	})
}

// costQuery is what a query takes beside its steps (wire.CostTile and others): entries
// through the ledger, sealing. A cluster across machines adds its round trips.
const costQuery = 120 * time.Millisecond

// estimate is how long an accepted query will take, in milliseconds.
func estimate(p query.Explain) int64 {
	if p.Openings == 0 {
		return (30 * time.Millisecond).Milliseconds()
	}
	return (costQuery + time.Duration(p.Tiles)*wire.CostTile + time.Duration(p.Openings)*wire.CostOpening + time.Duration(p.Products)*wire.CostProduct).Milliseconds()
}
