package state

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/catalog/wellformed"
)

// registryActs are the acts on registries.
var registryActs = []act{
	{kind: catalog.KindRegistryCreate, by: publishers, public: true, handle: handler(createRegistry)},
	{kind: catalog.KindRegistryRows, by: publishers, public: true, handle: handler(addRows)},
	{kind: catalog.KindRegistryCommit, by: publishers, public: true, handle: handler(commitRegistry)},
	{kind: catalog.KindRegistryCorrect, by: publishers, public: true, handle: handler(correctRegistry)},
}

// createRegistry begins a registry, or an append to one. A draft that is still
// open is given up: its publisher lost it in the middle.
func createRegistry(c *applyContext, b catalog.RegistryCreate) error {
	if r := wellformed.Registry(b); r != nil {
		return r
	}
	reg, known, err := records.Lookup[catalog.Registry](c.tx, records.PrefixRegistry+b.ID)
	switch {
	case err != nil:
		return err
	case !known && b.Append:
		return catalog.Refuse(catalog.RefusedUnknown, "unknown", "registry.none", b.ID)
	case !known:
		reg = catalog.Registry{ID: b.ID, Owner: c.signer.ID}
	case reg.Owner != c.signer.ID:
		return catalog.Forbidden("owner", "registry.owner", b.ID)
	case !b.Append && reg.Rows > 0:
		return catalog.Conflict("exists", "registry.exists", b.ID, reg.Rows)
	case b.Append && reg.Rows == 0:
		return catalog.Conflict("empty", "registry.no_rows_yet", b.ID)
	case b.Append && (reg.IDColumn != b.IDColumn || !slices.Equal(reg.Columns, b.Columns)):
		return catalog.Invalid("columns", "registry.columns_fixed", b.ID, reg.IDColumn, reg.Columns)
	}
	if reg.Rows+b.Rows > catalog.MaxRegistryRows {
		return catalog.Invalid("rows", "registry.rows_most", reg.Rows+b.Rows, catalog.MaxRegistryRows)
	}
	given := records.RemoveAll(c.tx, records.PrefixRows+b.ID+"/", records.RowsKey(b.ID, reg.Rows))
	reg.IDColumn, reg.Columns = b.IDColumn, b.Columns
	reg.Pending, reg.Chunks, reg.Expect, reg.Draft = 0, 0, b.Rows, b.Digest
	c.out.ID = b.ID
	return cmp.Or(given, records.Put(c.tx, records.PrefixRegistry+b.ID, reg))
}

// addRows adds a chunk to the draft. The same chunk again changes nothing.
func addRows(c *applyContext, b catalog.RegistryRows) error {
	reg, err := c.ownRegistry(b.ID)
	if err != nil {
		return err
	}
	if reg.Expect == 0 {
		return catalog.Conflict("no_draft", "registry.no_draft", b.ID)
	}
	if r := wellformed.Rows(reg, b); r != nil {
		return r
	}
	c.out.ID = b.ID
	next := reg.Rows + reg.Pending
	if b.From < next && b.From >= reg.Rows {
		if same, err := holds(c.tx, records.RowsKey(b.ID, b.From), catalog.Encode(b.Rows)); err != nil || same {
			return err
		}
	}
	switch {
	case b.From != next:
		return catalog.Conflict("chunk", "registry.chunk", b.From, next).WithNumber("next", int64(next))
	case reg.Pending+len(b.Rows) > reg.Expect:
		return catalog.Conflict("rows", "registry.rows_announced", reg.Pending+len(b.Rows), reg.Expect)
	case reg.Chunks == catalog.MaxChunks:
		return catalog.Invalid("rows", "registry.chunks", catalog.MaxChunks)
	}
	if err := checkNewIDs(c, reg, b); err != nil {
		return err
	}
	reg.Pending += len(b.Rows)
	reg.Chunks++
	return cmp.Or(
		records.Put(c.tx, records.RowsKey(b.ID, b.From), b.Rows),
		records.Put(c.tx, records.PrefixRegistry+b.ID, reg),
	)
}

func (c *applyContext) ownRegistry(id string) (catalog.Registry, error) {
	reg, err := load[catalog.Registry](c.tx, records.PrefixRegistry+id, "unknown.registry", id)
	if err == nil && reg.Owner != c.signer.ID {
		return reg, catalog.Forbidden("owner", "registry.owner", id)
	}
	return reg, err
}

// checkNewIDs refuses ids that the registry has already. Doubles within the
// draft are found when it is committed.
func checkNewIDs(c *applyContext, reg catalog.Registry, b catalog.RegistryRows) error {
	if reg.Rows == 0 {
		return nil
	}
	t, err := c.machine.cache.Table(c.tx, reg)
	if err != nil {
		return err
	}
	for i, row := range b.Rows {
		if at, known := t.Index(row[0]); known {
			return catalog.Conflict("id", "registry.id_known", row[0], b.From+i, at)
		}
	}
	return nil
}

// commitRegistry makes the draft part of the registry.
func commitRegistry(c *applyContext, b catalog.RegistryCommit) error {
	reg, err := c.ownRegistry(b.ID)
	if err != nil {
		return err
	}
	switch {
	case reg.Expect == 0:
		return catalog.Conflict("no_draft", "registry.no_commit", b.ID)
	case reg.Pending != reg.Expect:
		return catalog.Conflict("rows", "registry.rows_missing", reg.Pending, reg.Expect).WithNumber("next", int64(reg.Rows+reg.Pending))
	}
	rows, err := records.ReadRows(c.tx, reg.ID)
	if err != nil {
		return err
	}
	if have := tables.RowsDigest(rows[reg.Rows:]); have != reg.Draft {
		return catalog.Conflict("digest", "registry.digest", have, reg.Draft)
	}
	t, err := tables.New(reg.Columns, rows)
	if err != nil {
		return catalog.Conflict("id", "registry.double", reg.ID)
	}
	reg.Rows, reg.Digest = len(rows), tables.RowsDigest(rows)
	reg.Pending, reg.Expect, reg.Chunks, reg.Draft = 0, 0, 0, catalog.Digest{}
	c.out.ID = b.ID
	return c.putRows(reg, t)
}

// putRows stores a registry, notes the state that its rows have from this entry on, and
// puts what was appended to it where others need it: the numbers of its values, and the
// classes of the families on it.
func (c *applyContext) putRows(reg catalog.Registry, t *tables.Table) error {
	reg.States++
	err := cmp.Or(
		records.Put(c.tx, records.StateKey(reg.ID, reg.States), catalog.RegistryState{
			Number: reg.States, Rows: reg.Rows, Corrected: reg.Corrected, Digest: reg.Digest, At: c.now, Seq: c.seq,
		}),
		records.Put(c.tx, records.PrefixRegistry+reg.ID, reg),
	)
	if err != nil {
		return err
	}
	c.machine.cache.KeepTable(reg, t)
	codes, err := records.Codes(c.tx, reg, t)
	if err != nil {
		return err
	}
	return extendFamilies(c, reg, codes)
}
