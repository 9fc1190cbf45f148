package publish

import (
	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client/news"
)

// column makes a measure's column, period by period: the live version's readings, as far
// as they are here, and the files'.
func (x *appending) column(fresh *panel.Panel, m int) error {
	entities := len(x.ids)
	line, came := make([]int64, entities), make([]int64, entities)
	var scratch []int64
	if x.record != nil {
		scratch = make([]int64, x.record.Entities)
	}
	out, offset := x.store.Writer(), int(fresh.First-x.live.First)
	for p := range x.panel.Periods {
		clear(line)
		if err := x.takeOld(m, p, line, scratch); err != nil {
			return err
		}
		if from := p - offset; from >= 0 && from < fresh.Periods {
			if err := fresh.Read(m, from*entities, came); err != nil {
				return err
			}
			x.takeFresh(m, p, line, came, fresh.Columns[m].Present, from*entities)
		}
		if err := out.AppendAll(line); err != nil {
			return err
		}
	}
	var err error
	x.panel.Columns[m].Values, err = out.Done()
	return err
}

// takeOld puts the live version's readings of a period into a line.
func (x *appending) takeOld(m, p int, line, scratch []int64) error {
	var old news.Line
	if x.record != nil {
		var err error
		if old, err = x.record.Line(&x.record.Columns[m], p, scratch); err != nil {
			return err
		}
	}
	for e := range line {
		at := uint(p*len(line) + e) //nolint:gosec // not negative
		if p >= x.live.Periods || e >= x.live.Entities || !x.old.Has(m, e, p) {
			x.known[m].Set(at)
			continue
		}
		x.presence.Set(m, e, p)
		if v, has := old.Value(e); has {
			line[e] = v
			x.known[m].Set(at)
		}
	}
	return nil
}

// takeFresh puts the files' readings of a period into a line and notes in which tiles
// something changes, or may. present has the period's cells from one on.
func (x *appending) takeFresh(m, p int, line, came []int64, present *bitset.BitSet, from int) {
	for e, v := range came {
		if !present.Test(uint(from + e)) { //nolint:gosec // not negative
			continue
		}
		at := uint(p*len(line) + e) //nolint:gosec // not negative
		if p < x.live.Periods && e < x.live.Entities {
			if !x.presence.Has(m, e, p) || !x.known[m].Test(at) || line[e] != v {
				x.touch(m, e, p)
			}
		} else {
			x.fresh++
		}
		x.presence.Set(m, e, p)
		line[e] = v
		x.known[m].Set(at)
	}
}

// compare counts what changes, where this machine has all of the live version.
func (x *appending) compare() (err error) {
	if x.record != nil && x.record.Unknown == 0 {
		x.changes, err = compareWith(x.record, news.RecordOf(x.descriptor, x.panel, 1, 0))
	}
	return err
}

func (x *appending) touch(m, entity, period int) {
	for b, block := range x.blocks {
		if entity < block.First+block.Entities {
			x.touched[m][b][period/block.Periods] = true
			return
		}
	}
}
