package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// createRegistry begins a registry, or an append to one. A draft that is still
// open is given up: its publisher lost it in the middle.
func createRegistry(c *call, b RegistryCreate) error {
	if r := checkRegistry(b); r != nil {
		return r
	}
	reg, err := find[Registry](c.tx, prefixRegistry+b.ID)
	fresh := errors.Is(err, ErrNotFound)
	switch {
	case err != nil && !fresh:
		return err
	case fresh && b.Append:
		return refuse(RefusedUnknown, "unknown", "there is no registry %s to append to", b.ID)
	case fresh:
		reg = Registry{ID: b.ID, Owner: c.signer.ID}
	case reg.Owner != c.signer.ID:
		return forbidden("owner", "registry %s belongs to another publisher", b.ID)
	case !b.Append && reg.Rows > 0:
		return conflict("exists", "registry %s exists and has %d rows", b.ID, reg.Rows).
			withFix("append to it: weir registry append %s FILE.csv", b.ID)
	case b.Append && reg.Rows == 0:
		return conflict("empty", "registry %s has no rows yet to append to", b.ID)
	case b.Append && (reg.IDColumn != b.IDColumn || !slices.Equal(reg.Columns, b.Columns)):
		return invalid("columns", "registry %s has the columns %s, %s; an append cannot change them",
			b.ID, reg.IDColumn, quoteList(reg.Columns))
	}
	if reg.Rows+b.Rows > MaxRegistryRows {
		return invalid("rows", "the registry would have %d rows, at most %d are possible", reg.Rows+b.Rows, MaxRegistryRows)
	}
	if err := removeAll(c.tx, prefixRows+b.ID+"/", rowsKey(b.ID, reg.Rows)); err != nil {
		return err
	}
	reg.IDColumn, reg.Columns = b.IDColumn, b.Columns
	reg.Pending, reg.Chunks, reg.Expect, reg.Draft = 0, 0, b.Rows, b.Digest
	c.out.ID = b.ID
	return put(c.tx, prefixRegistry+b.ID, reg)
}

func checkRegistry(b RegistryCreate) *Refusal {
	switch {
	case !isName(b.ID):
		return invalid("id", "%.80q is not a registry's name: [a-z][a-z0-9_]*", b.ID)
	case !isName(b.IDColumn) || b.IDColumn == "period":
		return invalid("id_column", "%.80q cannot name the id column: [a-z][a-z0-9_]*, and not period", b.IDColumn)
	case len(b.Columns) > MaxColumns:
		return invalid("columns", "%d columns, at most %d are possible", len(b.Columns), MaxColumns)
	case b.Rows < 1 || b.Rows > MaxRegistryRows:
		return invalid("rows", "%d rows, 1 to %d are possible", b.Rows, MaxRegistryRows)
	case b.Digest.IsZero():
		return invalid("digest", "the digest of the rows is missing")
	}
	free := func(s string) bool { return isName(s) && s != b.IDColumn && s != "entity" && s != "period" }
	return checkNames("columns", b.Columns, free, "a free column name: [a-z][a-z0-9_]*, and neither the id column's nor entity or period")
}

// addRows adds a chunk to the draft. The same chunk again changes nothing.
func addRows(c *call, b RegistryRows) error {
	reg, err := c.ownRegistry(b.ID)
	if err != nil {
		return err
	}
	if reg.Expect == 0 {
		return conflict("no_draft", "registry %s takes no rows: no create or append is open", b.ID)
	}
	if r := checkRows(reg, b); r != nil {
		return r
	}
	next := reg.Rows + reg.Pending
	if b.From < next && b.From >= reg.Rows {
		held, err := c.tx.Get([]byte(rowsKey(b.ID, b.From)))
		if err != nil {
			return fmt.Errorf("read rows from %d of registry %s: %w", b.From, b.ID, err)
		}
		if string(held) == string(encode(b.Rows)) {
			c.out.ID = b.ID
			return nil
		}
	}
	if b.From != next {
		return conflict("chunk", "rows from %d, the next is %d", b.From, next).withNumber("next", int64(next))
	}
	if reg.Pending+len(b.Rows) > reg.Expect {
		return conflict("rows", "%d rows, %d were announced", reg.Pending+len(b.Rows), reg.Expect)
	}
	if reg.Chunks == MaxChunks {
		return invalid("rows", "the rows come in more than %d chunks", MaxChunks).withFix("send more rows at a time")
	}
	if err := c.checkNewIDs(reg, b); err != nil {
		return err
	}
	if err := put(c.tx, rowsKey(b.ID, b.From), b.Rows); err != nil {
		return err
	}
	reg.Pending += len(b.Rows)
	reg.Chunks++
	c.out.ID = b.ID
	return put(c.tx, prefixRegistry+b.ID, reg)
}

