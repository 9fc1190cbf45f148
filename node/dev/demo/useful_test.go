package demo_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/dev/demo"
	"github.com/weirdata/weir/seeds"
)

// plain is a dataset of the seeds in plain text: the rows, header included, and the
// attributes of the registry's entities by name.
type plain struct {
	part       seeds.Demo // this dataset and its registry alone
	id         string
	descriptor []byte
	decimals   map[string]int // of a measure's readings
	rows       [][]string
	attributes map[string]map[string]string
}

func newPlain(t *testing.T, id string) *plain {
	t.Helper()
	g, err := seeds.New(seeds.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := g.Demo()
	if err != nil {
		t.Fatal(err)
	}
	x := &plain{id: id, decimals: map[string]int{}, attributes: map[string]map[string]string{}}
	read := func(write func(io.Writer) error) [][]string {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	at := slices.IndexFunc(d.Datasets, func(ds seeds.Dataset) bool { return ds.ID == id })
	ds := d.Datasets[at]
	x.part.Datasets, x.descriptor, x.rows = d.Datasets[at:at+1], ds.Descriptor, read(ds.Write)
	src, err := panel.ReadDescriptor(id+".yaml", bytes.NewReader(x.descriptor))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range src.Descriptor.Measures {
		x.decimals[m.Name] = m.Decimals
	}
	for _, r := range d.Registries {
		if r.ID != ds.Registry {
			continue
		}
		x.part.Registries = append(x.part.Registries, r)
		rows := read(r.Write)
		for _, row := range rows[1:] {
			x.attributes[row[0]] = map[string]string{}
			for c, name := range rows[0] {
				x.attributes[row[0]][name] = row[c]
			}
		}
	}
	return x
}

// correct gives one cell in fifty another reading, and returns how many.
func (x *plain) correct(t *testing.T) (corrected int) {
	t.Helper()
	for i, row := range x.rows[1:] {
		for c := range row[2:] {
			if row[2+c] == "" || (i*7919+c*104729)%4999%50 != 0 {
				continue
			}
			n := tenths(t, row[2+c])
			if n += 7; n > 40_000 {
				n -= 14
			}
			row[2+c] = decimal(n)
			corrected++
		}
	}
	return corrected
}

func tenths(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func decimal(tenths int64) string { return fmt.Sprintf("%d.%d", tenths/10, tenths%10) }

// publish publishes the next version, of the rows as they are.
func (x *plain) publish(t *testing.T, bureau *client.Client) publish.Published {
	t.Helper()
	src, err := panel.ReadDescriptor("enterprise_monthly.yaml", bytes.NewReader(x.descriptor))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(x.rows); err != nil {
		t.Fatal(err)
	}
	file := panel.File{Name: "corrected.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }}
	p, err := publish.Prepare(t.Context(), src, []panel.File{file}, bureau, nil)
	if err != nil {
		t.Fatal(err)
	}
	done, err := publish.Publish(t.Context(), bureau, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// sums are the plain loops: the sums of columns by group and period, as rows in order.
// period is that of the answer in which one of the data's lies.
func (x *plain) sums(t *testing.T, by []string, period func(string) string, columns ...int) [][]string {
	t.Helper()
	sums, of := map[string][]int64{}, map[string][]string{}
	decimals := make([]int, len(columns))
	for i, c := range columns {
		d, known := x.decimals[x.rows[0][c]]
		if !known {
			t.Fatalf("no measure %s", x.rows[0][c])
		}
		decimals[i] = d
	}
	for _, row := range x.rows[1:] {
		group := make([]string, 0, len(by)+1+len(columns))
		for _, a := range by {
			group = append(group, x.attributes[row[0]][a])
		}
		group = append(group, period(row[1]))
		key := strings.Join(group, "|")
		for i, c := range columns {
			if row[c] == "" {
				continue
			}
			if sums[key] == nil {
				sums[key], of[key] = make([]int64, len(columns)), group
			}
			sums[key][i] += scaled(t, row[c], decimals[i])
		}
	}
	var out [][]string
	for key, group := range of {
		for i, n := range sums[key] {
			group = append(group, big.NewRat(n, pow10(decimals[i])).FloatString(decimals[i]))
		}
		out = append(out, group)
	}
	return inOrder(out)
}

// scaled is a reading's number in units of its last decimal.
func scaled(t *testing.T, text string, decimals int) int64 {
	t.Helper()
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > decimals {
		t.Fatalf("%q has more than %d decimals", text, decimals)
	}
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n * pow10(decimals-len(fraction))
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

func inOrder(rows [][]string) [][]string {
	slices.SortFunc(rows, func(a, b []string) int { return cmp.Compare(strings.Join(a, "|"), strings.Join(b, "|")) })
	return rows
}

// whole asks for all measures by groups and months and wants them to be the plain sums of
// everybody, with nothing left out and no correction held back.
func (x *plain) whole(t *testing.T, buyer *client.Client, by ...string) {
	t.Helper()
	dims := append(slices.Clone(by), "period")
	sql := "SELECT " + strings.Join(dims, ", ")
	for _, m := range x.rows[0][2:] {
		sql += ", SUM(" + m + ")"
	}
	sql += " FROM enterprise_monthly GROUP BY " + strings.Join(dims, ", ")
	res, err := ask.Query(t.Context(), buyer, sql, ask.Options{Complete: true})
	if err != nil {
		t.Errorf("by %v: %v", by, err)
		return
	}
	var got [][]string
	for _, row := range res.Table.Rows {
		var texts []string
		for _, cell := range row {
			texts = append(texts, fmt.Sprint(cell))
		}
		got = append(got, texts)
	}
	if d := gocmp.Diff(x.sums(t, by, func(p string) string { return p }, 2, 3, 4, 5, 6, 7), inOrder(got)); d != "" {
		t.Errorf("by %v (-plaintext +answer)\n%.2000s", by, d)
	}
}

// The seeds' enterprises are answered whole by county, by industry and by both, and when
// one cell in fifty is corrected every county's figure is the final one at once.
func TestSeedEnterprisesAreAnsweredWhole(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("publishes 25,137 enterprises twice")
	}
	x, c := newPlain(t, "enterprise_monthly"), cast(t)
	if _, err := demo.Run(t.Context(), c, x.part, demo.Events{}); err != nil {
		t.Fatal(err)
	}
	x.whole(t, c.Buyer, "county")
	x.whole(t, c.Buyer, "industry")
	x.whole(t, c.Buyer, "county", "industry")
	corrected := x.correct(t)
	done := x.publish(t, c.Bureau)
	if done.Version != 2 {
		t.Fatalf("published version %d", done.Version)
	}
	t.Logf("%d of %d cells are corrected", corrected, (len(x.rows)-1)*(len(x.rows[0])-2))
	x.whole(t, c.Buyer)
	x.whole(t, c.Buyer, "county")
}
