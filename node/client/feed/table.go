package feed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client/database"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// sincePlace is what stands in a query for the time from which on rows are wanted.
const sincePlace = "{since}"

// queried is a table of a database, of which rows are asked for as they are updated.
type queried struct {
	rows
	query string
}

// watchTable asks a database now and then.
func watchTable(r rows) (func(context.Context) error, error) {
	s := r.source
	b, err := os.ReadFile(filepath.Clean(s.Query))
	if err != nil {
		return nil, fmt.Errorf("source %s: read the query: %w", s.Name, err)
	}
	query := string(b)
	if !strings.Contains(query, sincePlace) {
		return nil, fmt.Errorf("source %s: the query in %s has no %s; want … WHERE %s >= %s", s.Name, s.Query, sincePlace, s.Updated, sincePlace)
	}
	if _, err := database.Query(s.From, query); err != nil {
		return nil, fmt.Errorf("source %s: %w", s.Name, err)
	}
	x := &queried{rows: r, query: query}
	return func(ctx context.Context) error {
		return every(ctx, s.Every, func() error {
			err := x.ask(ctx)
			switch {
			case ctx.Err() != nil:
				return nil
			case isFatal(err):
				return err
			case err != nil:
				x.failed(err)
			}
			return nil
		})
	}, nil
}

// ask keeps the rows that were updated since the last one that is known, less the overlap: a
// page at a time, and how far it came with each.
func (x *queried) ask(ctx context.Context) error {
	s := x.source
	mark := "updated " + s.Name
	since := time.Unix(0, 0).UTC()
	watch := &watchedRows{of: &x.rows}
	if t, err := time.Parse(time.RFC3339Nano, x.spool.Mark(mark)); err == nil {
		watch.latest, since = t, t.Add(-s.Overlap)
	}
	pages := database.Pages{Address: s.From, Order: append([]string{s.Updated}, s.Key...), Size: s.Page, Query: func() string {
		from := since
		// Rows of earlier pages need not be looked for. The second is for queries that want
		// what is later than {since}, and for databases that round it.
		if t := watch.at.Add(-time.Second); t.After(from) {
			from = t
		}
		return strings.ReplaceAll(x.query, sincePlace, "'"+database.TimeText(s.From, from)+"'")
	}}
	asked := false
	err := pages.Each(ctx, func(page table.File) error {
		asked = true
		return x.takePage(ctx, page, watch, mark)
	})
	if err != nil || !asked {
		return err
	}
	x.tell(func(s *SourceState) { s.Error = nil })
	return nil
}

// takePage keeps the rows of a page, and how far they go.
func (x *queried) takePage(ctx context.Context, page table.File, watch *watchedRows, mark string) error {
	watch.rows, watch.begun, watch.marks, watch.failed = 0, false, nil, nil
	answer := page.Rows
	page.Rows = func(ctx context.Context, into table.Sink) error {
		watch.Sink = into
		return errors.Join(answer(ctx, watch), watch.failed)
	}
	rows, err := x.take(ctx, page, func() []spool.Mark {
		if watch.rows == 0 {
			return nil
		}
		// A row that says to be of the future would keep all others out until then.
		latest := watch.latest
		if now := x.now(); latest.After(now) {
			latest = now.UTC()
		}
		return append(watch.marks, spool.Mark{Key: mark, Value: latest.Format(time.RFC3339Nano)})
	})
	if watch.failed != nil {
		return watch.failed
	}
	if watch.rows == 0 { // no rows are no panel, and no fault
		if _, wrong := errors.AsType[*panel.Errors](err); err == nil || wrong && watch.begun {
			x.took(0)
			return nil
		}
	}
	if faults, wrong := errors.AsType[*panel.Errors](err); wrong {
		return faultyAnswer(faults)
	}
	if err != nil {
		return err
	}
	x.took(int64(rows))
	return nil
}

// faultyAnswer says what is wrong with an answer without what stands there, for it goes into the
// state and the log, which have no readings.
func faultyAnswer(faults *panel.Errors) error {
	at := "the answer"
	if len(faults.List) > 0 {
		if first := faults.List[0]; first.Column != "" {
			at = fmt.Sprintf("row %d, column %s", first.Row, first.Column)
		} else if first.Row > 0 {
			at = fmt.Sprintf("row %d", first.Row)
		}
	}
	return fmt.Errorf("nothing of the answer is kept: it has %d faults, the first in %s; `weir dataset append --check` with the same --from and --query says what is wrong", faults.Total, at)
}

// watchedRows hands rows on, and notes the latest update among them.
type watchedRows struct {
	table.Sink
	of     *rows
	column int       // of the update's time
	latest time.Time // the latest update of all
	at     time.Time // that of the last row
	rows   int       // of the page
	begun  bool
	marks  []spool.Mark
	failed error
}

// Begin implements table.Sink.
func (w *watchedRows) Begin(h table.Head) bool {
	if w.column = slices.Index(h.Names, w.of.source.Updated); w.column < 0 {
		w.failed = fmt.Errorf("the query answers no column %q; it answers %s", w.of.source.Updated, panel.Quoted(h.Names))
		return false
	}
	if w.marks, w.failed = w.of.sameHeader("the answer", h.Names); w.failed != nil {
		return false
	}
	w.begun = true
	return w.Sink.Begin(h)
}

// Row implements table.Sink.
func (w *watchedRows) Row(fields []string, line int) error {
	t, err := updateTime(fields[w.column])
	if err != nil {
		w.failed = fmt.Errorf("row %d: column %s: %w", line, w.of.source.Updated, err)
		return table.ErrEnough
	}
	w.at = t
	if t.After(w.latest) {
		w.latest = t
	}
	w.rows++
	return w.Sink.Row(fields, line)
}

// updateTime reads a time as package database writes it.
func updateTime(text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("what stands there is no time")
}
