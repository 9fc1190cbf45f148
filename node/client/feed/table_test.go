package feed_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/database/databasetest"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// tabled is a table of readings, and a feed of it.
type tabled struct {
	*bench
	at string
	db *sql.DB
}

func newTabled(t *testing.T, server string) *tabled {
	x := &tabled{}
	dsn, driver := "", "pgx"
	switch server {
	case "Postgres":
		x.at = databasetest.Postgres(t)
		dsn = x.at
	default:
		x.at, driver = databasetest.MariaDB(t), "mysql"
		u, err := url.Parse(x.at)
		if err != nil {
			t.Fatal(err)
		}
		c := mysql.NewConfig()
		c.User, c.Net, c.Addr, c.DBName = "root", "unix", u.Query().Get("socket"), strings.TrimPrefix(u.Path, "/")
		dsn = c.FormatDSN()
	}
	x.bench = newBench(t)
	var err error
	x.db, err = sql.Open(driver, dsn)
	x.Must(err)
	t.Cleanup(func() { x.Must(x.db.Close()) })
	x.do(`CREATE TABLE readings (station varchar(40), hour timestamp, nox numeric(12,3), co numeric(12,0), changed_at timestamp(6))`)
	x.Must(os.MkdirAll(filepath.Join(x.dir, "tabled"), 0o700))
	const query = `SELECT station, hour, nox AS NOX, co AS CO, changed_at FROM readings WHERE changed_at >= {since}`
	text := query
	if driver == "pgx" { // which makes names small
		text = strings.NewReplacer("NOX", `"NOX"`, "CO,", `"CO",`, "hour,", "hour AT TIME ZONE 'UTC' AS hour,").Replace(query)
	}
	x.Must(os.WriteFile(filepath.Join(x.dir, "tabled", "rows.sql"), []byte(text), 0o600))
	return x
}

func (x *tabled) do(statement string) {
	x.Helper()
	_, err := x.db.ExecContext(x.Ctx, statement)
	x.Must(err)
}

func (x *tabled) sources(page string) string {
	return `sources: [{kind: table, from: "` + x.at + `", query: rows.sql, updated: changed_at, key: [station, hour], overlap: 10m, every: 20ms, page: ` + page + "}]\n"
}

// mark is from where the feed, which has ended, goes on.
func (x *tabled) mark(r *running) string {
	x.Helper()
	s, err := spool.Open(filepath.Join(r.dir, "spool"), x.Keys["publisher"].Sealed())
	x.Must(err)
	defer func() { x.Must(s.Close()) }()
	return s.Mark("updated table")
}

// Rows of a table are taken as they are updated, a page at a time: what is asked for begins an
// overlap before the latest update that was seen; an update takes the place of what was there.
func TestRowsOfATableAreTakenAsTheyAreUpdated(t *testing.T) {
	longrun.Only(t)
	for _, server := range []string{"Postgres", "MariaDB"} {
		for _, page := range []string{"2", "10000"} {
			t.Run(server+" by "+page, func(t *testing.T) {
				x := newTabled(t, server)
				// The hours are 08:00 in the dataset's own time.
				x.do(`INSERT INTO readings VALUES ('station 0001', '2026-12-01 00:00:00', 1.5, 10, '2026-12-01 01:00:00'),
					('station 0002', '2026-12-01 00:00:00', 2.5, NULL, '2026-12-01 01:05:00.5'), ('station 0000', '2026-12-01 00:00:00', 4.5, 40, '2026-12-01 01:05:00.5'),
					('station 0000', '2026-12-01 01:00:00', 4.75, 41, '2026-12-01 01:05:00.5')`)
				seen := func(want int64) {
					t.Helper()
					awaitState(t, filepath.Join(x.dir, "tabled"), func(s feed.State) bool { return s.Kept.New+s.Kept.Replaced >= want })
				}
				r := x.start("tabled", x.sources(page), feed.Options{})
				seen(7)
				// Late in the transaction's sense: older than the latest that was seen, within the overlap.
				x.do(`INSERT INTO readings VALUES ('station 0003', '2026-12-01 00:00:00', 3.5, 30, '2026-12-01 00:56:00')`)
				x.do(`UPDATE readings SET nox = 1.75, changed_at = '2026-12-01 02:00:00' WHERE station = 'station 0001'`)
				seen(10)
				x.Must(r.Append(x.Ctx))
				want := []string{
					"station 0000 2026-12-01T08 4.500 40", "station 0000 2026-12-01T09 4.750 41", "station 0001 2026-12-01T08 1.750 10",
					"station 0002 2026-12-01T08 2.500 <nil>", "station 0003 2026-12-01T08 3.500 30",
				}
				if d := cmp.Diff(want, x.rows("tabled")); d != "" {
					t.Errorf("(-table +published)\n%s", d)
				}
				x.Must(r.end())
				if got := x.mark(r); got != "2026-12-01T02:00:00Z" {
					t.Errorf("it goes on from %s", got)
				}
			})
		}
	}
}

// What a page had is kept though a later one cannot be, and so is how far it went.
func TestAPageIsKeptBeforeTheNextOneIsAskedFor(t *testing.T) {
	longrun.Only(t)
	for _, server := range []string{"Postgres", "MariaDB"} {
		t.Run(server, func(t *testing.T) {
			x := newTabled(t, server)
			x.do(`INSERT INTO readings VALUES ('station 0001', '2026-12-01 00:00:00', 1.5, 10, '2026-12-01 01:00:00'), ('station 0002', '2026-12-01 00:00:00', 2.5, 20, '2026-12-01 01:01:00'),
				('station 0003', '2026-12-01 00:00:00', 99999999.5, 30, '2026-12-01 01:02:00')`)
			r := x.start("tabled", x.sources("2"), feed.Options{})
			awaitState(t, filepath.Join(x.dir, "tabled"), func(s feed.State) bool {
				return s.Kept.New >= 4 && s.Sources["table"].Error != nil && strings.Contains(s.Sources["table"].Error.What, "row 2, column NOX")
			})
			x.Must(r.end())
			if got := x.mark(r); got != "2026-12-01T01:01:00Z" {
				t.Errorf("it goes on from %s", got)
			}
		})
	}
}
