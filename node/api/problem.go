package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// retryAfter is what a caller is told to wait, in seconds.
const retryAfter = 1

// problem turns any error of a handler into what is sent. What is not meant for
// clients is logged and replaced.
func (s *server) problem(ctx context.Context, err error) *wire.Problem {
	if known, ok := errors.AsType[*wire.Problem](err); ok {
		return known
	}
	if refusal, ok := errors.AsType[*catalog.Refusal](err); ok {
		return wire.RefusalProblem(refusal)
	}
	if busy, ok := errors.AsType[*BusyError](err); ok {
		p := tooMany(busy.Error())
		p.Header.Set("Retry-After", strconv.Itoa(max(retryAfter, int((busy.Wait+time.Second-1)/time.Second))))
		return p
	}
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(tooLong.Limit)
	}
	switch {
	case errors.Is(err, ErrNoQuorum), errors.Is(err, ErrTooFew):
		return later(wire.NewProblem(http.StatusServiceUnavailable, wire.KindNoQuorum, "no quorum: "+err.Error()).
			Advising("start the missing nodes, then try again"))
	case errors.Is(err, ErrForked):
		return wire.NewProblem(http.StatusConflict, wire.KindForked, err.Error()).
			Advising("trust nothing that this node proves; ask another, and tell the operators")
	case errors.Is(err, ErrUnavailable):
		return later(wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable, err.Error()).
			Advising("ask another node, or try again"))
	case errors.Is(err, ErrTimeout):
		return wire.NewProblem(http.StatusGatewayTimeout, wire.KindTimeout, err.Error()).
			Advising("send the same bytes again: they are applied once")
	case errors.Is(err, context.DeadlineExceeded):
		return wire.NewProblem(http.StatusGatewayTimeout, wire.KindTimeout, "it was not done in time")
	case errors.Is(err, context.Canceled):
		return later(wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable, "the request was given up"))
	case errors.Is(err, ErrNote):
		return wire.NewProblem(http.StatusUnprocessableEntity, wire.KindRequest, err.Error())
	case errors.Is(err, ErrNotFound):
		return wire.NewProblem(http.StatusNotFound, wire.KindNotFound, err.Error())
	}
	s.opts.Logger.ErrorContext(ctx, "request failed", "error", err)
	return internal()
}

// internal is what is said of an error that is not meant for clients.
func internal() *wire.Problem {
	return wire.NewProblem(http.StatusInternalServerError, wire.KindInternal, "the node failed at this; its log says more")
}

// later tells the caller when to try again.
func later(p *wire.Problem) *wire.Problem {
	p.Header = http.Header{"Retry-After": {strconv.Itoa(retryAfter)}}
	return p
}

// refuse ends a request outside huma with a problem.
func (s *server) refuse(c *gin.Context, err error) {
	p := s.problem(c.Request.Context(), err)
	body, err := json.Marshal(p)
	if err != nil {
		s.opts.Logger.ErrorContext(c.Request.Context(), "write a problem", "error", err)
		c.AbortWithStatus(p.Status)
		return
	}
	maps.Copy(c.Writer.Header(), p.Header)
	c.Abort()
	c.Data(p.Status, p.ContentType(""), body)
}

// blameReader is huma's hook for the status of its own errors. Of a body that it cannot
// read it says 500, as of a fault of the node, when its chunks are malformed or its sender
// is gone.
func blameReader(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
	if status == http.StatusInternalServerError && message == "cannot read request body" {
		status = http.StatusBadRequest
	}
	return huma.NewError(status, message, errs...)
}

// ownProblem replaces huma's own errors, which are about parameters and bodies,
// by problems of our shape.
func ownProblem(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := wire.NewProblem(model.Status, wire.KindRequest, model.Detail)
	var details []string
	for _, e := range model.Errors {
		if e.Location == "" {
			details = append(details, e.Message)
			continue
		}
		details = append(details, e.Location+": "+e.Message)
		if p.Field == "" {
			p.Field = e.Location
		}
	}
	if len(details) > 0 {
		p.Message += ": " + strings.Join(details, "; ")
		p.Detail = p.Message
	}
	return p, nil
}

func noRoute(c *gin.Context) *wire.Problem {
	if c.Writer.Status() == http.StatusMethodNotAllowed {
		return wire.NewProblem(http.StatusMethodNotAllowed, wire.KindRequest,
			fmt.Sprintf("%s is not possible on %.200q", c.Request.Method, c.Request.URL.Path))
	}
	return wire.NewProblem(http.StatusNotFound, wire.KindRequest, fmt.Sprintf("there is nothing at %.200q", c.Request.URL.Path)).
		Advising("GET /v1/openapi.json lists what there is")
}

func tooMany(message string) *wire.Problem {
	return later(wire.NewProblem(http.StatusTooManyRequests, wire.KindBusy, message))
}

func tooLarge(limit int64) *wire.Problem {
	return wire.NewProblem(http.StatusRequestEntityTooLarge, wire.KindRequest,
		fmt.Sprintf("the body is larger than the %d bytes allowed here", limit))
}

// notFound is also the answer for what exists and is not the caller's, so that
// ids cannot be tried out.
func notFound(what, id string) *wire.Problem {
	return wire.NewProblem(http.StatusNotFound, wire.KindNotFound, fmt.Sprintf("there is no %s %.120q", what, id))
}
