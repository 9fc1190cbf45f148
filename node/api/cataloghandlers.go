package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/api/dcat"
	"github.com/weirdata/weir/node/api/wire"
)

const (
	typeJSONLD = "application/ld+json"
	typeFeed   = "application/feed+json"
)

// maxShownVersions is how many of a dataset's versions a page of the catalog tells of, the
// newest; all are under /v1/datasets/{id}/versions.
const maxShownVersions = 20

// listings reads what the catalog says of the datasets of a page.
func listings(v state.View, p records.Page) ([]dcat.Listing, string, error) {
	datasets, next, err := v.OfferedPage(p)
	if err != nil {
		return nil, "", err
	}
	out := make([]dcat.Listing, len(datasets))
	for i, d := range datasets {
		owner, err := v.Principal(d.Owner)
		if err != nil {
			return nil, "", fmt.Errorf("find the owner of dataset %s: %w", d.ID, err)
		}
		out[i] = dcat.Listing{Dataset: d, Owner: owner.Name}
		newest, _, err := v.Versions().Page(d.ID, records.Page{Newest: true, Limit: maxShownVersions})
		if err != nil {
			return nil, "", err
		}
		slices.Reverse(newest)
		if d.Live > 0 && d.Live < newest[0].Version {
			live, err := v.Versions().Get(d.ID, d.Live)
			if err != nil {
				return nil, "", err
			}
			newest = append([]catalog.Version{live}, newest...)
		}
		out[i].Versions = slices.DeleteFunc(newest, func(v catalog.Version) bool { return v.Withdrawn != nil || v.Expired > 0 })
	}
	return out, next, nil
}

func dcatCatalog(_ context.Context, v state.View, in *Paged) ([]byte, error) {
	return catalogAs(v, in, dcat.Catalog)
}

// catalogAs writes a part of the catalog in a form.
func catalogAs(v state.View, in *Paged, write func(catalog.Cluster, []dcat.Listing, dcat.Part) ([]byte, error)) ([]byte, error) {
	cluster, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	all, next, err := listings(v, in.page())
	if err != nil {
		return nil, err
	}
	return write(cluster, all, dcat.Part{After: in.After, Next: next, Limit: in.Limit})
}

// changes is the feed, the newest changes first.
func changes(_ context.Context, v state.View, in *Paged) ([]byte, error) {
	cluster, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	p := in.page()
	p.Newest = true
	all, next, err := v.ChangePage(p)
	if err != nil {
		return nil, err
	}
	told := make([]dcat.Change, len(all))
	for i, c := range all {
		told[i].What, told[i].At = string(c.What), c.At
		if told[i].Dataset, err = v.Dataset(c.Dataset); err == nil && c.Version != 0 {
			told[i].Version, err = v.Versions().Get(c.Dataset, c.Version)
		}
		if err != nil {
			return nil, err
		}
	}
	return dcat.Feed(cluster, told, dcat.Part{After: in.After, Next: next, Limit: in.Limit})
}

func contractODRL(ctx context.Context, v state.View, in *ByID) ([]byte, error) {
	k, err := showContract(ctx, v, in)
	if err != nil {
		return nil, err
	}
	d, err := v.Dataset(k.Dataset)
	if err != nil {
		return nil, err
	}
	buyer, err := v.Principal(k.Buyer)
	if err != nil {
		return nil, err
	}
	publisher, err := v.Principal(k.Publisher)
	if err != nil {
		return nil, err
	}
	cluster, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	return dcat.Agreement(cluster, k, d, buyer.Name, publisher.Name)
}

type byMonth struct {
	ByID
	Paged
	Month string `query:"month" maxLength:"7" doc:"Such as 2026-11; empty: the whole term"`
}

// contractStatement is for both parties: it tells when was asked and what it
// cost, and not what was asked.
func contractStatement(ctx context.Context, v state.View, in *byMonth) (catalog.Statement, error) {
	if _, err := showContract(ctx, v, &in.ByID); err != nil {
		return catalog.Statement{}, err
	}
	return v.Statement(in.ID, in.Month, in.page())
}

// costQuery is what a query takes beside its steps (wire.CostTile and others): entries
// through the ledger, sealing. A cluster across machines adds its round trips.
const costQuery = 120 * time.Millisecond

// estimate is how long an accepted query will take, in milliseconds.
func estimate(p plan.Explain) int64 {
	if p.Openings == 0 {
		return (30 * time.Millisecond).Milliseconds()
	}
	return (costQuery + time.Duration(p.Tiles)*wire.CostTile + time.Duration(p.Openings)*wire.CostOpening + time.Duration(p.Products)*wire.CostProduct).Milliseconds()
}
