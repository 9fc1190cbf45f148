package client_test

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
	"github.com/weirdata/weir/node/client"
)

// manyFirms make tiles of 24 months: 30 months are a full tile and a quarter of one.
const manyFirms = 300

// firmMonth is a month counted from January 2020.
func firmMonth(m int) string { return fmt.Sprintf("%d-%02d", 2020+m/12, m%12+1) }

// nox is the reading of a firm in a month, in hundredths.
func nox(f, m int) int { return 10000 + 100*f + m }

// firmsCSV are the readings of the months [from, to).
func firmsCSV(firms, from, to int) string {
	var b strings.Builder
	b.WriteString("firm,month,NOX\n")
	for m := from; m < to; m++ {
		for f := range firms {
			fmt.Fprintf(&b, "f%03d,%s,%d.%02d\n", f, firmMonth(m), nox(f, m)/100, nox(f, m)%100)
		}
	}
	return b.String()
}

const firmsByMonth = "SELECT county, date_trunc('month', period) AS month, SUM(nox) AS nox FROM works GROUP BY county, month"

// firmsTruth are the rows of firmsByMonth by plain loops; counties as in firms.
func firmsTruth(firms, months int) (rows []string) {
	for _, county := range []struct {
		name     string
		from, to int
	}{{"east", 0, 4}, {"far", 8, firms}, {"west", 4, 8}} {
		for m := range months {
			sum := 0
			for f := county.from; f < county.to; f++ {
				sum += nox(f, m)
			}
			rows = append(rows, fmt.Sprintf("%s %s %d.%02d", county.name, firmMonth(m), sum/100, sum%100))
		}
	}
	return rows
}

func (w *world) rows(c *client.Client, sql string) (rows []string) {
	w.Helper()
	res, err := c.Query(w.ctx, sql, client.QueryOptions{})
	w.must(err)
	for _, row := range res.Table.Rows {
		rows = append(rows, strings.TrimSpace(fmt.Sprintln(row...)))
	}
	return rows
}

func (w *world) spooled(dir string) *client.Client {
	w.Helper()
	o := w.options()
	o.Spool = dir
	c, err := client.New(w.profile, w.keys[catalog.RolePublisher], o)
	w.must(err)
	w.Cleanup(c.Close)
	return c
}

// publishFirms publishes the first 30 months.
func (w *world) publishFirms(c *client.Client) {
	w.Helper()
	_, err := c.PublishRegistry(w.ctx, firms(manyFirms), nil)
	w.must(err)
	_, err = c.PublishDataset(w.ctx, w.prepare(c, protectedDescriptor, firmsCSV(manyFirms, 0, 30)), nil)
	w.must(err)
}

func (w *world) source() *panel.Source {
	w.Helper()
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(protectedDescriptor))
	w.must(err)
	return src
}

