package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api/wire"
)

// Dataset reads one dataset.
func (c *Client) Dataset(ctx context.Context, id string) (catalog.Dataset, error) {
	return Get[catalog.Dataset](ctx, c, Call{Path: "/v1/datasets/" + url.PathEscape(id)})
}

// Version reads one version of a dataset.
func (c *Client) Version(ctx context.Context, dataset string, version int) (catalog.Version, error) {
	return Get[catalog.Version](ctx, c, Call{Path: VersionPath(dataset, version)})
}

// VersionPath is the address of a version at a node.
func VersionPath(dataset string, version int) string {
	return fmt.Sprintf("/v1/datasets/%s/versions/%d", url.PathEscape(dataset), version)
}

// Versions reads all versions of a dataset, the first first.
func (c *Client) Versions(ctx context.Context, dataset string) ([]catalog.Version, error) {
	path := "/v1/datasets/" + url.PathEscape(dataset) + "/versions"
	return List[catalog.Version]{path: path, name: "versions"}.All(ctx, c)
}

// Descriptor reads a dataset's descriptor as it was after so many amendments. It never
// changes, so it is read once.
func (c *Client) Descriptor(ctx context.Context, dataset string, amended int) (catalog.Descriptor, error) {
	key := fmt.Sprintf("%s/%d", dataset, amended)
	return Cached(ctx, c, key, func(ctx context.Context) (catalog.Descriptor, error) {
		d, err := Get[catalog.Descriptor](ctx, c, Call{Path: fmt.Sprintf("/v1/datasets/%s/descriptors/%d", url.PathEscape(dataset), amended)})
		if err == nil && d.Dataset != dataset {
			err = fmt.Errorf("%w: the descriptor is of dataset %s", ErrPinned, d.Dataset)
		}
		if err != nil {
			return d, fmt.Errorf("read the descriptor of dataset %s after %d amendments: %w", dataset, amended, err)
		}
		return d, nil
	})
}

// Presence reads which cells of a version hold a reading.
func (c *Client) Presence(ctx context.Context, d catalog.Descriptor, v catalog.Version) (*tiles.Presence, error) {
	return Cached(ctx, c, v.Presence, func(ctx context.Context) (*tiles.Presence, error) {
		b, err := versionBlob(ctx, c, v, "presence", v.Presence)
		if err != nil {
			return nil, err
		}
		return tiles.DecodePresence(b, len(d.Measures), v.Entities, v.Periods)
	})
}

// Manifest reads a version's manifest.
func (c *Client) Manifest(ctx context.Context, v catalog.Version) (tiles.Manifest, error) {
	return Cached(ctx, c, v.Manifest, func(ctx context.Context) (tiles.Manifest, error) {
		b, err := versionBlob(ctx, c, v, "manifest", v.Manifest)
		if err != nil {
			return tiles.Manifest{}, err
		}
		return tiles.ParseManifest(b)
	})
}

// versionBlob reads a blob and compares it with its digest.
func versionBlob(ctx context.Context, c *Client, v catalog.Version, what string, digest catalog.Digest) ([]byte, error) {
	b, err := c.Do(ctx, Call{Path: VersionPath(v.Dataset, v.Version) + "/" + what, Elsewhere: true, Limit: MaxBlob})
	if err != nil {
		return nil, fmt.Errorf("read the %s of dataset %s version %d: %w", what, v.Dataset, v.Version, err)
	}
	if got := catalog.Sum(b); got != digest {
		return nil, fmt.Errorf("the %s of dataset %s version %d has digest %s, the ledger says %s", what, v.Dataset, v.Version, got, digest)
	}
	return b, nil
}

// Registry reads one registry's record. Rows that were read before a correction of its
// attributes are forgotten.
func (c *Client) Registry(ctx context.Context, id string) (catalog.Registry, error) {
	r, err := Get[catalog.Registry](ctx, c, Call{Path: "/v1/registries/" + url.PathEscape(id)})
	rows := Cache[string, registryRows](c)
	if have, ok := rows.Peek(id); err == nil && ok && have.corrected != r.Corrected {
		rows.Remove(id)
	}
	return r, err
}

// registryRows are the first rows of a registry, after so many corrections. Rows are
// append-only between two of them, so a longer table serves for every shorter one.
type registryRows struct {
	rows      [][]string
	corrected int
}

