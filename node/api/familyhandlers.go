package api

import (
	"context"
	"errors"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// FamilyFrom is where the two lists of a page of a family begin.
type FamilyFrom struct {
	ByID
	Declared int `query:"declared" minimum:"0" doc:"Number of the first declared dataset"`
	Settled  int `query:"settled" minimum:"0" doc:"Number of the first settled version"`
}

func showFamily(ctx context.Context, s *server, in *FamilyFrom) (*reply[wire.Family], error) {
	out := new(reply[wire.Family])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		f, err := find(v.ReleaseFamily, "family of protected dataset", in.ID)
		if err != nil {
			return err
		}
		out.Body = wire.Family{
			Tree: f.Tree, Declared: []wire.FamilyDataset{}, DeclaredTotal: len(f.Datasets), Settled: []wire.Settled{}, SettledTotal: len(f.Settled),
		}
		for _, d := range window(f.Datasets, in.Declared, wire.MaxDeclared) {
			out.Body.Declared = append(out.Body.Declared, wire.FamilyDataset(d))
		}
		for _, x := range window(f.Settled, in.Settled, wire.MaxSettled) {
			out.Body.Settled = append(out.Body.Settled, wire.Settled{Dataset: x.Dataset, Version: x.Version, Digest: x.Digest})
		}
		return nil
	})
}

// window is at most so many elements of a list, from one on.
func window[T any](all []T, from, most int) []T {
	from = min(from, len(all))
	return all[from:min(from+most, len(all))]
}

// familyTree answers the tree of classes of a dataset's family.
func familyTree(ctx context.Context, s *server, in *ByID) (*blob, error) {
	return s.stateBytes(ctx, func(v state.View) ([]byte, error) { return find(v.TreeBytes, "family of protected dataset", in.ID) })
}

// versionSettled answers what a version settled.
func versionSettled(ctx context.Context, s *server, in *ByVersion) (*blob, error) {
	return s.stateBytes(ctx, func(v state.View) ([]byte, error) {
		b, err := v.SettledBytes(in.ID, in.Version)
		if errors.Is(err, records.ErrNotFound) {
			err = notFound("settled version", in.ID+" "+strconv.Itoa(in.Version))
		}
		return b, err
	})
}

// ByAttribute names an attribute of a registry by its position.
type ByAttribute struct {
	ByID
	Attribute int `path:"attribute" minimum:"0" doc:"Position of the attribute, from 0"`
}

// codeValues answers the values of an attribute, in the order in which they came: classes
// know them by these numbers for ever.
func codeValues(ctx context.Context, s *server, in *ByAttribute) (*blob, error) {
	return s.stateBytes(ctx, func(v state.View) ([]byte, error) {
		b, err := v.CodeValues(in.ID, in.Attribute)
		if errors.Is(err, records.ErrNotFound) {
			err = notFound("attribute with codes", in.ID+" "+strconv.Itoa(in.Attribute))
		}
		return b, err
	})
}

// stateBytes answers bytes of the state, by their digest.
func (s *server) stateBytes(ctx context.Context, read func(state.View) ([]byte, error)) (*blob, error) {
	var b []byte
	err := s.opts.Backend.Read(ctx, func(v state.View) (err error) {
		b, err = read(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &blob{ContentType: "application/octet-stream", ETag: `"` + catalog.Sum(b).String() + `"`, Body: b}, nil
}
