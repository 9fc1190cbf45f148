package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/feed/spool"
	"github.com/weirdata/weir/node/client/publish"
)

// rows is a source whose readings come as rows of the dataset's own files, and are read as a publication reads them.
type rows struct {
	opened
	client    *client.Client
	files     *panel.Source // how the dataset's files are read
	newHeader bool          // another header is taken as the one to expect from now on
}

// sameHeader compares a file's header with that of the source's earlier files. The first one is
// kept, as marks, with what was read under it: of a file that cannot be read it says nothing.
func (x *rows) sameHeader(name string, header []string) ([]spool.Mark, error) {
	b, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	mark := "header " + x.source.Name
	var before []string
	switch was := x.spool.Mark(mark); {
	case was == string(b):
		return nil, nil
	case was == "" || x.newHeader:
		return []spool.Mark{{Key: mark, Value: string(b)}}, nil
	default:
		if err := json.Unmarshal([]byte(was), &before); err != nil {
			return nil, fmt.Errorf("read the header that was kept: %w", err)
		}
	}
	changed := &ChangedError{Source: x.source.Name, Fix: fmt.Sprintf("%s has another header than what came before; if that is right, run the feed once with --new-header", name)}
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

// take keeps the cells of a file, with a mark that mark makes of them.
func (x *rows) take(ctx context.Context, file panel.File, mark func() []spool.Mark) (int, error) {
	p, err := publish.ReadFiles(ctx, x.client, x.files, []panel.File{file})
	if err != nil {
		return 0, err
	}
	defer p.Close() //nolint:errcheck // the system removes its file with the process
	var readings []spool.Reading
	now, entities := x.now(), len(p.Entities)
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
				if !x.inTime(index, now, func() string { return x.periods.cell(p.Entities[e], c.Measure.Name, index) }) {
					continue
				}
				readings = append(readings, spool.Reading{Entity: p.Entities[e], Measure: c.Measure.Name, At: x.periods.begin(index).Unix(), Period: index,
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
	return rows, x.keep(ctx, readings, marks...)
}

// isFatal reports whether an error ends the feed.
func isFatal(err error) bool {
	_, changed := errors.AsType[*ChangedError](err)
	return changed || errors.Is(err, spool.ErrBroken) || errors.Is(err, spool.ErrClosed)
}
