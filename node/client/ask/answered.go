package ask

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// answered is an answer as it is kept, sealed under the buyer's key.
type answered struct {
	At      int64         `json:"at"` // milliseconds since 1970
	Table   *result.Table `json:"table"`
	Query   catalog.Query `json:"query"`
	Receipt wire.Receipt  `json:"receipt"`
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
	b, err := c.Key().Sealed().Read(file)
	if err != nil {
		return nil, fmt.Errorf("look for the answer in the own store: %w", err)
	}
	var a answered
	in := json.NewDecoder(bytes.NewReader(b))
	in.UseNumber() // counts are int64
	if b == nil || in.Decode(&a) != nil || a.Table == nil || !lasts(a.At, c.Now()) || !plainCells(a.Table) {
		return nil, nil
	}
	a.Table.Query, a.Table.Receipt = a.Query.ID, a.Receipt
	return &Result{Table: a.Table, Query: a.Query, Receipt: a.Receipt, Stored: time.UnixMilli(a.At)}, nil
}

func lasts(at int64, now time.Time) bool {
	age := now.Sub(time.UnixMilli(at))
	return age >= 0 && age < AnswersLast
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

// keepAnswer keeps an answer, and removes those that stand for nothing any more.
func keepAnswer(c *client.Client, file string, r *Result) error {
	if file == "" {
		return nil
	}
	b, err := json.Marshal(answered{At: c.Now().UnixMilli(), Table: r.Table, Query: r.Query, Receipt: r.Receipt})
	if err == nil {
		err = c.Key().Sealed().Write(file, b)
	}
	if err != nil {
		return fmt.Errorf("keep the answer in the own store: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "answer-*"))
	for _, old := range files {
		info, e := os.Stat(old)
		if e == nil && old != file && time.Since(info.ModTime()) > AnswersLast { // of files, whose clock is the machine's
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
