package feed

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/feed/spool"
	"github.com/weirdata/weir/node/client/publish"
)

// due is when a period's lateness is over.
func (f *Feed) due(period int64) time.Time { return f.periods.end(period).Add(f.config.Lateness) }

// correctedMark is the time of the last correction.
const correctedMark = "corrected"

// nextCorrection is when late readings are published the next time.
func (f *Feed) nextCorrection(now time.Time) time.Time {
	last, err := time.Parse(time.RFC3339, f.spool.Mark(correctedMark))
	if err != nil {
		last = now
	}
	last = last.In(f.periods.zone)
	if f.config.at[0] < 0 {
		return last.Add(f.config.Corrections.Every)
	}
	next := time.Date(last.Year(), last.Month(), last.Day(), f.config.at[0], f.config.at[1], 0, 0, f.periods.zone)
	if !next.After(last) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}

// publishing appends what is due, now and then.
func (f *Feed) publishing(ctx context.Context) error {
	return every(ctx, f.config.Every, func() error {
		err := f.Append(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, spool.ErrBroken):
			return err
		case err != nil:
			f.options.Note("publishing did not go, and is tried again: %v", err)
		}
		return nil
	})
}

// Append appends all periods that are closed, and what came late where that is due.
func (f *Feed) Append(ctx context.Context) error {
	f.appending.Lock()
	defer f.appending.Unlock()
	now := f.options.Now()
	last, err := time.Parse(time.RFC3339, f.spool.Mark(correctedMark))
	if err != nil || last.After(now) { // the schedule begins with the feed; and anew where the clock was ahead
		if err := f.intake.keep(ctx, nil, spool.Mark{Key: correctedMark, Value: now.Format(time.RFC3339)}); err != nil {
			return err
		}
	}
	err = f.append(ctx, now)
	if err != nil && ctx.Err() == nil {
		f.failed(err)
	}
	return err
}

// batch is what is appended at once.
type batch struct {
	periods   []int64
	change    uint64
	rows      []row
	values    int
	corrected int // cells of periods that were appended before
	without   map[string]int64
	examples  map[string]string
}

// row is a row of the table that is appended.
type row struct {
	entity string
	period int64
	fields []string // of the measures
}

func (f *Feed) append(ctx context.Context, now time.Time) error {
	correct := !now.Before(f.nextCorrection(now))
	b := f.batch(now, correct)
	if len(b.periods) > 0 {
		if err := f.verify(ctx); err != nil {
			return err
		}
		done, err := f.publish(ctx, &b)
		if err != nil {
			return err
		}
		if err := f.spool.Appended(ctx, b.periods, b.change); err != nil {
			return err
		}
		f.noteAppended(now, b, done)
	}
	if correct {
		if err := f.intake.keep(ctx, nil, spool.Mark{Key: correctedMark, Value: now.Format(time.RFC3339)}); err != nil {
			return err
		}
	}
	return f.forget(ctx, now)
}

// batch makes the cells that are due.
func (f *Feed) batch(now time.Time, correct bool) batch {
	before := map[int64]bool{}
	cells, change := f.spool.Take(func(p int64, appended, dirty bool) bool {
		take := dirty && !now.Before(f.due(p)) && (correct || !appended)
		if take {
			before[p] = appended
		}
		return take
	}, true)
	b := batch{periods: slices.Sorted(maps.Keys(before)), change: change, without: map[string]int64{}, examples: map[string]string{}}
	measures := f.source.Descriptor.Measures
	for _, c := range cells {
		at := slices.IndexFunc(measures, func(m catalog.Measure) bool { return m.Name == c.Measure })
		if at < 0 { // the measure was taken away
			b.without["no_measure"]++
			b.examples["no_measure"] = f.periods.cell(c.Entity, c.Measure, c.Period)
			continue
		}
		v, err := f.intake.rules[c.Measure].value(c.Samples)
		if err != nil {
			why := err.Error()
			if before[c.Period] {
				why += "_now" // what was published before stays
			}
			b.without[why]++
			b.examples[why] = f.periods.cell(c.Entity, c.Measure, c.Period)
			continue
		}
		if n := len(b.rows); n == 0 || b.rows[n-1].entity != c.Entity || b.rows[n-1].period != c.Period {
			b.rows = append(b.rows, row{c.Entity, c.Period, make([]string, len(measures))})
		}
		b.rows[len(b.rows)-1].fields[at] = f.intake.rules[c.Measure].text(v)
		b.values++
		if before[c.Period] {
			b.corrected++
		}
	}
	return b
}

