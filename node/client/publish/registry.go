package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/node/client"
)

// RegistryTable is a registry as a publisher has it: the id of every entity in
// the first cell of its row, then the attributes in the order of Columns.
type RegistryTable struct {
	ID       string
	IDColumn string
	Columns  []string
	Rows     [][]string
}

// RegistryResult says what Registry or AppendRegistry did.
type RegistryResult struct {
	Registry string `json:"registry"`
	Added    int    `json:"added"`
	Rows     int    `json:"rows"`
	Existed  bool   `json:"existed,omitempty"` // it was there already, exactly so
}

// Registry creates a registry and sends its rows. Called again after an
// interruption it goes on where the rows stopped; called again after it was
// done it finds that everything is there. progress, if not nil, is told how
// many rows have arrived.
func Registry(ctx context.Context, c *client.Client, t RegistryTable, progress func(done, total int)) (RegistryResult, error) {
	digest := tables.RowsDigest(t.Rows)
	have, err := c.Registry(ctx, t.ID)
	if err != nil && !client.IsNotFound(err) {
		return RegistryResult{}, err
	}
	if done, err := holds(ctx, c, t, have, digest); done || err != nil {
		return RegistryResult{Registry: t.ID, Rows: have.Rows, Existed: done}, err
	}
	if have.Draft != digest || have.IDColumn != t.IDColumn || !slices.Equal(have.Columns, t.Columns) {
		// There is no such registry, or its draft does not have the first ones of these rows. A
		// draft of other rows, which was refused or given up, makes room.
		have.Pending = 0
		_, err := c.Submit(ctx, catalog.KindRegistryCreate, catalog.RegistryCreate{
			ID: t.ID, IDColumn: t.IDColumn, Columns: t.Columns, Rows: len(t.Rows), Digest: digest,
		})
		if err != nil {
			return RegistryResult{}, err
		}
	}
	return commitRows(ctx, c, t.ID, 0, have.Pending, t.Rows, progress)
}

// AppendRegistry adds rows to a registry. Their columns are the registry's.
func AppendRegistry(ctx context.Context, c *client.Client, id string, rows [][]string, progress func(done, total int)) (RegistryResult, error) {
	have, err := c.Registry(ctx, id)
	if err != nil {
		return RegistryResult{}, err
	}
	before, err := c.RegistryRows(ctx, id, have.Rows)
	if err != nil {
		return RegistryResult{}, err
	}
	digest := tables.RowsDigest(rows)
	if have.Draft != digest {
		if n := len(before) - len(rows); n >= 0 && tables.RowsDigest(before[n:]) == digest {
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
	return commitRows(ctx, c, id, have.Rows, have.Pending, rows, progress)
}

// commitRows sends rows from sent on, which follow base rows of the registry, and
// commits them.
func commitRows(ctx context.Context, c *client.Client, id string, base, sent int, rows [][]string, progress func(done, total int)) (RegistryResult, error) {
	err := sendRows(rows, base, sent, progress, func(from int, chunk [][]string) error {
		_, err := c.Submit(ctx, catalog.KindRegistryRows, catalog.RegistryRows{ID: id, From: from, Rows: chunk})
		return err
	})
	if err != nil {
		return RegistryResult{}, err
	}
	if _, err := c.Submit(ctx, catalog.KindRegistryCommit, catalog.RegistryCommit{ID: id}); err != nil {
		return RegistryResult{}, err
	}
	return RegistryResult{Registry: id, Added: len(rows), Rows: base + len(rows)}, nil
}

// sendRows has rows submitted from sent on, in chunks that fit into an envelope, each with
// its place after base rows.
func sendRows(rows [][]string, base, sent int, progress func(done, total int), submit func(from int, chunk [][]string) error) error {
	for sent < len(rows) {
		chunk := rowChunk(rows[sent:])
		if err := submit(base+sent, chunk); err != nil {
			return fmt.Errorf("rows %d to %d: %w", base+sent, base+sent+len(chunk), err)
		}
		sent += len(chunk)
		if progress != nil {
			progress(sent, len(rows))
		}
	}
	return nil
}

// chunkBytes keeps a chunk of rows, encoded as JSON, below catalog.MaxChunk.
const chunkBytes = catalog.MaxChunk * 3 / 4

// rowChunk returns as many of the rows as fit into one envelope, at least one.
func rowChunk(rows [][]string) [][]string {
	size := 0
	for i, row := range rows {
		if size += len(catalog.Encode(row)) + len(","); size > chunkBytes && i > 0 {
			return rows[:i]
		}
	}
	return rows
}
