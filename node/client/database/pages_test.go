package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client/database"
	"github.com/weirdata/weir/node/client/database/databasetest"
)

// servers are the databases that this machine has, each by what opens it for writing.
var servers = map[string]func(*testing.T) (string, *sql.DB){
	"Postgres": func(t *testing.T) (string, *sql.DB) {
		at := databasetest.Postgres(t)
		return at, opened(t, "pgx", at)
	},
	"MariaDB": func(t *testing.T) (string, *sql.DB) {
		at := databasetest.MariaDB(t)
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		c := mysql.NewConfig()
		c.User, c.Net, c.Addr, c.DBName, c.MultiStatements = "root", "unix", u.Query().Get("socket"), strings.TrimPrefix(u.Path, "/"), true
		return at, opened(t, "mysql", c.FormatDSN())
	},
}

func opened(t *testing.T, driver, at string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// pagesOf are the first columns of the rows of each page. between is called after each.
func pagesOf(t *testing.T, p database.Pages, between func(page int)) (pages [][]string, err error) {
	t.Helper()
	err = p.Each(t.Context(), func(f table.File) error {
		k := &kept{}
		if err := table.Read(t.Context(), f, table.Options{}, k); err != nil {
			return err
		}
		if len(k.faults) > 0 {
			return errors.New(k.faults[0])
		}
		var page []string
		for _, r := range k.rows {
			_, fields, _ := strings.Cut(r, ": ")
			first, _, _ := strings.Cut(fields, "|")
			page = append(page, first)
		}
		pages = append(pages, page)
		if between != nil {
			between(len(pages))
		}
		return nil
	})
	return pages, err
}

// Rows are asked for in pages, of each kind of server that is here.
func TestRowsAreAskedForInPages(t *testing.T) {
	for name, open := range servers {
		t.Run(name, func(t *testing.T) {
			at, db := open(t)
			t.Run("every row is in a page", func(t *testing.T) { everyRowIsInAPage(t, at, db) })
			t.Run("pages are of one snapshot", func(t *testing.T) { pagesAreOfOneSnapshot(t, at, db) })
			t.Run("rows without an order are an error", func(t *testing.T) { rowsWithoutAnOrderAreAnError(t, at, db) })
		})
	}
}

// Every row is in a page, whatever the key is made of: updates of one time, numbers that no
// floating-point number tells apart, texts that the database takes for equal.
func everyRowIsInAPage(t *testing.T, at string, db *sql.DB) {
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE p (n int, big decimal(30,2), word varchar(20), day date, updated timestamp(6))`); err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range 23 {
		// Five rows have one update; bigs differ behind the 16th digit; words in case.
		statement := fmt.Sprintf(`INSERT INTO p VALUES (%d, 90071992547409930000.%02d, '%s''"', '2024-01-%02d', '2024-01-02 03:04:%02d.5')`, i, i, []string{"Äb", "äB", "äb"}[i%3], 1+i/7, i/5)
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(i))
	}
	for _, key := range [][]string{{"n"}, {"big"}, {"word", "n"}, {"day", "big"}} {
		for _, size := range []int{2, 3, 7, 23, 24} {
			asked := 0
			p := database.Pages{Address: at, Order: append([]string{"updated"}, key...), Size: size}
			p.Query = func() string { asked++; return "SELECT * FROM p -- all" }
			pages, err := pagesOf(t, p, nil)
			if err != nil {
				t.Fatalf("%v by %d: %v", key, size, err)
			}
			var got []string
			for i, page := range pages {
				if len(page) > size {
					t.Errorf("%v by %d: a page of %d", key, size, len(page))
				}
				if i > 0 && page[0] != got[len(got)-1] {
					t.Errorf("%v by %d: page %d does not begin where the one before ends: %v", key, size, i, pages)
				}
				got = append(got, page...)
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(all))
			if !slices.Equal(slices.Compact(got), want) || asked != len(pages) {
				t.Errorf("%v by %d: %v in %v", key, size, got, pages)
			}
		}
	}
}

// What is committed while pages are read is in none of them, and not behind them either: the
// pages are of one time.
func pagesAreOfOneSnapshot(t *testing.T, at string, db *sql.DB) {
	do := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do(`CREATE TABLE s (n int, updated timestamp(6))`)
	for i := range 9 {
		do(fmt.Sprintf(`INSERT INTO s VALUES (%d, '2024-01-02 03:04:%02d')`, i, i))
	}
	p := database.Pages{Address: at, Order: []string{"updated", "n"}, Size: 4, Query: func() string { return "SELECT n, updated FROM s" }}
	pages, err := pagesOf(t, p, func(page int) {
		if page == 1 {
			do(`INSERT INTO s VALUES (100, '2024-01-02 03:04:01.5')`)
			do(`INSERT INTO s VALUES (101, '2024-01-02 03:04:30')`)
		}
	})
	if want := [][]string{{"0", "1", "2", "3"}, {"3", "4", "5", "6"}, {"6", "7", "8"}}; err != nil || !slices.EqualFunc(pages, want, slices.Equal) {
		t.Errorf("%v, %v", pages, err)
	}
}

// Rows that cannot be told apart, or have no place in the order, are an error; nothing is left
// out in silence.
func rowsWithoutAnOrderAreAnError(t *testing.T, at string, db *sql.DB) {
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE o (n int, x double precision, empty int, updated timestamp(6))`); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO o VALUES (%d, 1.5, NULL, '2024-01-02 03:04:05')`, i/4)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ key, want string }{
		{"n", "3 or more of"}, {"x", "floating-point"}, {"empty", "column empty is null"}, {"nothing", "nothing"},
	} {
		p := database.Pages{Address: at, Order: []string{"updated", c.key}, Size: 3, Query: func() string { return "SELECT * FROM o" }}
		if _, err := pagesOf(t, p, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
	// Four of one key fit into a page of five.
	p := database.Pages{Address: at, Order: []string{"updated", "n"}, Size: 5, Query: func() string { return "SELECT * FROM o" }}
	rows := 0
	err := p.Each(t.Context(), func(f table.File) error {
		k := &kept{}
		defer func() { rows += len(k.rows) }()
		return table.Read(context.WithoutCancel(t.Context()), f, table.Options{}, k)
	})
	if err != nil || rows < 7 {
		t.Errorf("%d rows, %v", rows, err)
	}
}