// append appends a file to the dataset.
func (w *world) append(c *client.Client, csv string, o client.AppendOptions) (client.Published, error) {
	w.Helper()
	file := panel.File{Name: "more.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
	p, err := c.PrepareAppend(w.ctx, w.source(), []panel.File{file}, o)
	if err != nil {
		return client.Published{}, err
	}
	return c.PublishDataset(w.ctx, p, nil)
}

// Only the new months are given; the full tile is taken over, the other one is
// encrypted again with what this machine kept. A running contract answers as if all
// had been published at once, and goes on to after the next append.
func TestAppendedPeriodsAnswerAsIfAllHadBeenPublished(t *testing.T) {
	w := newWorld(t)
	publisher := w.spooled(t.TempDir())
	w.publishFirms(publisher)
	contract := w.contract("works", catalog.OrderApprove{})
	buyer := w.client(catalog.RoleBuyer)
	if d := cmp.Diff(firmsTruth(manyFirms, 30), w.rows(buyer, firmsByMonth)); d != "" {
		t.Fatalf("before (-plaintext +answer)\n%s", d)
	}
	kept, err := publisher.KeptSource("works")
	w.must(err)
	if d := cmp.Diff(w.source(), kept); d != "" {
		t.Errorf("(-descriptor +kept)\n%s", d)
	}
	var sent atomic.Int64
	w.watch(func(_ int, r *http.Request, _ []byte) {
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
		done, err := w.append(publisher, firmsCSV(manyFirms, step.from, step.to), client.AppendOptions{})
		w.must(err)
		if done.Tiles != step.tiles || done.Reused != step.reused || sent.Load() != int64(step.tiles-step.reused) || done.Periods != step.to {
			t.Errorf("months %d to %d: %+v, %d tiles were sent", step.from, step.to, done, sent.Load())
		}
		if d := cmp.Diff(firmsTruth(manyFirms, step.to), w.rows(buyer, firmsByMonth)); d != "" {
			t.Fatalf("with months to %d (-plaintext +answer)\n%s", step.to, d)
		}
	}
	k, err := buyer.Contract(w.ctx, contract)
	w.must(err)
	if k.State != catalog.ContractActive || k.Used != 4 {
		t.Errorf("contract %+v", k)
	}
}

// On a machine that did not publish the dataset, the periods of the tiles that are
// not full are asked for by name, and somebody has to vouch for them.
func TestAppendOnAnotherMachineSaysWhichPeriodsItNeedsAgain(t *testing.T) {
	w := newWorld(t)
	w.publishFirms(w.spooled(t.TempDir()))
	w.contract("works", catalog.OrderApprove{})
	buyer := w.client(catalog.RoleBuyer)
	w.rows(buyer, firmsByMonth)
	other := w.spooled(t.TempDir())
	if src, err := other.KeptSource("works"); err != nil || src != nil {
		t.Errorf("source %v, %v", src, err)
	}
	_, err := w.append(other, firmsCSV(manyFirms, 30, 32), client.AppendOptions{})
	var need *client.NeedPeriodsError
	if !errors.As(err, &need) || need.From != "2022-01" || need.To != "2022-06" {
		t.Fatalf("got %v", err)
	}
	_, err = w.append(other, firmsCSV(manyFirms, 24, 32), client.AppendOptions{})
	if !errors.Is(err, client.ErrUnknownEarlier) {
		t.Fatalf("got %v", err)
	}
	if _, err = w.append(other, firmsCSV(manyFirms-1, 24, 32), client.AppendOptions{Unchanged: true}); err == nil ||
		!strings.Contains(err.Error(), `nox of "f299" in 2022-01, the files have none`) {
		t.Fatalf("got %v", err)
	}
	done, err := w.append(other, firmsCSV(manyFirms, 24, 32), client.AppendOptions{Unchanged: true})
	w.must(err)
	if done.Reused != 1 {
		t.Errorf("%+v", done)
	}
	if d := cmp.Diff(firmsTruth(manyFirms, 32), w.rows(buyer, firmsByMonth)); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
}

// What append refuses: corrections, what it would not publish, and files without
// anything new. Nothing is proposed.
func TestAppendCorrectsNothing(t *testing.T) {
	w := newWorld(t)
	publisher := w.spooled(t.TempDir())
	w.publishFirms(publisher)
	repeated := firmsCSV(manyFirms, 24, 31)
	for _, x := range []struct{ name, csv, want string }{
		{"another reading", strings.Replace(repeated, "f007,2022-02,107.25", "f007,2022-02,107.26", 1), `nox of "f007" in 2022-02 is another reading than in version 1; corrections are published with`},
		{"periods of full tiles", firmsCSV(manyFirms, 23, 31), "begin with period 2021-12; what version 1 of dataset works has before 2022-01 stays as it is"},
		{"nothing new", firmsCSV(manyFirms, 24, 30), "the files end with period 2022-06, and version 1 of dataset works has all periods to 2022-06 already"},
		{"an unknown entity", firmsCSV(manyFirms+1, 30, 31), `"f300" is not in the registry`},
	} {
		if _, err := w.append(publisher, x.csv, client.AppendOptions{Unchanged: true}); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v", x.name, err)
		}
	}
	d, err := publisher.Dataset(w.ctx, "works")
	w.must(err)
	if d.Versions != 1 {
		t.Errorf("%d versions were proposed", d.Versions)
	}
	// A month that was not there for a firm is a correction as well.
	sparse := strings.Replace(firmsCSV(manyFirms, 30, 32), "f007,2022-07,107.30\n", "", 1)
	_, err = w.append(publisher, sparse, client.AppendOptions{})
	w.must(err)
	if _, err := w.append(publisher, firmsCSV(manyFirms, 30, 33), client.AppendOptions{}); err == nil || !strings.Contains(err.Error(), `the files have a reading of nox of "f007" in 2022-07, version 2 has none`) {
		t.Errorf("got %v", err)
	}
	_, err = w.append(publisher, firmsCSV(manyFirms, 32, 33), client.AppendOptions{})
	w.must(err)
}

// Entities that were appended to the registry get a block of their own, and the full
// tiles of the others are taken over.
func TestAppendedEntitiesAddABlock(t *testing.T) {
	w := newWorld(t)
	publisher := w.spooled(t.TempDir())
	w.publishFirms(publisher)
	w.contract("works", catalog.OrderApprove{})
	buyer := w.client(catalog.RoleBuyer)
	const total = "SELECT county, SUM(nox) FROM works WHERE period = '2022-07' GROUP BY county"
	_, err := publisher.AppendRegistry(w.ctx, "firms", [][]string{{"f300", "east"}, {"f301", "east"}, {"f302", "east"}}, nil)
	w.must(err)
	done, err := w.append(publisher, firmsCSV(manyFirms+3, 30, 31), client.AppendOptions{})
	w.must(err)
	if done.Entities != manyFirms+3 || done.Tiles != 3 || done.Reused != 1 {
		t.Errorf("%+v", done)
	}
	v, err := publisher.Version(w.ctx, "works", 2)
	w.must(err)
	if want := []catalog.Block{{First: 0, Entities: 300, Periods: 24}, {First: 300, Entities: 3, Periods: 2724}}; !cmp.Equal(v.Blocks, want) {
		t.Errorf("blocks %+v, want %+v", v.Blocks, want)
	}
	east := 0
	for _, f := range []int{0, 1, 2, 3, 300, 301, 302} {
		east += nox(f, 30)
	}
	if rows := w.rows(buyer, total); len(rows) != 3 || rows[0] != fmt.Sprintf("east %d.%02d", east/100, east%100) {
		t.Errorf("rows %v, want east %d", rows, east)
	}
	// And the next append has two blocks that are not full.
	done, err = w.append(publisher, firmsCSV(manyFirms+3, 31, 32), client.AppendOptions{})
	w.must(err)
	if done.Tiles != 3 || done.Reused != 1 {
		t.Errorf("%+v", done)
	}
}
