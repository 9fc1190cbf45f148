package client

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// RegistryTable is a registry as a publisher has it: the id of every entity in
// the first cell of its row, then the attributes in the order of Columns.
type RegistryTable struct {
	ID       string
	IDColumn string
	Columns  []string
	Rows     [][]string
}

// RegistryResult says what PublishRegistry or AppendRegistry did.
type RegistryResult struct {
	Registry string `json:"registry"`
	Added    int    `json:"added"`
	Rows     int    `json:"rows"`
	Existed  bool   `json:"existed,omitempty"` // it was there already, exactly so
}

// Registries lists the registries.
func (c *Client) Registries(ctx context.Context) ([]catalog.Registry, error) {
	return Collect(c.EachRegistry(ctx, 0))
}

// Registry reads one registry's record.
func (c *Client) Registry(ctx context.Context, id string) (catalog.Registry, error) {
	return get[catalog.Registry](ctx, c, call{path: "/v1/registries/" + url.PathEscape(id)})
}

// RegistryRows returns the first n rows of a registry; the slice is shared and
// must not be changed.
func (c *Client) RegistryRows(ctx context.Context, id string, n int) ([][]string, error) {
	c.mu.Lock()
	rows := c.cache.rows[id]
	c.mu.Unlock()
	if len(rows) < n {
		rows = slices.Clone(rows)
		for len(rows) < n {
			page, err := get[wire.Rows](ctx, c, call{
				path: fmt.Sprintf("/v1/registries/%s/rows?from=%d&to=%d", url.PathEscape(id), len(rows), n),
			})
			if err != nil {
				return nil, fmt.Errorf("read the rows of registry %s: %w", id, err)
			}
			if page.From != len(rows) || len(page.Rows) == 0 || len(page.Rows) > n-len(rows) {
				return nil, fmt.Errorf("read the rows of registry %s: asked for %d to %d, got %d from %d on", id, len(rows), n, len(page.Rows), page.From)
			}
			rows = append(rows, page.Rows...)
		}
		c.mu.Lock()
		if len(c.cache.rows) >= maxCached {
			clear(c.cache.rows)
		}
		c.cache.rows[id] = rows
		c.mu.Unlock()
	}
	return rows[:n:n], nil
}

// PublishRegistry creates a registry and sends its rows. Called again after an
// interruption it goes on where the rows stopped; called again after it was
// done it finds that everything is there. progress, if not nil, is told how
// many rows have arrived.
func (c *Client) PublishRegistry(ctx context.Context, t RegistryTable, progress func(done, total int)) (RegistryResult, error) {
	digest := catalog.RowsDigest(t.Rows)
	have, err := c.Registry(ctx, t.ID)
	if err != nil && !isNotFound(err) {
		return RegistryResult{}, err
	}
	if done, err := t.held(have, digest); done || err != nil {
		return RegistryResult{Registry: t.ID, Rows: have.Rows, Existed: done}, err
	}
	if isNotFound(err) || !t.begun(have, digest) {
		// A draft of other rows, which was refused or given up, makes room.
		have.Pending = 0
		_, err := c.Submit(ctx, catalog.KindRegistryCreate, catalog.RegistryCreate{
			ID: t.ID, IDColumn: t.IDColumn, Columns: t.Columns, Rows: len(t.Rows), Digest: digest,
		})
		if err != nil {
			return RegistryResult{}, err
		}
	}
	return c.sendRows(ctx, t.ID, 0, have.Pending, t.Rows, progress)
}

// begun reports whether a registry's draft has the first ones of these rows.
func (t RegistryTable) begun(have catalog.Registry, digest catalog.Digest) bool {
	return have.Draft == digest && have.IDColumn == t.IDColumn && slices.Equal(have.Columns, t.Columns)
}

// AppendRegistry adds rows to a registry. Their columns are the registry's.
func (c *Client) AppendRegistry(ctx context.Context, id string, rows [][]string, progress func(done, total int)) (RegistryResult, error) {
	have, err := c.Registry(ctx, id)
	if err != nil {
		return RegistryResult{}, err
	}
	before, err := c.RegistryRows(ctx, id, have.Rows)
	if err != nil {
		return RegistryResult{}, err
	}
	digest := catalog.RowsDigest(rows)
	if have.Draft != digest {
		if n := len(before) - len(rows); n >= 0 && catalog.RowsDigest(before[n:]) == digest {
			return RegistryResult{Registry: id, Rows: have.Rows, Existed: true}, nil
		}
		_, err := c.Submit(ctx, catalog.KindRegistryCreate, catalog.RegistryCreate{
			ID: id, IDColumn: have.IDColumn, Columns: have.Columns, Rows: len(rows), Digest: digest, Append: true,
		})
		if err != nil {
			return RegistryResult{}, err
		}
		have.Pending = 0
	}
	return c.sendRows(ctx, id, have.Rows, have.Pending, rows, progress)
}

// sendRows sends rows from sent on, which follow base rows of the registry, and
// commits them.
func (c *Client) sendRows(ctx context.Context, id string, base, sent int, rows [][]string, progress func(done, total int)) (RegistryResult, error) {
	for sent < len(rows) {
		chunk := rowChunk(rows[sent:])
		if _, err := c.Submit(ctx, catalog.KindRegistryRows, catalog.RegistryRows{ID: id, From: base + sent, Rows: chunk}); err != nil {
			return RegistryResult{}, fmt.Errorf("rows %d to %d: %w", base+sent, base+sent+len(chunk), err)
		}
		sent += len(chunk)
		if progress != nil {
			progress(sent, len(rows))
		}
	}
	if _, err := c.Submit(ctx, catalog.KindRegistryCommit, catalog.RegistryCommit{ID: id}); err != nil {
		return RegistryResult{}, err
	}
	return RegistryResult{Registry: id, Added: len(rows), Rows: base + len(rows)}, nil
}

// chunkBytes keeps a chunk of rows, encoded as JSON, below catalog.MaxChunk.
const chunkBytes = catalog.MaxChunk * 3 / 4

// rowChunk returns as many of the rows as fit into one envelope, at least one.
func rowChunk(rows [][]string) [][]string {
	size := 0
	for i, row := range rows {
		for _, cell := range row {
			// JSON writes some characters as six bytes (\u0000).
			size += 3
			for _, c := range []byte(cell) {
				size++
				if c < 0x20 || c == '<' || c == '>' || c == '&' || c == '"' || c == '\\' {
					size += 5
				}
			}
		}
		size += 3
		if size > chunkBytes && i > 0 {
			return rows[:i]
		}
	}
	return rows
}
