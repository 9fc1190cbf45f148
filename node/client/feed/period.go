package feed

import (
	"fmt"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
)

// calendar counts a dataset's periods.
type calendar struct {
	grain catalog.Grain
	zone  *time.Location
	shift int64         // seconds that the zone is ahead of UTC
	unit  int64         // seconds of the finest grain
	fine  catalog.Grain // the finest grain
}

func newCalendar(d catalog.Descriptor) (calendar, error) {
	where, err := zone(d)
	if err != nil {
		return calendar{}, err
	}
	fine := catalog.Grains[0]
	unit, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(fine.Duration(), "PT")))
	if err != nil {
		return calendar{}, fmt.Errorf("length of a %s: %w", fine, err)
	}
	_, shift := time.Time{}.In(where).Zone()
	return calendar{grain: d.Grain, zone: where, shift: int64(shift), unit: int64(unit / time.Second), fine: fine}, nil
}

// of is the period that has a time, in seconds since 1970.
func (c calendar) of(at int64) int64 {
	local := at + c.shift
	index := local / c.unit
	if local%c.unit < 0 {
		index--
	}
	return c.fine.In(index, c.grain)
}

// begin is when a period begins.
func (c calendar) begin(period int64) time.Time {
	return time.Unix(c.grain.Span(period, c.fine).From*c.unit-c.shift, 0).In(c.zone)
}

// end is when a period ends, and the next one begins.
func (c calendar) end(period int64) time.Time { return c.begin(period + 1) }
