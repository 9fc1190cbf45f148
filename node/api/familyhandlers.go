package api

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// FamilyFrom is where the two lists of a page of a family begin.
type FamilyFrom struct {
	ByID
	Declared int `query:"declared" minimum:"0" doc:"Number of the first declared dataset"`
	Settled  int `query:"settled" minimum:"0" doc:"Number of the first settled version"`
}

func showFamily(_ context.Context, v state.View, in *FamilyFrom) (out wire.Family, err error) {
	f, err := find(v.ReleaseFamily, "family of protected dataset", in.ID)
	if err != nil {
		return out, err
	}
	out = wire.Family{
		Tree: f.Tree, Declared: []wire.FamilyDataset{}, DeclaredTotal: len(f.Datasets), Settled: []wire.Settled{}, SettledTotal: len(f.Settled),
	}
	for _, d := range window(f.Datasets, in.Declared, wire.MaxDeclared) {
		out.Declared = append(out.Declared, wire.FamilyDataset(d))
	}
	for _, x := range window(f.Settled, in.Settled, wire.MaxSettled) {
		out.Settled = append(out.Settled, wire.Settled{Dataset: x.Dataset, Version: x.Version, Digest: x.Digest})
	}
	return out, nil
}

// window is at most so many elements of a list, from one on.
func window[T any](all []T, from, most int) []T {
	from = min(from, len(all))
	return all[from:min(from+most, len(all))]
}

// familyTree answers the tree of classes of a dataset's family.
func familyTree(v state.View, in *ByID) ([]byte, error) {
	f, err := v.ReleaseFamily(in.ID)
	var tree []byte
	if err == nil {
		tree, err = f.TreeBytes()
	}
	return tree, found(err, "family of protected dataset", in.ID)
}

// versionSettled answers what a version settled.
func versionSettled(v state.View, in *ByVersion) ([]byte, error) {
	f, err := v.ReleaseFamily(in.ID)
	var settled []byte
	if err == nil {
		settled, err = f.SettledBytes(in.Version)
	}
	return settled, found(err, "settled version", fmt.Sprintf("%s %d", in.ID, in.Version))
}
