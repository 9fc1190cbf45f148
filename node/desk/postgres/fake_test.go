package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/route"
)

// fake answers SUM and COUNT of measures as the nodes would, from plain readings: firm f has in month m of 2024 the
// reading nox(f, m), and no so2 in the first month.
type fake struct {
	mu      sync.Mutex
	kept    map[string]*buyer.Answer // guarded by mu
	charges int                      // guarded by mu
	hang    chan struct{}            // questions wait for it; nil: they do not
	asking  chan struct{}            // told when one waits
}

var firms = []struct{ name, county string }{{"f1", "north"}, {"f2", "north"}, {"f3", "south"}, {"f4", "south"}, {"O'Hara", "south"}}

const months = 3

func nox(f, m int) int64 { return int64(10000*(f+1) + m) } // in hundredths

func schema() sql.Schema {
	return sql.Schema{
		Descriptor: catalog.Descriptor{
			Dataset: "works", Registry: "firms", Entity: "firm", Grain: calendar.Month, UTCOffset: "+08:00",
			Measures: []catalog.Measure{{Name: "nox", Unit: "kg", Max: 1e7, Decimals: 2}, {Name: "so2", Unit: "kg", Max: 1e7, Decimals: 0}},
			Policy:   catalog.Policy{Aggregates: []string{"count", "sum", "avg"}, Public: true},
		},
		Columns: []string{"county"}, IDColumn: "firm",
	}
}

func (k *fake) Datasets(context.Context) ([]Dataset, error) {
	return []Dataset{{Grain: calendar.Month, Offset: 8 * time.Hour, Table: pgcatalog.Table{ID: "works", State: "1", Comment: "Works", Rows: int64(len(firms) * months), Columns: []pgcatalog.Column{
		{Name: "firm", Type: pgcatalog.OIDText}, {Name: "county", Type: pgcatalog.OIDText}, {Name: "period", Kind: pgcatalog.PeriodColumn, Type: pgcatalog.OIDDate},
		{Name: "nox", Kind: pgcatalog.MeasureColumn, Type: pgcatalog.OIDNumeric, Comment: "kg"}, {Name: "so2", Kind: pgcatalog.MeasureColumn, Type: pgcatalog.OIDNumeric},
	}}}}, nil
}

func (k *fake) Content(context.Context, string) (c pgcatalog.Content, err error) {
	for _, f := range firms {
		c.Entities = append(c.Entities, []string{f.name, f.county})
	}
	first, _ := monthOf(0)
	for m := range months {
		c.Periods = append(c.Periods, PeriodText(calendar.Month, first+int64(m)))
	}
	return c, nil
}

func monthOf(m int) (int64, string) {
	_, i, err := calendar.Parse("2024-01")
	if err != nil {
		panic(err)
	}
	return i + int64(m), calendar.Month.Format(i + int64(m))
}

func (k *fake) Form(_ context.Context, text string) (Form, error) {
	c, err := sql.Compile(text, schema())
	if err != nil {
		return Form{}, err
	}
	f := Form{Columns: result.ColumnsOf(c), Grains: make([]calendar.Grain, len(c.Output))}
	for i, o := range c.Output {
		if f.Columns[i].Type == result.TypePeriod {
			f.Grains[i] = c.Request.By[o.Index].Grain
		}
	}
	return f, nil
}

func key(q buyer.Question) string { return fmt.Sprintf("%+v", q) }

func (k *fake) Kept(_ context.Context, q buyer.Question) (*buyer.Answer, error) {
	if _, err := sql.Compile(q.SQL, schema()); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept[key(q)], nil
}

func (k *fake) Explain(_ context.Context, q buyer.Question) (buyer.Explained, error) {
	if strings.Contains(q.SQL, "'f1'") {
		change := buyer.Change{Words: "ask without the condition on entities", Question: buyer.Question{SQL: "SELECT SUM(nox) FROM works"}}
		return buyer.Explained{Problem: refusal(), Changes: []buyer.Change{change}}, nil
	}
	left := 9 - k.charged()
	return buyer.Explained{Explain: &wire.Explained{Groups: 2, Price: "10.00", Currency: "CNY", QueriesLeft: &left}}, nil
}

func refusal() *wire.Problem {
	return wire.NewProblem(403, "policy", "the largest group has 1 entity that counts").Advising("ask for more")
}

func (k *fake) charged() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.charges
}

