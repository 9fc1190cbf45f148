package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client/database"
	"github.com/weirdata/weir/node/client/feed/spool"
	"github.com/weirdata/weir/node/client/publish"
)

// Folders of a directory that is a source.
const (
	doneFolder   = "done"
	failedFolder = "failed"
)

// seen is a file as it was when it was looked at last.
type seen struct {
	size     int64
	modified time.Time
	since    time.Time
}

// beginDirectory watches a directory.
func (f *Feed) beginDirectory(s *Source) (func(context.Context) error, error) {
	for _, dir := range []string{s.Path, filepath.Join(s.Path, doneFolder), filepath.Join(s.Path, failedFolder)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	return func(ctx context.Context) error {
		known := map[string]seen{}
		return every(ctx, min(max(s.Settle/3, 10*time.Millisecond), 5*time.Second), func() error { return f.lookInto(ctx, s, known) })
	}, nil
}

// lookInto takes the files of a directory that have settled. An error ends the feed.
func (f *Feed) lookInto(ctx context.Context, s *Source, known map[string]seen) error {
	entries, err := os.ReadDir(s.Path)
	if err != nil {
		return err
	}
	now := time.Now() // as the file system's
	here := map[string]bool{}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || strings.HasPrefix(e.Name(), ".")) {
			continue
		}
		if err != nil {
			return err
		}
		here[e.Name()] = true
		was, again := known[e.Name()]
		if !again || was.size != info.Size() || !was.modified.Equal(info.ModTime()) {
			known[e.Name()] = seen{info.Size(), info.ModTime(), now}
			continue
		}
		if now.Sub(was.since) < s.Settle {
			continue
		}
		if err := f.takeFile(ctx, s, e.Name()); err != nil {
			return err
		}
	}
	for name := range known {
		if !here[name] {
			delete(known, name)
		}
	}
	return nil
}

// takeFile keeps what a file has, and moves it. One that cannot be read now stays.
func (f *Feed) takeFile(ctx context.Context, s *Source, name string) error {
	path := filepath.Join(s.Path, name)
	before, err := os.Lstat(path)
	if err != nil {
		return nil //nolint:nilerr // it is gone, or comes again
	}
	file := publish.DataFiles([]string{path})[0]
	header, err := panel.Header(ctx, f.source, file)
	var marks []spool.Mark
	if err == nil {
		marks, err = f.sameHeader(s, name, header)
	}
	rows := 0
	if err == nil {
		rows, err = f.takeRows(ctx, file, func() []spool.Mark { return marks })
	}
	if err == nil || !isFatal(err) { // whatever was read, it may have been of two files
		if after, now := os.Lstat(path); now != nil || !isSame(before, after) {
			return nil //nolint:nilerr // it is looked at again
		}
	}
	if faults, wrong := errors.AsType[*panel.Errors](err); wrong {
		reason := filepath.Join(s.Path, failedFolder, name+".reason.txt")
		if err := os.WriteFile(reason, []byte(faults.Error()+"\n"), 0o600); err != nil { //nolint:gosec // G703: the directory is the operator's to name
			return err
		}
		f.told.source(s.Name, func(x *SourceState) {
			x.Faults["file"]++
			x.Error = &Happened{f.options.Now(), name + " is in " + failedFolder + "/, with the reason"}
		})
		return f.move(s, before, name, failedFolder)
	}
	if isFatal(err) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		f.sourceFailed(s, err)
		return nil
	}
	f.noteLines(s, 1)
	f.told.source(s.Name, func(x *SourceState) {
		x.Commands["rows"] += int64(rows)
		x.Error = nil
	})
	return f.move(s, before, name, doneFolder)
}

// isSame reports whether a file is the one that it was, and as it was.
func isSame(before, after fs.FileInfo) bool {
	return os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())
}

// isFatal reports whether an error ends the feed.
func isFatal(err error) bool {
	_, changed := errors.AsType[*ChangedError](err)
	return changed || errors.Is(err, spool.ErrBroken) || errors.Is(err, spool.ErrClosed)
}

