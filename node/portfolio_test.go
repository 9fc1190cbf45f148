package node

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
)

// fileOf is a selector's file that lists firms.
func fileOf(firms []int) portfolio.File { return portfolio.File{Data: listOf(firms)} }

// listOf is a file of the firms that are selected.
func listOf(firms []int) panel.File {
	text := "firm\n"
	for _, f := range firms {
		text += firmID(f) + "\n"
	}
	return panel.File{Name: "mine.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func (x *exchangeOf) portfolio(name string, firms []int, sql string) portfolio.Options {
	return portfolio.Options{Name: name, Registry: "firms", For: sql, File: portfolio.File{Data: listOf(firms)}}
}

// A file is registered once on a machine; a changed one is the next version, and a
// machine that does not remember which file it was does not replace it unasked.
func TestTheSameFileIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	dir, name, firms := t.TempDir(), "mine", []int{1, 2, 3, 4, 5}
	if _, known, err := portfolio.Known(ctx, x.buyer, dir, name, "firms", fileOf(firms)); known || err != nil {
		t.Fatalf("a portfolio that nobody registered is known: %t, %v", known, err)
	}
	first, err := portfolio.Keep(ctx, x.buyer, dir, x.portfolio(name, firms, ""))
	if err != nil {
		t.Fatal(err)
	}
	v, known, err := portfolio.Known(ctx, x.buyer, dir, name, "firms", fileOf(firms))
	if err != nil || !known || v.ID != first.Vector.ID {
		t.Fatalf("the same file is known: %t, as %s, %v", known, v.ID, err)
	}
	if _, known, err = portfolio.Known(ctx, x.buyer, dir, name, "firms", fileOf(firms[1:])); known || err != nil {
		t.Fatalf("a changed file is known: %t, %v", known, err)
	}
	_, _, err = portfolio.Known(ctx, x.buyer, t.TempDir(), name, "firms", fileOf(firms))
	if r, refused := client.IsRefused(err); !refused || r.Rule != "portfolio_elsewhere" {
		t.Fatalf("on another machine: %v", err)
	}
	checkRecords(t, dir)
	second, err := portfolio.Keep(ctx, x.buyer, dir, x.portfolio(name, firms[1:], ""))
	if err != nil || second.Vector.Version != 2 {
		t.Fatalf("the changed file is version %d, %v", second.Vector.Version, err)
	}
	if dropped, err := vector.DropNamed(ctx, x.buyer, name); err != nil || len(dropped) != 2 {
		t.Fatalf("dropped %d versions, %v", len(dropped), err)
	}
	if _, known, err = portfolio.Known(ctx, x.buyer, dir, name, "firms", fileOf(firms[1:])); known || err != nil {
		t.Fatalf("a portfolio that was dropped is known: %t, %v", known, err)
	}
	if _, err := vector.DropNamed(ctx, x.buyer, name); err == nil {
		t.Fatal("nothing was left to drop, and it was")
	}
}

// checkRecords requires that what is remembered is for its owner alone, and names
// nobody of the portfolio.
func checkRecords(t *testing.T, dir string) {
	t.Helper()
	named := regexp.MustCompile(`\b` + firmID(1) + `\b`) // a digest may have the same three digits within
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
		if info.Mode().Perm() != 0o600 || named.Match(b) {
			return fmt.Errorf("%s has mode %s and holds %s", path, info.Mode(), b)
		}
		return nil
	})
	if err != nil || files != 2 {
		t.Fatalf("%d records, %v", files, err)
	}
}
