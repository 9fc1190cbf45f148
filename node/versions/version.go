// Package versions loads and checks what versions of datasets consist of, and plans what queries
// read of them.
//
// Everything follows from the ledger and from blobs that it names: whoever loads the same
// version, or plans the same verdict, gets the same.
package versions

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/failure"
)

// Ledger is the replicated state.
type Ledger interface {
	// View runs fn on this node's own state, however old.
	View(fn func(state.View) error) error
	// Act signs an act of this node and has it applied.
	Act(ctx context.Context, kind catalog.Kind, body any) error
}

// Blobs are the node's blobs.
type Blobs interface {
	// Load returns a blob's bytes, verified: this node's own, or those of another node, which
	// it keeps.
	Load(ctx context.Context, d catalog.Digest) ([]byte, error)
	// Sync makes what is held durable.
	Sync(ctx context.Context) error
}

// Options are what a Store works with.
type Options struct {
	Ledger Ledger
	Blobs  Blobs
	Params he.Parameters
	Logger *slog.Logger
	Plan   Planner // nil: PlanOf
}

// Store loads versions from the ledger and the blobs.
type Store struct{ Options }

// New returns a store.
func New(o Options) *Store {
	if o.Plan == nil {
		o.Plan = PlanOf
	}
	return &Store{o}
}

// Version is a version of a dataset with what belongs to it.
type Version struct {
	Dataset  catalog.Dataset // with the descriptor that the version was published by
	Record   catalog.Version
	Key      catalog.Key
	Manifest *tiles.Manifest // nil until fetched
	Presence *tiles.Presence // likewise
}

// FetchPresence fetches and decodes which cells of the version hold a reading.
func (s *Store) FetchPresence(ctx context.Context, w *Version) error {
	b, err := s.Blobs.Load(ctx, w.Record.Presence)
	if err != nil {
		return fmt.Errorf("load the presence: %w", err)
	}
	if w.Presence, err = tiles.DecodePresence(b, len(w.Dataset.Descriptor.Measures), w.Record.Entities, w.Record.Periods); err != nil {
		return failure.RefuseFor(err, "node.presence")
	}
	return nil
}

// read reads a version from a state.
func read(v state.View, dataset string, version int) (w Version, err error) {
	if w.Record, err = v.Versions().Get(dataset, version); err != nil {
		return w, err
	}
	if w.Dataset, err = v.DatasetAt(dataset, w.Record.Amended); err != nil {
		return w, err
	}
	w.Key, err = v.Keys().Get(w.Record.Key)
	return w, err
}

// Load reads a version from this node's state.
func (s *Store) Load(dataset string, version int) (w Version, err error) {
	err = s.Ledger.View(func(v state.View) error {
		w, err = read(v, dataset, version)
		return err
	})
	if err != nil {
		return w, fmt.Errorf("load %s version %d: %w", dataset, version, err)
	}
	return w, nil
}
