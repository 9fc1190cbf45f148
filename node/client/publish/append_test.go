package publish_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/news"
	"github.com/weirdata/weir/node/client/publish"
)

// Only the new months are given; the full tile is taken over, the other one is
// encrypted again with what this machine kept. A running contract answers as if all
// had been published at once, and goes on to after the next append.
func TestAppendedPeriodsAnswerAsIfAllHadBeenPublished(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	contract := w.Contract("works", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	if d := cmp.Diff(clienttest.FirmsTruth(clienttest.ManyFirms, 30), w.Rows(buyer, clienttest.FirmsByMonth)); d != "" {
		t.Fatalf("before (-plaintext +answer)\n%s", d)
	}
	kept, err := publish.LastSource(publisher, "works")
	w.Must(err)
	if d := cmp.Diff(w.Source(), kept); d != "" {
		t.Errorf("(-descriptor +kept)\n%s", d)
	}
	var sent atomic.Int64
	w.Watch(func(_ int, r *http.Request, _ []byte) {
		if strings.HasPrefix(r.URL.RawQuery, "kind=tile") {
			sent.Add(1)
		}
	})
	for _, step := range []struct{ from, to, tiles, reused int }{
		{30, 33, 2, 1},
		{33, 49, 3, 1}, // fills the second tile and begins a third one
		{49, 50, 3, 2},
	} {
		sent.Store(0)
		done, err := w.Append(publisher, clienttest.FirmsCSV(clienttest.ManyFirms, step.from, step.to))
		w.Must(err)
		if done.Tiles != step.tiles || done.Reused != step.reused || sent.Load() != int64(step.tiles-step.reused) || done.Periods != step.to {
			t.Errorf("months %d to %d: %+v, %d tiles were sent", step.from, step.to, done, sent.Load())
		}
		if d := cmp.Diff(clienttest.FirmsTruth(clienttest.ManyFirms, step.to), w.Rows(buyer, clienttest.FirmsByMonth)); d != "" {
			t.Fatalf("with months to %d (-plaintext +answer)\n%s", step.to, d)
		}
	}
	k, err := exchange.Contract(w.Ctx, buyer, contract)
	w.Must(err)
	if k.State != catalog.ContractActive || k.Used != 4 {
		t.Errorf("contract %+v", k)
	}
}

// On a machine that did not publish the dataset, the periods of the tiles that are
// encrypted again are asked for by name. What was corrected nobody can tell then: the
// figures of earlier periods stay, and those of later ones are answered.
func TestAppendOnAnotherMachineSaysWhichPeriodsItNeedsAgain(t *testing.T) {
	w := clienttest.New(t)
	w.PublishFirms(w.Spooled(t.TempDir()))
	w.Contract("works", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	w.Rows(buyer, clienttest.FirmsByMonth)
	other := w.Spooled(t.TempDir())
	if src, err := publish.LastSource(other, "works"); err != nil || src != nil {
		t.Errorf("source %v, %v", src, err)
	}
	_, err := w.Append(other, clienttest.FirmsCSV(clienttest.ManyFirms, 30, 32))
	var need *publish.NeedPeriodsError
	if !errors.As(err, &need) || need.From != "2022-01" || need.To != "2022-06" {
		t.Fatalf("got %v", err)
	}
	if _, err = w.Append(other, clienttest.FirmsCSV(clienttest.ManyFirms-1, 24, 32)); !errors.As(err, &need) {
		t.Fatalf("one firm's readings are missing: %v", err)
	}
	done, err := w.Append(other, strings.Replace(clienttest.FirmsCSV(clienttest.ManyFirms, 24, 32), "f007,2022-02,107.25", "f007,2022-02,907.25", 1))
	w.Must(err)
	if done.Reused != 1 || done.Changes != nil || len(done.Lost) != 1 || done.Lost[0] != (news.Edition{Dataset: "works", Version: 1}) {
		t.Errorf("%+v", done)
	}
	if d := cmp.Diff(clienttest.FirmsTruth(clienttest.ManyFirms, 32), w.Rows(buyer, clienttest.FirmsByMonth)); d != "" {
		t.Errorf("(-plaintext of version 1 and the new months +answer)\n%s", d)
	}
	// With the record made again from the files, corrections are told.
	w.Must(publish.Remember(w.Ctx, other, w.Prepare(other, clienttest.ProtectedDescriptor, clienttest.FirmsCSV(clienttest.ManyFirms, 0, 30)), 1))
	if err := publish.Remember(w.Ctx, other, w.Prepare(other, clienttest.ProtectedDescriptor, clienttest.FirmsCSV(clienttest.ManyFirms-1, 0, 30)), 1); err == nil || !strings.Contains(err.Error(), "readings in other cells") {
		t.Errorf("files of other cells: %v", err)
	}
}

// One file corrects readings of a full tile and of the last one, brings one that came
// late, and a later month. Only tiles with a change are encrypted, and figures are the
// corrected ones wherever enough is new.
func TestAppendTakesCorrectionsAndLateReadingsBesideLaterPeriods(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(clienttest.ManyFirms), nil)
	w.Must(err)
	sparse := strings.Replace(clienttest.FirmsCSV(clienttest.ManyFirms, 0, 50), "f100,2024-02,200.49\n", "", 1)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, sparse), nil)
	w.Must(err)
	w.Contract("works", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	w.Rows(buyer, clienttest.FirmsByMonth)
	csv := "firm,month,NOX\nf100,2024-02,200.49\n" +
		"f004,2020-03,500.00\nf005,2020-03,600.00\n" + // two of west: news of k
		"f000,2020-04,700.00\n" + // one of east: held back
		"f001,2020-05,101.04\n" + // as it was
		strings.TrimPrefix(clienttest.FirmsCSV(clienttest.ManyFirms, 50, 51), "firm,month,NOX\n")
	p, err := publish.PrepareAppend(w.Ctx, publisher, w.Source(), []panel.File{{Name: "more.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}}, nil)
	w.Must(err)
	want := news.Changes{Corrected: 3, Late: 1}
	if p.Changes() == nil || *p.Changes() != want {
		t.Errorf("changes %+v, want %+v", p.Changes(), want)
	}
	done, err := publish.Publish(w.Ctx, publisher, p, nil)
	w.Must(err)
	if done.Changes == nil || *done.Changes != want || done.Tiles != 3 || done.Reused != 1 || len(done.Lost) != 0 {
		t.Errorf("%+v", done)
	}
	truth := clienttest.FirmsTruth(clienttest.ManyFirms, 51)
	west := 50000 + 60000 + clienttest.NOx(6, 2) + clienttest.NOx(7, 2)
	for i, row := range truth {
		if strings.HasPrefix(row, "west 2020-03 ") {
			truth[i] = fmt.Sprintf("west 2020-03 %d.%02d", west/100, west%100)
		}
		if strings.HasPrefix(row, "far 2024-02 ") { // one reading that came late is held back
			sum := 0
			for f := 8; f < clienttest.ManyFirms; f++ {
				if f != 100 {
					sum += clienttest.NOx(f, 49)
				}
			}
			truth[i] = fmt.Sprintf("far 2024-02 %d.%02d", sum/100, sum%100)
		}
	}
	if d := cmp.Diff(truth, w.Rows(buyer, clienttest.FirmsByMonth)); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
}

// What append refuses, in words that say what to do. Nothing is proposed.
func TestAppendRefusesWhatItCannotTake(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	for _, x := range []struct{ name, csv, want string }{
		{"nothing new", clienttest.FirmsCSV(clienttest.ManyFirms, 24, 30), "the files bring nothing new: version 1 of dataset works has every reading of theirs, and all periods to 2022-06"},
		{"an unknown entity", clienttest.FirmsCSV(clienttest.ManyFirms+1, 30, 31), `"f300" is not in the registry`},
		{"earlier periods", "firm,month,NOX\nf000,2019-12,1.00\n", "the files begin with period 2019-12, and dataset works with 2020-01"},
	} {
		if _, err := w.Append(publisher, x.csv); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v", x.name, err)
		}
	}
	d, err := publisher.Dataset(w.Ctx, "works")
	w.Must(err)
	if d.Versions != 1 {
		t.Errorf("%d versions were proposed", d.Versions)
	}
}

// A dataset that makes its own registry has attributes in its files. They are held
// against the registry's when something is appended, as when it is published; files
// without these columns are taken.
func TestAppendHoldsAttributesAgainstTheRegistry(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(clienttest.PublicDescriptor))
	w.Must(err)
	csv, _, _ := clienttest.AirCSV()
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.PublicDescriptor, csv), nil)
	w.Must(err)
	prepare := func(csv string) error {
		file := panel.File{Name: "more.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
		p, err := publish.PrepareAppend(w.Ctx, publisher, src, []panel.File{file}, nil)
		if err == nil {
			_, err = publish.Publish(w.Ctx, publisher, p, nil)
		}
		return err
	}
	err = prepare("station,county,day,PM25,PM10\ns1,south,2024-02-29,1.0,1\ns3,south,2024-02-29,1.0,1\n")
	if err == nil || !strings.Contains(err.Error(), `"south" for "s1", but "north" in the registry`) {
		t.Fatalf("got %v", err)
	}
	w.Must(prepare("station,county,day,PM25,PM10\ns1,north,2024-02-29,1.0,1\n"))
	w.Must(prepare("station,day,PM25,PM10\ns3,2024-03-01,1.0,1\n"))
}

