package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weirdata/weir/compute/table"
)

// ErrOrder is returned where rows cannot be asked for a page at a time.
var ErrOrder = errors.New("the rows cannot be asked for in pages")

// Pages is a query whose rows are asked for a page at a time, ordered by columns of its answer.
//
// All pages are of one snapshot of the database. Were each of a time of its own, a row that is
// committed while later pages are read, with an update before theirs, would be in none of them,
// and behind what is asked for next. A page begins with the last row of the one before it: rows
// that are equal in all these columns are read again, and not left out.
type Pages struct {
	Address string
	// Query is called before each page. What it is may leave out what came in earlier pages.
	Query func() string
	// Order are columns of the answer. They are never null, and no floating-point numbers.
	Order []string
	Size  int
}

// Each hands on a page after the other. Pages have memory for one row.
func (p Pages) Each(ctx context.Context, page func(table.File) error) (err error) {
	d, err := find(p.Address)
	if err != nil {
		return err
	}
	tx, end, err := d.begin(ctx, sql.LevelRepeatableRead)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	var from cursor
	for {
		text, args := p.text(d, from)
		var to cursor
		file := table.File{Name: d.name, Rows: func(ctx context.Context, into table.Sink) error {
			var at cursor // a page may be read several times, and not to its end
			q := question{text: text, args: args, seen: func(names, kinds []string, values []any) error { return at.move(p.Order, names, kinds, values) }}
			err := rows(ctx, tx, d.name, q, into)
			if at.rows > to.rows {
				to = at
			}
			return err
		}}
		if err := page(file); err != nil {
			return err
		}
		if to.rows < p.Size {
			return nil
		}
		if slices.Equal(from.values, to.values) {
			return fmt.Errorf("%w: %d or more of %s have the same %s (%v): name more columns of the key, or a larger page", ErrOrder, p.Size, d.name, strings.Join(p.Order, ", "), to.values)
		}
		from = to
	}
}

// text is the query of the page that begins at a row, with what stands for its places.
func (p Pages) text(d place, from cursor) (string, []any) {
	columns := make([]string, len(p.Order))
	for i, c := range p.Order {
		if d.mysql {
			columns[i] = "`" + strings.ReplaceAll(c, "`", "``") + "`"
		} else {
			columns[i] = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		}
	}
	order := strings.Join(columns, ", ")
	// The query may end in a comment: the bracket stands in a line of its own.
	text := "SELECT * FROM (\n" + strings.TrimRight(p.Query(), "; \t\r\n") + "\n) AS asked"
	var args []any
	if from.rows > 0 {
		places := make([]string, len(columns))
		for i, v := range from.values {
			switch s, isText := v.(string); {
			case d.mysql && isText && from.kinds[i] == "DECIMAL" && plainNumber.MatchString(s):
				places[i] = s // which a place would make a floating-point number of
			case d.mysql:
				places[i], args = "?", append(args, v)
			default:
				args = append(args, v)
				places[i] = fmt.Sprintf("$%d", len(args))
			}
		}
		text += " WHERE (" + order + ") >= (" + strings.Join(places, ", ") + ")"
	}
	return fmt.Sprintf("%s ORDER BY %s LIMIT %d", text, order, p.Size), args
}

var plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// cursor is a row of the answer, by the columns that order it.
type cursor struct {
	kinds  []string
	values []any
	rows   int // rows of the page up to it
}

// move moves the cursor to the next row.
func (c *cursor) move(order, names, kinds []string, values []any) error {
	*c = cursor{rows: c.rows + 1, kinds: make([]string, len(order)), values: make([]any, len(order))}
	for i, column := range order {
		at := slices.Index(names, column)
		if at < 0 {
			return fmt.Errorf("%w: the query answers no column %.80q", ErrOrder, column)
		}
		c.kinds[i], c.values[i] = kinds[at], values[at]
		switch v := values[at].(type) {
		case nil:
			return fmt.Errorf("%w: column %s is null: leave such rows out, or name another column", ErrOrder, column)
		case float32, float64:
			return fmt.Errorf("%w: column %s has floating-point numbers, which have no exact order", ErrOrder, column)
		case []byte:
			c.values[i] = string(v)
		}
	}
	return nil
}
