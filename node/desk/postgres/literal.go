package postgres

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// PeriodType is the type of a column of periods: the day on which they begin, or of what is finer than a day the time, in
// the dataset's offset.
func PeriodType(g calendar.Grain) uint32 {
	if g.Finer(calendar.Day) {
		return pgcatalog.OIDTimestamp
	}
	return pgcatalog.OIDDate
}

// PeriodText is when a period begins, as Postgres writes it.
func PeriodText(g calendar.Grain, i int64) string {
	at := strings.Replace(calendar.QuarterHour.Format(g.In(i, calendar.QuarterHour)), "T", " ", 1)
	if PeriodType(g) == pgcatalog.OIDDate {
		return at[:len(time.DateOnly)]
	}
	return at + ":00"
}

// timeOf reads a day or a time as PeriodText writes it.
func timeOf(text string) (time.Time, error) {
	return time.Parse(time.DateTime, (text + " 00:00:00")[:len(time.DateTime)])
}

// moment is a time as Postgres writes and reads it.
var moment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(Z|[+-]\d{2}(?::?\d{2}(?::00)?)?)?$`)
})

// comparisons are the signs, and what stands for a time that is not the beginning of a period: the next one, or the one
// that it lies in.
var comparisons = sync.OnceValue(func() map[string]bool {
	return map[string]bool{"=": false, "<>": false, "!=": false, "<=": false, ">": false, "<": true, ">=": true}
})

// periodLiteral writes a time that periods are compared with as Weir writes periods. A column of periods holds when they
// begin; so a period is at or after a time if it is that which begins then, or a later one. Texts that are Weir's own
// (2024, 2024-Q1, 2024-05-07T13), and days where periods are no longer than a day, stay as they are: they stand for
// their whole interval. Of a day the offset means nothing, as in Postgres: pgJDBC writes java.sql.Date with that of its machine.
func periodLiteral(text, sign string, own calendar.Grain, offset time.Duration) string {
	m := moment().FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return text
	}
	if m[2] == "" && !calendar.Day.Finer(own) {
		return m[1]
	}
	clock := m[2]
	if clock == "" {
		clock = "00:00"
	}
	at, err := time.Parse("2006-01-02 15:04", m[1]+" "+clock)
	if err != nil {
		return text
	}
	if zone := m[4]; zone != "" && m[2] != "" {
		var off time.Duration
		if zone != "Z" {
			if zone = strings.ReplaceAll(zone, ":", ""); len(zone) == 3 {
				zone += "00"
			}
			zone = zone[:len("+0000")]
			z, err := time.Parse("-0700", zone)
			if err != nil {
				return text
			}
			_, seconds := z.Zone()
			off = time.Duration(seconds) * time.Second
		}
		at = at.Add(offset - off)
	}
	const step = 15 * time.Minute
	exact := at.Equal(at.Truncate(step)) && (m[3] == "" || m[3] == "00")
	_, i, err := calendar.Parse(at.Truncate(step).Format("2006-01-02T15:04"))
	if err != nil {
		return text
	}
	period := calendar.QuarterHour.In(i, own)
	begins := exact && own.In(period, calendar.QuarterHour) == i
	if comparisons()[sign] && !begins {
		period++
	}
	if (sign == "=" || sign == "<>" || sign == "!=") && !begins {
		return text
	}
	return own.Format(period)
}

// localPeriods brings the texts that periods are compared with to the form that the catalogue's columns of periods have.
func localPeriods(list []token.Token, own calendar.Grain, offset time.Duration) []token.Token {
	before := make([]string, len(list))
	for i, t := range list {
		before[i] = t.Text
	}
	list = periodLiterals(list, own, offset)
	for i, t := range list {
		if t.Text == before[i] {
			continue
		}
		if g, n, err := calendar.ParseOf(t.Text, own); err == nil && g == own {
			list[i].Text = PeriodText(own, n)
		}
	}
	return list
}

// periodLiterals brings the texts that periods are compared with to Weir's form.
func periodLiterals(list []token.Token, own calendar.Grain, offset time.Duration) []token.Token {
	for i := range list {
		if !list[i].Named() || list[i].Lower() != "period" {
			continue
		}
		put := func(at int, sign string) {
			if at < len(list) && list[at].Kind == token.String {
				list[at].Text = periodLiteral(list[at].Text, sign, own, offset)
			}
		}
		at := i + 1
		if at < len(list) && list[at].Is("NOT") {
			at++
		}
		switch {
		case at >= len(list):
		case list[at].Is("BETWEEN"):
			put(at+1, ">=")
			put(at+3, "<=")
		case list[at].Is("IN"):
			for j := at + 1; j < len(list) && !list[j].Is(")"); j++ {
				put(j, "=")
			}
		default:
			if _, compares := comparisons()[list[at].Text]; compares {
				put(at+1, list[at].Text)
			}
		}
	}
	return list
}
