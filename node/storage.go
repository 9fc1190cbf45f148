package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/peer"
)

// refuseError is why this node can never acknowledge a version or answer a query.
type refuseError struct {
	reason string
	cause  error // nil, or what decides on how it is told
}

func (e *refuseError) Error() string { return e.reason }
func (e *refuseError) Unwrap() error { return e.cause }

func refusef(format string, args ...any) error {
	return &refuseError{reason: fmt.Sprintf(format, args...)}
}

// storeVersion fetches what a version consists of, checks it, and acknowledges
// it through the ledger; a version that contradicts itself is refused there with
// the reason. Blobs that no node has yet are waited for: the work is tried again.
func (n *Node) storeVersion(ctx context.Context, dataset string, version int) error {
	w, err := n.loadVersion(dataset, version)
	if err != nil {
		return err
	}
	ack := catalog.VersionAck{Dataset: dataset, Version: version}
	err = n.holdVersion(ctx, w)
	if err == nil {
		// Others count on what is acknowledged, after a power cut too: the
		// client that has the plaintext is told that the version is safe.
		err = n.blobs.store.Sync(ctx)
	}
	var refuse *refuseError
	if errors.As(err, &refuse) {
		n.log.WarnContext(ctx, "version refused", "dataset", dataset, "version", version, "reason", refuse.reason)
		ack.Reason = n.id + ": " + refuse.reason
	} else if err != nil {
		return err
	}
	return n.act(ctx, catalog.KindVersionAck, ack)
}

// work is a version with what belongs to it.
type work struct {
	dataset  catalog.Dataset
	version  catalog.Version
	key      catalog.Key
	manifest *tiles.Manifest // nil until fetched
	presence *tiles.Presence // likewise
	second   *work           // of a join
}

// fetchPresence fetches and decodes which cells of the version hold a reading.
func (n *Node) fetchPresence(ctx context.Context, w *work) error {
	b, err := n.load(ctx, w.version.Presence)
	if err != nil {
		return fmt.Errorf("presence: %w", err)
	}
	if w.presence, err = tiles.DecodePresence(b, len(w.dataset.Descriptor.Measures), w.version.Entities, w.version.Periods); err != nil {
		return refusef("the presence cannot be read: %v", err)
	}
	return nil
}

// loadVersion reads a version from this node's state.
func (n *Node) loadVersion(dataset string, version int) (w work, err error) {
	err = n.view(func(v catalog.View) error {
		if w.dataset, err = v.Dataset(dataset); err != nil {
			return err
		}
		if w.version, err = v.Version(dataset, version); err != nil {
			return err
		}
		w.key, err = v.Key(w.version.Key)
		return err
	})
	if err != nil {
		return w, fmt.Errorf("load %s version %d: %w", dataset, version, err)
	}
	return w, nil
}

// maxFetches bounds the tiles that are fetched at the same time. More than there
// are cores: what takes time is the way to the other nodes.
const maxFetches = 8

// holdVersion fetches and checks the manifest, the presence and every tile.
func (n *Node) holdVersion(ctx context.Context, w work) error {
	if err := n.fetchManifest(ctx, &w); err != nil {
		return err
	}
	if err := n.checkCounts(ctx, w); err != nil {
		return err
	}
	digests := w.manifest.Digests()
	return n.atOnce(ctx, maxFetches, len(digests), func(ctx context.Context, i int) error {
		b, err := n.load(ctx, digests[i])
		if err != nil {
			return fmt.Errorf("tile %d: %w", i, err)
		}
		if err := n.params.CheckTile(b); err != nil {
			if errors.Is(err, he.ErrMalformed) {
				return refusef("tile %s is not a tile: %v", digests[i], err)
			}
			return err
		}
		return nil
	})
}

// fetchManifest fetches, parses and checks the version's manifest.
func (n *Node) fetchManifest(ctx context.Context, w *work) error {
	b, err := n.load(ctx, w.version.Manifest)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	m, err := tiles.ParseManifest(b)
	if err != nil {
		return refusef("the manifest cannot be read: %v", err)
	}
	if err := m.Check(w.version.VersionPropose, w.dataset.Descriptor, n.params.Values()); err != nil {
		return refusef("the manifest contradicts the version: %v", err)
	}
	w.manifest = &m
	return nil
}

// checkCounts fetches the presence, recomputes from it the bitmaps of counting
// entities and compares them with the ledger's.
func (n *Node) checkCounts(ctx context.Context, w work) error {
	b, err := n.load(ctx, w.version.Presence)
	if err != nil {
		return fmt.Errorf("presence: %w", err)
	}
	if w.dataset.Descriptor.Policy.Public {
		return nil
	}
	p, err := tiles.DecodePresence(b, len(w.dataset.Descriptor.Measures), w.version.Entities, w.version.Periods)
	if err != nil {
		return refusef("the presence cannot be read: %v", err)
	}
	counts, err := p.Counts(w.dataset.Descriptor, w.version.First)
	if err != nil {
		return refusef("the presence cannot be counted: %v", err)
	}
	if counts.Digest() != w.version.Counts {
		return refusef("the counting bitmaps in the ledger are not those of the presence")
	}
	return n.checkSets(ctx, w, p)
}

// errNowhere is returned when all other nodes answered and none has a blob.
var errNowhere = errors.New("no other node has it")

// hold makes sure that this node holds a blob, not whether it is sound.
func (n *Node) hold(ctx context.Context, d catalog.Digest) error {
	missing, err := n.blobs.Missing(ctx, []catalog.Digest{d})
	if err != nil || len(missing) == 0 {
		return err
	}
	_, err = n.fetch(ctx, d)
	return err
}

// fetch gets a blob from whichever other node has it, and keeps it. Nodes are
// asked one after the other, beginning anywhere, so that those who catch up do
// not all burden the first one.
func (n *Node) fetch(ctx context.Context, d catalog.Digest) ([]byte, error) {
	first, err := randomBelow(len(n.roster))
	if err != nil {
		return nil, err
	}
	asked, errs := 1, []error{fmt.Errorf("blob %s is on no node that answers", d)}
	for i := range n.roster {
		m := n.roster[(first+i)%len(n.roster)]
		if m.ID == n.id || !n.health.isAlive(m.ID) {
			continue
		}
		b, err := n.getBlob(ctx, m.ID, d)
		if err == nil {
			// Put compares the digest, so a wrong answer is as good as none.
			if err = n.blobs.Put(ctx, d, b); err == nil {
				return b, nil
			}
			if !errors.Is(err, tiles.ErrDigest) {
				return nil, err
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var remote *peer.RemoteError
		if errors.As(err, &remote) && remote.Kind == kindNoBlob {
			asked++
			continue
		}
		errs = append(errs, err)
	}
	if asked == len(n.roster) {
		errs = append(errs, errNowhere)
	}
	return nil, errors.Join(errs...)
}
