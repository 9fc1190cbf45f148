package node

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/founding"
)

// rollupFiles are the files of a node's rollups.
func (c *cluster) rollupFiles(t *testing.T, id string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(c.nodeDir(id), founding.DirRollups), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Hourly readings of two months, whose tiles are many enough for rollups: that of all is made while the version becomes
// live, those of the months by the first query that needs them, and the next is answered from them. Those that are damaged
// change no figure, and are made again.
func TestQueriesAreAnsweredFromRollups(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	const stations, hours = 200, (31 + 29) * 24
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	r := rand.New(rand.NewPCG(3, 4))
	var file bytes.Buffer
	file.WriteString("station,county,period,pm25,no2\n")
	sums, counts := [2]int{}, [2]int{}
	for s := range stations {
		for h := range hours {
			at := first.Add(time.Duration(h) * time.Hour)
			v := ""
			if r.IntN(20) > 0 {
				x := r.IntN(1000)
				v = strconv.Itoa(x)
				sums[at.Month()-1] += x
				counts[at.Month()-1]++
			}
			fmt.Fprintf(&file, "s%03d,c%d,%s,%s,1\n", s, s%3, at.Format("2006-01-02T15"), v)
		}
	}
	descriptor := strings.Replace(fmt.Sprintf(stationsDescriptor, "hourly"), "grain: day", "grain: hour", 1)
	if _, err := publish.Publish(ctx, bureau, prepareText(ctx, t, descriptor, file.Bytes(), nil), nil); err != nil {
		t.Fatal(err)
	}
	for id := range c.nodes {
		c.await(ctx, id+" to hold the version", func() bool { return c.acked(t, id, "hourly", 1) })
	}
	var want [][]string
	for month := range sums {
		want = append(want, []string{fmt.Sprintf("2024-%02d", month+1), strconv.Itoa(sums[month]) + ".0", strconv.Itoa(counts[month])})
	}
	// ask asks what was not asked before, so that it is computed and not given again.
	ask := func(than int) {
		t.Helper()
		sql := fmt.Sprintf("SELECT date_trunc('month', period) AS month, SUM(pm25), COUNT(pm25) FROM hourly WHERE station > '!%d' GROUP BY month", than)
		if d := cmp.Diff(want, queryRows(ctx, t, bureau, sql)); d != "" {
			t.Errorf("query %d (-plaintext +answer)\n%s", than, d)
		}
	}
	used := func() (n, damaged int64) {
		for _, x := range c.nodes {
			got := x.blobs.Rollups.Counts()
			n, damaged = n+got.Used, damaged+got.Damaged
		}
		return n, damaged
	}
	made := 0
	for id := range c.nodes {
		made += len(c.rollupFiles(t, id))
	}
	if made == 0 {
		t.Fatal("no node made a rollup of 60 tiles")
	}
	ask(1) // makes those of the months
	ask(2)
	if n, _ := used(); n == 0 {
		t.Fatal("no rollup was used")
	}
	for id := range c.nodes { // a byte of each
		for _, name := range c.rollupFiles(t, id) {
			b, err := os.ReadFile(name) //nolint:gosec // of this test
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			if err := os.WriteFile(name, b, 0o600); err != nil { //nolint:gosec // likewise
				t.Fatal(err)
			}
		}
	}
	ask(3)
	if _, damaged := used(); damaged == 0 {
		t.Error("no damage was noticed")
	}
	after, _ := used()
	ask(4)
	if again, _ := used(); again == after {
		t.Error("what was damaged was not made again")
	}
}
