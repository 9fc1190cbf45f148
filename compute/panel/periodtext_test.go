package panel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/table"
)

var grains = []calendar.Grain{calendar.Hour, calendar.Day, calendar.Month, calendar.Quarter, calendar.Year}

// instant draws a moment and says its period's index by package time alone.
func instant(t *rapid.T, g calendar.Grain) (time.Time, int64) {
	at := time.Date(rapid.IntRange(1, 9999).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 31).Draw(t, "day"),
		rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0, time.UTC)
	if at.Year() > 9999 {
		at = at.AddDate(-1, 0, 0)
	}
	hours := at.Unix() / 3600
	if at.Unix()%3600 < 0 {
		hours--
	}
	switch g {
	case calendar.Hour:
		return at, hours
	case calendar.Day:
		return at, (hours - int64(at.Hour())) / 24
	case calendar.Month:
		return at, int64(at.Year()-1970)*12 + int64(at.Month()) - 1
	case calendar.Quarter:
		return at, int64(at.Year()-1970)*4 + int64(at.Month()-1)/3
	default:
		return at, int64(at.Year() - 1970)
	}
}

// TestPeriodsAgreeWithPackageTime reads several periods with one reader, in
// parts and as text, so that what it remembers is tested too.
func TestPeriodsAgreeWithPackageTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.SampledFrom(grains).Draw(t, "grain")
		parts, text := periodReader{grain: g, parts: true}, periodReader{grain: g}
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			at, want := instant(t, g)
			form := rapid.SampledFrom([]string{"%d", "%02d", " %d", "%04d "}).Draw(t, "form")
			numbers := []int{at.Year(), int(at.Month()), at.Day(), at.Hour()}
			if g == calendar.Quarter {
				numbers[1] = (numbers[1]-1)/3 + 1
			}
			var fields []string
			for _, n := range numbers[:periodParts[g]] {
				fields = append(fields, fmt.Sprintf(form, n))
			}
			if got, fault := parts.read(fields); fault != nil || got != want {
				t.Fatalf("%q: %d, %+v; want %d", fields, got, fault, want)
			}
			iso := g.Format(want)
			if g == calendar.Hour {
				iso = at.Format(rapid.SampledFrom([]string{"2006-01-02T15", "2006-01-02 15", "2006-01-02T15:04", "2006-01-02 15:04:05"}).Draw(t, "layout"))
			}
			for range 2 {
				if got, fault := text.read([]string{iso}); fault != nil || got != want {
					t.Fatalf("%q: %d, %+v; want %d", iso, got, fault, want)
				}
			}
		}
	})
}

