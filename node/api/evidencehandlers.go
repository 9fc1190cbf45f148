package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
)

func text(b []byte, err error) (*document, error) {
	return &document{ContentType: "text/plain; charset=utf-8", Body: b}, err
}

type whoseCheckpoint struct {
	Own bool `query:"own" doc:"Signed by this node alone"`
}

func checkpoint(ctx context.Context, s *server, in *whoseCheckpoint) (*document, error) {
	if in.Own {
		return text(s.opts.Evidence.OwnCheckpoint(ctx))
	}
	return text(s.opts.Evidence.Checkpoint(ctx))
}

type twoSizes struct {
	Old uint64 `query:"old" minimum:"1" doc:"Entries of the older checkpoint"`
	New uint64 `query:"new" minimum:"1" doc:"Entries of the newer checkpoint"`
}

func consistency(ctx context.Context, s *server, in *twoSizes) (*reply[wire.Consistency], error) {
	proof, err := s.opts.Evidence.Consistency(ctx, in.Old, in.New)
	if err != nil {
		return nil, err
	}
	out := &reply[wire.Consistency]{Body: wire.Consistency{Old: in.Old, New: in.New, Hashes: []catalog.Digest{}}}
	for _, h := range proof {
		out.Body.Hashes = append(out.Body.Hashes, catalog.Digest(h))
	}
	return out, nil
}

// entryReceipt proves one entry, to whoever signed it, and to any principal when
// the act was public.
func entryReceipt(ctx context.Context, s *server, in *bySeq) (*document, error) {
	record, err := s.opts.Evidence.Record(ctx, in.Seq)
	if err != nil {
		return nil, err
	}
	e, err := catalog.ParseEntry(record.Entry)
	if err != nil {
		return nil, notFound("entry that can be shown", fmt.Sprint(in.Seq))
	}
	if !mayShow(ctx, e.Envelope) {
		return nil, notFound("entry of yours", fmt.Sprint(in.Seq))
	}
	key, err := look(ctx, s, func(v state.View) ([]byte, error) { return signerKey(v, e.Envelope.Signer) })
	if err != nil {
		return nil, err
	}
	return text(s.opts.Evidence.Prove(ctx, key, []evidence.Wanted{{Seq: in.Seq}}))
}

// mayShow reports whether the caller may see an entry: what cannot be read is shown to its
// signer alone.
func mayShow(ctx context.Context, e catalog.Envelope) bool {
	p, err := catalog.ParsePayload(e.Payload)
	return e.Signer == callerOf(ctx).ID || err == nil && state.IsPublic(p.Kind)
}

// signerKey is the Ed25519 key of a principal; nil for a node, whose key clients pin.
func signerKey(v state.View, signer string) ([]byte, error) {
	p, err := v.Principal(signer)
	if errors.Is(err, records.ErrNotFound) {
		return nil, nil
	}
	return p.Key, err
}

// wantedOf are the entries of a receipt, of which all but the first of these is shown by its digest.
func wantedOf(entries []uint64) (wanted []evidence.Wanted) {
	for i, seq := range entries {
		wanted = append(wanted, evidence.Wanted{Seq: seq, Withhold: i > 0})
	}
	return wanted
}

// queryReceipt proves a query: its submission and the attempt that answered it
// whole, the sealed shares by their digests.
func queryReceipt(ctx context.Context, s *server, in *ByID) (*document, error) {
	q, err := look(ctx, s, func(v state.View) (catalog.Query, error) { return ownQuery(ctx, v, in.ID) })
	if err != nil {
		return nil, err
	}
	return text(s.opts.Evidence.Prove(ctx, callerOf(ctx).Key, provenOf(q)))
}

// provenOf are the entries that prove a query.
func provenOf(q catalog.Query) []evidence.Wanted {
	return append([]evidence.Wanted{{Seq: q.Seq}}, wantedOf(q.Entries)...)
}

// versionReceipt proves that a version of a dataset was proposed and went live.
func versionReceipt(ctx context.Context, s *server, in *ByVersion) (*document, error) {
	var key []byte
	version, err := look(ctx, s, func(v state.View) (catalog.Version, error) {
		version, err := findVersion(v, *in)
		if err != nil {
			return version, err
		}
		dataset, err := find(v.Dataset, "dataset", in.ID)
		if err == nil {
			key, err = signerKey(v, dataset.Owner)
		}
		return version, err
	})
	if err != nil {
		return nil, err
	}
	if len(version.Entries) == 0 {
		return nil, notFound("evidence of the version", in.ID)
	}
	return text(s.opts.Evidence.Prove(ctx, key, wantedOf(version.Entries)))
}
