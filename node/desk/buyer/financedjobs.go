package buyer

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/financed"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/desk/route"
)

const (
	// maxBooks is how many books may be asked about at once: each has its file in memory.
	maxBooks = 4
	// maxBookJobs is how many are remembered.
	maxBookJobs = 32
)

// BookState is where a book is on its way.
type BookState string

// States of a book.
const (
	BookReading     BookState = "reading"     // it is read, and tested on this machine
	BookRegistering BookState = "registering" // its list is
	BookAsking      BookState = "asking"
	BookDone        BookState = "done"
	BookFailed      BookState = "failed"
)

// BookJob is a loan book that is, or was, asked about here. Times are Unix milliseconds.
type BookJob struct {
	ID       string       `json:"id"`
	Seen     int          `json:"seen"` // grows whenever something changes
	State    BookState    `json:"state"`
	Question BookQuestion `json:"question"`
	Begun    int64        `json:"begun"`
	// Nodes is the state of its list at the nodes while that is registered, Steps of Of how far that is.
	Nodes string `json:"nodes,omitempty"`
	Waits string `json:"waits,omitempty"` // for which nodes
	Steps int    `json:"steps,omitempty"`
	Of    int    `json:"of,omitempty"`
	// Query is its id, when the ledger has it: it is charged then.
	Query    string           `json:"query,omitempty"`
	Again    bool             `json:"again,omitempty"`
	Progress *wire.Progress   `json:"progress,omitempty"`
	Fraction float64          `json:"fraction,omitempty"`
	Report   *financed.Report `json:"report,omitempty"` // with figures when it is done
	Whole    bool             `json:"whole,omitempty"`  // every loan is in every figure
	Answer   *Answer          `json:"answer,omitempty"`
	Free     bool             `json:"free,omitempty"` // the own store had the answer, and no node was asked
	Problem  *wire.Problem    `json:"problem,omitempty"`
}

// In is the job with its sentences in a language.
func (j BookJob) In(l explain.Language) BookJob {
	j.Problem, j.Report = route.In(l, j.Problem), reportIn(l, j.Report)
	return j
}

func (j *BookJob) named(id string) bool { return j.ID == id }
func (j *BookJob) running() bool        { return j.State != BookDone && j.State != BookFailed }
func (j *BookJob) seen() *int           { return &j.Seen }

// books are the loan books that were asked about since the desk was started. A file is in memory until its job is over, and
// nowhere else.
type books struct {
	*background[BookJob, *BookJob]
	ask  func(context.Context, financed.Options, func(catalog.Vector)) (*financed.Report, *ask.Result, error)
	show func(context.Context, *ask.Result) Answer
}

func newBooks(do func(context.Context, financed.Options, func(catalog.Vector)) (*financed.Report, *ask.Result, error), show func(context.Context, *ask.Result) Answer) *books {
	return &books{background: newBackground[BookJob](), ask: do, show: show}
}

// begin starts a job. One list is asked for by one book at a time: two would race for its next version.
func (bs *books) begin(q BookQuestion, o financed.Options, now time.Time) (BookJob, error) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	underWay := 0
	for _, j := range bs.list {
		if !j.running() {
			continue
		}
		if underWay++; j.Question.List == o.Name {
			return BookJob{}, wire.NewProblem(http.StatusConflict, wire.KindBusy, "a book is being asked about by the list "+o.Name).Advising("wait for that to end")
		}
	}
	switch {
	case bs.closed:
		return BookJob{}, route.Ending("start it again, and drop the file anew")
	case underWay == maxBooks:
		return BookJob{}, wire.NewProblem(http.StatusTooManyRequests, wire.KindBusy, fmt.Sprintf("%d books are being asked about", underWay)).Advising("wait until one of them is answered")
	}
	j := &BookJob{ID: rand.Text(), Seen: 1, State: BookReading, Question: q, Begun: now.UnixMilli()}
	return bs.start(j, maxBookJobs, func() { bs.run(j, o) }), nil
}

