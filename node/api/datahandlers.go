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

func listRegistries(ctx context.Context, s *server, in *Paged) (*reply[wire.Registries], error) {
	out := new(reply[wire.Registries])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		return paged(v.RegistryPage, in.page(), &out.Body.Registries, &out.Body.More)
	})
}

func showRegistry(ctx context.Context, s *server, in *ByID) (*reply[catalog.Registry], error) {
	out := new(reply[catalog.Registry])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		var err error
		out.Body, err = find(v.Registry, "registry", in.ID)
		return err
	})
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

func registryRows(ctx context.Context, s *server, in *rowRange) (*reply[wire.Rows], error) {
	out := new(reply[wire.Rows])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		r, err := find(v.Registry, "registry", in.ID)
		if err != nil {
			return err
		}
		if in.State > 0 {
			then, err := v.RegistryState(in.ID, in.State)
			if err != nil {
				return found(err, "state of registry "+in.ID, strconv.Itoa(in.State))
			}
			r.Rows, r.Corrected, r.States = then.Rows, then.Corrected, then.Number
		}
		to := r.Rows
		if in.To > 0 {
			to = min(to, in.To)
		}
		to = min(to, in.From+wire.MaxRows)
		out.Body = wire.Rows{Registry: r.ID, From: in.From, Total: r.Rows, Rows: [][]string{}, Corrected: r.Corrected}
		if in.From >= to {
			return nil
		}
		rows, err := v.RowsAt(r, in.From, to)
		out.Body.Rows = leading(rows, catalog.MaxPageBytes)
		return err
	})
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

type datasetPage struct {
	Paged
	Withdrawn bool `query:"withdrawn" doc:"Those that were withdrawn, too"`
}

func listDatasets(ctx context.Context, s *server, in *datasetPage) (*reply[wire.Datasets], error) {
	out := new(reply[wire.Datasets])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		read := v.OfferedPage
		if in.Withdrawn {
			read = v.DatasetPage
		}
		return paged(read, in.page(), &out.Body.Datasets, &out.Body.More)
	})
}

func showDataset(ctx context.Context, s *server, in *ByID) (*reply[catalog.Dataset], error) {
	out := new(reply[catalog.Dataset])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		var err error
		out.Body, err = find(v.Dataset, "dataset", in.ID)
		return err
	})
}

// ByVersion names a version of a dataset.
type ByVersion struct {
	ByID
	Version int `path:"version" minimum:"1"`
}

func findVersion(v state.View, in ByVersion) (catalog.Version, error) {
	version, err := v.Version(in.ID, in.Version)
	if errors.Is(err, records.ErrNotFound) {
		err = notFound("version", in.ID+" "+strconv.Itoa(in.Version))
	}
	return version, err
}

type versionWait struct {
	ByVersion
	Waiting
}

// showVersion answers at once, or when the version is live or rejected.
func showVersion(ctx context.Context, s *server, in *versionWait) (*reply[catalog.Version], error) {
	out := new(reply[catalog.Version])
	return out, s.await(ctx, in.Wait, func(v state.View) (bool, error) {
		var err error
		out.Body, err = findVersion(v, in.ByVersion)
		return out.Body.State == catalog.VersionLive || out.Body.State == catalog.VersionRejected, err
	})
}

func (s *server) version(ctx context.Context, in ByVersion) (catalog.Version, error) {
	var version catalog.Version
	err := s.opts.Backend.Read(ctx, func(v state.View) error {
		var err error
		version, err = findVersion(v, in)
		return err
	})
	return version, err
}

// blob is an answer of bytes that never change: their address is their hash.
type blob struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func (s *server) blob(ctx context.Context, what string, d catalog.Digest) (*blob, error) {
	b, err := s.opts.Blobs.Get(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", what, err)
	}
	return &blob{ContentType: "application/octet-stream", ETag: `"` + d.String() + `"`, Body: b}, nil
}

func manifest(ctx context.Context, s *server, in *ByVersion) (*blob, error) {
	version, err := s.version(ctx, *in)
	if err != nil {
		return nil, err
	}
	return s.blob(ctx, "manifest", version.Manifest)
}

func presence(ctx context.Context, s *server, in *ByVersion) (*blob, error) {
	version, err := s.version(ctx, *in)
	if err != nil {
		return nil, err
	}
	return s.blob(ctx, "presence", version.Presence)
}

// ByPublisher names a publisher.
type ByPublisher struct {
	Publisher string `path:"publisher" maxLength:"200" doc:"The principal's id"`
}

func (s *server) key(ctx context.Context, publisher string) (catalog.Key, error) {
	var key catalog.Key
	err := s.opts.Backend.Read(ctx, func(v state.View) error {
		var err error
		key, err = find(v.KeyOf, "key of publisher", publisher)
		return err
	})
	return key, err
}

type keyWait struct {
	ByPublisher
	Waiting
}

// showKey answers at once, or when the key is ready.
func showKey(ctx context.Context, s *server, in *keyWait) (*reply[catalog.Key], error) {
	out := new(reply[catalog.Key])
	return out, s.await(ctx, in.Wait, func(v state.View) (bool, error) {
		var err error
		out.Body, err = find(v.KeyOf, "key of publisher", in.Publisher)
		return out.Body.State == catalog.KeyReady, err
	})
}

type byPoint struct {
	ByPublisher
	Point int `path:"point" minimum:"1" doc:"The node's Shamir point"`
}

func keyShare(ctx context.Context, s *server, in *byPoint) (*blob, error) {
	key, err := s.key(ctx, in.Publisher)
	if err != nil {
		return nil, err
	}
	if in.Point > len(key.Commits) || key.Commits[in.Point-1].Public.IsZero() {
		return nil, notFound("share of the public key at point", strconv.Itoa(in.Point))
	}
	return s.blob(ctx, "share of the public key", key.Commits[in.Point-1].Public)
}
