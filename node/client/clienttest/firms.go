package clienttest

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
)

// ProtectedDescriptor describes a protected dataset of firms.
const ProtectedDescriptor = `
dataset: works
title: {en: Works}
license: internal
entity: {registry: firms, column: firm}
period: {column: month, grain: month}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: kg, range: [0, 100000], decimals: 2}
policy: {aggregates: [count, sum, avg], grain: month, min_cohort: 2, cubes: [[county]]}
`

// WorksCSV has readings of so many firms over so many months.
func WorksCSV(firms, months int) string {
	var b strings.Builder
	b.WriteString("firm,month,NOX\n")
	for m := range months {
		for f := range firms {
			fmt.Fprintf(&b, "f%03d,2024-%02d,%d.%02d\n", f, m+1, 100+f, m)
		}
	}
	return b.String()
}

// Firms is the registry of so many firms.
func Firms(n int) publish.RegistryTable {
	t := publish.RegistryTable{ID: "firms", IDColumn: "firm", Columns: []string{"county"}}
	for i := range n {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("f%03d", i), []string{"east", "west", "far"}[min(i/4, 2)]})
	}
	return t
}

// ManyFirms make tiles of 24 months: 30 months are a full tile and a quarter of one.
const ManyFirms = 300

// FirmMonth is a month counted from January 2020.
func FirmMonth(m int) string { return fmt.Sprintf("%d-%02d", 2020+m/12, m%12+1) }

// NOx is the reading of a firm in a month, in hundredths.
func NOx(f, m int) int { return 10000 + 100*f + m }

// FirmsCSV are the readings of the months [from, to).
func FirmsCSV(firms, from, to int) string {
	var b strings.Builder
	b.WriteString("firm,month,NOX\n")
	for m := from; m < to; m++ {
		for f := range firms {
			fmt.Fprintf(&b, "f%03d,%s,%d.%02d\n", f, FirmMonth(m), NOx(f, m)/100, NOx(f, m)%100)
		}
	}
	return b.String()
}

// FirmsByMonth asks for what FirmsTruth has.
const FirmsByMonth = "SELECT county, date_trunc('month', period) AS month, SUM(nox) AS nox FROM works GROUP BY county, month"

// FirmsTruth are the rows of firmsByMonth by plain loops; counties as in firms.
func FirmsTruth(firms, months int) (rows []string) {
	for _, county := range []struct {
		name     string
		from, to int
	}{{"east", 0, 4}, {"far", 8, firms}, {"west", 4, 8}} {
		for m := range months {
			sum := 0
			for f := county.from; f < county.to; f++ {
				sum += NOx(f, m)
			}
			rows = append(rows, fmt.Sprintf("%s %s %d.%02d", county.name, FirmMonth(m), sum/100, sum%100))
		}
	}
	return rows
}

// Rows are the rows of the answer to a query.
func (w *World) Rows(c *client.Client, sql string) (rows []string) {
	w.Helper()
	res, err := ask.Query(w.Ctx, c, sql, ask.Options{})
	w.Must(err)
	for _, row := range res.Table.Rows {
		rows = append(rows, strings.TrimSpace(fmt.Sprintln(row...)))
	}
	return rows
}

// Spooled is the publisher's client that keeps what it encrypts in dir.
func (w *World) Spooled(dir string) *client.Client {
	w.Helper()
	o := w.Options()
	o.Spool = dir
	return w.client(catalog.RolePublisher, o)
}

// PublishFirms publishes the first 30 months.
func (w *World) PublishFirms(c *client.Client) {
	w.Helper()
	_, err := publish.Registry(w.Ctx, c, Firms(ManyFirms), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, c, w.Prepare(c, ProtectedDescriptor, FirmsCSV(ManyFirms, 0, 30)), nil)
	w.Must(err)
}

// Source is the description of the protected dataset.
func (w *World) Source() *panel.Source {
	w.Helper()
	src, err := panel.ReadDescriptor("d.yaml", strings.NewReader(ProtectedDescriptor))
	w.Must(err)
	return src
}

// Append appends a file to the dataset.
func (w *World) Append(c *client.Client, csv string) (publish.Published, error) {
	w.Helper()
	file := panel.File{Name: "more.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
	p, err := publish.PrepareAppend(w.Ctx, c, w.Source(), []panel.File{file}, nil)
	if err != nil {
		return publish.Published{}, err
	}
	return publish.Publish(w.Ctx, c, p, nil)
}

// Changed decodes an answer, changes it and encodes it again.
func Changed[T any](t testing.TB, body []byte, change func(*T)) []byte {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("read %.200s: %v", body, err)
		return body
	}
	change(&v)
	b, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return b
}

// WantRule fails the test unless err is a refusal of the kind and rule.
func WantRule(t *testing.T, err error, kind catalog.RefusalKind, rule string) {
	t.Helper()
	r, ok := client.IsRefused(err)
	if !ok || r.Kind != kind || r.Rule != rule {
		t.Fatalf("got %v, want a refusal %s/%s", err, kind, rule)
	}
}