func (k *fake) Ask(ctx context.Context, q buyer.Question) (buyer.Job, error) {
	if k.hang != nil {
		k.asking <- struct{}{}
		select {
		case <-k.hang:
		case <-ctx.Done():
			return buyer.Job{}, ctx.Err()
		}
	}
	if strings.Contains(q.SQL, "'f1'") {
		return buyer.Job{State: buyer.JobFailed, Problem: refusal()}, nil
	}
	c, err := sql.Compile(q.SQL, schema())
	if err != nil {
		return buyer.Job{State: buyer.JobFailed, Problem: route.ProblemOf(err)}, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.charges++
	a := &buyer.Answer{
		Query: fmt.Sprintf("q-%064d", k.charges), Question: buyer.Question{SQL: q.SQL, Contract: "c-1234567890"}, Table: tableOf(c), Price: "10.00", Currency: "CNY",
		Shortfall: []string{"1 group withheld by policy"},
	}
	if q.Verify {
		a.Table.Checked = &result.Checked{Members: []string{"n1", "n2", "n3"}, Sets: 3, Agree: true}
	}
	k.kept[key(q)] = a
	return buyer.Job{State: buyer.JobDone, Answer: a}, nil
}

// tableOf adds up the plain readings.
func tableOf(c *sql.Compiled) *result.Table {
	type group struct {
		dims        []string
		sum         [2]int64
		count, cell int64
	}
	groups := map[string]*group{}
	for f, firm := range firms {
		for m := range months {
			i, month := monthOf(m)
			if len(c.Request.Periods) > 0 && !slices.ContainsFunc(c.Request.Periods, func(p calendar.Interval) bool { return p.From <= i && i < p.To }) {
				continue
			}
			if w := c.Request.Where; w != nil && w.Column == "county" && !slices.Contains(w.Values, firm.county) {
				continue
			}
			var dims []string
			for _, by := range c.Request.By {
				switch by.Kind {
				case catalog.DimEntity:
					dims = append(dims, firm.name)
				case catalog.DimPeriod:
					dims = append(dims, by.Grain.Format(calendar.Month.In(i, by.Grain)))
				default:
					dims = append(dims, firm.county)
				}
			}
			_ = month
			g := groups[strings.Join(dims, "|")]
			if g == nil {
				g = &group{dims: dims}
				groups[strings.Join(dims, "|")] = g
			}
			g.cell++
			g.sum[0] += nox(f, m)
			g.count++
		}
	}
	t := &result.Table{Columns: result.ColumnsOf(c), Rows: [][]any{}}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		g := groups[name]
		var row []any
		for _, o := range c.Output {
			switch {
			case o.Kind == sql.OutputDimension:
				row = append(row, g.dims[o.Index])
			case c.Request.Select[o.Index].Func == catalog.FuncCount:
				row = append(row, g.count)
			default:
				row = append(row, fmt.Sprintf("%d.%02d", g.sum[0]/100, g.sum[0]%100))
			}
		}
		t.Rows = append(t.Rows, row)
		t.Included, t.Of, t.HeldBack = append(t.Included, 2), append(t.Of, 3), append(t.HeldBack, 0)
	}
	if c.Limit != nil && *c.Limit < len(t.Rows) {
		t.Rows = t.Rows[:*c.Limit]
	}
	return t
}

// world is a server with a fake behind it.
type world struct {
	*testing.T
	fake     *fake
	server   *Server
	password string
	dir      string
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{T: t, fake: &fake{kept: map[string]*buyer.Answer{}}, password: rand.Text(), dir: t.TempDir()}
	o := Options{Asker: w.fake, Password: w.password, Dir: w.dir}
	if change != nil {
		change(&o)
	}
	var err error
	if w.server, err = Listen("127.0.0.1:0", o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) url(more string) string {
	return fmt.Sprintf("postgres://weir:%s@%s/weir?%s", w.password, w.server.Addr(), more)
}

// connect is a connection that is closed with the test, and what it was told in notices.
func (w *world) connect(more string) (*pgx.Conn, *[]string) {
	w.Helper()
	c, err := pgx.ParseConfig(w.url(more))
	if err != nil {
		w.Fatal(err)
	}
	notices := &[]string{}
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { *notices = append(*notices, n.Message) }
	conn, err := pgx.ConnectConfig(w.Context(), c)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close(context.Background()) }) //nolint:errcheck // the test is over
	return conn, notices
}

// rows asks, and writes each row as text.
func rows(t *testing.T, c *pgx.Conn, sql string, args ...any) (out []string) {
	t.Helper()
	r, err := c.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	for r.Next() {
		values, err := r.Values()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		var cells []string
		for _, v := range values {
			switch v := v.(type) {
			case nil:
				cells = append(cells, "NULL")
			case time.Time:
				cells = append(cells, v.Format(time.DateOnly))
			case interface{ MarshalJSON() ([]byte, error) }:
				b, err := v.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				cells = append(cells, string(b))
			default:
				cells = append(cells, fmt.Sprint(v))
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	if err := r.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// refusalOf is the error that a statement ends with.
func refusalOf(t *testing.T, c *pgx.Conn, sql string, args ...any) *pgconn.PgError {
	t.Helper()
	_, err := c.Exec(t.Context(), sql, args...)
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		t.Fatalf("%s ends with %v", sql, err)
	}
	return e
}

func problemOfClient(t *testing.T, sql string, err error) *pgconn.PgError {
	t.Helper()
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		t.Fatalf("%s ends with %v", sql, err)
	}
	return e
}
