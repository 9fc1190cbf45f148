package portfolio_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/portfolio"
)

func textFile(name, text string) panel.File {
	return panel.File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestPortfolioFileIsLaidOverTheRegistry(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	buyer := w.Client(catalog.RoleBuyer)
	registry, err := buyer.Registry(w.Ctx, "air")
	w.Must(err)
	p, err := portfolio.Read(w.Ctx, buyer, registry, portfolio.File{Data: textFile("mine.csv", "station,loan\ns3,0.50\ns1,12\n"), Weights: "loan", Bits: 16, Decimals: 2})
	w.Must(err)
	if diff := cmp.Diff(portfolio.Portfolio{Values: []uint64{1200, 0, 50}, Selected: []int32{0, 2}, Rows: []int{3, 2}}, p); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	bands := portfolio.File{Data: textFile("mine.csv", "station,factor\ns3,high\ns9,all\ns1,low\n"), Pieces: "factor", IgnoreUnknown: true}
	p, err = portfolio.Read(w.Ctx, buyer, registry, bands)
	w.Must(err)
	if diff := cmp.Diff(portfolio.Portfolio{
		Values: []uint64{2, 0, 1}, Pieces: []string{"high", "low"}, Selected: []int32{0, 2}, Rows: []int{4, 2}, Unknown: []portfolio.UnknownEntry{{ID: "s9", Row: 3}},
	}, p); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
	file := portfolio.File{Data: textFile("mine.csv", "s2\ns9\ns1\nS3\n")}
	_, err = portfolio.Read(w.Ctx, buyer, registry, file)
	var unknown *portfolio.UnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("unknown ids: %v", err)
	}
	want := "2 ids are not in registry air:\nmine.csv:2: \"s9\"\nmine.csv:4: \"S3\"\n--ignore-unknown goes on without them"
	if err.Error() != want {
		t.Errorf("unknown ids:\n%v\nwant\n%s", err, want)
	}
	file.IgnoreUnknown = true
	p, err = portfolio.Read(w.Ctx, buyer, registry, file)
	w.Must(err)
	if diff := cmp.Diff([]uint64{1, 1, 0}, p.Values); diff != "" || len(p.Unknown) != 2 || len(p.Pieces) != 1 {
		t.Errorf("with unknown ids ignored: %v, %v", p.Values, p.Unknown)
	}
	file.Data = textFile("mine.csv", "station\nx\ny\n")
	if _, err = portfolio.Read(w.Ctx, buyer, registry, file); err == nil || !strings.Contains(err.Error(), "none of its 2 entities is in registry air") {
		t.Errorf("nothing known: %v", err)
	}
	var faults *panel.Errors
	file.Data = textFile("mine.csv", "station\ns1\ns1\n")
	if _, err = portfolio.Read(w.Ctx, buyer, registry, file); !errors.As(err, &faults) {
		t.Errorf("one entity twice: %v", err)
	}
}
