package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// ByID and the other inputs that others embed are exported because huma passes
// over embedded structs that are not.
type ByID struct {
	ID string `path:"id" maxLength:"200"`
}

func listRegistries(_ context.Context, v state.View, in *Paged) (out wire.Registries, err error) {
	out.Registries, out.Next, err = paged(v.Registries().Page(in.page()))
	return out, err
}

func showRegistry(_ context.Context, v state.View, in *ByID) (catalog.Registry, error) {
	return find(v.Registries().Get, "registry", in.ID)
}

// find turns a missing record into a problem that names it.
func find[T any](get func(string) (T, error), what, id string) (T, error) {
	record, err := get(id)
	return record, found(err, what, id)
}

// found is an error of the view, said to the caller where it is that there is no such
// thing.
func found(err error, what, id string) error {
	if errors.Is(err, records.ErrNotFound) {
		return notFound(what, id)
	}
	return err
}

type rowRange struct {
	ByID
	From int `query:"from" minimum:"0" doc:"First row"`
	To   int `query:"to" minimum:"0" doc:"Row after the last; 0: as many as one answer holds"`
	// State asks for the rows as they were.
	State int `query:"state" minimum:"0" doc:"Number of a state of the registry; 0: the present one"`
}

func registryRows(_ context.Context, v state.View, in *rowRange) (out wire.Rows, err error) {
	r, err := find(v.Registries().Get, "registry", in.ID)
	if err != nil {
		return out, err
	}
	if in.State > 0 {
		then, err := v.Registries().State(in.ID, in.State)
		if err != nil {
			return out, found(err, "state of registry "+in.ID, strconv.Itoa(in.State))
		}
		r.Rows, r.Corrected, r.States = then.Rows, then.Corrected, then.Number
	}
	to := r.Rows
	if in.To > 0 {
		to = min(to, in.To)
	}
	to = min(to, in.From+wire.MaxRows)
	out = wire.Rows{Registry: r.ID, From: in.From, Total: r.Rows, Rows: [][]string{}, Corrected: r.Corrected}
	if in.From < to {
		rows, err := v.Registries().RowsAt(r, in.From, to)
		out.Rows = leading(rows, catalog.MaxPageBytes)
		return out, err
	}
	return out, nil
}

// leading are the first rows whose text takes no more than so many bytes, and one at
// least.
func leading(rows [][]string, most int) [][]string {
	size := 0
	for i, row := range rows {
		for _, cell := range row {
			size += len(cell)
		}
		if size > most && i > 0 {
			return rows[:i]
		}
	}
	return rows
}

type datedByID struct {
	ByID
	Dated
}

func listRegistryStates(_ context.Context, v state.View, in *datedByID) (out wire.RegistryStates, err error) {
	if _, err := find(v.Registries().Get, "registry", in.ID); err != nil {
		return out, err
	}
	out.Registry = in.ID
	out.States, out.Next, err = paged(v.Registries().StatePage(in.ID, in.page()))
	return out, err
}

// ByAttribute names an attribute of a registry by its position.
type ByAttribute struct {
	ByID
	Attribute int `path:"attribute" minimum:"0" doc:"Position of the attribute, from 0"`
}

// codeValues answers the values of an attribute, in the order in which they came: classes
// know them by these numbers for ever.
func codeValues(v state.View, in *ByAttribute) ([]byte, error) {
	b, err := v.Registries().CodeValues(in.ID, in.Attribute)
	return b, found(err, "attribute with codes", fmt.Sprintf("%s %d", in.ID, in.Attribute))
}

type datasetPage struct {
	Paged
	Withdrawn bool `query:"withdrawn" doc:"Those that were withdrawn, too"`
}

func listDatasets(_ context.Context, v state.View, in *datasetPage) (out wire.Datasets, err error) {
	read := v.OfferedPage
	if in.Withdrawn {
		read = v.DatasetPage
	}
	out.Datasets, out.Next, err = paged(read(in.page()))
	return out, err
}

type byAmended struct {
	ByID
	Amended int `path:"amended" minimum:"0" doc:"Amendments before it"`
}

// showDescriptor tells what versions, verdicts and orders of then were made by.
func showDescriptor(_ context.Context, v state.View, in *byAmended) (catalog.Descriptor, error) {
	d, err := find(v.Dataset, "dataset", in.ID)
	if err != nil {
		return d.Descriptor, err
	}
	then, err := v.Descriptor(d, in.Amended)
	return then, found(err, "descriptor of dataset "+d.ID, fmt.Sprintf("after %d amendments", in.Amended))
}

func listVersions(_ context.Context, v state.View, in *datedByID) (out wire.Versions, err error) {
	if _, err := find(v.Dataset, "dataset", in.ID); err != nil {
		return out, err
	}
	out.Dataset = in.ID
	out.Versions, out.Next, err = paged(v.Versions().Page(in.ID, in.page()))
	return out, err
}

// ByVersion names a version of a dataset.
type ByVersion struct {
	ByID
	Version int `path:"version" minimum:"1"`
}

func findVersion(v state.View, in ByVersion) (catalog.Version, error) {
	version, err := v.Versions().Get(in.ID, in.Version)
	return version, found(err, "version", fmt.Sprintf("%s %d", in.ID, in.Version))
}

type versionWait struct {
	ByVersion
	Waiting
}

// showVersion answers at once, or when the version is live or rejected.
func showVersion(ctx context.Context, s *server, in *versionWait) (*reply[catalog.Version], error) {
	return await(ctx, s, in.Wait, func(v state.View) (catalog.Version, bool, error) {
		version, err := findVersion(v, in.ByVersion)
		return version, version.State == catalog.VersionLive || version.State == catalog.VersionRejected, err
	})
}

// keptVersion finds a version of which the nodes keep what it is made of.
func keptVersion(v state.View, in ByVersion) (catalog.Version, error) {
	version, err := findVersion(v, in)
	if err == nil && version.Expired > 0 {
		err = gone(fmt.Sprintf("version %d of dataset %s", in.Version, in.ID), version.Expired, "for as long after a newer one came", "read the newest version: weir dataset show "+in.ID)
	}
	return version, err
}

func manifest(v state.View, in *ByVersion) (catalog.Digest, error) {
	version, err := keptVersion(v, *in)
	return version.Manifest, err
}

func presence(v state.View, in *ByVersion) (catalog.Digest, error) {
	version, err := keptVersion(v, *in)
	return version.Presence, err
}

// ByPublisher names a publisher.
type ByPublisher struct {
	Publisher string `path:"publisher" maxLength:"200" doc:"The principal's id"`
}

type keyWait struct {
	ByPublisher
	Waiting
}

// showKey answers at once, or when the key is ready.
func showKey(ctx context.Context, s *server, in *keyWait) (*reply[catalog.Key], error) {
	return await(ctx, s, in.Wait, func(v state.View) (catalog.Key, bool, error) {
		key, err := find(v.Keys().Of, "key of publisher", in.Publisher)
		return key, key.State == catalog.KeyReady, err
	})
}

type byPoint struct {
	ByPublisher
	Point int `path:"point" minimum:"1" doc:"The node's Shamir point"`
}

func keyShare(v state.View, in *byPoint) (catalog.Digest, error) {
	key, err := find(v.Keys().Of, "key of publisher", in.Publisher)
	if err != nil {
		return catalog.Digest{}, err
	}
	if in.Point > len(key.Commits) || key.Commits[in.Point-1].Public.IsZero() {
		return catalog.Digest{}, notFound("share of the public key at point", strconv.Itoa(in.Point))
	}
	return key.Commits[in.Point-1].Public, nil
}
