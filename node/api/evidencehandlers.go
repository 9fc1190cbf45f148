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

// note is an answer of text whose bytes count.
type note struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func textNote(b []byte, err error) (*note, error) {
	if err != nil {
		return nil, err
	}
	return &note{ContentType: "text/plain; charset=utf-8", Body: b}, nil
}

type whoseCheckpoint struct {
	Own bool `query:"own" doc:"Signed by this node alone"`
}

func checkpoint(ctx context.Context, s *server, in *whoseCheckpoint) (*note, error) {
	if in.Own {
		return textNote(s.opts.Evidence.OwnCheckpoint(ctx))
	}
	return textNote(s.opts.Evidence.Checkpoint(ctx))
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
func entryReceipt(ctx context.Context, s *server, in *bySeq) (*note, error) {
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
	key, err := s.keyOf(ctx, e.Envelope.Signer)
	if err != nil {
		return nil, err
	}
	return textNote(s.opts.Evidence.Prove(ctx, key, []evidence.Wanted{{Seq: in.Seq}}))
}

// mayShow reports whether the caller may see an entry.
func mayShow(ctx context.Context, e catalog.Envelope) bool {
	caller := callerOf(ctx)
	if e.Signer == caller.ID {
		return true
	}
	p, err := catalog.ParsePayload(e.Payload)
	if err != nil {
		return false // shown to its signer alone
	}
	return state.IsPublic(p.Kind)
}

// keyOf is the Ed25519 key of a principal, nil for a node.
func (s *server) keyOf(ctx context.Context, signer string) (key []byte, err error) {
	err = s.opts.Backend.Read(ctx, func(v state.View) error {
		p, err := v.Principal(signer)
		if errors.Is(err, records.ErrNotFound) {
			return nil // a node, whose key clients pin
		}
		key = p.Key
		return err
	})
	return key, err
}

// queryReceipt proves a query: its submission and the attempt that answered it
// whole, the sealed shares by their digests.
func queryReceipt(ctx context.Context, s *server, in *ByID) (*note, error) {
	var q catalog.Query
	err := s.opts.Backend.Read(ctx, func(v state.View) (err error) {
		q, err = ownQuery(ctx, v, in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	wanted := []evidence.Wanted{{Seq: q.Seq}}
	for i, seq := range q.Entries {
		wanted = append(wanted, evidence.Wanted{Seq: seq, Withhold: i > 0})
	}
	return textNote(s.opts.Evidence.Prove(ctx, callerOf(ctx).Key, wanted))
}

// versionReceipt proves that a version of a dataset was proposed and went live.
func versionReceipt(ctx context.Context, s *server, in *ByVersion) (*note, error) {
	version, err := s.version(ctx, *in)
	if err != nil {
		return nil, err
	}
	var dataset catalog.Dataset
	err = s.opts.Backend.Read(ctx, func(v state.View) (err error) {
		dataset, err = find(v.Dataset, "dataset", in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	key, err := s.keyOf(ctx, dataset.Owner)
	if err != nil {
		return nil, err
	}
	var wanted []evidence.Wanted
	for i, seq := range version.Entries {
		wanted = append(wanted, evidence.Wanted{Seq: seq, Withhold: i > 0})
	}
	if len(wanted) == 0 {
		return nil, notFound("evidence of the version", in.ID)
	}
	return textNote(s.opts.Evidence.Prove(ctx, key, wanted))
}