func (c *call) ownRegistry(id string) (Registry, error) {
	reg, err := load[Registry](c, prefixRegistry+id, fmt.Sprintf("registry %.80q", id))
	if err == nil && reg.Owner != c.signer.ID {
		return reg, forbidden("owner", "registry %s belongs to another publisher", id)
	}
	return reg, err
}

func checkRows(reg Registry, b RegistryRows) *Refusal {
	if len(b.Rows) == 0 {
		return invalid("rows", "the chunk has no rows")
	}
	size := 0
	ids := make(map[string]int, len(b.Rows))
	for i, row := range b.Rows {
		at := fmt.Sprintf("rows[%d]", i)
		if len(row) != 1+len(reg.Columns) {
			return invalid(at, "%d cells, want %d: the id and %d attributes", len(row), 1+len(reg.Columns), len(reg.Columns))
		}
		for k, cell := range row {
			if size += len(cell); !IsCell(cell) || k == 0 && (cell == "" || strings.TrimSpace(cell) != cell) {
				return invalid(at, "%.80q cannot be a cell: at most %d bytes of text; ids are not empty and have no space around", cell, MaxCell)
			}
		}
		if first, twice := ids[row[0]]; twice {
			return invalid(at, "the id %.80q is also that of row %d", row[0], b.From+first)
		}
		ids[row[0]] = i
	}
	if size > MaxChunk {
		return invalid("rows", "the chunk has %d bytes, at most %d are accepted", size, MaxChunk)
	}
	return nil
}

// checkNewIDs refuses ids that the registry has already. Doubles within the
// draft are found when it is committed.
func (c *call) checkNewIDs(reg Registry, b RegistryRows) error {
	if reg.Rows == 0 {
		return nil
	}
	t, err := c.machine.table(c.tx, reg)
	if err != nil {
		return err
	}
	for i, row := range b.Rows {
		if at, known := t.Index(row[0]); known {
			return conflict("id", "the id %.80q of row %d is that of row %d; rows are only ever added", row[0], b.From+i, at)
		}
	}
	return nil
}

// commitRegistry makes the draft part of the registry.
func commitRegistry(c *call, b RegistryCommit) error {
	reg, err := c.ownRegistry(b.ID)
	if err != nil {
		return err
	}
	switch {
	case reg.Expect == 0:
		return conflict("no_draft", "registry %s has nothing to commit", b.ID)
	case reg.Pending != reg.Expect:
		return conflict("rows", "%d of %d announced rows have arrived", reg.Pending, reg.Expect).withNumber("next", int64(reg.Rows+reg.Pending))
	}
	rows, err := readRows(c.tx, reg.ID)
	if err != nil {
		return err
	}
	if have := RowsDigest(rows[reg.Rows:]); have != reg.Draft {
		return conflict("digest", "the rows have the digest %s, announced was %s", have, reg.Draft).withFix("create the registry anew")
	}
	t, err := NewTable(reg.Columns, rows)
	if err != nil {
		return conflict("id", "%v", err).withFix("remove the double and create the registry anew")
	}
	reg.Rows, reg.Digest = len(rows), RowsDigest(rows)
	reg.Pending, reg.Expect, reg.Chunks, reg.Draft = 0, 0, 0, Digest{}
	c.machine.keepTable(reg, t)
	c.out.ID = b.ID
	return put(c.tx, prefixRegistry+b.ID, reg)
}

// readRows reads all rows of a registry, those of the draft included.
func readRows(r Reader, id string) ([][]string, error) {
	var rows [][]string
	err := r.Scan([]byte(prefixRows+id+"/"), func(key, value []byte) error {
		var chunk [][]string
		if err := json.Unmarshal(value, &chunk); err != nil {
			return fmt.Errorf("decode %s: %w", key, err)
		}
		rows = append(rows, chunk...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the rows of registry %s: %w", id, err)
	}
	return rows, nil
}

func tableName(reg Registry) string { return reg.ID + "/" + reg.Digest.String() }

// keepTable remembers the table of a registry's committed rows.
func (m *Machine) keepTable(reg Registry, t *Table) {
	m.memo.mu.Lock()
	defer m.memo.mu.Unlock()
	m.memo.tables.add(tableName(reg), t, memoTables)
}

// table returns the committed rows of a registry.
func (m *Machine) table(r Reader, reg Registry) (*Table, error) {
	return recallOr(&m.memo, &m.memo.tables, memoTables, tableName(reg), func() (*Table, error) {
		rows, err := readRows(r, reg.ID)
		if err != nil {
			return nil, err
		}
		if len(rows) < reg.Rows {
			return nil, fmt.Errorf("registry %s: the store holds %d of %d rows", reg.ID, len(rows), reg.Rows)
		}
		return NewTable(reg.Columns, rows[:reg.Rows])
	})
}
