package database_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client/database"
	"github.com/weirdata/weir/node/client/database/databasetest"
)

type kept struct {
	names, rows, faults []string
}

func (k *kept) Begin(h table.Head) bool { *k = kept{names: slices.Clone(h.Names)}; return true }
func (k *kept) Row(fields []string, line int) error {
	k.rows = append(k.rows, fmt.Sprintf("%d: %s", line, strings.Join(fields, "|")))
	return nil
}
func (k *kept) Fault(_ int, message, _ string) { k.faults = append(k.faults, message) }
func (k *kept) Faulty() bool                   { return len(k.faults) > 0 }
func (k *kept) Discard()                       { *k = kept{} }

// Postgres's values are read exactly, times with their offset.
func TestPostgresIsReadAsText(t *testing.T) {
	at := databasetest.Postgres(t)
	f, err := database.Query(at, `SELECT 'Zürich' AS s, 12.50::numeric AS n, 0.1::float8 AS x, 1e7::float4 AS y, NULL::int AS z, 42::bigint AS i, true AS ok,
		DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05' AS t, TIMESTAMPTZ '2024-01-02 03:04:05+08' AS tz UNION ALL SELECT NULL, -0.01, -3, 0, 1, 0, false, NULL, NULL, NULL`)
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{}
	if err := table.Read(t.Context(), f, table.Options{}, k); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1: Zürich|12.50|0.1|10000000||42|true|2024-01-02|2024-01-02T03:04:05|2024-01-01T19:04:05Z",
		"2: |-0.01|-3|0|1|0|false|||",
	}
	if !slices.Equal(k.rows, want) || !slices.Equal(k.names, []string{"s", "n", "x", "y", "z", "i", "ok", "d", "t", "tz"}) {
		t.Errorf("got %q of %q\nwant %q", k.rows, k.names, want)
	}
	for query, wrong := range map[string]string{"SELECT nothing": "does not exist", "CREATE TABLE x (i int)": "read-only"} {
		f, err := database.Query(at, query)
		if err != nil {
			t.Fatal(err)
		}
		k := &kept{}
		if err := table.Read(t.Context(), f, table.Options{}, k); err != nil || len(k.faults) != 1 || !strings.Contains(k.faults[0], wrong) {
			t.Errorf("%s: %v, %q", query, err, k.faults)
		}
	}
}

// MySQL's, likewise.
func TestMySQLIsReadAsText(t *testing.T) {
	at := databasetest.MariaDB(t)
	f, err := database.Query(at, `SELECT 'Zürich' AS s, CAST(12.50 AS DECIMAL(9,2)) AS n, 0.1e0 AS x, NULL AS z, 42 AS i, DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05' AS t`)
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{}
	if err := table.Read(t.Context(), f, table.Options{}, k); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1: Zürich|12.50|0.1||42|2024-01-02|2024-01-02 03:04:05"}; !slices.Equal(k.rows, want) {
		t.Errorf("got %q, want %q", k.rows, want)
	}
}

// A name for messages has no password; what is no database is refused.
func TestAddressesAreChecked(t *testing.T) {
	for _, at := range []string{"postgres://me:secret@host:5432/air", "mysql://me:secret@host/air"} {
		f, err := database.Query(at, "SELECT 1")
		if err != nil || strings.Contains(f.Name, "secret") || !strings.Contains(f.Name, "/air") {
			t.Errorf("%s: %q, %v", at, f.Name, err)
		}
	}
	for _, at := range []string{"sqlite://x", "air.csv", "postgres://me:sec ret@[host"} {
		if _, err := database.Query(at, "SELECT 1"); err == nil || strings.Contains(err.Error(), "sec ret") {
			t.Errorf("%s: %v", at, err)
		}
	}
}
