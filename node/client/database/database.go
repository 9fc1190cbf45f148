// Package database reads what a query of a Postgres or MySQL database answers as a table,
// for publishing: the publisher's files may be a table of the publisher's own database.
//
// Values become the texts that package table makes of Parquet's: plain decimals, ISO 8601
// dates and times, with Z where the database knows the offset, and an empty text for null.
// Rows are streamed. The connection is read only as far as the database can be told so.
// Passwords stand in the address, in PGPASSWORD or MYSQL_PWD; no message has them.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"github.com/weirdata/weir/compute/table"
)

// Query is a file whose rows are those that a query answers. address is
// postgres://user@host/database or mysql://user@host/database.
func Query(address, query string) (table.File, error) {
	d, err := find(address)
	if err != nil {
		return table.File{}, err
	}
	f := table.File{Name: d.name}
	if strings.TrimSpace(query) == "" {
		return f, errors.New("the query is empty")
	}
	f.Rows = func(ctx context.Context, into table.Sink) (err error) {
		tx, end, err := d.begin(ctx, sql.LevelDefault)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
		return rows(ctx, tx, f.Name, question{text: query}, into)
	}
	return f, nil
}

// place is where a database is.
type place struct {
	name  string // for messages: without a password
	mysql bool
	open  func() (*sql.DB, error)
}

// find is the database of an address.
func find(address string) (place, error) {
	at, err := url.Parse(address)
	if err != nil {
		return place{}, errors.New("the database's address is no URL: want postgres://user@host/database or mysql://user@host/database")
	}
	p := place{name: at.Scheme + "://" + at.Host + at.Path}
	switch at.Scheme {
	case "postgres", "postgresql":
		p.open = func() (*sql.DB, error) { return sql.Open("pgx", address) }
	case "mysql", "mariadb":
		p.mysql = true
		config := mysqlConfig(at)
		p.open = func() (*sql.DB, error) {
			connector, err := mysql.NewConnector(config)
			if err != nil {
				return nil, err
			}
			return sql.OpenDB(connector), nil
		}
	default:
		return p, fmt.Errorf("%.20q is no database: want postgres://user@host/database or mysql://user@host/database", at.Scheme)
	}
	return p, nil
}

// TimeText writes a time as the database at an address reads it, for a text in single quotes.
func TimeText(address string, t time.Time) string {
	if p, err := find(address); err == nil && p.mysql {
		return t.UTC().Format("2006-01-02 15:04:05.000000")
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// begin begins a transaction that may not write; end ends it.
func (p place) begin(ctx context.Context, level sql.IsolationLevel) (tx *sql.Tx, end func() error, err error) {
	db, err := p.open()
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", p.name, err)
	}
	tx, err = db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: level})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("connect to %s: %w", p.name, err), db.Close())
	}
	return tx, func() error {
		_ = tx.Rollback() // nothing was written
		return db.Close()
	}, nil
}

func mysqlConfig(at *url.URL) *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", at.Host
	if at.Port() == "" {
		c.Addr += ":3306"
	}
	c.DBName = strings.TrimPrefix(at.Path, "/")
	c.User = at.User.Username()
	c.Passwd = os.Getenv("MYSQL_PWD")
	if p, given := at.User.Password(); given {
		c.Passwd = p
	}
	if socket := at.Query().Get("socket"); socket != "" {
		c.Net, c.Addr = "unix", socket
	}
	c.TLSConfig = at.Query().Get("tls")
	c.Params = map[string]string{"time_zone": "'+00:00'"} // so that timestamps are in UTC
	return c
}

// question is a query, with what stands for its places.
type question struct {
	text string
	args []any
	// seen is told of every row as it came, with the columns' names and types; nil: nobody is.
	seen func(names, kinds []string, values []any) error
}

// rows hands on what a query answers.
func rows(ctx context.Context, tx *sql.Tx, name string, q question, into table.Sink) (err error) {
	answer, err := tx.QueryContext(ctx, q.text, q.args...)
	if err != nil {
		into.Fault(0, "the query fails: "+err.Error(), "")
		return nil
	}
	defer func() { err = errors.Join(err, answer.Close()) }()
	columns, err := answer.ColumnTypes()
	if err != nil {
		return fmt.Errorf("read the columns of %s: %w", name, err)
	}
	names, kinds := make([]string, len(columns)), make([]string, len(columns))
	values, into1, fields := make([]any, len(columns)), make([]any, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i], kinds[i], into1[i] = c.Name(), strings.ToUpper(c.DatabaseTypeName()), &values[i]
	}
	if !into.Begin(table.Head{Kind: "query", Names: names}) {
		return nil
	}
	for n := 1; answer.Next(); n++ {
		if err := answer.Scan(into1...); err != nil {
			return fmt.Errorf("read row %d of %s: %w", n, name, err)
		}
		if q.seen != nil {
			if err := q.seen(names, kinds, values); err != nil {
				return fmt.Errorf("row %d of %s: %w", n, name, err)
			}
		}
		for i, v := range values {
			fields[i] = textOf(v, kinds[i])
		}
		if err := into.Row(fields, n); err != nil {
			return err
		}
	}
	if err := answer.Err(); err != nil {
		return fmt.Errorf("read rows of %s: %w", name, err)
	}
	return nil
}

// textOf writes a value of a column of a type.
func textOf(v any, kind string) string {
	switch x := v.(type) {
	case nil:
		return ""
	case []byte:
		text := string(x)
		if kind == "TIMESTAMP" && text != "" { // MySQL's, which the session has in UTC
			text += "Z"
		}
		return text
	case string:
		return x
	case time.Time:
		switch kind {
		case "DATE":
			return x.Format(time.DateOnly)
		case "TIMESTAMP": // Postgres's, which the driver says is UTC, though nobody knows
			return table.Instant(x, false)
		}
		return table.Instant(x, true)
	case float64:
		if kind == "FLOAT4" { // Postgres's, whose digits are those of 32 bits
			return strconv.FormatFloat(x, 'f', -1, 32)
		}
		return strconv.FormatFloat(x, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(x), 'f', -1, 32)
	}
	return fmt.Sprint(v)
}
