package panel

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
)

// TestRememberedPeriodsAreThoseOfTheirTexts reads more texts than are remembered, for one
// entity after the other, in order and in the reverse: each is what package time says,
// however often it came, and one of another offset counts each time.
func TestRememberedPeriodsAreThoseOfTheirTexts(t *testing.T) {
	first := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	var texts []string
	var want []int64
	for h := range maxPeriodTexts + 100 {
		at := first.Add(time.Duration(h) * time.Hour)
		zone := ""
		if h%5 == 0 {
			zone = "+08:00"
			at = at.Add(8 * time.Hour)
		}
		texts = append(texts, at.Format("2006-01-02T15:00")+zone)
		want = append(want, first.Unix()/3600+int64(h))
	}
	for _, n := range []int{100, len(texts)} {
		r := periodReader{grain: calendar.Hour}
		texts, want := slices.Clone(texts[:n]), slices.Clone(want[:n])
		for pass := range 3 {
			for i, text := range texts {
				if got, fault := r.read([]string{text}); fault != nil || got != want[i] {
					t.Fatalf("pass %d: %q is %d, %+v; want %d", pass, text, got, fault, want[i])
				}
			}
			slices.Reverse(texts)
			slices.Reverse(want)
			if counted := (pass + 1) * ((n + 4) / 5); r.converted != counted {
				t.Errorf("%d of %d texts after pass %d were of another offset, want %d", r.converted, n, pass, counted)
			}
		}
		if _, fault := r.read([]string{"2015-01-01T24:30"}); fault == nil {
			t.Error("a time that does not exist is read")
		}
	}
}

// TestRowsOfAPeriodKeepTheirOrder sorts rows by period, dense and sparse.
func TestRowsOfAPeriodKeepTheirOrder(t *testing.T) {
	for _, apart := range []int64{1, 1 << 40} {
		t.Run(fmt.Sprint(apart), func(t *testing.T) {
			b := batch{period: []int64{5 * apart, 3 * apart, 5 * apart, -2 * apart, 3 * apart, 5 * apart, 0, -2 * apart, 3 * apart}}
			if got, want := b.order(), []int32{3, 7, 6, 1, 4, 8, 0, 2, 5}; !slices.Equal(got, want) {
				t.Errorf("order %v, want %v", got, want)
			}
		})
	}
}
