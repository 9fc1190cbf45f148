package wire

import (
	"net/http"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
)

// Kinds of problems beside those of catalog.RefusalKind, which a refusal by
// the state machine keeps.
const (
	KindRequest     = "request"     // malformed request: 400, 404, 405, 413, 415, 422
	KindToken       = "token"       // no token, or one that does not hold: 401
	KindForbidden   = "forbidden"   // the token's principal may not: 403
	KindNotFound    = "unknown"     // no such thing, or not the caller's: 404
	KindGone        = "gone"        // it was kept for as long as the policy says: 410
	KindSQL         = "sql"         // the SQL does not compile: 422, with Line and Column
	KindBusy        = "busy"        // too many requests of one caller at once: 429
	KindNoQuorum    = "no-quorum"   // no majority of nodes: 503
	KindUnavailable = "unavailable" // this node cannot, another may: 503
	KindTimeout     = "timeout"     // the outcome is not known: 504
	KindForked      = "forked"      // the node's evidence log is not the others': 409
	KindInternal    = "internal"    // a fault of the node: 500
)

// Problem is an error of the API, RFC 9457. A refusal by the state machine
// carries the refusal's fields and the entry that recorded it.
type Problem struct { //nolint:errname // the RFC's name
	Type   string `json:"type"` // ProblemBase and Kind
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Kind   string `json:"kind"`
	Rule   string `json:"rule,omitempty"`
	// Of a refusal, what Message and Fix say: codes, and what they are about.
	Code     string           `json:"code,omitempty"`
	Args     []string         `json:"args,omitempty"`
	Parts    []catalog.Reason `json:"parts,omitempty"`
	FixCodes []catalog.Reason `json:"fix_codes,omitempty"`

	Message string           `json:"message"`
	Fix     string           `json:"fix,omitempty"`
	Field   string           `json:"field,omitempty"`
	Group   string           `json:"group,omitempty"`
	Numbers []catalog.Number `json:"numbers,omitempty"`
	Receipt *Receipt         `json:"receipt,omitempty"`

	// Of SQL: the place, the text at fault, the valid name that it most resembles, and
	// what would have been accepted there.
	Line     int    `json:"line,omitempty"`   // from 1
	Column   int    `json:"column,omitempty"` // in characters, from 1
	Near     string `json:"near,omitempty"`
	Nearest  string `json:"nearest,omitempty"`
	Accepted string `json:"accepted,omitempty"`

	// Header goes out with the response, not in its body.
	Header http.Header `json:"-"`
}

// ProblemBase begins every problem's type.
const ProblemBase = "urn:weir:problem:"

// NewProblem returns a problem of a kind with a message for a person.
func NewProblem(status int, kind, message string) *Problem {
	return &Problem{
		Type:    ProblemBase + kind,
		Title:   http.StatusText(status),
		Status:  status,
		Detail:  message,
		Kind:    kind,
		Message: message,
	}
}

// Advising adds what would mend it.
func (p *Problem) Advising(fix string) *Problem {
	p.Fix = fix
	return p
}

// RefusalProblem returns the problem that tells of a refusal.
func RefusalProblem(r *catalog.Refusal) *Problem {
	p := NewProblem(refusalStatus(r.Kind), string(r.Kind), explain.Message(r))
	p.Rule, p.Code, p.Args, p.Parts, p.FixCodes = r.Rule, r.Code, r.Args, r.Parts, r.Fix
	p.Fix, p.Field, p.Group, p.Numbers = explain.Fix(r), r.Field, explain.Group(r.Group), r.Numbers
	p.Detail = explain.Refusal(r)
	return p
}

// refusalStatus is the status that package catalog documents with each kind.
func refusalStatus(kind catalog.RefusalKind) int {
	switch kind {
	case catalog.RefusedSignature:
		return http.StatusUnauthorized
	case catalog.RefusedForbidden, catalog.RefusedPolicy:
		return http.StatusForbidden
	case catalog.RefusedUnknown:
		return http.StatusNotFound
	case catalog.RefusedConflict:
		return http.StatusConflict
	default:
		return http.StatusUnprocessableEntity
	}
}

// Refusal returns the refusal by the state machine that the problem tells of,
// or nil when it tells of something else. The problem's own words are those
// of the node that refused, which knows its codes.
func (p *Problem) Refusal() *catalog.Refusal {
	kind := catalog.RefusalKind(p.Kind)
	switch kind {
	case catalog.RefusedInvalid, catalog.RefusedSignature, catalog.RefusedForbidden,
		catalog.RefusedUnknown, catalog.RefusedConflict, catalog.RefusedPolicy:
	default:
		return nil
	}
	if p.Rule == "" {
		return nil
	}
	return &catalog.Refusal{
		Kind: kind, Rule: p.Rule, Reason: catalog.Reason{Code: p.Code, Args: p.Args, Parts: p.Parts}, Fix: p.FixCodes,
		Field: p.Field, Group: p.Group, Numbers: p.Numbers,
	}
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Fix == "" {
		return p.Message
	}
	return p.Message + "; " + p.Fix
}

// GetStatus is the HTTP status; the name is what huma looks for.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that go out with the problem.
func (p *Problem) GetHeaders() http.Header { return p.Header }

// ContentType is application/problem+json whatever was negotiated.
func (p *Problem) ContentType(string) string { return "application/problem+json" }
