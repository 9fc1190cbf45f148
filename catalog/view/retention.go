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

// Retention is for how long a query is kept after it is over, in milliseconds: of a join what the dataset says which
// keeps it longer.
func Retention(r records.Reader, q catalog.Query) (int64, error) {
	keep, err := retention(r, q, q.Dataset, q.Amended)
	if err != nil || q.Join == nil {
		return keep, err
	}
	v, err := records.Find[catalog.Verdict](r, records.PrefixVerdict+q.ID)
	if err != nil {
		return 0, err
	}
	second, err := retention(r, q, v.Join.Dataset, v.Join.Amended)
	return max(keep, second), err
}

// retention is for how long a dataset's policy keeps a query. A repeat has the verdict of the first, and with
// it the descriptor that the first was decided by; where the present one keeps answers for longer, whoever
// asked was told that.
func retention(r records.Reader, q catalog.Query, dataset string, amended int) (int64, error) {
	d, err := records.DatasetAt(r, dataset, amended)
	if err != nil || q.Repeats == "" {
		return d.Descriptor.Policy.Retention(), err
	}
	now, err := records.Find[catalog.Dataset](r, records.PrefixDataset+dataset)
	return max(d.Descriptor.Policy.Retention(), now.Descriptor.Policy.Retention()), err
}

// Due is a query of which the retention is over.
type Due struct {
	Key   string // of the index
	Query string
	At    int64 // when it was over
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
			due = append(due, Due{string(key), string(id), at})
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

// Forgetting is what a node has to say at a time about what is to be forgotten.
type Forgetting struct {
	Agreed bool // something is over at a time that a threshold of nodes has said: any of them may have it forgotten
	Unsaid bool // something is over of which this node has not said so
}

// Forgetting tells a node of the roster what it has to say at a time.
func (v View) Forgetting(node string, now int64) (f Forgetting, err error) {
	due, err := DueToForget(v.r, now, 1)
	if err != nil || len(due) == 0 {
		return f, err
	}
	words, err := records.ReachedBy(v.r)
	if err != nil {
		return f, err
	}
	cluster, err := v.Cluster()
	if err != nil {
		return f, err
	}
	roster := cluster.Roster()
	f.Agreed = due[0].At <= records.AgreedTime(words, roster)
	f.Unsaid = roster.Point(node) > 0 && due[0].At > records.ReachedTime(words, node)
	return f, nil
}

// Drilled is what was reported of drills; zero: nothing.
func (v View) Drilled() (recovery.Drilled, error) {
	d, _, err := records.Lookup[recovery.Drilled](v.r, records.KeyDrill)
	return d, err
}
