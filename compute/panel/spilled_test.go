package panel_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/panel"
)

// However little memory there is, and however rows lie in files: the panel is the same,
// and so are the faults, in the words of plain loops over all rows.
func TestReadingsThatGoToTheTemporaryFileAreTheSame(t *testing.T) {
	src := source(t, small)
	rapid.Check(t, func(t *rapid.T) {
		x := drawRows(t)
		o := panel.Options{
			Memory:  rapid.SampledFrom([]int{1, 300, 20_000, 0}).Draw(t, "memory"),
			Workers: rapid.IntRange(1, 3).Draw(t, "workers"), Replace: rapid.Bool().Draw(t, "replace"), Temporary: os.TempDir(),
		}
		p, _, err := panel.Read(t.Context(), src, nil, x.files, o)
		want, faults := x.truth(o.Replace)
		if len(faults) > 0 {
			var got *panel.Errors
			if !errors.As(err, &got) || got.Total != len(faults) || p != nil {
				t.Fatalf("%v, want %d faults", err, len(faults))
			}
			for i, f := range got.List {
				if !strings.HasPrefix(f.Error(), faults[i]) {
					t.Fatalf("fault %d is %q, want %q", i, f, faults[i])
				}
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := dump(p); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// drawn are rows of two measures, file by file.
type drawn struct {
	files []panel.File
	rows  [][][4]int // [file][row]: entity, day, tenths of pm25 (−1: none), hundredths of co
}

// day0 is the first day that is drawn.
var day0 = time.Date(2024, 2, 27, 0, 0, 0, 0, time.UTC)

func drawRows(t *rapid.T) drawn {
	var x drawn
	days, repeats := rapid.IntRange(1, 40).Draw(t, "days"), rapid.Bool().Draw(t, "repeats")
	used := map[[2]int]bool{}
	for f := range rapid.IntRange(1, 3).Draw(t, "files") {
		var b strings.Builder
		b.WriteString("station,county,date,PM2.5,CO\n")
		var rows [][4]int
		for range rapid.IntRange(1, 60).Draw(t, "rows") {
			row := [4]int{rapid.IntRange(0, 4).Draw(t, "entity"), rapid.IntRange(0, days-1).Draw(t, "day"), rapid.IntRange(-1, 1000).Draw(t, "pm25"), rapid.IntRange(0, 500).Draw(t, "co")}
			cell := [2]int{row[0], row[1]}
			if used[cell] && !repeats {
				continue
			}
			used[cell] = true
			rows = append(rows, row)
			pm25 := ""
			if row[2] >= 0 {
				pm25 = fmt.Sprintf("%d.%d", row[2]/10, row[2]%10)
			}
			fmt.Fprintf(&b, "s%d,c,%s,%s,%d.%02d\n", row[0], day0.AddDate(0, 0, row[1]).Format(time.DateOnly), pm25, row[3]/100, row[3]%100)
		}
		x.rows = append(x.rows, rows)
		x.files = append(x.files, mem(fmt.Sprintf("f%d", f), b.String()))
	}
	return x
}

// truth is what dump writes of the panel, or the faults.
func (x drawn) truth(replace bool) (string, []string) {
	type reading struct{ pm25, co int }
	cells := map[[2]int]reading{}
	first := map[[3]int]string{}
	var faults []string
	least, greatest := 1<<30, -1
	present := map[int]bool{}
	for f, rows := range x.rows {
		for i, r := range rows {
			least, greatest = min(least, r[1]), max(greatest, r[1])
			present[r[0]] = true
			key := [3]int{-1, r[0], r[1]}
			if replace {
				key[0] = f
			}
			if at, twice := first[key]; twice {
				faults = append(faults, fmt.Sprintf("f%d:%d: \"s%d\" has a row for %s already: %s; want one row for each entity and period",
					f, i+2, r[0], day0.AddDate(0, 0, r[1]).Format(time.DateOnly), at))
				continue
			}
			first[key] = fmt.Sprintf("f%d:%d", f, i+2)
			cell := [2]int{r[0], r[1]}
			now, had := cells[cell]
			if !had {
				now.pm25 = -1
			}
			if r[2] >= 0 {
				now.pm25 = r[2]
			}
			now.co = r[3]
			cells[cell] = now
		}
	}
	var ids []int
	var names []string
	for e := range 5 {
		if present[e] {
			ids, names = append(ids, e), append(names, fmt.Sprintf("s%d", e))
		}
	}
	var pm25, co strings.Builder
	for day := least; day <= greatest; day++ {
		for _, e := range ids {
			r, has := cells[[2]int{e, day}]
			if has && r.pm25 >= 0 {
				fmt.Fprintf(&pm25, " %d", r.pm25)
			} else {
				pm25.WriteString(" .")
			}
			if has {
				fmt.Fprintf(&co, " %d", r.co)
			} else {
				co.WriteString(" .")
			}
		}
	}
	begin := int(day0.Unix()/86400) + least
	return fmt.Sprintf("%q from %d: pm25[%s ] co[%s ]", names, begin, pm25.String(), co.String()), faults
}
