package seeds

import (
	"fmt"
	"time"
)

// date is a day of the generator's calendar. Days are counted from 1 January
// 2020, the first day of all data, so that a cell's noise does not depend on
// where the written data begins.
type date struct {
	index     int // days since 2020-01-01
	year      int
	month     int // 1..12
	day       int // 1..
	monthDays int
	text      string // 2024-05-07
}

// days returns the days from first to last, both included.
func days(first, last time.Time) []date {
	origin := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []date
	for t := first; !t.After(last); t = t.AddDate(0, 0, 1) {
		y, m, d := t.Date()
		all = append(all, date{
			index: int(t.Sub(origin).Hours()) / 24,
			year:  y, month: int(m), day: d,
			monthDays: time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day(),
			text:      t.Format(time.DateOnly),
		})
	}
	return all
}

func utcDay(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

// monthText is the ISO form of the month that is so many months after January
// 2020.
func monthText(index int) string {
	return fmt.Sprintf("%d-%02d", 2020+index/12, index%12+1)
}

// season holds a percentage for every month of the year.
type season [12]int64

// at interpolates between the middles of months.
func (s season) at(d date) int64 {
	away := int64(2*d.day - 1 - d.monthDays) // -(days) .. +days, 0 in mid-month
	next := (d.month + 11 - 1) % 12
	if away >= 0 {
		next = d.month % 12
	} else {
		away = -away
	}
	span := int64(2 * d.monthDays)
	return (s[d.month-1]*(span-away) + s[next]*away) / span
}
