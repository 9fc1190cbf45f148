package publish_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/news"
	"github.com/weirdata/weir/node/client/publish"
)

// Two percent of the readings are corrected, taken back, and published without records:
// every county's figure is at each time that of the newest version that says enough new,
// and without records the figures stay.
func TestCountyFiguresFollowCorrectionsAndWhatIsTakenBack(t *testing.T) {
	w := clienttest.New(t)
	spool := t.TempDir()
	publisher := w.Spooled(spool)
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(clienttest.ManyFirms), nil)
	w.Must(err)
	const months = 6
	table := func(corrected func(f, m int) bool) (csv string, far map[int]int) {
		var b strings.Builder
		b.WriteString("firm,month,NOX\n")
		far = map[int]int{}
		for m := range months {
			for f := range clienttest.ManyFirms {
				v := clienttest.NOx(f, m)
				if corrected(f, m) {
					v += 50_000 + 7*f + m
				}
				fmt.Fprintf(&b, "f%03d,%s,%d.%02d\n", f, clienttest.FirmMonth(m), v/100, v%100)
				if f >= 8 {
					far[m] += v
				}
			}
		}
		return b.String(), far
	}
	nothing := func(int, int) bool { return false }
	some := func(f, m int) bool { return f >= 8 && (f+m)%50 == 0 }
	const farByMonth = "SELECT date_trunc('month', period) AS month, SUM(nox) AS nox FROM works WHERE county = 'far' GROUP BY month"
	check := func(what string, far map[int]int) {
		t.Helper()
		var want []string
		for m := range months {
			want = append(want, fmt.Sprintf("%s %d.%02d", clienttest.FirmMonth(m), far[m]/100, far[m]%100))
		}
		if d := cmp.Diff(want, w.Rows(w.Client(catalog.RoleBuyer), farByMonth)); d != "" {
			t.Errorf("%s (-plaintext +answer)\n%s", what, d)
		}
	}
	publish := func(corrected func(f, m int) bool) (publish.Published, map[int]int) {
		csv, far := table(corrected)
		done, err := publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, csv), nil)
		w.Must(err)
		return done, far
	}
	_, first := publish(nothing)
	w.Contract("works", catalog.OrderApprove{})
	check("version 1", first)
	done, second := publish(some)
	if want := (news.Changes{Corrected: 35}); done.Changes == nil || *done.Changes != want {
		t.Errorf("version 2 changes %+v, want %+v", done.Changes, want)
	}
	check("version 2", second)
	publish(nothing)
	check("version 3, which takes it back", first)
	records, err := filepath.Glob(filepath.Join(spool, "record-*"))
	w.Must(err)
	if len(records) != 3 {
		t.Fatalf("records %v", records)
	}
	for _, name := range records {
		info, err := os.Stat(name)
		w.Must(err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		w.Must(os.WriteFile(name, []byte("damaged"), 0o600))
	}
	done, _ = publish(some)
	if len(done.Lost) != 3 || done.Undeclared != months || done.Changes != nil {
		t.Errorf("without records: %+v", done)
	}
	check("version 4, of which nobody can tell what is new", first)
}

// A month is final when the data reaches its end, or earlier months where the publisher
// says so; what is not final is in no figure, and becomes so with a later version.
func TestPeriodsAreClosedWhenTheDataReachesTheirEnd(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(12), nil)
	w.Must(err)
	p := w.Prepare(publisher, clienttest.ProtectedDescriptor, clienttest.FirmsCSV(12, 0, 3))
	february := int64(50*12 + 1)
	for _, bad := range []int64{february + 5, february - 3} {
		p.ClosedTo = &bad
		if _, err := p.Closed(); err == nil {
			t.Errorf("period %d can be the last closed", bad)
		}
	}
	p.ClosedTo = &february
	_, err = publish.Publish(w.Ctx, publisher, p, nil)
	w.Must(err)
	w.Contract("works", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	if d := cmp.Diff(clienttest.FirmsTruth(12, 2), w.Rows(buyer, clienttest.FirmsByMonth)); d != "" {
		t.Errorf("two months are final (-plaintext +answer)\n%s", d)
	}
	_, err = w.Append(publisher, clienttest.FirmsCSV(12, 3, 4))
	w.Must(err)
	if d := cmp.Diff(clienttest.FirmsTruth(12, 4), w.Rows(buyer, clienttest.FirmsByMonth)); d != "" {
		t.Errorf("all are (-plaintext +answer)\n%s", d)
	}
	daily, err := panel.ReadDescriptor("d.yaml", strings.NewReader(strings.NewReplacer("dataset: works", "dataset: daily", "grain: month}", "grain: day}").Replace(clienttest.ProtectedDescriptor)))
	w.Must(err)
	q := &publish.Prepared{Source: daily, Panel: &panel.Panel{Entities: []string{"a"}, First: calendar.Month.Span(february, calendar.Day).From, Periods: 30}}
	if closed, err := q.Closed(); err != nil || closed != (calendar.Interval{From: february, To: february + 1}) {
		t.Errorf("29 days and one close %v, %v", closed, err)
	}
	march := february + 1
	q.ClosedTo = &march
	if _, err := q.Closed(); err == nil || !strings.Contains(err.Error(), "does not reach its end") {
		t.Errorf("a month of one day: %v", err)
	}
}
