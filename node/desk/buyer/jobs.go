package buyer

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/desk/route"
)

const (
	// maxUnderWay is how many queries may be under way at once: what a person has an eye on.
	maxUnderWay = 8
	// maxJobs is how many are remembered.
	maxJobs = 64
	// maxAsking is longer than three attempts of a large query take.
	maxAsking = 10 * time.Minute
)

// JobState is where a job is on its way.
type JobState string

// States of a job.
const (
	JobAsking JobState = "asking"
	JobDone   JobState = "done"
	JobFailed JobState = "failed"
)

// Job is a query that was asked here. Times are Unix milliseconds.
type Job struct {
	ID       string   `json:"id"`
	Seen     int      `json:"seen"` // grows whenever something changes
	State    JobState `json:"state"`
	Question Question `json:"question"`
	Begun    int64    `json:"begun"`
	// Query is its id, when the ledger has it: it is charged then. Again: it was asked before, and is taken up.
	Query    string         `json:"query,omitempty"`
	Again    bool           `json:"again,omitempty"`
	Progress *wire.Progress `json:"progress,omitempty"` // of the member that is behind
	Fraction float64        `json:"fraction,omitempty"` // of the work, 0 to 1
	Failed   []string       `json:"failed_attempts,omitempty"`
	Answer   *Answer        `json:"answer,omitempty"`
	Free     bool           `json:"free,omitempty"` // the own store had the answer, and no node was asked
	Problem  *wire.Problem  `json:"problem,omitempty"`
	// Note is what failed beside the answer, such as keeping it.
	Note string `json:"note,omitempty"`

	failed []catalog.Reason // what Failed says
}

// In is the job with its sentences in a language.
func (job Job) In(l explain.Language) Job {
	job.Problem, job.Note, job.Answer = route.In(l, job.Problem), route.NoteIn(l, job.Note), job.Answer.in(l)
	job.Failed = nil
	for _, why := range job.failed {
		job.Failed = append(job.Failed, l.Reason(why))
	}
	return job
}

func (job *Job) named(id string) bool { return job.ID == id }
func (job *Job) running() bool        { return job.State == JobAsking }
func (job *Job) seen() *int           { return &job.Seen }

// jobs are the queries that were asked since the desk was started.
type jobs struct {
	*background[Job, *Job]
	ask  func(context.Context, Question, ask.Options) (*ask.Result, error)
	show func(context.Context, *ask.Result) Answer
}

func newJobs(do func(context.Context, Question, ask.Options) (*ask.Result, error), show func(context.Context, *ask.Result) Answer) *jobs {
	return &jobs{background: newBackground[Job](), ask: do, show: show}
}

// begin starts a job, or returns that of the same question which is under way.
func (j *jobs) begin(q Question, now time.Time) (Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	underWay := 0
	for _, job := range j.list {
		if !job.running() {
			continue
		}
		if job.Question == q {
			return *job, nil
		}
		underWay++
	}
	if j.closed {
		return Job{}, route.Ending("start it again; the same question takes up what was asked")
	}
	if underWay == maxUnderWay {
		return Job{}, wire.NewProblem(http.StatusTooManyRequests, wire.KindBusy, "eight queries are under way").Advising("wait until one of them is answered")
	}
	job := &Job{ID: rand.Text(), Seen: 1, State: JobAsking, Question: q, Begun: now.UnixMilli()}
	return j.start(job, maxJobs, func() { j.run(job) }), nil
}

// await returns a job when it is further than seen, is over, or time is.
func (j *jobs) await(ctx context.Context, id string, seen int) (Job, error) {
	return j.background.await(ctx, id, seen, route.NotFound("this desk knows no such query", "what was answered is in the history"))
}

// run asks the query of a job.
func (j *jobs) run(job *Job) {
	ctx, cancel := context.WithTimeout(j.ctx, maxAsking)
	defer cancel()
	o := job.Question.options()
	o.Asked = func(id string, again bool) { j.change(job, func(job *Job) { job.Query, job.Again = id, again }) }
	o.Progress = func(p ask.Progress) {
		j.change(job, func(job *Job) {
			job.failed = failedAttempts(p.Query)
			if job.Progress, job.Fraction = nil, 0; p.Known {
				job.Progress, job.Fraction = &p.Progress, p.Fraction()
			}
		})
	}
	r, err := j.ask(ctx, job.Question, o)
	var answer Answer
	if r != nil {
		answer = j.show(ctx, r)
	}
	j.change(job, func(job *Job) {
		job.Progress = nil
		if r == nil {
			job.State, job.Problem = JobFailed, route.ProblemOf(err)
			return
		}
		job.State, job.Answer, job.Query, job.Free, job.Fraction = JobDone, &answer, r.Query.ID, !r.Stored.IsZero(), 1
		if err != nil {
			job.Note = err.Error()
		}
	})
}

// failedAttempts are why attempts failed.
func failedAttempts(q catalog.Query) (why []catalog.Reason) {
	for _, a := range q.Attempts {
		if !a.Failed.IsZero() {
			why = append(why, a.Failed)
		}
	}
	return why
}

// short are the jobs, the newest first, without their answers.
func (j *jobs) short() []Job {
	out := j.all()
	for i := range out {
		out[i].Answer = nil
	}
	return out
}

func (b *Buyer) begin(_ context.Context, in asked) (Job, error) {
	if err := in.Body.check(); err != nil {
		return Job{}, err
	}
	return b.jobs.begin(in.Body, b.client.Now())
}

// awaited is a job, and what of it was seen.
type awaited struct {
	ID   string `path:"id"`
	Seen int    `query:"seen" doc:"The field seen of the job as it is known; absent: answer at once"`
}

func (b *Buyer) job(ctx context.Context, in awaited) (Job, error) {
	return b.jobs.await(ctx, in.ID, in.Seen)
}

// Jobs answers GET /api/queries.
type Jobs struct {
	Queries []Job `json:"queries"`
}

// In is the list with its sentences in a language.
func (all Jobs) In(l explain.Language) Jobs {
	out := Jobs{Queries: make([]Job, len(all.Queries))}
	for i, job := range all.Queries {
		out.Queries[i] = job.In(l)
	}
	return out
}

func (b *Buyer) listJobs(context.Context, none) (Jobs, error) { return Jobs{b.jobs.short()}, nil }
