package client_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

func textFile(name, text string) panel.File {
	return panel.File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestPortfolioFileIsLaidOverTheRegistry(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	buyer := w.client(catalog.RoleBuyer)
	registry, err := buyer.Registry(w.ctx, "air")
	w.must(err)
	p, err := buyer.ReadPortfolio(w.ctx, registry, client.PortfolioFile{File: textFile("mine.csv", "station,loan\ns3,0.50\ns1,12\n"), Weights: "loan", Bits: 16, Decimals: 2})
	w.must(err)
	if diff := cmp.Diff(client.Portfolio{Values: []uint64{1200, 0, 50}, Selected: []int32{0, 2}}, p); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(client.Portfolio{Values: []uint64{0, 0, 50}, Selected: []int32{2}}, p.Without([]int32{0})); diff != "" {
		t.Errorf("without one (-want +got):\n%s", diff)
	}
	file := client.PortfolioFile{File: textFile("mine.csv", "s2\ns9\ns1\nS3\n")}
	_, err = buyer.ReadPortfolio(w.ctx, registry, file)
	var unknown *client.UnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("unknown ids: %v", err)
	}
	want := "2 ids are not in registry air:\nmine.csv:2: \"s9\"\nmine.csv:4: \"S3\"\n--ignore-unknown goes on without them"
	if err.Error() != want {
		t.Errorf("unknown ids:\n%v\nwant\n%s", err, want)
	}
	file.IgnoreUnknown = true
	p, err = buyer.ReadPortfolio(w.ctx, registry, file)
	w.must(err)
	if diff := cmp.Diff([]uint64{1, 1, 0}, p.Values); diff != "" || len(p.Unknown) != 2 {
		t.Errorf("with unknown ids ignored: %v, %v", p.Values, p.Unknown)
	}
	file.File = textFile("mine.csv", "station\nx\ny\n")
	if _, err = buyer.ReadPortfolio(w.ctx, registry, file); err == nil || !strings.Contains(err.Error(), "none of its 2 entities is in registry air") {
		t.Errorf("nothing known: %v", err)
	}
	var faults *panel.Errors
	file.File = textFile("mine.csv", "station\ns1\ns1\n")
	if _, err = buyer.ReadPortfolio(w.ctx, registry, file); !errors.As(err, &faults) {
		t.Errorf("one entity twice: %v", err)
	}
}
