package mpc

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
)

// OpenParity adds up all tiles of a version, opens the sum and commits this
// node's share of the parity alone (PROTOCOL.md section 2.2): that shows that the
// version was encrypted under the right key and arrived whole, and nothing else. It
// reads every tile, so the rollups by which queries add them up are made at the same time.
func (qs *Queries) OpenParity(ctx context.Context, dataset string, version int, a catalog.Attempt) error {
	compute := func() (any, error) { return qs.runParity(ctx, dataset, version, a) }
	return qs.once(ctx, VersionSession(dataset, version, a.Number), catalog.KindVersionParity, compute, func(why catalog.Reason) error {
		return qs.Ledger.Act(ctx, catalog.KindVersionFail, catalog.VersionFail{Dataset: dataset, Version: version, Attempt: a.Number, Reason: why})
	})
}

// runParity returns the parity share to commit.
func (qs *Queries) runParity(ctx context.Context, dataset string, version int, a catalog.Attempt) (any, error) {
	w, err := qs.Versions.Load(dataset, version)
	if err != nil {
		return nil, err
	}
	if err := qs.Versions.FetchManifest(ctx, &w); err != nil {
		return nil, err
	}
	o := opening{
		session: VersionSession(dataset, version, a.Number),
		subject: fmt.Sprintf("parity of %s version %d", dataset, version),
		key:     w.Key, sharing: a.SharingOf(w.Key), plan: w.Record.Manifest, attempt: a.Number, root: a.Root,
	}
	roster, known := w.Key.RosterOf(o.sharing)
	if !known {
		return nil, errRosters("key " + w.Key.ID)
	}
	if o.active, err = qs.among(roster, a.Active); err != nil {
		return nil, err
	}
	var share uint64
	_, err = qs.open(ctx, o, accumulators{
		numbers: []int{0},
		fill: func(ctx context.Context, _ int, acc *he.Accumulator) error {
			for _, t := range w.Columns() {
				if err := qs.Blobs.Sum(ctx, t, acc, func(int) {}); err != nil {
					return err
				}
			}
			return nil
		},
		doubt: func(int) {
			for _, t := range w.Columns() {
				qs.Blobs.Doubt(t)
			}
		},
		take: func(_, _ int, slots []uint64) (err error) {
			share, err = qs.Params.Parity(slots)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return catalog.VersionParity{Dataset: dataset, Version: version, Attempt: a.Number, Share: share, Modulus: qs.Params.T()}, nil
}
