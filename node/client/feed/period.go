package feed

import (
	"time"

	"github.com/weirdata/weir/catalog"
)

// finestSeconds are the seconds of a period of the finest grain.
const finestSeconds = catalog.FinestMillis / 1000

// calendar counts a dataset's periods.
type calendar struct {
	grain catalog.Grain
	zone  *time.Location // the dataset's own time
	shift int64          // seconds that the zone is ahead of UTC
}

func newCalendar(d catalog.Descriptor) (calendar, error) {
	ahead, err := catalog.OffsetMillis(d.UTCOffset)
	if err != nil {
		return calendar{}, err
	}
	shift := ahead / 1000
	return calendar{grain: d.Grain, zone: time.FixedZone("UTC"+d.UTCOffset, int(shift)), shift: shift}, nil
}

// of is the period that has a time, in seconds since 1970.
func (c calendar) of(at int64) int64 {
	local := at + c.shift
	index := local / finestSeconds
	if local%finestSeconds < 0 {
		index--
	}
	return catalog.GrainFinest.In(index, c.grain)
}

// begin is when a period begins.
func (c calendar) begin(period int64) time.Time {
	return time.Unix(c.grain.Span(period, catalog.GrainFinest).From*finestSeconds-c.shift, 0).In(c.zone)
}

// end is when a period ends, and the next one begins.
func (c calendar) end(period int64) time.Time { return c.begin(period + 1) }