// sourceFailed notes what is tried again.
func (f *Feed) sourceFailed(s *Source, err error) {
	f.told.source(s.Name, func(x *SourceState) { x.Error = &Happened{f.options.Now(), err.Error()} })
	f.options.Note("source %s is tried again: %v", s.Name, err)
}

// move moves a file that was read into a folder, under another name where there is one of its own.
// What took its place meanwhile was not read, and is put back.
func (f *Feed) move(s *Source, read fs.FileInfo, name, folder string) error {
	from := filepath.Join(s.Path, name)
	to := free(filepath.Join(s.Path, folder, name))
	if err := os.Rename(from, to); err != nil {
		return err
	}
	moved, err := os.Lstat(to)
	if err != nil || isSame(read, moved) {
		return err
	}
	return os.Rename(to, free(from))
}

// free is a name of a file that there is none of yet.
func free(name string) string {
	ext := filepath.Ext(name)
	out := name
	for n := 2; ; n++ {
		if _, err := os.Lstat(out); errors.Is(err, fs.ErrNotExist) {
			return out
		}
		out = strings.TrimSuffix(name, ext) + fmt.Sprintf("-%d", n) + ext
	}
}

// sameHeader compares a file's header with that of the source's earlier files. The first one is
// kept, as marks, with what was read under it: of a file that cannot be read it says nothing.
func (f *Feed) sameHeader(s *Source, name string, header []string) ([]spool.Mark, error) {
	b, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	mark := "header " + s.Name
	var before []string
	switch was := f.spool.Mark(mark); {
	case was == string(b):
		return nil, nil
	case was == "" || f.options.NewHeader:
		return []spool.Mark{{Key: mark, Value: string(b)}}, nil
	default:
		if err := json.Unmarshal([]byte(was), &before); err != nil {
			return nil, fmt.Errorf("read the header that was kept: %w", err)
		}
	}
	changed := &ChangedError{Source: s.Name, Fix: fmt.Sprintf("%s has another header than what came before; if that is right, run the feed once with --new-header", name)}
	for _, h := range before {
		if !slices.Contains(header, h) {
			changed.Diff = append(changed.Diff, "- "+h)
		}
	}
	for _, h := range header {
		switch {
		case slices.Contains(before, h):
		case decimal.IsExact(h): // the file has no header, and this is a reading
			changed.Diff = append(changed.Diff, "+ a number")
		default:
			changed.Diff = append(changed.Diff, "+ "+h)
		}
	}
	if changed.Diff == nil {
		changed.Diff = []string{"- " + strings.Join(before, ", "), "+ " + strings.Join(header, ", ")}
	}
	return nil, changed
}

// takeRows keeps the cells of a file, with a mark that mark makes of them.
func (f *Feed) takeRows(ctx context.Context, file panel.File, mark func() []spool.Mark) (int, error) {
	p, err := publish.ReadFiles(ctx, f.client, f.source, []panel.File{file})
	if err != nil {
		return 0, err
	}
	defer p.Close() //nolint:errcheck // the system removes its file with the process
	var readings []spool.Reading
	now, entities := f.options.Now(), len(p.Entities)
	line := make([]int64, entities)
	for m, c := range p.Columns {
		for period := range p.Periods {
			index := p.First + int64(period)
			if next, found := c.Present.NextSet(uint(period * entities)); !found || next >= uint((period+1)*entities) { //nolint:gosec // not negative
				continue // a page's rows may be far apart
			}
			if err := p.Read(m, period*entities, line); err != nil {
				return 0, err
			}
			for e, v := range line {
				if !c.Present.Test(uint(period*entities + e)) { //nolint:gosec // not negative
					continue
				}
				if !f.inTime(index, now, func() string { return f.cellName(p.Entities[e], c.Measure.Name, index) }) {
					continue
				}
				readings = append(readings, spool.Reading{Entity: p.Entities[e], Measure: c.Measure.Name, At: f.periods.begin(index).Unix(), Period: index,
					Mantissa: v + c.Measure.Mid(), Decimals: uint8(c.Measure.Decimals)}) //nolint:gosec // at most nine
			}
		}
	}
	var marks []spool.Mark
	if mark != nil {
		marks = mark()
	}
	rows := 0
	for _, r := range p.Report.Files {
		rows += r.Rows
	}
	return rows, f.keep(ctx, readings, marks...)
}

