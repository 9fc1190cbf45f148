package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// listOf is a file of the firms that are selected.
// fileOf is a selector's file that lists firms.
func fileOf(firms []int) client.PortfolioFile { return client.PortfolioFile{File: listOf(firms)} }

func listOf(firms []int) panel.File {
	text := "firm\n"
	for _, f := range firms {
		text += firmID(f) + "\n"
	}
	return panel.File{Name: "mine.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func (x *exchangeOf) portfolio(name string, firms []int, sql string) client.PortfolioOptions {
	return client.PortfolioOptions{Name: name, Registry: "firms", For: sql, PortfolioFile: client.PortfolioFile{File: listOf(firms)}}
}

// What the client works out beforehand is what the nodes' test decides on shares, and
// what stays when it has left out its proposal is answered and equals plaintext.
func TestPreviewOfAPortfolioIsWhatTheNodesDecide(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	descriptor := strings.Replace(firmsDescriptor, "  min_cohort: 4\n", "  min_cohort: 4\n  cubes: [[county]]\n  portfolios: 9\n", 1)
	x := newFirmsOf(ctx, t, 3, 2, descriptor, nil)
	rng := rand.New(rand.NewPCG(11, 7)) //nolint:gosec // a test's portfolios
	failed, passed := 0, 0
	for round := range 8 {
		name := fmt.Sprintf("p%d", round)
		sql := fmt.Sprintf("SELECT county, SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(%s) GROUP BY county", name)
		firms := rng.Perm(firmCount)[:[]int{1, 4, 7, 12, 20, 33, 37, 39}[round]]
		preview, err := x.buyer.PreviewPortfolio(ctx, x.portfolio(name, firms, sql))
		if err != nil && preview.LeftOut.Stays > 0 {
			t.Fatal(err)
		}
		if len(preview.LeftOut.IDs) > 0 {
			failed++
			x.wantCohortFailure(ctx, t, name, firms, sql)
		} else {
			passed++
		}
		if preview.LeftOut.Stays == 0 && len(preview.LeftOut.IDs) > 0 {
			continue // nothing would be left
		}
		x.wantAnswerWithout(ctx, t, name, firms, sql, preview.LeftOut.IDs)
	}
	if failed < 2 || passed < 2 {
		t.Errorf("%d of the portfolios would fail and %d not: the test shows too little", failed, passed)
	}
}

// wantCohortFailure registers a portfolio as it is, though its test would fail.
func (x *exchangeOf) wantCohortFailure(ctx context.Context, t *testing.T, name string, firms []int, sql string) {
	t.Helper()
	_, err := x.buyer.RegisterPortfolio(ctx, x.portfolio(name, firms, sql))
	if r, refused := client.IsRefused(err); !refused || r.Rule != "cohort" {
		t.Fatalf("%s with %v: %v, want it refused before it is registered", name, firms, err)
	}
	if _, err := x.buyer.RegisterPortfolio(ctx, x.portfolio(name, firms, "")); err != nil {
		t.Fatal(err)
	}
	_, err = x.buyer.Query(ctx, sql, client.QueryOptions{})
	if r, refused := client.IsRefused(err); !refused || r.Rule != "cohort" || !errors.Is(err, client.ErrQueryFailed) {
		t.Fatalf("%s with %v: %v, want the nodes' test to fail", name, firms, err)
	}
}

// wantAnswerWithout registers a portfolio without what is left out, and asks.
func (x *exchangeOf) wantAnswerWithout(ctx context.Context, t *testing.T, name string, firms []int, sql string, out []string) {
	t.Helper()
	o := x.portfolio(name, firms, sql)
	o.LeaveOut = func(left client.LeftOut) (bool, error) {
		if diff := cmp.Diff(out, left.IDs); diff != "" {
			t.Errorf("%s: left out (-previewed +asked):\n%s", name, diff)
		}
		return true, nil
	}
	done, err := x.buyer.RegisterPortfolio(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	weight := selected(func(f int) bool { return slices.Contains(firms, f) && !slices.Contains(out, firmID(f)) })
	sum, cells := x.sums(weight)
	var want [][]string
	for _, county := range []string{"c0", "c1"} {
		if cells[county] > 0 {
			want = append(want, []string{county, fmt.Sprintf("%d.%d", sum[county]/10, sum[county]%10), fmt.Sprint(cells[county])})
		}
	}
	if diff := cmp.Diff(want, queryRows(ctx, t, x.buyer, sql)); diff != "" || done.Entries != len(firms)-len(out) {
		t.Errorf("%s with %v without %v, %d entries (-plaintext +answer):\n%s", name, firms, out, done.Entries, diff)
	}
}

// A file is registered once on a machine; a changed one is the next version, and a
// machine that does not remember which file it was does not replace it unasked.
func TestTheSameFileIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	dir, name, firms := t.TempDir(), "mine", []int{1, 2, 3, 4, 5}
	if _, known, err := x.buyer.KnownPortfolio(ctx, dir, name, "firms", fileOf(firms)); known || err != nil {
		t.Fatalf("a portfolio that nobody registered is known: %t, %v", known, err)
	}
	first, err := x.buyer.KeepPortfolio(ctx, dir, x.portfolio(name, firms, ""))
	if err != nil {
		t.Fatal(err)
	}
	v, known, err := x.buyer.KnownPortfolio(ctx, dir, name, "firms", fileOf(firms))
	if err != nil || !known || v.ID != first.Vector.ID {
		t.Fatalf("the same file is known: %t, as %s, %v", known, v.ID, err)
	}
	if _, known, err = x.buyer.KnownPortfolio(ctx, dir, name, "firms", fileOf(firms[1:])); known || err != nil {
		t.Fatalf("a changed file is known: %t, %v", known, err)
	}
	_, _, err = x.buyer.KnownPortfolio(ctx, t.TempDir(), name, "firms", fileOf(firms))
	if r, refused := client.IsRefused(err); !refused || r.Rule != "portfolio_elsewhere" {
		t.Fatalf("on another machine: %v", err)
	}
	checkRecords(t, dir)
	second, err := x.buyer.KeepPortfolio(ctx, dir, x.portfolio(name, firms[1:], ""))
	if err != nil || second.Vector.Version != 2 {
		t.Fatalf("the changed file is version %d, %v", second.Vector.Version, err)
	}
	if dropped, err := x.buyer.DropPortfolio(ctx, name); err != nil || len(dropped) != 2 {
		t.Fatalf("dropped %d versions, %v", len(dropped), err)
	}
	if _, known, err = x.buyer.KnownPortfolio(ctx, dir, name, "firms", fileOf(firms[1:])); known || err != nil {
		t.Fatalf("a portfolio that was dropped is known: %t, %v", known, err)
	}
	if _, err := x.buyer.DropPortfolio(ctx, name); err == nil {
		t.Fatal("nothing was left to drop, and it was")
	}
}

// checkRecords requires that what is remembered is for its owner alone, and names
// nobody of the portfolio.
func checkRecords(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		info, err := e.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path) //nolint:gosec // under the test's own directory
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 || strings.Contains(string(b), firmID(1)) {
			return fmt.Errorf("%s has mode %s and holds %s", path, info.Mode(), b)
		}
		return nil
	})
	if err != nil || files != 1 {
		t.Fatalf("%d records, %v", files, err)
	}
}
