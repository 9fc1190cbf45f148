package demo_test

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/dev/demo"
)

// What `weir dataset answerable` says of the seeds is what queries get: as many figures,
// as many whole ones, and these are plaintext.
func TestWhatIsAnswerableOfTheSeedsIsAnsweredAndEqualsPlaintext(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("publishes 25,137 enterprises twice")
	}
	for _, x := range []struct {
		dataset, grain string
		period         int // letters of a period of the policy's grain
	}{{"warnings_monthly", "month", 7}, {"emission_rights", "year", 4}, {"dust_hourly", "day", 10}} {
		t.Run(x.dataset, func(t *testing.T) {
			p, c := newPlain(t, x.dataset), cast(t)
			if _, err := demo.Run(t.Context(), c, p.part, demo.Events{}); err != nil {
				t.Fatal(err)
			}
			report, err := family.Answerable(t.Context(), c.Buyer, x.dataset, 0)
			if err != nil {
				t.Fatal(err)
			}
			whole := 0
			for _, level := range report.Levels {
				for i, m := range level.Measures {
					p.checkLevel(t, c.Buyer, level, m, 2+i, x.grain, x.period)
					whole += m.Whole
				}
			}
			if len(report.Levels) < 2 || whole == 0 {
				t.Errorf("%d levels with %d whole figures", len(report.Levels), whole)
			}
		})
	}
}

// checkLevel asks for what a level of a report says can be had of a measure.
func (x *plain) checkLevel(t *testing.T, buyer *client.Client, level answerable.Level, m answerable.LevelMeasure, column int, grain string, letters int) {
	t.Helper()
	dims := strings.Join(append(append([]string{}, level.By...), "date_trunc('"+grain+"', period) AS p"), ", ")
	group := strings.Join(append(append([]string{}, level.By...), "p"), ", ")
	res, err := ask.Query(t.Context(), buyer, fmt.Sprintf("SELECT %s, SUM(%s) FROM %s GROUP BY %s", dims, m.Measure, x.id, group), ask.Options{})
	if err != nil {
		t.Errorf("%s by %v: %v", m.Measure, level.By, err)
		return
	}
	truth := map[string]string{}
	for _, row := range x.sums(t, level.By, func(p string) string { return p[:letters] }, column) {
		truth[strings.Join(row[:len(row)-1], "|")] = row[len(row)-1]
	}
	want, got, whole := map[string]string{}, map[string]string{}, 0
	for i, row := range res.Table.Rows {
		if res.Table.Of != nil && res.Table.Included[i] < res.Table.Of[i] {
			continue
		}
		whole++
		key := strings.Trim(strings.ReplaceAll(fmt.Sprint(row[:len(row)-1]), " ", "|"), "[]")
		want[key], got[key] = truth[key], fmt.Sprint(row[len(row)-1])
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s by %v (-plaintext +answer)\n%.1000s", m.Measure, level.By, d)
	}
	if rows := len(res.Table.Rows); rows != m.Figures-m.Withheld || whole != m.Whole {
		t.Errorf("%s by %v: %d figures are answered, %d of them whole; the report says %d and %d", m.Measure, level.By, rows, whole, m.Figures-m.Withheld, m.Whole)
	}
	t.Logf("%s by %v: %d of %d figures are whole, %d withheld", m.Measure, level.By, m.Whole, m.Figures, m.Withheld)
}
