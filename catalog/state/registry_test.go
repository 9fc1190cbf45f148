package state

import (
	"errors"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

func createEnterprises(rows [][]string) catalog.RegistryCreate {
	return catalog.RegistryCreate{ID: "enterprises", IDColumn: "enterprise", Columns: []string{"county", "industry"}, Rows: len(rows), Digest: tables.RowsDigest(rows)}
}

func TestRegistryGrowsByAppendsOnly(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 4)
	old := must[*tables.Table](t)(w.view().Registries().Table("enterprises", -1))
	more := statetest.Rows(10, 5)
	create := createEnterprises(more)
	w.no("bureau", catalog.KindRegistryCreate, create, catalog.RefusedConflict, "exists")
	create.Append = true
	w.ok("bureau", catalog.KindRegistryCreate, create)
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 10, Rows: more})
	if got := must[*tables.Table](t)(w.view().Registries().Table("enterprises", -1)); got.Rows() != 10 {
		t.Fatalf("%d rows before the commit", got.Rows())
	}
	w.ok("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"})
	reg := must[catalog.Registry](t)(w.view().Registries().Get("enterprises"))
	if reg.Rows != 15 || reg.Digest != tables.RowsDigest(statetest.Rows(0, 15)) || reg.Pending+reg.Expect+reg.Chunks != 0 || !reg.Draft.IsZero() {
		t.Fatalf("registry %+v", reg)
	}
	now := must[*tables.Table](t)(w.view().Registries().Table("enterprises", -1))
	for i, row := range statetest.Rows(0, 15) {
		if !slices.Equal(now.Row(i), row) {
			t.Fatalf("row %d is %v, want %v", i, now.Row(i), row)
		}
		at, known := now.Index(row[0])
		if !known || at != i {
			t.Fatalf("index of %s: %d %t", row[0], at, known)
		}
	}
	if _, known := old.Index("e00012"); known || old.Rows() != 10 {
		t.Fatal("the older table has changed")
	}
	prefix := must[*tables.Table](t)(w.view().Registries().Table("enterprises", 12))
	if _, known := prefix.Index("e00012"); known || prefix.Rows() != 12 || len(prefix.IDs()) != 12 {
		t.Fatal("the prefix knows more than its rows")
	}
	if _, err := w.view().Registries().Table("enterprises", 16); !errors.Is(err, records.ErrNotFound) {
		t.Fatalf("a table of more rows than there are: %v", err)
	}
	if rows := must[[][]string](t)(w.view().Rows("enterprises", 13, 99)); len(rows) != 2 || rows[0][0] != "e00013" {
		t.Fatalf("rows %v", rows)
	}
	sameElsewhere(t, w)
}

func TestChunkSentAgainChangesNothing(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	rows := statetest.Rows(0, 10)
	w.ok("bureau", catalog.KindRegistryCreate, createEnterprises(rows))
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 0, Rows: rows[:4]})
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 4, Rows: rows[4:8]})
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 0, Rows: rows[:4]})
	if reg := must[catalog.Registry](t)(w.view().Registries().Get("enterprises")); reg.Pending != 8 || reg.Chunks != 2 {
		t.Fatalf("registry %+v", reg)
	}
	r := w.no("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 0, Rows: rows[:3]}, catalog.RefusedConflict, "chunk")
	if len(r.Numbers) != 1 || r.Numbers[0] != (catalog.Number{Name: "next", Value: "8"}) {
		t.Fatalf("numbers %v", r.Numbers)
	}
	w.no("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 9, Rows: rows[9:]}, catalog.RefusedConflict, "chunk")
	w.no("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 8, Rows: statetest.Rows(8, 3)}, catalog.RefusedConflict, "rows")
	w.no("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"}, catalog.RefusedConflict, "rows")
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 8, Rows: rows[8:]})
	w.ok("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"})
}

func TestNewDraftReplacesOneThatWasLeftOpen(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	w.ok("bureau", catalog.KindRegistryCreate, createEnterprises(statetest.Rows(50, 10)))
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 0, Rows: statetest.Rows(50, 7)})
	w.registry("enterprises", statetest.Rows(0, 10), 5)
	if reg := must[catalog.Registry](t)(w.view().Registries().Get("enterprises")); reg.Digest != tables.RowsDigest(statetest.Rows(0, 10)) {
		t.Fatalf("registry %+v", reg)
	}
	more := createEnterprises(statetest.Rows(10, 2))
	more.Append = true
	w.ok("bureau", catalog.KindRegistryCreate, more)
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 10, Rows: statetest.Rows(10, 1)})
	w.ok("bureau", catalog.KindRegistryCreate, more)
	if rows := must[[][]string](t)(records.ReadRows(w.store, "enterprises")); len(rows) != 10 {
		t.Fatalf("%d rows are held, want the 10 committed", len(rows))
	}
}

