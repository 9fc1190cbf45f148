package pgcatalog

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

const (
	// MaxRows is how many rows an answer has at most.
	MaxRows = 100_000
	// maxTime is how long a query may take.
	maxTime = 20 * time.Second
	// maxHeap bounds the memory of a database, and maxValue a text in it, in bytes.
	maxHeap  = 512 << 20
	maxValue = 16 << 20
)

// Kind is what a column of a dataset is.
type Kind int

// Kinds of columns.
const (
	EntityColumn  Kind = iota // the entity or an attribute of it
	PeriodColumn              // the period
	MeasureColumn             // values that are never shown row by row
)

// Column is a column of a dataset.
type Column struct {
	Name    string
	Kind    Kind
	Type    uint32
	Comment string
}

// Table is a dataset.
type Table struct {
	ID      string
	State   string // changes with what is in the table
	Comment string
	Columns []Column
	Rows    int64 // entities × periods
	OID     uint32

	loaded bool
}

// Content are the rows of a dataset: of each entity the values of the columns that are no period and no measure, and
// the periods.
type Content struct {
	Entities [][]string
	Periods  []string
}

// Result is the answer to a query.
type Result struct {
	Columns []ResultColumn
	Rows    [][]any // string, int64, float64, bool or nil
	Cut     bool    // there are more rows than MaxRows
}

// ResultColumn is a column of an answer.
type ResultColumn struct {
	Name string
	Type uint32
	// Table is the dataset that the column is of, and Number that of the column in it; 0: it is of none.
	Table  uint32
	Number int16
}

// UnknownError is a query that is not understood.
type UnknownError struct {
	SQL string // as SQLite was given it
	Err error
}

// Error implements error.
func (e *UnknownError) Error() string { return e.Err.Error() }

// Unwrap gives what SQLite said.
func (e *UnknownError) Unwrap() error { return e.Err }

var errOnlyQueries = errors.New("only queries are answered")

// MissingError is a table, column or function that is not there.
type MissingError struct {
	What, Name string
}

// Error implements error.
func (e *MissingError) Error() string { return fmt.Sprintf("there is no %s %s", e.What, e.Name) }

// DB is the database of one session. It is not safe for concurrent use. Open it, and Close it.
type DB struct {
	// Set and Setting are set_config and current_setting, Settings what pg_settings lists; nil: there are none. What is set
	// locally holds until the transaction ends.
	Set      func(name, value string, local bool) error
	Setting  func(name string) (string, bool)
	Settings func() map[string]string

	conn     *sqlite3.Conn
	pid      uint32
	clock    func() time.Time
	patterns map[string]*regexp.Regexp
	tables   []*Table
	byOID    map[uint32]*Table
}

// Open makes an empty catalogue for a session of that process id.
func Open(pid uint32, clock func() time.Time) (*DB, error) {
	readTexts()
	conn, err := sqlite3.Open(":memory:")
	if err != nil {
		return nil, fmt.Errorf("open the catalogue: %w", err)
	}
	d := &DB{conn: conn, pid: pid, clock: clock, patterns: map[string]*regexp.Regexp{}, byOID: map[uint32]*Table{}}
	conn.HardHeapLimit(maxHeap)
	if err := errors.Join(d.create(), d.register()); err != nil {
		conn.Close() //nolint:errcheck,gosec // what is told is why
		return nil, fmt.Errorf("make the catalogue: %w", err)
	}
	conn.Limit(sqlite3.LIMIT_LENGTH, maxValue)
	conn.Limit(sqlite3.LIMIT_ATTACHED, 0) // those of the schemas are there
	return d, nil
}

// Close frees the database.
func (d *DB) Close() error { return d.conn.Close() }

// List makes the datasets those that are given, where something has changed.
func (d *DB) List(tables []Table) error {
	same := slices.EqualFunc(tables, d.tables, func(a Table, b *Table) bool { return a.ID == b.ID && a.State == b.State })
	if same && len(tables) > 0 {
		return nil
	}
	list := make([]*Table, len(tables))
	for i := range tables {
		list[i] = &tables[i]
	}
	if err := d.list(list); err != nil {
		return fmt.Errorf("list the datasets: %w", err)
	}
	return nil
}

