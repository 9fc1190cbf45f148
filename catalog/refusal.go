package catalog

// Refusal is why the state machine did not do what an envelope asked. It is
// data: recorded in the log, returned to the client, decided on by Rule.
type Refusal struct { //nolint:errname // the word that users and DESIGN know
	Kind    RefusalKind `json:"kind"`
	Rule    string      `json:"rule"`    // short stable name, e.g. "min_cohort"
	Message string      `json:"message"` // what was wrong and where, for a person
	Fix     string      `json:"fix,omitempty"`
	Field   string      `json:"field,omitempty"` // of the body, descriptor or request
	Group   string      `json:"group,omitempty"`
	Numbers []Number    `json:"numbers,omitempty"`
}

// Number is a named figure of a refusal, e.g. {"entities", "4"}.
type Number struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// RefusalKind classes refusals for exit codes and HTTP status codes.
type RefusalKind string

// Kinds of refusals.
const (
	RefusedInvalid   RefusalKind = "invalid"   // malformed or inconsistent: 422
	RefusedSignature RefusalKind = "signature" // forged, expired, other cluster: 401
	RefusedForbidden RefusalKind = "forbidden" // not this principal's to do: 403
	RefusedUnknown   RefusalKind = "unknown"   // no such thing: 404
	RefusedConflict  RefusalKind = "conflict"  // exists, or in another state: 409
	RefusedPolicy    RefusalKind = "policy"    // by the policy, the contract, or a limit on queries: 403, exit code 3
)

// RuleEmpty is the rule of refusals of conditions that no entity, or no period of the
// version, meets.
const RuleEmpty = "empty"

// Error implements error.
func (r *Refusal) Error() string {
	if r.Fix == "" {
		return r.Message
	}
	return r.Message + "; " + r.Fix
}

// Outcome is what the state machine recorded for an entry: a Refusal, or the ids
// of what it made.
type Outcome struct {
	Seq     uint64   `json:"seq"`
	Time    int64    `json:"time"`
	Kind    Kind     `json:"kind,omitempty"`
	Repeat  bool     `json:"repeat,omitempty"` // the envelope had been applied before; the rest is that outcome's
	Refusal *Refusal `json:"refusal,omitempty"`
	ID      string   `json:"id,omitempty"`      // of what was created: principal, order, contract, query, key
	Version int      `json:"version,omitempty"` // of the dataset version proposed

	Decision *Decision   `json:"decision,omitempty"` // on a query that was accepted
	Share    *ShareTaken `json:"share,omitempty"`    // of a query, when it was taken
	Live     bool        `json:"live,omitempty"`     // the dataset version went live with this entry
}
