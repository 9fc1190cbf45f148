package desk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

// passwordOf is what a desk's file of passwords has.
func passwordOf(t *testing.T, file string) string {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the file of passwords is %v, %v", info, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSpace(string(b)), ":")
	if len(parts) != 5 || len(parts[4]) < 40 {
		t.Fatalf("the file of passwords has %d parts", len(parts))
	}
	return parts[4]
}

// The password is in a file that only this user reads, tools may keep it, and removing the file makes it void. A file that
// others could read is not trusted. Without a key, and on another interface, nothing is spoken.
func TestThePasswordOfPostgresIsKept(t *testing.T) {
	start := func(dir string) (string, *Desk) {
		v := lonely(t, false)
		d, err := New("127.0.0.1:0", Options{Client: v.desk.options.Client, Dir: dir, Postgres: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		access := d.Postgres()
		if access == nil || access.Host != "127.0.0.1" || access.PasswordFile != filepath.Join(dir, passwordFile) {
			t.Fatalf("tools connect by %+v", access)
		}
		return passwordOf(t, access.PasswordFile), d
	}
	dir := t.TempDir()
	first, d := start(dir)
	if again, _ := start(dir); again != first {
		t.Error("the password is another after a start")
	}
	if err := os.Chmod(filepath.Join(dir, passwordFile), 0o644); err != nil {
		t.Fatal(err)
	}
	second, _ := start(dir)
	if second == first {
		t.Error("a password that others could read is kept")
	}
	if err := os.Remove(filepath.Join(dir, passwordFile)); err != nil {
		t.Fatal(err)
	}
	if third, _ := start(dir); third == second {
		t.Error("a password that was removed is kept")
	}
	if _, err := New("127.0.0.1:0", Options{Client: d.options.Client, Dir: dir, Postgres: "0.0.0.0:0"}); err == nil {
		t.Error("Postgres' protocol is spoken on every interface")
	}
}

// On a cluster of nodes: a dashboard's figures are those of the files, a hundred refreshes cost one query of the contract,
// a refusal names the smallest change, and rows have no readings.
func TestPostgresOnACluster(t *testing.T) {
	longrun.Only(t)
	w := clienttest.New(t)
	publishPlants(w)
	contract := w.Contract("plants", catalog.OrderApprove{Queries: 10})
	dir := t.TempDir()
	v := visit(t, Options{Client: w.Client(catalog.RoleBuyer), Dir: dir, Version: "test", Postgres: "127.0.0.1:0"})
	access := v.desk.Postgres()
	c, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://weir:%s@%s:%s/weir", passwordOf(t, access.PasswordFile), access.Host, access.Port))
	w.Must(err)
	t.Cleanup(func() { c.Close(context.Background()) }) //nolint:errcheck // the test is over
	exec := func(sql string) error {
		_, err := c.Exec(t.Context(), sql)
		return err
	}
	const dashboard = `SELECT "plants"."county" AS "county", SUM("plants"."nox") AS "nox" FROM "public"."plants" WHERE "plants"."period" >= '2024-01-01T00:00:00+08:00' GROUP BY "plants"."county" ORDER BY 1`
	refused := func(sql, state string) *pgconn.PgError {
		t.Helper()
		e, ok := exec(sql).(*pgconn.PgError) //nolint:errorlint // pgx gives it as it is
		if !ok || e.Code != state {
			t.Fatalf("%s ends with %v", sql, e)
		}
		return e
	}
	if e := refused(dashboard, "55000"); !strings.Contains(e.Message, "10.00 CNY") {
		t.Errorf("not spending: %+v", e)
	}
	w.Must(exec("SET weir.spend = on"))
	want := map[string]int{}
	for p := range 24 {
		for m := 12; m < plantMonths; m++ {
			if nox, ok := plantNOx(p, m); ok {
				want[plantCounty(p)] += nox
			}
		}
	}
	for refresh := range 100 {
		if refresh == 1 {
			w.Must(exec("SET weir.spend = off"))
		}
		rows, err := c.Query(t.Context(), dashboard)
		w.Must(err)
		n := 0
		for rows.Next() {
			var county, nox string
			w.Must(rows.Scan(&county, &nox))
			if exact := fmt.Sprintf("%d.%d", want[county]/10, want[county]%10); nox != exact {
				t.Fatalf("refresh %d: %s has %s, want %s", refresh, county, nox, exact)
			}
			n++
		}
		w.Must(rows.Err())
		if n != 4 {
			t.Fatalf("refresh %d has %d rows", refresh, n)
		}
	}
	k, err := exchange.Contract(t.Context(), w.Client(catalog.RoleBuyer), contract)
	w.Must(err)
	if k.Used != 1 {
		t.Errorf("100 refreshes are charged as %d queries", k.Used)
	}
	w.Must(exec("SET weir.spend = on"))
	if e := refused("SELECT SUM(nox) FROM plants WHERE plant = 'p01'", "42501"); !strings.Contains(e.Hint, "SELECT SUM(nox) FROM") {
		t.Errorf("refused with the hint %q: %s", e.Hint, e.Message)
	}
	var plant, county, period string
	var nox *string
	w.Must(c.QueryRow(t.Context(), "SELECT plant, county, period::text, nox FROM plants ORDER BY 1, 3 LIMIT 1").Scan(&plant, &county, &period, &nox))
	if plant != "p01" || county != "north" || period != "2023-01-01" || nox != nil {
		t.Errorf("a row is %s, %s, %s, %v", plant, county, period, nox)
	}
}

// The page tells how tools connect, and never the password.
func TestThePageTellsHowToolsConnect(t *testing.T) {
	off := ask[Tools](lonely(t, false), "GET", "/api/tools", nil)
	if off.Postgres != nil || off.Listen == "" || !off.Key {
		t.Errorf("turned off it is %+v", off)
	}
	v := visit(t, Options{Client: lonely(t, false).desk.options.Client, Dir: t.TempDir(), Postgres: "127.0.0.1:0", Version: "test"})
	on := ask[Tools](v, "GET", "/api/tools", nil)
	if on.Postgres == nil || *on.Postgres != *v.desk.Postgres() || on.Postgres.Port == "" {
		t.Fatalf("turned on it is %+v", on.Postgres)
	}
	password := passwordOf(t, on.Postgres.PasswordFile)
	for _, path := range []string{"/api/tools", "/api/session"} {
		if _, body := v.send(v.request("GET", path, "", nil)); body == "" || strings.Contains(body, password) {
			t.Errorf("%s answers %s", path, body)
		}
	}
}