// Table is the dataset of a name; nil: there is none.
func (d *DB) Table(id string) *Table {
	for _, t := range d.tables {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// Loaded reports whether a dataset's rows are there.
func (d *DB) Loaded(id string) bool { t := d.Table(id); return t != nil && t.loaded }

// Load puts in the rows of a dataset.
func (d *DB) Load(id string, c Content) error {
	t := d.Table(id)
	if t == nil {
		return &MissingError{"table", id}
	}
	if err := d.insert(EntitiesOf(id), c.Entities); err != nil {
		return fmt.Errorf("read the entities of %s: %w", id, err)
	}
	periods := make([][]string, len(c.Periods))
	for i, p := range c.Periods {
		periods[i] = []string{p}
	}
	if err := d.insert(PeriodsOf(id), periods); err != nil {
		return fmt.Errorf("read the periods of %s: %w", id, err)
	}
	t.loaded = true
	return nil
}

// insert puts rows of texts into the first columns of a table.
func (d *DB) insert(table string, rows [][]string) (err error) {
	if len(rows) == 0 {
		return nil
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(rows[0])), ",")
	columns := ""
	for _, t := range d.tables {
		if table == EntitiesOf(t.ID) {
			var names []string
			for _, c := range t.Columns {
				if c.Kind == EntityColumn {
					names = append(names, ident(c.Name))
				}
			}
			columns = "(" + strings.Join(names, ", ") + ")"
		}
	}
	tx := d.conn.Begin()
	defer tx.End(&err)
	s, _, err := d.conn.Prepare("INSERT INTO public." + ident(table) + columns + " VALUES (" + marks + ")")
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // Exec told what failed
	for _, row := range rows {
		for i, v := range row {
			if err := s.BindText(i+1, v); err != nil {
				return err
			}
		}
		if err := s.Exec(); err != nil {
			return err
		}
	}
	return nil
}

// Temporary makes a table of an answer, in place of another of that name.
func (d *DB) Temporary(name string, r *Result) error {
	var sql strings.Builder
	fmt.Fprintf(&sql, "DROP TABLE IF EXISTS temp.%[1]s; CREATE TEMP TABLE %[1]s (", ident(name))
	for i, c := range r.Columns {
		if i > 0 {
			sql.WriteString(", ")
		}
		fmt.Fprintf(&sql, "%s %s", ident(c.Name), declared(typeNames[c.Type]))
	}
	sql.WriteString(")")
	if err := d.conn.Exec(sql.String()); err != nil {
		return fmt.Errorf("keep an answer for the rest of the query: %w", err)
	}
	if len(r.Rows) == 0 {
		return nil
	}
	s, _, err := d.conn.Prepare("INSERT INTO temp." + ident(name) + " VALUES (" + strings.TrimSuffix(strings.Repeat("?,", len(r.Columns)), ",") + ")")
	if err != nil {
		return fmt.Errorf("keep an answer for the rest of the query: %w", err)
	}
	defer s.Close() //nolint:errcheck // Exec told what failed
	for _, row := range r.Rows {
		for i, cell := range row {
			switch v := cell.(type) {
			case nil:
				err = s.BindNull(i + 1)
			case int64:
				err = s.BindInt64(i+1, v)
			case string:
				err = s.BindText(i+1, v)
			default:
				err = fmt.Errorf("a cell is of type %T", cell)
			}
			if err != nil {
				return fmt.Errorf("keep an answer for the rest of the query: %w", err)
			}
		}
		if err := s.Exec(); err != nil {
			return fmt.Errorf("keep an answer for the rest of the query: %w", err)
		}
	}
	return nil
}

// Query answers a query. With shape alone no row is read but the first, by which types are guessed. It fails with a
// *MissingError or an *UnknownError.
func (d *DB) Query(ctx context.Context, list []token.Token, shape bool) (*Result, error) {
	sql := translate(list)
	if len(list) == 0 || !list[0].Is("SELECT", "WITH", "VALUES", "(") { // SQLite says of ATTACH that it only reads
		return nil, &UnknownError{sql, errOnlyQueries}
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	old := d.conn.SetInterrupt(ctx)
	defer d.conn.SetInterrupt(old)
	s, rest, err := d.conn.Prepare(sql)
	if err != nil {
		return nil, known(ctx, sql, err)
	}
	if s == nil {
		return &Result{}, nil
	}
	defer s.Close() //nolint:errcheck // Step told what failed
	if strings.TrimSpace(rest) != "" || !s.ReadOnly() {
		return nil, &UnknownError{sql, errOnlyQueries}
	}
	r := &Result{}
	hints := hintsOf(list, s.ColumnCount())
	for i := range s.ColumnCount() {
		c := ResultColumn{Name: columnName(s.ColumnName(i)), Type: d.declaredType(s.ColumnDeclType(i), hints[i])}
		c.Table, c.Number = d.origin(s.ColumnTableName(i), s.ColumnOriginName(i))
		r.Columns = append(r.Columns, c)
	}
	for s.Step() {
		if len(r.Rows) == MaxRows {
			r.Cut = true
			break
		}
		row := make([]any, len(r.Columns))
		for i := range row {
			row[i] = cellOf(s, i, &r.Columns[i].Type)
		}
		r.Rows = append(r.Rows, row)
		if shape && len(r.Rows) == 100 {
			break
		}
	}
	if err := s.Err(); err != nil {
		return nil, known(ctx, sql, err)
	}
	for i := range r.Columns {
		if r.Columns[i].Type == 0 {
			r.Columns[i].Type = OIDText
		}
	}
	if shape {
		r.Rows = nil
	}
	return r, nil
}

// columnName is that of a column without an alias: Postgres calls it by its function.
func columnName(name string) string {
	list, err := token.Scan(name)
	if err == nil && len(list) == 1 && (list[0].Kind == token.Number || list[0].Kind == token.String || list[0].Is("NULL")) {
		return "?column?"
	}
	if err != nil || len(list) < 2 {
		return name
	}
	if list[0].Named() && list[1].Is("(") {
		if list[0].Is("date_part") {
			return "extract"
		}
		return list[0].Lower()
	}
	if len(list) == 3 && list[1].Is(".") {
		return list[2].Lower()
	}
	if strings.ContainsAny(name, "(|+") || list[0].Is("CASE") {
		return "?column?"
	}
	return name
}

// origin is the dataset and the number of a column that SQLite reads from a table.
func (d *DB) origin(table, column string) (oid uint32, number int16) {
	for _, t := range d.tables {
		if table != EntitiesOf(t.ID) && table != PeriodsOf(t.ID) {
			continue
		}
		for i, c := range t.Columns {
			if c.Name == column {
				return t.OID, int16(i + 1)
			}
		}
	}
	return 0, 0
}

func (d *DB) declaredType(decl string, hint uint32) uint32 {
	first, _, _ := strings.Cut(strings.ToLower(decl), " ")
	if oid := typeOIDs[first]; oid != 0 && hint == 0 {
		return oid
	}
	return hint
}

// cellOf reads a cell, and guesses the type of its column where that is not known yet.
func cellOf(s *sqlite3.Stmt, i int, of *uint32) any {
	kind := s.ColumnType(i)
	if *of == 0 {
		switch kind {
		case sqlite3.INTEGER:
			*of = OIDInt8
		case sqlite3.FLOAT:
			*of = OIDFloat8
		case sqlite3.TEXT, sqlite3.BLOB:
			*of = OIDText
		}
	}
	switch kind {
	case sqlite3.NULL:
		return nil
	case sqlite3.INTEGER:
		if *of == OIDBool {
			return s.ColumnInt64(i) != 0
		}
		return s.ColumnInt64(i)
	case sqlite3.FLOAT:
		return s.ColumnFloat(i)
	}
	return s.ColumnText(i)
}

// messages of SQLite that name what is missing.
var missingForms = sync.OnceValue(func() []missingForm {
	return []missingForm{
		{regexp.MustCompile(`no such table: (\S+)`), "table"},
		{regexp.MustCompile(`no such column: (\S+)`), "column"},
		{regexp.MustCompile(`no such function: (\S+)`), "function"},
	}
})

type missingForm struct {
	form *regexp.Regexp
	what string
}

// known tells what an error of SQLite means.
func known(ctx context.Context, sql string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, m := range missingForms() {
		if found := m.form.FindStringSubmatch(err.Error()); found != nil {
			return &UnknownError{sql, &MissingError{m.what, strings.TrimPrefix(found[1], "public.")}}
		}
	}
	return &UnknownError{sql, err}
}
