package catalog

import (
	"errors"
	"slices"
	"testing"
)

func createEnterprises(rows [][]string) RegistryCreate {
	return RegistryCreate{ID: "enterprises", IDColumn: "enterprise", Columns: []string{"county", "industry"}, Rows: len(rows), Digest: RowsDigest(rows)}
}

func TestRegistryGrowsByAppendsOnly(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", testRows(0, 10), 4)
	old := must[*Table](t)(w.view().Table("enterprises", -1))
	more := testRows(10, 5)
	create := createEnterprises(more)
	w.no("bureau", KindRegistryCreate, create, RefusedConflict, "exists")
	create.Append = true
	w.ok("bureau", KindRegistryCreate, create)
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 10, Rows: more})
	if got := must[*Table](t)(w.view().Table("enterprises", -1)); got.Rows() != 10 {
		t.Fatalf("%d rows before the commit", got.Rows())
	}
	w.ok("bureau", KindRegistryCommit, RegistryCommit{ID: "enterprises"})
	reg := must[Registry](t)(w.view().Registry("enterprises"))
	if reg.Rows != 15 || reg.Digest != RowsDigest(testRows(0, 15)) || reg.Pending+reg.Expect+reg.Chunks != 0 || !reg.Draft.IsZero() {
		t.Fatalf("registry %+v", reg)
	}
	now := must[*Table](t)(w.view().Table("enterprises", -1))
	for i, row := range testRows(0, 15) {
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
	prefix := must[*Table](t)(w.view().Table("enterprises", 12))
	if _, known := prefix.Index("e00012"); known || prefix.Rows() != 12 || len(prefix.IDs()) != 12 {
		t.Fatal("the prefix knows more than its rows")
	}
	if _, err := w.view().Table("enterprises", 16); !errors.Is(err, ErrNotFound) {
		t.Fatalf("a table of more rows than there are: %v", err)
	}
	if rows := must[[][]string](t)(w.view().Rows("enterprises", 13, 99)); len(rows) != 2 || rows[0][0] != "e00013" {
		t.Fatalf("rows %v", rows)
	}
	sameElsewhere(t, w)
}

func TestChunkSentAgainChangesNothing(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	rows := testRows(0, 10)
	w.ok("bureau", KindRegistryCreate, createEnterprises(rows))
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 0, Rows: rows[:4]})
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 4, Rows: rows[4:8]})
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 0, Rows: rows[:4]})
	if reg := must[Registry](t)(w.view().Registry("enterprises")); reg.Pending != 8 || reg.Chunks != 2 {
		t.Fatalf("registry %+v", reg)
	}
	r := w.no("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 0, Rows: rows[:3]}, RefusedConflict, "chunk")
	if len(r.Numbers) != 1 || r.Numbers[0] != (Number{"next", "8"}) {
		t.Fatalf("numbers %v", r.Numbers)
	}
	w.no("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 9, Rows: rows[9:]}, RefusedConflict, "chunk")
	w.no("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 8, Rows: testRows(8, 3)}, RefusedConflict, "rows")
	w.no("bureau", KindRegistryCommit, RegistryCommit{ID: "enterprises"}, RefusedConflict, "rows")
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 8, Rows: rows[8:]})
	w.ok("bureau", KindRegistryCommit, RegistryCommit{ID: "enterprises"})
}

func TestNewDraftReplacesOneThatWasLeftOpen(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	w.ok("bureau", KindRegistryCreate, createEnterprises(testRows(50, 10)))
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 0, Rows: testRows(50, 7)})
	w.registry("enterprises", testRows(0, 10), 5)
	if reg := must[Registry](t)(w.view().Registry("enterprises")); reg.Digest != RowsDigest(testRows(0, 10)) {
		t.Fatalf("registry %+v", reg)
	}
	more := createEnterprises(testRows(10, 2))
	more.Append = true
	w.ok("bureau", KindRegistryCreate, more)
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 10, Rows: testRows(10, 1)})
	w.ok("bureau", KindRegistryCreate, more)
	if rows := must[[][]string](t)(readRows(w.store, "enterprises")); len(rows) != 10 {
		t.Fatalf("%d rows are held, want the 10 committed", len(rows))
	}
}

