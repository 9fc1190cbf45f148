package dev

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
)

const multipliedDescriptor = `dataset: multiplied
title: {en: Hourly readings of sixty stations, zh: 六十个站点逐小时读数}
license: CC0-1.0
entity: {column: station, attributes: []}
period: {column: period, grain: hour}
utc_offset: "+08:00"
measures:
  - {name: a, column: a, unit: kg, range: [0, 1000], decimals: 0}
  - {name: b, column: b, unit: kg, range: [0, 1000], decimals: 0}
policy: {aggregates: [count, sum, corr], public: true}
`

// partnerDescriptor is of readings that are joined with those.
const partnerDescriptor = `dataset: partner
title: {en: Other readings of sixty stations, zh: 六十个站点其他读数}
license: CC0-1.0
entity: {registry: multiplied, column: station}
period: {column: period, grain: hour}
utc_offset: "+08:00"
measures:
  - {name: b, column: b, unit: kg, range: [0, 1000], decimals: 0}
policy: {aggregates: [count, sum], public: true}
`

// multipliedFile has readings of sixty stations over sixty days.
func multipliedFile() panel.File {
	var b bytes.Buffer
	b.WriteString("station,period,a,b\n")
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for h := range 60 * 24 {
		at := begin.Add(time.Duration(h) * time.Hour).Format("2006-01-02T15")
		for s := range 60 {
			fmt.Fprintf(&b, "s%02d,%s,%d,%d\n", s, at, (h*31+s*7)%997, (h*17+s*s*3)%983)
		}
	}
	return panel.File{Name: "multiplied.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }}
}

// A node killed in the middle of a query that multiplies shares, of one dataset or of
// two, does not change the answer: what it was multiplying is given up, and another
// active set begins anew, with new throw-away keys.
func TestProductsSurviveTheDeathOfAnyNode(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	publishFiles(ctx, t, bureau, []byte(multipliedDescriptor), []panel.File{multipliedFile()})
	grant(ctx, t, buyer, bureau, "multiplied")
	publishFiles(ctx, t, bureau, []byte(partnerDescriptor), []panel.File{multipliedFile()})
	grant(ctx, t, buyer, bureau, "partner")
	for _, q := range []struct{ name, sql string }{
		{"one dataset", "SELECT station, CORR(a, b), REGR_SLOPE(b, a), REGR_R2(b, a) FROM multiplied WHERE station > '!%d' GROUP BY station"},
		{"a join", "SELECT station, date_trunc('day', period) AS day, SUM(x.a * y.b), COUNT(*) FROM multiplied AS x JOIN partner AS y USING (entity, period) WHERE station > '!%d' GROUP BY station, day"},
	} {
		ask := func(ctx context.Context, n int) ([][]string, int, error) {
			got, asked, err := answer(ctx, buyer, fmt.Sprintf(q.sql, n), nil) // with another n it repeats none
			return got, len(asked.Attempts), err
		}
		begin := time.Now()
		want, _, err := ask(ctx, 0)
		if err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
		t.Logf("%s: answered in %s", q.name, time.Since(begin).Round(time.Millisecond))
		for turn, role := range []string{"root", "member"} {
			t.Run(q.name+"/"+role, func(t *testing.T) {
				hit(ctx, t, c, buyer, killMember(t, c, role), func(try int) int {
					got, attempts, err := ask(ctx, 1+turn*mostTries+try)
					if err != nil {
						t.Fatalf("with a node killed: %v", err)
					}
					if d := cmp.Diff(want, got); d != "" {
						t.Errorf("with a node killed: (-before +after)\n%s", d)
					}
					return attempts
				})
			})
		}
	}
}