// Entities that were appended to the registry get a block of their own, and the full
// tiles of the others are taken over.
func TestAppendedEntitiesAddABlock(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	w.PublishFirms(publisher)
	w.Contract("works", catalog.OrderApprove{})
	buyer := w.Client(catalog.RoleBuyer)
	const total = "SELECT county, SUM(nox) FROM works WHERE period = '2022-07' GROUP BY county"
	_, err := publish.AppendRegistry(w.Ctx, publisher, "firms", [][]string{{"f300", "east"}, {"f301", "east"}, {"f302", "east"}}, nil)
	w.Must(err)
	done, err := w.Append(publisher, clienttest.FirmsCSV(clienttest.ManyFirms+3, 30, 31))
	w.Must(err)
	if done.Entities != clienttest.ManyFirms+3 || done.Tiles != 3 || done.Reused != 1 {
		t.Errorf("%+v", done)
	}
	v, err := publisher.Version(w.Ctx, "works", 2)
	w.Must(err)
	if want := []catalog.Block{{First: 0, Entities: 300, Periods: 24}, {First: 300, Entities: 3, Periods: 2724}}; !cmp.Equal(v.Blocks, want) {
		t.Errorf("blocks %+v, want %+v", v.Blocks, want)
	}
	east := 0
	for _, f := range []int{0, 1, 2, 3, 300, 301, 302} {
		east += clienttest.NOx(f, 30)
	}
	if rows := w.Rows(buyer, total); len(rows) != 3 || rows[0] != fmt.Sprintf("east %d.%02d", east/100, east%100) {
		t.Errorf("rows %v, want east %d", rows, east)
	}
	// And the next append has two blocks that are not full.
	done, err = w.Append(publisher, clienttest.FirmsCSV(clienttest.ManyFirms+3, 31, 32))
	w.Must(err)
	if done.Tiles != 3 || done.Reused != 1 {
		t.Errorf("%+v", done)
	}
}
