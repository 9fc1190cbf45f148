package buyer

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/desk/route"
)

// maxHistory is how many of the ledger's queries the history has.
const maxHistory = 200

// Past is a query of the history.
type Past struct {
	Query    string `json:"query"`
	SQL      string `json:"sql,omitempty"` // empty: the ledger forgot it, and this machine has no answer
	Dataset  string `json:"dataset"`
	Contract string `json:"contract,omitempty"`
	Accepted int64  `json:"accepted"` // Unix milliseconds
	State    string `json:"state"`
	Groups   int    `json:"groups"`
	Withheld int    `json:"withheld"`
	Price    string `json:"price,omitempty"`
	Refunded bool   `json:"refunded,omitempty"`
	Repeats  string `json:"repeats,omitempty"`
	Epsilon  string `json:"epsilon,omitempty"`
	Kept     bool   `json:"kept"` // the own store has its answer
}

// History are queries, the newest first.
type History struct {
	Queries []Past `json:"queries"`
	// Away is why the ledger could not be asked: what is listed is the own store's then.
	Away *wire.Problem `json:"away,omitempty"`
}

func (s *answers) history(ctx context.Context, _ none) (History, error) {
	kept, err := ask.Answers(s.client, s.dir)
	if err != nil {
		return History{}, err
	}
	out := History{Queries: []Past{}}
	if s.client.Key() == nil {
		return out, nil
	}
	known := map[string]bool{}
	for _, r := range kept {
		known[r.Query.ID] = true
		out.Queries = append(out.Queries, pastOf(r.Query, true))
	}
	listed, err := client.Queries.Read(ctx, s.client, client.ListOptions{Newest: true, Limit: maxHistory})
	if err != nil {
		if ctx.Err() != nil {
			return History{}, ctx.Err()
		}
		out.Away = route.In(route.Language(ctx), route.ProblemOf(err))
	}
	for _, q := range listed {
		if !known[q.ID] {
			out.Queries = append(out.Queries, pastOf(q, false))
		}
	}
	slices.SortStableFunc(out.Queries, func(a, b Past) int { return cmp.Compare(b.Accepted, a.Accepted) })
	return out, nil
}

func pastOf(q catalog.Query, kept bool) Past {
	out := Past{
		Query: q.ID, SQL: q.Submit.Request.SQL, Dataset: q.Dataset, Contract: q.Submit.Contract, Accepted: q.Accepted, State: string(q.State),
		Groups: q.Groups, Withheld: q.Withheld, Price: q.Price, Refunded: q.Refunded, Repeats: q.Repeats, Kept: kept,
	}
	if n := q.Submit.Request.Noise; n != nil {
		out.Epsilon = n.Epsilon
	}
	return out
}

// exported is an answer as a file.
type exported struct {
	Query  string `path:"query"`
	Format string `query:"format" doc:"csv, excel-csv, xlsx, parquet or json"`
}

// formats are what an answer is written as. A CSV for Excel begins with a byte order mark, and names that look like
// formulas with an apostrophe.
var formats = map[string]struct{ of, ending, contentType string }{
	"csv":       {result.FormatCSV, "csv", "text/csv; charset=utf-8"},
	"excel-csv": {result.FormatCSV, "csv", "text/csv; charset=utf-8"},
	"xlsx":      {result.FormatWorkbook, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	"parquet":   {result.FormatParquet, "parquet", "application/vnd.apache.parquet"},
	"json":      {result.FormatJSON, "json", "application/json"},
}

func (s *answers) export(_ context.Context, in exported) (route.File, error) {
	f, known := formats[in.Format]
	if !known {
		return route.File{}, route.BadField("format", "an answer is written as csv, excel-csv, xlsx, parquet or json", "ask for one of them")
	}
	r, err := s.kept(in.Query)
	if err != nil {
		return route.File{}, err
	}
	var content bytes.Buffer
	if in.Format == "excel-csv" {
		content.WriteString("\ufeff")
		r.Table.AsTexts()
	}
	if err := r.Table.Write(&content, f.of); err != nil {
		return route.File{}, err
	}
	return route.File{Name: fileName(r.Query) + "." + f.ending, ContentType: f.contentType, Content: content.Bytes()}, nil
}

// fileName is a name for what is saved of a query: its dataset, and the beginning of its id.
func fileName(q catalog.Query) string { return q.Dataset + "-" + q.ID[:min(len(q.ID), 10)] }

func (s *answers) receipt(ctx context.Context, in stored) (route.File, error) {
	content, proven, err := audit.QueryReceipt(ctx, s.client, in.Query)
	if err != nil {
		return route.File{}, err
	}
	name := "weir-" + in.Query[:min(len(in.Query), 10)]
	if proven.Query != nil {
		name = proven.Query.Decision.Dataset + "-" + in.Query[:min(len(in.Query), 10)]
	}
	return route.File{Name: name + ".tlog-proof", ContentType: "application/octet-stream", Content: content}, nil
}
