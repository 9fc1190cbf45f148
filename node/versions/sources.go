package versions

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
)

// Sources are what a query is answered from: the versions of its verdict's layers, in
// their order, and those that they are joined with. Layers of a join may have a version
// in common.
type Sources struct {
	Dataset  catalog.Dataset // with the descriptor that the verdict was decided by
	layers   []*Version
	seconds  []*Version      // of a join, one a layer; none without one
	joined   catalog.Dataset // of a join, as dataset
	versions []*Version      // each once
}

// SourcesOf looks up what a verdict is computed from.
func SourcesOf(v state.View, verdict catalog.Verdict) (w Sources, err error) {
	if w.Dataset, err = v.DatasetAt(verdict.Dataset, verdict.Amended); err != nil {
		return w, err
	}
	if j := verdict.Join; j != nil {
		if w.joined, err = v.DatasetAt(j.Dataset, j.Amended); err != nil {
			return w, err
		}
	}
	of := map[catalog.VersionOf]*Version{}
	for _, x := range verdict.Versions() {
		one, err := read(v, x.Dataset, x.Version)
		if err != nil {
			return w, err
		}
		of[x] = &one
		w.versions = append(w.versions, &one)
	}
	for _, l := range verdict.Layers {
		w.layers = append(w.layers, of[catalog.VersionOf{Dataset: verdict.Dataset, Version: l.Version}])
		if verdict.Join != nil {
			w.seconds = append(w.seconds, of[catalog.VersionOf{Dataset: verdict.Join.Dataset, Version: verdict.JoinedWith(l)}])
		}
	}
	return w, nil
}

// Sources loads what a verdict is computed from, with the presences where it is planned
// by them.
func (s *Store) Sources(ctx context.Context, verdict catalog.Verdict) (w Sources, err error) {
	err = s.Ledger.View(func(v state.View) error {
		w, err = SourcesOf(v, verdict)
		return err
	})
	if err != nil {
		return w, fmt.Errorf("load the versions of a query on %s: %w", verdict.Dataset, err)
	}
	if !plan.NeedsPresence(verdict) {
		return w, nil
	}
	return w, s.FetchPresences(ctx, w)
}

// FetchPresences fetches the presences of all that the work is on.
func (s *Store) FetchPresences(ctx context.Context, w Sources) error {
	for _, one := range w.versions {
		if err := s.FetchPresence(ctx, one); err != nil {
			return fmt.Errorf("load %s version %d: %w", one.Record.Dataset, one.Record.Version, err)
		}
	}
	return nil
}

// FetchManifests fetches the manifests of all that the work is on.
func (s *Store) FetchManifests(ctx context.Context, w Sources) error {
	for _, one := range w.versions {
		if err := s.FetchManifest(ctx, one); err != nil {
			return fmt.Errorf("load %s version %d: %w", one.Record.Dataset, one.Record.Version, err)
		}
	}
	return nil
}

// Holders are the nodes that hold all that the work is on, with the private vectors of
// the verdict.
func (w Sources) Holders(v state.View, verdict catalog.Verdict) ([]string, error) {
	var versions []catalog.Version
	for _, one := range w.versions {
		versions = append(versions, one.Record)
	}
	return state.HoldersOf(v.View, verdict, versions)
}

// planned reports whether the presences are there that a plan is made with.
func (w Sources) planned() bool {
	for _, one := range w.versions {
		if one.Presence == nil {
			return false
		}
	}
	return true
}

// Layers are the versions as a plan, and a result, are made with them.
func (w Sources) Layers() []plan.Layer {
	out := make([]plan.Layer, len(w.layers))
	for i, one := range w.layers {
		out[i].Version, out[i].Held = one.Record, &one.Dataset.Descriptor
		if one.Presence != nil {
			out[i].Presence = one.Presence
		}
	}
	return out
}

// Descriptor is what the verdict's columns are of.
func (w Sources) Descriptor() catalog.Descriptor {
	if len(w.seconds) == 0 {
		return w.Dataset.Descriptor
	}
	return catalog.JoinDescriptors(w.Dataset.Descriptor, w.joined.Descriptor)
}

// pairs are the versions as the plan of a join is made with them.
func (w Sources) pairs() []plan.Pair {
	out := make([]plan.Pair, len(w.seconds))
	for i, second := range w.seconds {
		out[i] = plan.Pair{First: w.layers[i].side(w.Dataset.Descriptor), Second: second.side(w.joined.Descriptor)}
	}
	return out
}

// side is the version as a join is planned with it. d is the descriptor that the verdict
// was decided by.
func (v Version) side(d catalog.Descriptor) plan.Side {
	s := plan.Side{Descriptor: d, Version: v.Record, Held: &v.Dataset.Descriptor}
	if v.Presence != nil {
		s.Presence = v.Presence
	}
	return s
}
