package feed

import (
	"fmt"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// finestSeconds are the seconds of a period of the finest grain.
const finestSeconds = calendar.FinestMillis / 1000

// periods counts a dataset's periods.
type periods struct {
	grain calendar.Grain
	zone  *time.Location // the dataset's own time
	shift int64          // seconds that the zone is ahead of UTC
}

func newPeriods(d catalog.Descriptor) (periods, error) {
	ahead, err := calendar.OffsetMillis(d.UTCOffset)
	if err != nil {
		return periods{}, err
	}
	shift := ahead / 1000
	return periods{grain: d.Grain, zone: time.FixedZone("UTC"+d.UTCOffset, int(shift)), shift: shift}, nil
}

// of is the period that has a time, in seconds since 1970.
func (c periods) of(at int64) int64 {
	local := at + c.shift
	index := local / finestSeconds
	if local%finestSeconds < 0 {
		index--
	}
	return calendar.Finest.In(index, c.grain)
}

// begin is when a period begins.
func (c periods) begin(period int64) time.Time {
	return time.Unix(c.grain.Span(period, calendar.Finest).From*finestSeconds-c.shift, 0).In(c.zone)
}

// end is when a period ends, and the next one begins.
func (c periods) end(period int64) time.Time { return c.begin(period + 1) }

// cell names a cell to a person, as an example of what is passed over.
func (c periods) cell(entity, measure string, period int64) string {
	return fmt.Sprintf("%s of %s in %s", measure, entity, c.grain.Format(period))
}
