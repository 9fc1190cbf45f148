package buyer

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/desk/route"
)

const (
	// maxRegistering is how many registrations may be under way at once: each has its file in memory.
	maxRegistering = 4
	// maxRegistrations is how many are remembered.
	maxRegistrations = 32
	// maxRegisteringTime is longer than nodes take to check the largest registry, one of them restarting meanwhile.
	maxRegisteringTime = time.Hour
)

// RegistrationState is where a registration is on its way.
type RegistrationState string

// States of a registration.
const (
	Registering        RegistrationState = "registering"
	RegistrationDone   RegistrationState = "done"
	RegistrationFailed RegistrationState = "failed"
)

// Registration is a portfolio that is, or was, being registered here. Times are Unix milliseconds.
type Registration struct {
	ID       string            `json:"id"`
	Seen     int               `json:"seen"` // grows whenever something changes
	State    RegistrationState `json:"state"`
	Name     string            `json:"name"`
	Registry string            `json:"registry"`
	Begun    int64             `json:"begun"`
	For      string            `json:"for,omitempty"` // the query that it is meant for
	Weighted bool              `json:"weighted,omitempty"`
	// Vector and Version are the ledger's, once it has it; Nodes is its state there, Steps of Of how far that is.
	Vector  string        `json:"vector,omitempty"`
	Version int           `json:"version,omitempty"`
	Nodes   string        `json:"nodes,omitempty"`
	Waits   string        `json:"waits,omitempty"` // for which nodes
	Steps   int           `json:"steps,omitempty"`
	Of      int           `json:"of,omitempty"`
	Entries int           `json:"entries,omitempty"`
	Ignored int           `json:"ignored,omitempty"` // ids that the registry does not have
	Problem *wire.Problem `json:"problem,omitempty"`
}

// In is the registration with its sentences in a language.
func (r Registration) In(l explain.Language) Registration {
	r.Problem = route.In(l, r.Problem)
	return r
}

func (r *Registration) named(id string) bool { return r.ID == id }
func (r *Registration) running() bool        { return r.State == Registering }
func (r *Registration) seen() *int           { return &r.Seen }

// registrations are those that were begun since the desk was started. A portfolio's file is in memory until its
// registration is over, and nowhere else.
type registrations struct {
	*background[Registration, *Registration]
	keep func(context.Context, portfolio.Options) (portfolio.Registered, error)
}

func newRegistrations(keep func(context.Context, portfolio.Options) (portfolio.Registered, error)) *registrations {
	return &registrations{background: newBackground[Registration](), keep: keep}
}

// begin starts a registration. One name is registered once at a time: two would race for its next version.
func (rs *registrations) begin(o portfolio.Options, now time.Time) (Registration, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	underWay := 0
	for _, r := range rs.list {
		if !r.running() {
			continue
		}
		if underWay++; r.Name == o.Name {
			return Registration{}, wire.NewProblem(http.StatusConflict, wire.KindBusy, "portfolio "+o.Name+" is being registered").Advising("wait for that registration to end")
		}
	}
	switch {
	case rs.closed:
		return Registration{}, route.Ending("start it again, and drop the file anew")
	case underWay == maxRegistering:
		return Registration{}, wire.NewProblem(http.StatusTooManyRequests, wire.KindBusy, fmt.Sprintf("%d portfolios are being registered", underWay)).Advising("wait until one of them is")
	}
	r := &Registration{ID: rand.Text(), Seen: 1, State: Registering, Name: o.Name, Registry: o.Registry, Begun: now.UnixMilli(), For: o.For, Weighted: o.File.Weights != ""}
	return rs.start(r, maxRegistrations, func() { rs.run(r, o) }), nil
}

// await returns a registration when it is further than seen, is over, or time is.
func (rs *registrations) await(ctx context.Context, id string, seen int) (Registration, error) {
	return rs.background.await(ctx, id, seen, route.NotFound("this desk knows no such registration", "look at the list of portfolios"))
}

// run registers a portfolio.
func (rs *registrations) run(r *Registration, o portfolio.Options) {
	ctx, cancel := context.WithTimeout(rs.ctx, maxRegisteringTime)
	defer cancel()
	o.Watch = func(v catalog.Vector) { rs.change(r, func(r *Registration) { r.take(v) }) }
	o.Progress = o.Watch
	done, err := rs.keep(ctx, o)
	rs.change(r, func(r *Registration) {
		r.Waits = ""
		if done.Vector.ID != "" {
			r.take(done.Vector)
		}
		if r.Entries, r.Ignored = done.Entries, len(done.Unknown); err == nil {
			r.State = RegistrationDone
			return
		}
		r.State, r.Problem = RegistrationFailed, route.ProblemOf(portfolioProblem(err))
	})
}

// take takes what the ledger has of a registration.
func (r *Registration) take(v catalog.Vector) {
	r.Vector, r.Version, r.Nodes, r.Waits = v.ID, v.Version, string(v.State), ""
	r.Steps, r.Of = 0, 0
	switch v.State {
	case catalog.VectorStoring:
		r.Steps, r.Of = come(v.Nonces), len(v.Nodes)
	case catalog.VectorLining:
		r.Steps, r.Of = come(v.Lines), len(v.Nodes)
	case catalog.VectorProving:
		r.Steps, r.Of = come(v.Checks), v.Threshold
	default:
		return
	}
	r.Waits = vector.Waits(v)
}

// come counts what has come of a list in which nil stands for what has not.
func come[T any](list [][]T) (n int) {
	for _, x := range list {
		if x != nil {
			n++
		}
	}
	return n
}

// register begins the registration of a file.
func (s *portfolios) register(ctx context.Context, in listed) (Registration, error) {
	o, err := in.Body.options()
	if err != nil {
		return Registration{}, err
	}
	if s.client.Key() == nil {
		return Registration{}, client.ErrNoKey
	}
	if !in.Body.Anew {
		v, known, err := portfolio.Known(ctx, s.client, s.dir, o.Name, o.Registry, o.File)
		refused, is := client.IsRefused(err)
		switch {
		case is && refused.Rule == portfolio.RuleElsewhere: // it becomes the next version, which the preview says
		case err != nil:
			return Registration{}, err
		case known:
			return Registration{}, route.BadField("anew", fmt.Sprintf("this very file is portfolio %s version %d as it is registered", v.Name, v.Version),
				"use it as it is; a next version of it would be another portfolio, for which nothing that was answered exactly for this one is answered again")
		}
	}
	return s.registrations.begin(o, s.client.Now())
}

// Registrations answers GET /api/portfolios/registrations.
type Registrations struct {
	Registrations []Registration `json:"registrations"`
}

// In is the list with its sentences in a language.
func (all Registrations) In(l explain.Language) Registrations {
	out := Registrations{Registrations: make([]Registration, len(all.Registrations))}
	for i, r := range all.Registrations {
		out.Registrations[i] = r.In(l)
	}
	return out
}

func (s *portfolios) listRegistrations(context.Context, none) (Registrations, error) {
	return Registrations{s.registrations.all()}, nil
}

func (s *portfolios) registration(ctx context.Context, in awaited) (Registration, error) {
	return s.registrations.await(ctx, in.ID, in.Seen)
}
