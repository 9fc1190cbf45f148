package feed

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// A time is in the period that begins before it and ends after it, whatever the grain.
func TestTimesAreInThePeriodAroundThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := catalog.Descriptor{Grain: rapid.SampledFrom(calendar.Grains[:]).Draw(t, "grain"), UTCOffset: rapid.SampledFrom([]string{"+08:00", "-03:30", "+00:00"}).Draw(t, "offset")}
		c, err := newPeriods(d)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "at"), 0)
		p := c.of(at.Unix())
		if at.Before(c.begin(p)) || !at.Before(c.end(p)) || c.of(c.begin(p).Unix()) != p || c.of(c.end(p).Unix()) != p+1 {
			t.Fatalf("%s in %s, from %s to %s", at.In(c.zone), c.grain.Format(p), c.begin(p), c.end(p))
		}
	})
	c, err := newPeriods(catalog.Descriptor{Grain: calendar.Day, UTCOffset: "+08:00"})
	if err != nil {
		t.Fatal(err)
	}
	if at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600)); c.grain.Format(c.of(at.Unix())) != "2026-12-01" || c.grain.Format(c.of(at.Unix()-1)) != "2026-11-30" {
		t.Error("a day begins at its midnight")
	}
}
