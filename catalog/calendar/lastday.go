package calendar

// LastDay is the day, in China, in which a term ends: a Unix time in milliseconds, not
// before 1970.
func LastDay(until int64) string {
	const hour = 3600 * 1000
	return Day.Format(Hour.In((until-1)/hour+8, Day))
}