// RegistryRows returns the first n rows of a registry, with the attributes that its
// record had when it was last read, or later ones; the slice is shared and must not be
// changed.
func (c *Client) RegistryRows(ctx context.Context, id string, n int) ([][]string, error) {
	rows := Cache[string, registryRows](c)
	have, _ := rows.Get(id)
	if len(have.rows) < n {
		have.rows = slices.Clone(have.rows)
		for begun := 0; len(have.rows) < n; {
			from := len(have.rows)
			page, err := Get[wire.Rows](ctx, c, Call{Path: fmt.Sprintf("/v1/registries/%s/rows?from=%d&to=%d", url.PathEscape(id), from, n)})
			switch {
			case err != nil:
				return nil, fmt.Errorf("read the rows of registry %s: %w", id, err)
			case page.Corrected != have.corrected && from > 0: // in between: the earlier pages are no longer right
				if begun++; begun > maxBegun {
					return nil, fmt.Errorf("read the rows of registry %s: they are corrected while they are read", id)
				}
				have = registryRows{corrected: page.Corrected}
				continue
			case page.From != from || len(page.Rows) == 0 || len(page.Rows) > n-from:
				return nil, fmt.Errorf("read the rows of registry %s: asked for %d to %d, got %d from %d on", id, from, n, len(page.Rows), page.From)
			}
			have = registryRows{append(have.rows, page.Rows...), page.Corrected}
		}
		rows.Add(id, have)
	}
	return have.rows[:n:n], nil
}

// RegistryRowsAt returns the first n rows of a registry with the attributes that it had in a state.
func (c *Client) RegistryRowsAt(ctx context.Context, id string, state, n int) ([][]string, error) {
	var rows [][]string
	for len(rows) < n {
		page, err := Get[wire.Rows](ctx, c, Call{Path: fmt.Sprintf("/v1/registries/%s/rows?from=%d&to=%d&state=%d", url.PathEscape(id), len(rows), n, state)})
		switch {
		case err != nil:
			return nil, fmt.Errorf("read the rows of registry %s in state %d: %w", id, state, err)
		case page.From != len(rows) || len(page.Rows) == 0 || len(page.Rows) > n-len(rows):
			return nil, fmt.Errorf("read the rows of registry %s in state %d: asked for %d to %d, got %d from %d on", id, state, len(rows), n, len(page.Rows), page.From)
		}
		rows = append(rows, page.Rows...)
	}
	return rows, nil
}

// maxBegun is how often the reading of a registry's rows begins anew because they were
// corrected meanwhile.
const maxBegun = 4

// WholeRegistry reads a registry's record and all of its rows, as RegistryRows does.
func (c *Client) WholeRegistry(ctx context.Context, id string) (r catalog.Registry, rows [][]string, err error) {
	if r, err = c.Registry(ctx, id); err != nil {
		return r, nil, fmt.Errorf("read registry %s: %w", id, err)
	}
	rows, err = c.RegistryRows(ctx, id, r.Rows)
	return r, rows, err
}

// RegistryIDs returns the entities of a registry in its order.
func (c *Client) RegistryIDs(ctx context.Context, id string) ([]string, error) {
	_, rows, err := c.WholeRegistry(ctx, id)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		if len(row) == 0 {
			return nil, fmt.Errorf("row %d of registry %s is empty", i, id)
		}
		ids[i] = row[0]
	}
	return ids, nil
}

// MaxBlob bounds a manifest or presence that is read, in bytes.
const MaxBlob = 512 << 20

// PutBlob uploads one blob. Sent twice it is stored once, so it may be tried on
// one node after another; nodes replicate what the ledger names.
func (c *Client) PutBlob(ctx context.Context, kind wire.BlobKind, digest catalog.Digest, b []byte) error {
	if _, err := c.Do(ctx, BlobCall(kind, digest, b)); err != nil {
		return fmt.Errorf("upload the %s %s: %w", kind, digest, err)
	}
	return nil
}

// BlobCall uploads one blob.
func BlobCall(kind wire.BlobKind, digest catalog.Digest, b []byte) Call {
	return Call{
		Method: http.MethodPut, Path: "/v1/blobs/" + digest.String() + "?kind=" + string(kind),
		Body: b, ContentType: "application/octet-stream", Token: true,
	}
}

// MissingBlobs asks which blobs the node that is asked does not hold.
func (c *Client) MissingBlobs(ctx context.Context, digests []catalog.Digest) ([]catalog.Digest, error) {
	var absent []catalog.Digest
	for len(digests) > 0 {
		part := digests[:min(len(digests), wire.MaxMissing)]
		digests = digests[len(part):]
		answer, err := Post[wire.Missing](ctx, c, "/v1/blobs/missing", wire.Missing{Digests: part}, true)
		if err != nil {
			return nil, fmt.Errorf("ask which blobs are missing: %w", err)
		}
		absent = append(absent, answer.Digests...)
	}
	return absent, nil
}