// publish appends a batch, or publishes it as the first version. Version 0: there was nothing
// to publish.
func (f *Feed) publish(ctx context.Context, b *batch) (publish.Published, error) {
	if first := f.intake.first.Load(); first != nil { // what came before it was known how the dataset begins
		n := len(b.rows)
		b.rows = slices.DeleteFunc(b.rows, func(r row) bool { return r.period < *first })
		if n -= len(b.rows); n > 0 {
			b.without["before_the_dataset"] += int64(n)
		}
	}
	if len(b.rows) == 0 {
		return publish.Published{}, nil
	}
	prepared, err := f.prepare(ctx, b.rows)
	if nothing, ok := errors.AsType[*publish.NothingNewError](err); ok {
		// It was published by a process that was killed before it noted so.
		if nothing.Interrupted {
			return publish.EndInterrupted(ctx, f.client, nothing.Dataset)
		}
		return publish.Published{Version: nothing.Version}, nil
	}
	if err != nil {
		return publish.Published{}, err
	}
	prepared.Source = f.source // how files are read, which later publications go by
	done, err := publish.Publish(ctx, f.client, prepared, nil)
	return done, errors.Join(err, prepared.Close())
}

// prepare reads the rows as a file of the dataset.
func (f *Feed) prepare(ctx context.Context, rows []row) (*publish.Prepared, error) {
	src := tableSource(f.source)
	files := []panel.File{{Name: "the feed", Rows: func(_ context.Context, into table.Sink) error {
		if !into.Begin(table.Head{Kind: "query", Names: append([]string{entityColumn, periodColumn}, src.Columns...)}) {
			return nil
		}
		for i, r := range rows {
			if err := into.Row(append([]string{r.entity, f.periods.grain.Format(r.period)}, r.fields...), i+1); err != nil {
				return err
			}
		}
		return nil
	}}}
	d, err := f.client.Dataset(ctx, f.config.Dataset)
	if err != nil && !client.IsNotFound(err) {
		return nil, err
	}
	if err == nil && d.Live > 0 {
		return publish.PrepareAppend(ctx, f.client, src, files, nil)
	}
	return publish.Prepare(ctx, src, files, f.client, nil)
}

// Columns of the table that is appended; no measure is called so.
const (
	entityColumn = "the entity"
	periodColumn = "the period"
)

// tableSource is how that table is read, of a dataset whose files are read so.
func tableSource(files *panel.Source) *panel.Source {
	src := &panel.Source{
		Descriptor: files.Descriptor, Registry: files.Registry,
		EntityColumn: entityColumn, PeriodColumns: []string{periodColumn}, Missing: []string{""},
	}
	for _, m := range src.Descriptor.Measures {
		src.Columns = append(src.Columns, "measure "+m.Name)
	}
	return src
}

// noteAppended puts an append into the state.
func (f *Feed) noteAppended(now time.Time, b batch, done publish.Published) {
	if done.Version > 0 && f.intake.first.Load() == nil {
		f.verified = false // its first period is known now
	}
	var periods []string
	for _, p := range b.periods {
		periods = append(periods, f.periods.grain.Format(p))
	}
	f.told.update(func(s *State) {
		for why, n := range b.without {
			s.Unpublished[why] += n
			s.Examples[why] = b.examples[why]
		}
		if done.Version > 0 {
			s.Appended, s.Error = &Appended{At: now, Version: done.Version, Periods: periods, Corrections: b.corrected}, nil
			s.Appends++
		}
	})
	if done.Version > 0 {
		f.options.Note("version %d of dataset %s is live: %d cells of %s", done.Version, f.config.Dataset, b.values, fromTo(periods))
	}
}

func fromTo(periods []string) string {
	if len(periods) == 1 {
		return periods[0]
	}
	return periods[0] + " to " + periods[len(periods)-1]
}

// forget drops the readings of periods that are published and for which no more are taken.
func (f *Feed) forget(ctx context.Context, now time.Time) error {
	before, old := int64(0), false
	for _, p := range f.spool.Periods() {
		if p.Appended && p.Dirty == 0 && now.After(f.periods.end(p.Period).Add(f.config.Corrections.Within)) {
			before, old = max(before, p.Period+1), true
		}
	}
	if !old {
		return nil
	}
	if before > f.intake.forgotten() {
		if err := f.intake.keep(ctx, nil, spool.Mark{Key: forgottenMark, Value: strconv.FormatInt(before, 10)}); err != nil {
			return err
		}
	}
	return f.spool.Forget(ctx, before)
}
