package route

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/exchange"
)

// Kinds of problems that only a desk has.
const (
	KindGate     = "gate"      // the request is not from the page: 403
	KindReadOnly = "read-only" // the desk changes nothing: 403
	KindNoKey    = "no-key"    // the desk has no key: 403
	KindReceipt  = "receipt"   // the receipt does not hold: 422
	KindAnswer   = "answer"    // what nodes handed out does not hold, and there is no figure: 502
	KindInput    = "input"     // what was typed: 422
)

// BadField is an error about what a person typed into a field.
func BadField(field, message, fix string) error {
	p := wire.NewProblem(http.StatusUnprocessableEntity, KindInput, message).Advising(fix)
	p.Field = field
	return p
}

// NotFound says that there is no such thing on this machine.
func NotFound(message, fix string) error {
	return wire.NewProblem(http.StatusNotFound, wire.KindNotFound, message).Advising(fix)
}

// ProblemOf is what an error is told as: in the words that a person gets, with what to do.
func ProblemOf(err error) *wire.Problem {
	if fault, ok := errors.AsType[*sql.Error](err); ok {
		return placed(wire.NewProblem(http.StatusUnprocessableEntity, wire.KindSQL, fault.Message), fault)
	}
	if r, ok := client.IsRefused(err); ok {
		p := wire.RefusalProblem(r)
		p.Message, p.Fix = client.Words(err)
		if at, ok := errors.AsType[*ask.RefusedAtError](err); ok {
			return placed(p, at.At)
		}
		return p
	}
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		own := *p
		own.Status = cmp.Or(own.Status, http.StatusBadGateway)
		return &own
	}
	_, away := errors.AsType[*client.UnreachableError](err)
	_, parity := errors.AsType[*ask.ParityError](err)
	_, lie := errors.AsType[*ask.LieError](err)
	_, check := errors.AsType[*result.CheckError](err)
	_, key := errors.AsType[*client.KeyError](err)
	switch {
	case away:
		p := wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable, plainly(err)).
			Advising("look whether the cluster runs and this machine is on the network; what is asked stays asked, and is charged once")
		p.Detail = err.Error()
		return p
	case parity, lie, check, key, errors.Is(err, ask.ErrVerdictForged), errors.Is(err, client.ErrPinned), errors.Is(err, exchange.ErrOrderForged):
		return wire.NewProblem(http.StatusBadGateway, KindAnswer, err.Error()).
			Advising("no figure is shown; tell the operators of the nodes, and keep this message")
	case errors.Is(err, ask.ErrQueryFailed):
		return wire.NewProblem(http.StatusBadGateway, KindAnswer, err.Error()).Advising("its price was given back; ask again")
	case errors.Is(err, audit.ErrReceipt):
		return wire.NewProblem(http.StatusUnprocessableEntity, KindReceipt, err.Error()).
			Advising("it proves nothing: ask who gave it to you for the file as it was written, and look whether the desk's profile is of the same cluster")
	case errors.Is(err, client.ErrNoKey):
		return wire.NewProblem(http.StatusForbidden, KindNoKey, "this desk has no key").Advising("start it with `weir desk --key FILE`")
	case errors.Is(err, context.DeadlineExceeded):
		return wire.NewProblem(http.StatusGatewayTimeout, wire.KindTimeout, err.Error()).Advising("try again; what is asked stays asked, and is charged once")
	}
	return wire.NewProblem(http.StatusInternalServerError, wire.KindInternal, err.Error())
}

// placed says where in the SQL a problem is.
func placed(p *wire.Problem, at *sql.Error) *wire.Problem {
	p.Field = cmp.Or(p.Field, "sql")
	p.Line, p.Column, p.Near, p.Nearest, p.Accepted = at.Line, at.Column, at.Near, at.Nearest, at.Want
	return p
}

// asMaxBytes tells that a body was too large, and how large it may be.
func asMaxBytes(err error) (int64, bool) {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return e.Limit, true
	}
	return 0, false
}
