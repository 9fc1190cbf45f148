package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// nothing is the input of a handler that takes none.
type nothing struct{}

var problemType = reflect.TypeFor[wire.Problem]()

func live(_ context.Context, s *server, _ *nothing) (*reply[wire.Live], error) {
	if err := s.opts.Health.Live(); err != nil {
		return nil, wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable, err.Error())
	}
	return &reply[wire.Live]{Body: wire.Live{Live: true}}, nil
}

// readiness is answered with 200 or 503, in the same shape.
type readiness struct {
	Status int
	Body   wire.Ready
}

func ready(_ context.Context, s *server, _ *nothing) (*readiness, error) {
	ok, reasons := s.opts.Health.Ready()
	out := &readiness{Status: http.StatusOK, Body: wire.Ready{Ready: ok, Reasons: reasons}}
	if !ok {
		out.Status = http.StatusServiceUnavailable
	}
	return out, nil
}

func status(_ context.Context, s *server, _ *nothing) (*reply[wire.Status], error) {
	return &reply[wire.Status]{Body: s.opts.Health.Status()}, nil
}

const openAPIType = "application/vnd.oai.openapi+json"

// mountOpenAPI serves the document of all routes.
func mountOpenAPI(s *server, r route) {
	op := s.operation(r)
	op.Responses["200"] = &huma.Response{Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{openAPIType: {}}}
	s.docs.OpenAPI().AddOperation(&op)
	s.engine.Handle(r.method, ginPath(r.path), func(c *gin.Context) {
		if c.Request.URL.RawQuery != "" {
			s.refuse(c, wire.NewProblem(http.StatusUnprocessableEntity, wire.KindRequest, "there is no parameter here"))
			return
		}
		doc, err := s.openapi()
		if err != nil {
			s.refuse(c, fmt.Errorf("write the OpenAPI document: %w", err))
			return
		}
		c.Data(http.StatusOK, openAPIType, doc)
	})
}

// cluster is the founding's, as changed since. The ledger of nodes that have just begun has no entry
// yet: whoever asks then asks again.
func cluster(_ context.Context, v state.View, _ *nothing) (catalog.Cluster, error) {
	c, err := v.Cluster()
	if errors.Is(err, records.ErrNotFound) {
		return c, fmt.Errorf("%w: the founding is not in the ledger yet", ErrUnavailable)
	}
	return c, err
}

func roster(ctx context.Context, v state.View, none *nothing) (wire.Roster, error) {
	if _, err := cluster(ctx, v, none); err != nil {
		return wire.Roster{}, err
	}
	changes, err := v.RosterChanges()
	if err != nil {
		return wire.Roster{}, err
	}
	proposals, err := v.Proposals()
	return wire.Roster{Changes: changes, Proposals: proposals}, err
}

func listPrincipals(_ context.Context, v state.View, in *Paged) (out wire.Principals, err error) {
	out.Principals, out.Next, err = paged(v.PrincipalPage(in.page()))
	return out, err
}

// submission is a signed envelope.
type submission struct {
	Preferring
	Body          catalog.Envelope
	authorization string
}

// Resolve implements huma.Resolver.
func (in *submission) Resolve(c huma.Context) []error {
	in.authorization = c.Header("Authorization")
	return nil
}

// Preferring is what a caller would rather have (RFC 7240). Whoever does not know a preference passes over it, as the
// nodes of an older release do.
type Preferring struct {
	Prefer string `header:"Prefer" maxLength:"200" doc:"repeat: a query that repeats one of the last day is not recorded, and the earlier one named; answer: the answer comes with the query"`
}

func (p Preferring) prefers(what string) bool {
	for one := range strings.SplitSeq(p.Prefer, ",") {
		if strings.TrimSpace(one) == what {
			return true
		}
	}
	return false
}

// submit has an envelope applied. It needs no token: the envelope carries the
// signature that counts, and the state machine verifies it. Only the answer to an earlier query is handed to nobody without one:
// who sends an envelope once more need not be its signer.
func submit(ctx context.Context, s *server, in *submission) (*reply[wire.Submitted], error) {
	r, err := s.opts.Backend.Submit(ctx, in.Body, in.prefers(wire.PreferRepeat))
	if err != nil {
		return nil, err
	}
	where := wire.Receipt{Seq: r.Seq, Leaf: r.Leaf, Index: r.Index}
	if r.Outcome.Refusal != nil {
		no := *r.Outcome.Refusal
		if len(r.Fix) > 0 {
			no.Fix = r.Fix
		}
		p := wire.RefusalProblem(&no)
		p.Receipt = &where
		return nil, p
	}
	done := wire.Submitted{Receipt: where, Outcome: r.Outcome, Repeats: r.Repeats}
	if r.Repeats != "" && in.prefers(wire.PreferAnswer) {
		done.Repeated = repeated(ctx, s, r.Repeats, in.authorization)
	}
	return &reply[wire.Submitted]{Body: done}, nil
}

// repeated is the earlier query that answers one, with its answer; nil: who asks has not shown to be its owner, or it is to be
// asked for by itself, and whoever does is told why it cannot be had.
func repeated(ctx context.Context, s *server, id, authorization string) *wire.Query {
	who, err := s.authenticate(ctx, authorization, principals)
	if err != nil {
		return nil
	}
	ctx = context.WithValue(ctx, callerKey{}, who)
	var q catalog.Query
	err = s.opts.Backend.Look(func(v state.View) (err error) { // it has all that the submission was judged by
		q, err = ownQuery(ctx, v, id)
		return err
	})
	if err != nil || q.State != catalog.QueryDone {
		return nil
	}
	answer := answerOf(ctx, s, q)
	if answer == nil {
		return nil
	}
	return &wire.Query{Query: q, Answer: answer}
}

type bySeq struct {
	Seq uint64 `path:"seq"`
}

func receipt(ctx context.Context, s *server, in *bySeq) (*reply[wire.Receipt], error) {
	r, err := s.opts.Backend.Receipt(ctx, in.Seq)
	if err != nil {
		return nil, err
	}
	return &reply[wire.Receipt]{Body: wire.Receipt{Seq: r.Seq, Leaf: r.Leaf, Index: r.Index}}, nil
}