func TestRegistryRefusals(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	rows := testRows(0, 10)
	for field, change := range map[string]func(*RegistryCreate){
		"id":         func(b *RegistryCreate) { b.ID = "Enterprises" },
		"id_column":  func(b *RegistryCreate) { b.IDColumn = "period" },
		"columns":    func(b *RegistryCreate) { b.Columns = make([]string, MaxColumns+1) },
		"columns[0]": func(b *RegistryCreate) { b.Columns = []string{"entity"} },
		"columns[1]": func(b *RegistryCreate) { b.Columns = []string{"a", "a"} },
		"rows":       func(b *RegistryCreate) { b.Rows = MaxRegistryRows + 1 },
		"digest":     func(b *RegistryCreate) { b.Digest = Digest{} },
	} {
		b := createEnterprises(rows)
		change(&b)
		if r := w.no("bureau", KindRegistryCreate, b, RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	add := createEnterprises(rows)
	add.Append = true
	w.no("bureau", KindRegistryCreate, add, RefusedUnknown, "unknown")
	w.no("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", Rows: rows}, RefusedUnknown, "unknown")
	w.ok("bureau", KindRegistryCreate, createEnterprises(rows))
	w.no("bureau", KindRegistryCreate, add, RefusedConflict, "empty")
	w.no("rival", KindRegistryCreate, createEnterprises(rows), RefusedForbidden, "owner")
	w.no("rival", KindRegistryRows, RegistryRows{ID: "enterprises", Rows: rows}, RefusedForbidden, "owner")

	bad := func(change func(*RegistryRows)) {
		t.Helper()
		b := RegistryRows{ID: "enterprises", Rows: clone(t, rows)}
		change(&b)
		w.no("bureau", KindRegistryRows, b, RefusedInvalid, "invalid")
	}
	bad(func(b *RegistryRows) { b.Rows = nil })
	bad(func(b *RegistryRows) { b.Rows[3] = b.Rows[3][:2] })
	bad(func(b *RegistryRows) { b.Rows[3][0] = "" })
	bad(func(b *RegistryRows) { b.Rows[3][0] = " x" })
	bad(func(b *RegistryRows) { b.Rows[3][1] = "a\x1b[31m" })
	bad(func(b *RegistryRows) { b.Rows[3][1] = string(make([]byte, MaxCell+1)) })
	bad(func(b *RegistryRows) { b.Rows[3][0] = b.Rows[2][0] })
	bad(func(b *RegistryRows) {
		long := testRows(0, 1100)
		for i := range long {
			long[i][1] = "a" + string(slices.Repeat([]byte("b"), MaxCell-1))
		}
		b.Rows = long
	})

	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", Rows: testRows(1, 10)})
	w.no("bureau", KindRegistryCommit, RegistryCommit{ID: "enterprises"}, RefusedConflict, "digest")
	doubled := slices.Concat(testRows(0, 5), testRows(0, 5))
	w.ok("bureau", KindRegistryCreate, createEnterprises(doubled))
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 0, Rows: doubled[:5]})
	w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 5, Rows: doubled[5:]})
	w.no("bureau", KindRegistryCommit, RegistryCommit{ID: "enterprises"}, RefusedConflict, "id")
	w.registry("enterprises", rows, 10)
	w.no("bureau", KindRegistryCommit, RegistryCommit{ID: "enterprises"}, RefusedConflict, "no_draft")
	w.no("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 10, Rows: rows}, RefusedConflict, "no_draft")
	add.Columns = []string{"county"}
	w.no("bureau", KindRegistryCreate, add, RefusedInvalid, "invalid")
	add = createEnterprises(rows)
	add.Append = true
	w.ok("bureau", KindRegistryCreate, add)
	w.no("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 10, Rows: rows}, RefusedConflict, "id")
	add.Rows = MaxRegistryRows - 9
	w.no("bureau", KindRegistryCreate, add, RefusedInvalid, "invalid")
}

func TestRegistryTakesABoundedNumberOfChunks(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	rows := testRows(0, 10)
	w.ok("bureau", KindRegistryCreate, createEnterprises(rows))
	reg := must[Registry](t)(w.view().Registry("enterprises"))
	reg.Chunks = MaxChunks
	if err := put(w.store, prefixRegistry+"enterprises", reg); err != nil {
		t.Fatal(err)
	}
	w.no("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", Rows: rows}, RefusedInvalid, "invalid")
}

func TestNewTableRefusesRowsThatAreNone(t *testing.T) {
	for name, rows := range map[string][][]string{
		"cells": {{"a", "b"}, {"c"}},
		"twice": {{"a", "b"}, {"a", "c"}},
	} {
		if _, err := NewTable([]string{"x"}, rows); err == nil {
			t.Fatalf("%s: accepted", name)
		}
	}
}
