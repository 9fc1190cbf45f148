package catalog

import "strconv"

// Refusal is why the state machine did not do what an envelope asked. It is
// data: recorded in the log, returned to the client, decided on by Rule. It holds codes,
// names and numbers; package explain makes sentences of them.
type Refusal struct { //nolint:errname // the word that users know
	Kind   RefusalKind `json:"kind"`
	Rule   string      `json:"rule"` // short stable name, e.g. "min_cohort"
	Reason             // what was wrong
	// Fix is what would pass, where it does not follow from Code alone.
	Fix     []Reason `json:"fix,omitempty"`
	Field   string   `json:"field,omitempty"` // of the body, descriptor or request
	Group   string   `json:"group,omitempty"`
	Numbers []Number `json:"numbers,omitempty"`
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

// Error implements error. It is for logs: people are told what package explain says.
func (r *Refusal) Error() string { return r.String() }

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
	// Shortened are the entries of which the log keeps a short form from this one on: those by which shares of
	// queries were taken that are forgotten with it.
	Shortened []uint64 `json:"shortened,omitempty"`
}

// Refuse makes a refusal by a rule. code and args say why (Why).
func Refuse(kind RefusalKind, rule, code string, args ...any) *Refusal {
	return &Refusal{Kind: kind, Rule: rule, Reason: Why(code, args...)}
}

// Invalid refuses what is malformed or inconsistent in a field.
func Invalid(field, code string, args ...any) *Refusal {
	return Refuse(RefusedInvalid, "invalid", code, args...).WithField(field)
}

// Conflict refuses what exists, or is in another state.
func Conflict(rule, code string, args ...any) *Refusal {
	return Refuse(RefusedConflict, rule, code, args...)
}

// Forbidden refuses what is not this principal's to do.
func Forbidden(rule, code string, args ...any) *Refusal {
	return Refuse(RefusedForbidden, rule, code, args...)
}

// WithField names the field that is refused. It returns r.
func (r *Refusal) WithField(field string) *Refusal {
	r.Field = field
	return r
}

// WithFix says what would pass, where that does not follow from the refusal's own code.
// It returns r.
func (r *Refusal) WithFix(code string, args ...any) *Refusal { return r.WithFixes(Why(code, args...)) }

// WithFixes says in several parts what would pass. It returns r.
func (r *Refusal) WithFixes(parts ...Reason) *Refusal {
	r.Fix = parts
	return r
}

// WithParts adds reasons that the refusal's own goes on with. It returns r.
func (r *Refusal) WithParts(parts ...Reason) *Refusal {
	r.Reason = r.With(parts...)
	return r
}

// WithNumber adds a named figure. It returns r.
func (r *Refusal) WithNumber(name string, value int64) *Refusal {
	r.Numbers = append(r.Numbers, Number{Name: name, Value: strconv.FormatInt(value, 10)})
	return r
}

// Decision is what accepting a query decided. It stands in the outcome, so that
// the evidence log holds it, and a receipt shows it, in one entry.
type Decision struct {
	Name     string `json:"name"` // of the principal, as it was admitted
	Contract string `json:"contract"`
	Dataset  string `json:"dataset"`
	Version  int    `json:"release"`
	Manifest Digest `json:"manifest"` // of the version
	Presence Digest `json:"presence"` // likewise
	Verdict  Digest `json:"verdict"`  // of the stored JSON
	Groups   int    `json:"groups"`   // released
	Withheld int    `json:"withheld"`
	Price    string `json:"price,omitempty"` // charged to the contract
	Currency string `json:"currency,omitempty"`
	Repeats  string `json:"repeats,omitempty"` // the released query that it is answered as
	// Vectors are the private vectors that it is answered with, the selector first.
	Vectors []VectorNamed `json:"vectors,omitempty"`
	// Layers are the versions that the answer is computed from, where that is more than the
	// version alone.
	Layers []DecidedLayer `json:"layers,omitempty"`
	// Join is the second dataset of a join.
	Join *JoinedDecision `json:"join,omitempty"`
}

// DecidedLayer is a version that an answer is computed from.
type DecidedLayer struct {
	Version  int    `json:"release"`
	Manifest Digest `json:"manifest"`
	Presence Digest `json:"presence"`
}

// ShareTaken is a sealed share that was taken, by the digest of its bytes.
type ShareTaken struct {
	Node    string `json:"node"`
	Attempt int    `json:"attempt"`
	Sealed  Digest `json:"sealed"`
}

// VectorNamed is a private vector that a query was answered with, and its
// commitment: the digest of the envelope that registered it.
type VectorNamed struct {
	ID         string `json:"id"`
	Commitment Digest `json:"commitment"`
}
