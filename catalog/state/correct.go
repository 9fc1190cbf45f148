package state

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/catalog/wellformed"
)

// correction is a correction of a registry whose chunks are arriving.
type correction struct {
	Base   catalog.Digest `json:"base"`
	Rows   int            `json:"rows"`
	Digest catalog.Digest `json:"digest"`
	Held   int            `json:"held"` // rows that have arrived
	Chunks int            `json:"chunks"`
}

func correctionKey(registry string) string { return records.PrefixCorrection + registry }
func correctingPrefix(registry string) string {
	return records.PrefixCorrecting + registry + "/"
}

// correctRegistry takes a chunk of corrected rows. With the last one all of them hold, in
// one entry: half a correction is never seen.
func correctRegistry(c *applyContext, b catalog.RegistryCorrect) error {
	reg, err := c.ownRegistry(b.ID)
	if err != nil {
		return err
	}
	if r := wellformed.Correction(reg, b); r != nil {
		return r
	}
	draft, err := openCorrection(c, reg, b)
	if err != nil {
		return err
	}
	if r := wellformed.Rows(reg, catalog.RegistryRows{ID: b.ID, From: b.From, Rows: b.Chunk}); r != nil {
		return r.WithField("chunk")
	}
	t, err := c.machine.cache.Table(c.tx, reg)
	if err != nil {
		return err
	}
	for i, row := range b.Chunk {
		if _, known := t.Index(row[0]); !known {
			return catalog.Conflict("id", "correction.no_entity", reg.ID, row[0], b.From+i).
				WithField(fmt.Sprintf("chunk[%d]", i))
		}
	}
	if err := records.Put(c.tx, fmt.Sprintf("%s%08d", correctingPrefix(reg.ID), b.From), b.Chunk); err != nil {
		return err
	}
	draft.Held += len(b.Chunk)
	draft.Chunks++
	c.out.ID = reg.ID
	if draft.Held < draft.Rows {
		return records.Put(c.tx, correctionKey(reg.ID), draft)
	}
	return applyCorrection(c, reg, draft, t)
}

// openCorrection is the correction that a chunk goes on with; with From 0 it begins.
func openCorrection(c *applyContext, reg catalog.Registry, b catalog.RegistryCorrect) (correction, error) {
	if b.From == 0 {
		return correction{Base: b.Base, Rows: b.Rows, Digest: b.Digest}, dropCorrection(c, reg.ID)
	}
	draft, err := load[correction](c.tx, correctionKey(reg.ID), "correction.none", reg.ID)
	switch {
	case err != nil:
		return draft, err
	case draft.Base != b.Base || draft.Rows != b.Rows || draft.Digest != b.Digest:
		return draft, catalog.Conflict("chunk", "correction.other", reg.ID)
	case b.From != draft.Held:
		return draft, catalog.Conflict("chunk", "registry.chunk", b.From, draft.Held).WithNumber("next", int64(draft.Held))
	case draft.Held+len(b.Chunk) > draft.Rows:
		return draft, catalog.Conflict("rows", "registry.rows_announced", draft.Held+len(b.Chunk), draft.Rows)
	case draft.Chunks == catalog.MaxChunks:
		return draft, catalog.Invalid("rows", "registry.chunks", catalog.MaxChunks)
	}
	return draft, nil
}

func dropCorrection(c *applyContext, registry string) error {
	return cmp.Or(records.Remove(c.tx, correctionKey(registry)), records.RemoveAll(c.tx, correctingPrefix(registry), ""))
}

// applyCorrection puts the corrected rows into the registry and keeps what they were.
func applyCorrection(c *applyContext, reg catalog.Registry, draft correction, t *tables.Table) error {
	chunks, err := records.List[[][]string](c.tx, correctingPrefix(reg.ID))
	if err != nil {
		return err
	}
	all := slices.Concat(chunks...)
	if have := tables.RowsDigest(all); have != draft.Digest {
		return catalog.Conflict("digest", "correction.digest", have, draft.Digest)
	}
	if err := dropCorrection(c, reg.ID); err != nil {
		return err
	}
	corrected := make(map[int][]string, len(all))
	undo := records.ReplacedRows{}
	for i, row := range all {
		at, _ := t.Index(row[0])
		if _, twice := corrected[at]; twice {
			return catalog.Conflict("id", "correction.id_twice", row[0], i)
		}
		corrected[at] = row
		if before := t.Row(at); !slices.Equal(before, row) {
			undo.Places, undo.Rows = append(undo.Places, at), append(undo.Rows, before)
		}
	}
	if len(undo.Places) == 0 {
		return catalog.Conflict("same", "correction.same", reg.ID)
	}
	rows, err := rewriteRows(c, reg, corrected)
	if err != nil {
		return err
	}
	if err := putUndo(c, reg, undo); err != nil {
		return err
	}
	reg.Corrected++
	reg.Digest = tables.RowsDigest(rows)
	after, err := tables.New(reg.Columns, rows)
	if err != nil {
		return err
	}
	return c.putRows(reg, after)
}

// rewriteRows puts corrected rows, by their places, into the chunks that hold them, and
// returns all committed rows.
func rewriteRows(c *applyContext, reg catalog.Registry, corrected map[int][]string) ([][]string, error) {
	prefix := records.PrefixRows + reg.ID + "/"
	chunks, err := records.Names(c.tx, prefix)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, name := range chunks {
		chunk, err := records.Find[[][]string](c.tx, prefix+name)
		if err != nil {
			return nil, err
		}
		touched := false
		for i := range chunk {
			if row, known := corrected[len(rows)+i]; known {
				chunk[i], touched = row, true
			}
		}
		if touched {
			if err := records.Put(c.tx, prefix+name, chunk); err != nil {
				return nil, err
			}
		}
		rows = append(rows, chunk...)
	}
	return rows[:reg.Rows], nil
}

// undoRows is how many rows one record of what was before holds.
const undoRows = 256

// putUndo keeps the rows that the next correction replaces.
func putUndo(c *applyContext, reg catalog.Registry, u records.ReplacedRows) error {
	prefix := records.UndoPrefix(reg.ID, reg.Corrected)
	for from := 0; from < len(u.Places); from += undoRows {
		to := min(from+undoRows, len(u.Places))
		if err := records.Put(c.tx, fmt.Sprintf("%s%08d", prefix, from), records.ReplacedRows{Places: u.Places[from:to], Rows: u.Rows[from:to]}); err != nil {
			return err
		}
	}
	return nil
}