// run asks about a book.
func (bs *books) run(j *BookJob, o financed.Options) {
	ctx, cancel := context.WithTimeout(bs.ctx, maxRegisteringTime)
	defer cancel()
	o.Told = func(r *financed.Report) {
		known := *r // it is written to from now on
		bs.change(j, func(j *BookJob) {
			j.State, j.Report, j.Nodes, j.Waits, j.Steps, j.Of = BookAsking, &known, "", "", 0, 0
		})
	}
	o.Query.Asked = func(id string, again bool) { bs.change(j, func(j *BookJob) { j.Query, j.Again = id, again }) }
	o.Query.Progress = func(p ask.Progress) {
		bs.change(j, func(j *BookJob) {
			if j.Progress, j.Fraction = nil, 0; p.Known {
				j.Progress, j.Fraction = &p.Progress, p.Fraction()
			}
		})
	}
	report, r, err := bs.ask(ctx, o, func(v catalog.Vector) { bs.change(j, func(j *BookJob) { j.take(v) }) })
	var answer Answer
	if err == nil {
		answer = bs.show(ctx, r)
	}
	bs.change(j, func(j *BookJob) {
		j.Progress, j.Waits = nil, ""
		if err != nil {
			j.State, j.Problem = BookFailed, route.ProblemOf(bookProblem(err))
			return
		}
		j.State, j.Report, j.Whole, j.Answer, j.Query, j.Free, j.Fraction = BookDone, report, report.Whole(), &answer, r.Query.ID, !r.Stored.IsZero(), 1
	})
}

// take takes what the ledger has of the registration of a list.
func (j *BookJob) take(v catalog.Vector) {
	var r Registration
	r.take(v)
	j.State, j.Nodes, j.Waits, j.Steps, j.Of = BookRegistering, r.Nodes, r.Waits, r.Steps, r.Of
}

// ask registers what is to be registered of a book, and asks.
func (s *loanBooks) ask(ctx context.Context, o financed.Options, watch func(catalog.Vector)) (*financed.Report, *ask.Result, error) {
	o.Directory, o.Query.Keep, o.Query.Store = s.dir, s.dir, s.dir
	o.Keep = func(p portfolio.Options) (portfolio.Registered, error) {
		p.Watch, p.Progress = watch, watch
		return portfolio.Keep(ctx, s.client, s.dir, p)
	}
	return financed.Ask(ctx, s.client, o)
}

// begin begins to ask about a book.
func (s *loanBooks) begin(_ context.Context, in booked) (BookJob, error) {
	o, err := in.Body.options()
	if err != nil {
		return BookJob{}, err
	}
	if s.client.Key() == nil {
		return BookJob{}, client.ErrNoKey
	}
	return s.jobs.begin(in.Body.BookQuestion, o, s.client.Now())
}

// BookJobs answers GET /api/financed.
type BookJobs struct {
	Books []BookJob `json:"books"`
}

// In is the list with its sentences in a language.
func (all BookJobs) In(l explain.Language) BookJobs {
	out := BookJobs{Books: make([]BookJob, len(all.Books))}
	for i, j := range all.Books {
		out.Books[i] = j.In(l)
	}
	return out
}

func (s *loanBooks) list(context.Context, none) (BookJobs, error) {
	return BookJobs{s.jobs.all()}, nil
}

func (s *loanBooks) job(ctx context.Context, in awaited) (BookJob, error) {
	return s.jobs.await(ctx, in.ID, in.Seen, route.NotFound("this desk knows no such book", "what was answered is in the history; asked again within 24 hours it is free"))
}

// bookFile is a report as a file.
type bookFile struct {
	ID     string `path:"id"`
	Format string `query:"format" doc:"csv or excel-csv, with a measure in a line, or json, with everything"`
}

func (s *loanBooks) export(_ context.Context, in bookFile) (route.File, error) {
	all := s.jobs.all()
	at := slices.IndexFunc(all, func(j BookJob) bool { return j.ID == in.ID && j.State == BookDone })
	if at < 0 {
		return route.File{}, route.NotFound("this desk has no report of such a book", "ask about it again; within 24 hours it is free")
	}
	r := all[at].Report
	name := fmt.Sprintf("financed-%s-%s", r.Dataset, r.Query[:min(len(r.Query), 10)])
	switch in.Format {
	case "json":
		content, err := json.MarshalIndent(r, "", "  ")
		return route.File{Name: name + ".json", ContentType: "application/json", Content: content}, err
	case "csv", "excel-csv":
	default:
		return route.File{}, route.BadField("format", "a report is written as csv, excel-csv or json", "ask for one of them")
	}
	var content bytes.Buffer
	head, lines := r.Lines()
	if in.Format == "excel-csv" {
		content.WriteString("\ufeff")
		for _, line := range lines {
			for i, cell := range line {
				line[i] = result.AsText(cell)
			}
		}
	}
	err := csv.NewWriter(&content).WriteAll(append([][]string{head}, lines...))
	return route.File{Name: name + ".csv", ContentType: "text/csv; charset=utf-8", Content: content.Bytes()}, err
}