// sincePlace is what stands in a query for the time from which on rows are wanted.
const sincePlace = "{since}"

// beginTable asks a database now and then.
func (f *Feed) beginTable(s *Source) (func(context.Context) error, error) {
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
	return func(ctx context.Context) error {
		return every(ctx, s.Every, func() error {
			err := f.ask(ctx, s, query)
			switch {
			case ctx.Err() != nil:
				return nil
			case isFatal(err):
				return err
			case err != nil:
				f.sourceFailed(s, err)
			}
			return nil
		})
	}, nil
}

// ask keeps the rows that were updated since the last one that is known, less the overlap: a
// page at a time, and how far it came with each.
func (f *Feed) ask(ctx context.Context, s *Source, query string) error {
	mark := "updated " + s.Name
	since := time.Unix(0, 0).UTC()
	watch := &watchedRows{feed: f, source: s}
	if t, err := time.Parse(time.RFC3339Nano, f.spool.Mark(mark)); err == nil {
		watch.latest, since = t, t.Add(-s.Overlap)
	}
	pages := database.Pages{Address: s.From, Order: append([]string{s.Updated}, s.Key...), Size: s.Page, Query: func() string {
		from := since
		// Rows of earlier pages need not be looked for. The second is for queries that want
		// what is later than {since}, and for databases that round it.
		if t := watch.at.Add(-time.Second); t.After(from) {
			from = t
		}
		return strings.ReplaceAll(query, sincePlace, "'"+database.TimeText(s.From, from)+"'")
	}}
	asked := false
	err := pages.Each(ctx, func(page table.File) error {
		asked = true
		return f.takePage(ctx, s, page, watch, mark)
	})
	if err != nil || !asked {
		return err
	}
	f.told.source(s.Name, func(x *SourceState) { x.Error = nil })
	return nil
}

// takePage keeps the rows of a page, and how far they go.
func (f *Feed) takePage(ctx context.Context, s *Source, page table.File, watch *watchedRows, mark string) error {
	watch.rows, watch.begun, watch.marks, watch.failed = 0, false, nil, nil
	answer := page.Rows
	page.Rows = func(ctx context.Context, into table.Sink) error {
		watch.Sink = into
		return errors.Join(answer(ctx, watch), watch.failed)
	}
	rows, err := f.takeRows(ctx, page, func() []spool.Mark {
		if watch.rows == 0 {
			return nil
		}
		// A row that says to be of the future would keep all others out until then.
		latest := watch.latest
		if now := f.options.Now(); latest.After(now) {
			latest = now.UTC()
		}
		return append(watch.marks, spool.Mark{Key: mark, Value: latest.Format(time.RFC3339Nano)})
	})
	if watch.failed != nil {
		return watch.failed
	}
	if watch.rows == 0 { // no rows are no panel, and no fault
		if _, wrong := errors.AsType[*panel.Errors](err); err == nil || wrong && watch.begun {
			f.noteLines(s, 0)
			return nil
		}
	}
	if faults, wrong := errors.AsType[*panel.Errors](err); wrong {
		return faultyAnswer(faults)
	}
	if err != nil {
		return err
	}
	f.noteLines(s, int64(rows))
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
	feed   *Feed
	source *Source
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
	if w.column = slices.Index(h.Names, w.source.Updated); w.column < 0 {
		w.failed = fmt.Errorf("the query answers no column %q; it answers %s", w.source.Updated, panel.Quoted(h.Names))
		return false
	}
	if w.marks, w.failed = w.feed.sameHeader(w.source, "the answer", h.Names); w.failed != nil {
		return false
	}
	w.begun = true
	return w.Sink.Begin(h)
}

// Row implements table.Sink.
func (w *watchedRows) Row(fields []string, line int) error {
	t, err := updateTime(fields[w.column])
	if err != nil {
		w.failed = fmt.Errorf("row %d: column %s: %w", line, w.source.Updated, err)
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
