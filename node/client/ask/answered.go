package ask

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// AnswersLast is how long an answer in the buyer's own store stands for the same query: as
// long as the ledger answers a repeat without charging for it.
const AnswersLast = 24 * time.Hour

// AnswersKept is how long the own store keeps an answer for its buyer to read again (Answers): the
// nodes forget theirs after the dataset's retention.
const AnswersKept = 90 * 24 * time.Hour

// answered is an answer as it is kept, sealed under the buyer's key.
type answered struct {
	At      int64          `json:"at"` // milliseconds since 1970
	Cluster catalog.Digest `json:"cluster,omitzero"`
	Table   *result.Table  `json:"table"`
	Query   catalog.Query  `json:"query"`
	Receipt wire.Receipt   `json:"receipt"`
}

// answerFile is the file of a query in the own store; empty where it has none: with noise every asking is a new one, and a join is of two
// datasets' versions. A query is known by what it means and shows, by the newest version of
// its dataset and by how it is asked.
func answerFile(c *client.Client, d catalog.Dataset, compiled *sql.Compiled, o Options) (file string, err error) {
	if o.Store == "" || c.Key() == nil || compiled.Request.Noise != nil || compiled.Request.Join != nil || d.Withdrawn != nil {
		return "", nil
	}
	meaning := *compiled
	meaning.Request.SQL = ""
	b, err := json.Marshal(meaning)
	if err != nil {
		return "", fmt.Errorf("encode the query: %w", err)
	}
	name := c.Key().Sealed().Name("answer", c.Profile().Cluster.String(), fmt.Sprintf("%q", o.Contract), fmt.Sprint(o.Newest, d.Live, d.Amended), string(b))
	return filepath.Join(o.Store, "answered", name), nil
}

// keptAnswer reads an answer that may still stand for its query; nil: there is none.
func keptAnswer(c *client.Client, file string) (*Result, error) {
	if file == "" {
		return nil, nil
	}
	a, err := readAnswer(c, file)
	if a == nil || err != nil || !lasts(a.At, c.Now()) {
		return nil, err
	}
	return a.result(), nil
}

// readAnswer reads a file of the own store; nil: it has no answer.
func readAnswer(c *client.Client, file string) (*answered, error) {
	b, err := c.Key().Sealed().Read(file)
	if err != nil {
		return nil, fmt.Errorf("look for the answer in the own store: %w", err)
	}
	var a answered
	in := json.NewDecoder(bytes.NewReader(b))
	in.UseNumber() // counts are int64
	if b == nil || in.Decode(&a) != nil || a.Table == nil || !plainCells(a.Table) {
		return nil, nil //nolint:nilnil // as if it were not there
	}
	if a.Cluster != (catalog.Digest{}) && a.Cluster != c.Profile().Cluster {
		return nil, nil //nolint:nilnil // likewise
	}
	return &a, nil
}

func (a *answered) result() *Result {
	a.Table.Query, a.Table.Receipt = a.Query.ID, a.Receipt
	return &Result{Table: a.Table, Query: a.Query, Receipt: a.Receipt, Stored: time.UnixMilli(a.At)}
}

func lasts(at int64, now time.Time) bool {
	age := now.Sub(time.UnixMilli(at))
	return age >= 0 && age < AnswersLast
}

// Answers are the answers in the buyer's own store, the newest first: of each query the last. No node is
// asked. What is damaged, of another key or of another cluster is left out.
func Answers(c *client.Client, store string) ([]*Result, error) {
	if c.Key() == nil {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(store, "answered", "answer-*"))
	if err != nil {
		return nil, fmt.Errorf("look into the own store: %w", err)
	}
	var out []*Result
	for _, file := range files {
		a, err := readAnswer(c, file)
		if err != nil {
			return nil, err
		}
		if a != nil {
			out = append(out, a.result())
		}
	}
	slices.SortFunc(out, func(a, b *Result) int {
		return cmp.Or(b.Stored.Compare(a.Stored), cmp.Compare(a.Query.ID, b.Query.ID))
	})
	return out, nil
}

// plainCells makes of a table as JSON has it what a result is made of: int64, text and nil.
func plainCells(t *result.Table) bool {
	for _, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return false
		}
		for i, cell := range row {
			if n, ok := cell.(json.Number); ok {
				v, err := n.Int64()
				if err != nil {
					return false
				}
				row[i] = v
			}
		}
	}
	for _, row := range t.Bounds {
		for i, cell := range row {
			if ends, ok := cell.([]any); ok && len(ends) == 2 {
				row[i] = [2]string{fmt.Sprint(ends[0]), fmt.Sprint(ends[1])}
			}
		}
	}
	return true
}

// keepAnswer keeps an answer, and removes the old ones. One that stands for no other query has a file of
// its own.
func keepAnswer(c *client.Client, file string, r *Result, o Options) error {
	if o.Store == "" {
		return nil
	}
	if file == "" {
		file = filepath.Join(o.Store, "answered", c.Key().Sealed().Name("answer", c.Profile().Cluster.String(), "of query "+r.Query.ID))
	}
	b, err := json.Marshal(answered{At: c.Now().UnixMilli(), Cluster: c.Profile().Cluster, Table: r.Table, Query: r.Query, Receipt: r.Receipt})
	if err == nil {
		err = c.Key().Sealed().Write(file, b)
	}
	if err != nil {
		return fmt.Errorf("keep the answer in the own store: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "answer-*"))
	for _, old := range files {
		info, e := os.Stat(old)
		if e == nil && old != file && time.Since(info.ModTime()) > AnswersKept { // of files, whose clock is the machine's
			e = os.Remove(old)
		}
		if e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return fmt.Errorf("remove old answers from the own store: %w", err)
	}
	return nil
}
