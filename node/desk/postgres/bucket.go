package postgres

import (
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

const (
	daySeconds  = 24 * 60 * 60
	weekSeconds = 7 * daySeconds
)

// lengths are the seconds of grains whose periods all have the same length and begin at a multiple of it.
var lengths = [...]struct {
	grain   calendar.Grain
	seconds int64
	name    string // that Grafana has
}{{calendar.QuarterHour, 15 * 60, "15m"}, {calendar.HalfHour, 30 * 60, "30m"}, {calendar.Hour, 60 * 60, "1h"}, {calendar.Day, daySeconds, "1d"}}

// bucketed brings what Grafana's macros write for a group of times to a dimension of Weir's language:
// $__timeGroup(period, '1d') is floor(extract(epoch from period)/86400)*86400, of TimescaleDB time_bucket('86400.000s',
// period), and $__timeEpoch(period) is extract(epoch from period). (Grafana, pkg/tsdb/grafana-postgresql-datasource,
// macros.go.) epoch: its values are seconds since 1970 and no dates. Other expressions stay as they are.
func (d *dialect) bucketed(list []token.Token) (out []token.Token, epoch bool, err error) {
	list = bare(list)
	if isEpoch(list) {
		return list[len(list)-2 : len(list)-1], true, nil
	}
	// FLOOR ( … / n ) * n
	if len(list) > 4 && list[0].Is("FLOOR") && list[1].Is("(") {
		end := token.Closing(list, 1)
		if end < 4 || end+3 != len(list) || !list[end+1].Is("*") || !list[end-2].Is("/") || list[end-1].Text != list[end+2].Text {
			return list, false, nil
		}
		if of := bare(list[2 : end-2]); isEpoch(of) {
			out, err = d.bucket(list[end-1].Text, of[len(of)-2], false)
			return out, true, err
		}
	}
	// TIME_BUCKET ( 'n s' , period )
	if len(list) == 6 && list[0].Is("TIME_BUCKET") && list[1].Is("(") && list[2].Kind == token.String && list[3].Is(",") && isPeriod(list[4]) {
		seconds, found := strings.CutSuffix(list[2].Text, "s")
		if !found {
			return list, false, nil
		}
		out, err = d.bucket(seconds, list[4], true) // TimescaleDB's weeks begin on Mondays
		return out, false, err
	}
	return list, false, nil
}

// isEpoch reports whether an expression is EXTRACT(EPOCH FROM period).
func isEpoch(list []token.Token) bool {
	return len(list) == 6 && list[0].Is("EXTRACT") && list[1].Is("(") && list[2].Is("EPOCH") && list[3].Is("FROM") && isPeriod(list[4]) && list[5].Is(")")
}

func isPeriod(t token.Token) bool { return t.Named() && t.Lower() == "period" }

// bucket is the dimension of intervals of so many seconds since 1970: periods of that length, or the periods themselves
// where each begins at a multiple of it. mondays: seven days are a week of the calendar.
func (d *dialect) bucket(seconds string, period token.Token, mondays bool) ([]token.Token, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(seconds), 64)
	if err != nil || n <= 0 || n != float64(int64(n)) {
		return nil, d.noBucket(seconds)
	}
	if mondays && n == weekSeconds && d.grain.Finer(calendar.Month) {
		return truncated(calendar.Week, d.grain, period), nil
	}
	own := int64(daySeconds) // what is no finer than a day begins at midnight
	for _, l := range lengths {
		if l.grain == d.grain {
			own = l.seconds
		}
	}
	if own%int64(n) == 0 {
		return []token.Token{period}, nil
	}
	for _, l := range lengths {
		if l.seconds == int64(n) && d.grain.Finer(l.grain) {
			return truncated(l.grain, d.grain, period), nil
		}
	}
	return nil, d.noBucket(seconds)
}

func (d *dialect) noBucket(seconds string) error {
	hint := "an interval of 1d"
	for _, l := range lengths[:len(lengths)-1] {
		if !l.grain.Finer(d.grain) {
			hint += ", " + l.name
		}
	}
	return fail(stateNotSupported, hint+"; or date_trunc('month', period) AS time, by week, month, quarter or year",
		"figures are grouped by parts of the calendar, and not by intervals of %s seconds", strings.TrimSpace(seconds))
}

// truncated is date_trunc of periods to a grain.
func truncated(to, own calendar.Grain, period token.Token) []token.Token {
	if !own.Finer(to) {
		return []token.Token{period}
	}
	return []token.Token{word("date_trunc"), sign("("), {Kind: token.String, Text: string(to)}, sign(","), period, sign(")")}
}