func TestPeriodsThatDoNotExistAreNamed(t *testing.T) {
	for _, c := range []struct {
		grain  calendar.Grain
		fields string
		part   int
		want   string
	}{
		{calendar.Hour, "2023,2,29,0", 2, `there is no day "29" in "2023-2"; want 1 to 28`},
		{calendar.Hour, "1900,2,29,0", 2, `want 1 to 28`},
		{calendar.Day, "2024,4,31", 2, `want 1 to 30`},
		{calendar.Day, "2024,4,0", 2, `want 1 to 30`},
		{calendar.Hour, "2024,13,1,0", 1, `there is no month "13" in "2024"; want 1 to 12`},
		{calendar.Month, "2024,0", 1, `want 1 to 12`},
		{calendar.Hour, "2024,1,1,24", 3, `there is no hour "24" in "2024-1-1"; want 0 to 23`},
		{calendar.Quarter, "2024,5", 1, `there is no quarter "5" in "2024"; want 1 to 4`},
		{calendar.Year, "0", 0, `year "0" does not exist; want 1 to 9999`},
		{calendar.Year, "10000", 0, `want 1 to 9999`},
		{calendar.Year, "-5", 0, `"-5" is no whole number; want a year`},
		{calendar.Day, "2024,x,1", 1, `"x" is no whole number; want a month`},
		{calendar.Day, "2024,,1", 1, `"" is no whole number`},
		{calendar.Day, "2024,1.0,1", 1, `"1.0" is no whole number; write 1`},
		{calendar.Day, "２０２４,1,1", 0, `"２０２４" is no whole number; write 2024`},
		{calendar.Day, "2024,12345678901,1", 1, `is no whole number`},
	} {
		r := periodReader{grain: c.grain, parts: true}
		_, fault := r.read(strings.Split(c.fields, ","))
		if fault == nil || fault.part != c.part || !strings.Contains(fault.message+"; "+fault.want, c.want) {
			t.Errorf("%s: %+v, want part %d: %s", c.fields, fault, c.part, c.want)
		}
	}
	for _, c := range []struct {
		grain      calendar.Grain
		text, want string
	}{
		{calendar.Hour, "2024-05-07T13:30", "begins no hour"},
		{calendar.Hour, "2024-05-07", `is a day; want hours`},
		{calendar.Hour, "2024-05-07T24", "is the end of a day; say which end of an hour"},
		{calendar.Hour, "2024-05-07T25", "does not exist"},
		{calendar.Day, "2024-05-07 13:00", "begins no day; write 2024-05-07"},
		{calendar.Month, "2024-05-02", "begins no month"},
		{calendar.Day, "24/5/7", "nobody can tell"},
		{calendar.Month, "240507", "a year of two digits"},
		{calendar.Month, "2024.1", "write 2024-01"},
		{calendar.Quarter, "2024-Q5", "want quarters as 2024-Q2"},
		{calendar.Year, "24", "want years as 2024"},
		{calendar.Year, "", "want years as 2024"},
	} {
		r := periodReader{grain: c.grain}
		_, fault := r.read([]string{c.text})
		if fault == nil || !strings.Contains(fault.message+"; "+fault.want, c.want) {
			t.Errorf("%q: %+v, want %s", c.text, fault, c.want)
		}
	}
}

// Words and run-together digits that look like another date than they say: a quarter is no
// month, a list of months no day, and seconds since 1970 are no date of the year 1704.
func TestTextsThatLookLikeAnotherDateAreReadAsWhatTheySay(t *testing.T) {
	for text, want := range map[string]string{
		"2024年4季度": "2024-Q4", "2024年2季度": "2024-Q2", "2024年第四季度": "2024-Q4", "2024年三季度": "2024-Q3", "2024年第1季度": "2024-Q1", "2024年 第3季": "2024-Q3",
		"2024年4月": "2024-Q2", "2024年1-3月": "", "2024年5季度": "", "2024年10": "", "170407": "",
	} {
		r := periodReader{grain: calendar.Quarter}
		index, fault := r.read([]string{text})
		if got := calendar.Quarter.Format(index); fault == nil && got != want || fault != nil && want != "" {
			t.Errorf("%s: %s, %+v; want %q", text, got, fault, want)
		}
	}
	for text, want := range map[string]string{
		"2024年1月5日13时": "2024-01-05T13", "2024年1月5日 13:00": "2024-01-05T13", "2024年1月5号8点00分": "2024-01-05T08", "2024 年 1 月 5 日 8 时": "2024-01-05T08",
		"2024年1月5日13时0分0秒": "2024-01-05T13", "1704121200": "", "171004011200": "", "2024年1月5日下午3时": "",
	} {
		r := periodReader{grain: calendar.Hour}
		index, fault := r.read([]string{text})
		if got := calendar.Hour.Format(index); fault == nil && got != want || fault != nil && want != "" {
			t.Errorf("%s: %s, %+v; want %q", text, got, fault, want)
		}
	}
	r := periodReader{grain: calendar.Month, days: table.DaysFrom1900}
	if index, fault := r.read([]string{"20241"}); fault == nil {
		t.Errorf("20241 in a workbook is %s; want a question, since 2024-1 may be meant", calendar.Month.Format(index))
	}
}
