package view

import (
	"errors"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
)

// MaxForgotten is how many queries one entry forgets: their changes fit a transaction many times over.
const MaxForgotten = 64

// Due is a query of which the retention is over.
type Due struct {
	Key   string // of the index
	Query string
}

// DueToForget lists queries of which the retention was over at a time, the longest ago first, at most so
// many. A query that one under way repeats waits for that one, whose members may seal again what they
// kept of it.
func DueToForget(r records.Reader, until int64, most int) (due []Due, err error) {
	var repeated map[string]bool // looked up when the first is due
	err = r.Scan([]byte(records.PrefixTodoForget), func(key, id []byte) error {
		at, err := forgetTime(string(key))
		if err != nil {
			return err
		}
		if at > until || len(due) == most {
			return records.ErrStop
		}
		if repeated == nil {
			if repeated, err = repeatedByOpen(r); err != nil {
				return err
			}
		}
		if !repeated[string(id)] {
			due = append(due, Due{string(key), string(id)})
		}
		return nil
	})
	if errors.Is(err, records.ErrStop) {
		err = nil
	}
	return due, err
}

// repeatedByOpen are the queries that those under way repeat.
func repeatedByOpen(r records.Reader) (map[string]bool, error) {
	open, err := records.ListNamed[catalog.Query](r, records.PrefixTodoQuery, records.PrefixQuery)
	repeated := map[string]bool{}
	for _, q := range open {
		if q.Repeats != "" {
			repeated[q.Repeats] = true
		}
	}
	return repeated, err
}

// forgetTime is the time in a key of the index.
func forgetTime(key string) (int64, error) {
	text, _, _ := strings.Cut(strings.TrimPrefix(key, records.PrefixTodoForget), "/")
	return strconv.ParseInt(text, 16, 64)
}

// Drilled is what was reported of drills; zero: nothing.
func (v View) Drilled() (recovery.Drilled, error) {
	d, _, err := records.Lookup[recovery.Drilled](v.r, records.KeyDrill)
	return d, err
}

// ForgetDue reports whether there is something to forget at a time.
func (v View) ForgetDue(now int64) (bool, error) {
	due, err := DueToForget(v.r, now, 1)
	return len(due) > 0, err
}
