package versions

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/failure"
)

// Acknowledge fetches what a version consists of, checks it, and acknowledges
// it through the ledger; a version that contradicts itself is refused there with
// the reason. Blobs that no node has yet are waited for: the work is tried again.
func (s *Store) Acknowledge(ctx context.Context, dataset string, version int) error {
	w, err := s.Load(dataset, version)
	if err != nil {
		return err
	}
	ack := catalog.VersionAck{Dataset: dataset, Version: version}
	err = s.holdVersion(ctx, w)
	if err == nil {
		// Others count on what is acknowledged, after a power cut too: the
		// client that has the plaintext is told that the version is safe.
		err = s.Blobs.Sync(ctx)
	}
	if refused, is := errors.AsType[*failure.RefusedError](err); is {
		s.Logger.WarnContext(ctx, "version refused", "dataset", dataset, "version", version, "reason", refused)
		ack.Reason = refused.Why
	} else if err != nil {
		return err
	}
	return s.Ledger.Act(ctx, catalog.KindVersionAck, ack)
}

// maxFetches bounds the tiles that are fetched at the same time. More than there
// are cores: what takes time is the way to the other nodes.
const maxFetches = 8

// holdVersion fetches and checks the manifest, the presence and every tile.
func (s *Store) holdVersion(ctx context.Context, w Version) error {
	if err := s.FetchManifest(ctx, &w); err != nil {
		return err
	}
	if err := s.checkCounts(ctx, w); err != nil {
		return err
	}
	digests := w.Manifest.Digests()
	return failure.Each(ctx, maxFetches, len(digests), func(ctx context.Context, i int) error {
		b, err := s.Blobs.Load(ctx, digests[i])
		if err != nil {
			return fmt.Errorf("load tile %d: %w", i, err)
		}
		if err := s.Params.CheckTile(b); err != nil {
			if errors.Is(err, he.ErrMalformed) {
				return failure.RefuseFor(err, "node.tile", digests[i])
			}
			return err
		}
		return nil
	})
}

// FetchManifest fetches, parses and checks the version's manifest.
func (s *Store) FetchManifest(ctx context.Context, w *Version) error {
	b, err := s.Blobs.Load(ctx, w.Record.Manifest)
	if err != nil {
		return fmt.Errorf("load the manifest: %w", err)
	}
	m, err := tiles.ParseManifest(b)
	if err != nil {
		return failure.RefuseFor(err, "node.manifest")
	}
	if err := m.Check(w.Record.VersionPropose, w.Dataset.Descriptor, s.Params.Values()); err != nil {
		return failure.RefuseFor(err, "node.manifest_contradicts")
	}
	w.Manifest = &m
	return nil
}

// checkCounts fetches the presence, recomputes from it the bitmaps of counting
// entities and compares them with the ledger's.
func (s *Store) checkCounts(ctx context.Context, w Version) error {
	if w.Dataset.Descriptor.Policy.Public {
		if _, err := s.Blobs.Load(ctx, w.Record.Presence); err != nil {
			return fmt.Errorf("load the presence: %w", err)
		}
		return nil
	}
	if err := s.FetchPresence(ctx, &w); err != nil {
		return err
	}
	counts, err := w.Presence.Counts(w.Dataset.Descriptor, w.Record.First)
	if err != nil {
		return failure.RefuseFor(err, "node.presence_count")
	}
	if counts.Digest() != w.Record.Counts {
		return failure.Refuse("node.counts")
	}
	return s.checkEqual(ctx, w)
}
