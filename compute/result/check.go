package result

import "fmt"

// CheckError is a sum that cannot be: it lies outside the number of present
// cells times the declared range, so something was damaged on the way, or the
// publisher's readings are not what it declared. No figure of the query may be
// shown.
type CheckError struct {
	Measure string
	What    string // which sum; empty: of the measure's readings
	Group   string // its dimensions, for a person
	Count   int64
	Sum     string // as it came out, in the measure's unit
	Least   string // count × the declared bounds
	Most    string
}

// Error implements error.
func (e *CheckError) Error() string {
	what := e.What
	if what == "" {
		what = "sum of " + e.Measure
	}
	return fmt.Sprintf("the %s over %d readings (%s) came out as %s, and must lie from %s to %s; no figure is printed",
		what, e.Count, e.Group, e.Sum, e.Least, e.Most)
}