func TestRegistryRefusals(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	rows := statetest.Rows(0, 10)
	for field, change := range map[string]func(*catalog.RegistryCreate){
		"id":         func(b *catalog.RegistryCreate) { b.ID = "Enterprises" },
		"id_column":  func(b *catalog.RegistryCreate) { b.IDColumn = "period" },
		"columns":    func(b *catalog.RegistryCreate) { b.Columns = make([]string, catalog.MaxColumns+1) },
		"columns[0]": func(b *catalog.RegistryCreate) { b.Columns = []string{"entity"} },
		"columns[1]": func(b *catalog.RegistryCreate) { b.Columns = []string{"a", "a"} },
		"rows":       func(b *catalog.RegistryCreate) { b.Rows = catalog.MaxRegistryRows + 1 },
		"digest":     func(b *catalog.RegistryCreate) { b.Digest = catalog.Digest{} },
	} {
		b := createEnterprises(rows)
		change(&b)
		if r := w.no("bureau", catalog.KindRegistryCreate, b, catalog.RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	add := createEnterprises(rows)
	add.Append = true
	w.no("bureau", catalog.KindRegistryCreate, add, catalog.RefusedUnknown, "unknown")
	w.no("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", Rows: rows}, catalog.RefusedUnknown, "unknown")
	w.ok("bureau", catalog.KindRegistryCreate, createEnterprises(rows))
	w.no("bureau", catalog.KindRegistryCreate, add, catalog.RefusedConflict, "empty")
	w.no("rival", catalog.KindRegistryCreate, createEnterprises(rows), catalog.RefusedForbidden, "owner")
	w.no("rival", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", Rows: rows}, catalog.RefusedForbidden, "owner")

	bad := func(change func(*catalog.RegistryRows)) {
		t.Helper()
		b := catalog.RegistryRows{ID: "enterprises", Rows: clone(t, rows)}
		change(&b)
		w.no("bureau", catalog.KindRegistryRows, b, catalog.RefusedInvalid, "invalid")
	}
	bad(func(b *catalog.RegistryRows) { b.Rows = nil })
	bad(func(b *catalog.RegistryRows) { b.Rows[3] = b.Rows[3][:2] })
	bad(func(b *catalog.RegistryRows) { b.Rows[3][0] = "" })
	bad(func(b *catalog.RegistryRows) { b.Rows[3][0] = " x" })
	bad(func(b *catalog.RegistryRows) { b.Rows[3][1] = "a\x1b[31m" })
	bad(func(b *catalog.RegistryRows) { b.Rows[3][1] = string(make([]byte, catalog.MaxCell+1)) })
	bad(func(b *catalog.RegistryRows) { b.Rows[3][0] = b.Rows[2][0] })
	bad(func(b *catalog.RegistryRows) {
		long := statetest.Rows(0, 1100)
		for i := range long {
			long[i][1] = "a" + string(slices.Repeat([]byte("b"), catalog.MaxCell-1))
		}
		b.Rows = long
	})

	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", Rows: statetest.Rows(1, 10)})
	w.no("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"}, catalog.RefusedConflict, "digest")
	doubled := slices.Concat(statetest.Rows(0, 5), statetest.Rows(0, 5))
	w.ok("bureau", catalog.KindRegistryCreate, createEnterprises(doubled))
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 0, Rows: doubled[:5]})
	w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 5, Rows: doubled[5:]})
	w.no("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"}, catalog.RefusedConflict, "id")
	w.registry("enterprises", rows, 10)
	w.no("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"}, catalog.RefusedConflict, "no_draft")
	w.no("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 10, Rows: rows}, catalog.RefusedConflict, "no_draft")
	add.Columns = []string{"county"}
	w.no("bureau", catalog.KindRegistryCreate, add, catalog.RefusedInvalid, "invalid")
	add = createEnterprises(rows)
	add.Append = true
	w.ok("bureau", catalog.KindRegistryCreate, add)
	w.no("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 10, Rows: rows}, catalog.RefusedConflict, "id")
	add.Rows = catalog.MaxRegistryRows - 9
	w.no("bureau", catalog.KindRegistryCreate, add, catalog.RefusedInvalid, "invalid")
}

func TestRegistryTakesABoundedNumberOfChunks(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	rows := statetest.Rows(0, 10)
	w.ok("bureau", catalog.KindRegistryCreate, createEnterprises(rows))
	reg := must[catalog.Registry](t)(w.view().Registries().Get("enterprises"))
	reg.Chunks = catalog.MaxChunks
	if err := records.Put(w.store, records.PrefixRegistry+"enterprises", reg); err != nil {
		t.Fatal(err)
	}
	w.no("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", Rows: rows}, catalog.RefusedInvalid, "invalid")
}
