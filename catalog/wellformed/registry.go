package wellformed

import (
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// Registry refuses a registry, or an append to one, that none can be.
func Registry(b catalog.RegistryCreate) *catalog.Refusal {
	switch {
	case !catalog.IsName(b.ID):
		return catalog.Invalid("id", "registry.name", b.ID)
	case !catalog.IsName(b.IDColumn) || b.IDColumn == "period":
		return catalog.Invalid("id_column", "registry.id_column", b.IDColumn)
	case b.Rows < 1 || b.Rows > catalog.MaxRegistryRows:
		return catalog.Invalid("rows", "registry.rows", b.Rows, catalog.MaxRegistryRows)
	case b.Digest.IsZero():
		return catalog.Invalid("digest", "registry.digest_missing")
	}
	return catalog.CheckAttributes(b.IDColumn, b.Columns)
}

// Rows refuses a chunk of rows that are not a registry's.
func Rows(reg catalog.Registry, b catalog.RegistryRows) *catalog.Refusal {
	if len(b.Rows) == 0 {
		return catalog.Invalid("rows", "registry.chunk_empty")
	}
	size := 0
	ids := make(map[string]int, len(b.Rows))
	for i, row := range b.Rows {
		at := fmt.Sprintf("rows[%d]", i)
		if len(row) != 1+len(reg.Columns) {
			return catalog.Invalid(at, "registry.cells", len(row), 1+len(reg.Columns), len(reg.Columns))
		}
		for k, cell := range row {
			if size += len(cell); !catalog.IsCell(cell) || k == 0 && (cell == "" || strings.TrimSpace(cell) != cell) {
				return catalog.Invalid(at, "registry.cell", cell, catalog.MaxCell)
			}
		}
		if first, twice := ids[row[0]]; twice {
			return catalog.Invalid(at, "registry.id_twice", row[0], b.From+first)
		}
		ids[row[0]] = i
	}
	if size > catalog.MaxChunk {
		return catalog.Invalid("rows", "registry.chunk_size", size, catalog.MaxChunk)
	}
	return nil
}

// Correction refuses a correction of other rows than the registry has.
func Correction(reg catalog.Registry, b catalog.RegistryCorrect) *catalog.Refusal {
	switch {
	case reg.Rows == 0:
		return catalog.Conflict("empty", "correction.no_rows", reg.ID)
	case b.Base != reg.Digest:
		return catalog.Conflict("registry", "correction.base", b.Base, reg.ID, reg.Digest)
	case b.Rows < 1 || b.Rows > reg.Rows:
		return catalog.Invalid("rows", "correction.rows", b.Rows, reg.Rows)
	case b.Digest.IsZero():
		return catalog.Invalid("digest", "registry.digest_missing")
	case b.From < 0:
		return catalog.Invalid("from", "correction.from", b.From)
	}
	return nil
}
