package feed_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/node/client/database/databasetest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// Rows of a table are taken as they are updated: what is asked for begins an overlap before
// the latest update that was seen; an update takes the place of what was there.
func TestRowsOfATableAreTakenAsTheyAreUpdated(t *testing.T) {
	at := databasetest.Postgres(t)
	b := newBench(t)
	db, err := sql.Open("pgx", at)
	b.Must(err)
	defer func() { b.Must(db.Close()) }()
	do := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(b.Ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	do(`CREATE TABLE readings (station text, hour timestamptz, nox numeric, co numeric, changed_at timestamptz)`)
	do(`INSERT INTO readings VALUES ('station 0001', '2026-12-01 08:00+08', 1.5, 10, '2026-12-01 09:00+08'),
	('station 0002', '2026-12-01 08:00+08', 2.5, NULL, '2026-12-01 09:05+08')`)
	dir := filepath.Join(b.dir, "tabled")
	b.Must(os.MkdirAll(dir, 0o700))
	const query = `SELECT station, hour, nox AS "NOX", co AS "CO", changed_at FROM readings WHERE changed_at >= {since}`
	b.Must(os.WriteFile(filepath.Join(dir, "rows.sql"), []byte(query), 0o600))
	source := `sources: [{kind: table, from: "` + at + `", query: rows.sql, updated: changed_at, overlap: 10m, every: 20ms}]` + "\n"
	seen := func(want int64) {
		t.Helper()
		awaitState(t, filepath.Join(b.dir, "tabled"), func(s feed.State) bool { return s.Kept.New+s.Kept.Replaced >= want })
	}
	r := b.start("tabled", source, feed.Options{})
	seen(3)
	// Late in the transaction's sense: older than the latest that was seen, within the overlap.
	do(`INSERT INTO readings VALUES ('station 0003', '2026-12-01 08:00+08', 3.5, 30, '2026-12-01 08:56+08')`)
	do(`UPDATE readings SET nox = 1.75, changed_at = '2026-12-01 10:00+08' WHERE station = 'station 0001'`)
	seen(6)
	b.Must(r.Append(b.Ctx))
	want := []string{"station 0001 2026-12-01T08 1.750 10", "station 0002 2026-12-01T08 2.500 <nil>", "station 0003 2026-12-01T08 3.500 30"}
	if d := cmp.Diff(want, b.rows("tabled")); d != "" {
		t.Errorf("(-table +published)\n%s", d)
	}
	b.Must(r.end())
	s, err := spool.Open(filepath.Join(r.dir, "spool"), b.Keys["publisher"].Sealed())
	b.Must(err)
	if got := s.Mark("updated table"); got != "2026-12-01T02:00:00Z" {
		t.Errorf("it goes on from %s", got)
	}
	b.Must(s.Close())
}
