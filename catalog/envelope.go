package catalog

import "encoding/json"

// Entry is what the replicated log holds: one signed envelope and the time at
// which the leader proposed it, in Unix milliseconds. The state machine never
// lets time run backwards: an entry that names an earlier time than the state
// is applied at the state's time. Marshal writes it in a binary form (version
// byte, time, then signer, signature and payload, each with its length), so that
// the payload is not encoded a second time.
type Entry struct {
	Version  int      `json:"v"`
	Time     int64    `json:"time"`
	Envelope Envelope `json:"envelope"`
}

// Envelope is one act of a person or of a node: the exact bytes that were
// signed, who signed them, and the Ed25519 signature over
// SigningContext || payload (RFC 8032). Nothing in it is parsed before the
// signature is verified.
type Envelope struct {
	Payload   []byte `json:"payload"`
	Signer    string `json:"signer"` // a principal's id, or "node/" and a node's id
	Signature []byte `json:"signature"`
}

// SigningContext separates envelope signatures from every other use of a key.
const SigningContext = "weir envelope v1\n"

// NodeSigner is the Signer of a node's envelopes.
func NodeSigner(node string) string { return nodePrefix + node }

const nodePrefix = "node/"

// Payload is the content of an envelope. Cluster is the hex cluster id and
// empty only for KindInit. Signer repeats the envelope's, inside the signed
// bytes, so that nobody can pass another's payload off as its own. Nonce makes
// two acts with the same body distinct; an envelope sent twice is applied once
// and answered with the first outcome. Issued and Expires are Unix
// milliseconds; an envelope is valid for at most MaxEnvelopeAge.
type Payload struct {
	Version int             `json:"v"`
	Cluster string          `json:"cluster"`
	Signer  string          `json:"signer"` // set by Sign
	Kind    Kind            `json:"kind"`
	Nonce   string          `json:"nonce"` // 32 hexadecimal digits
	Issued  int64           `json:"issued"`
	Expires int64           `json:"expires"`
	Body    json.RawMessage `json:"body"` // of the kind's body type
}

// Kind names what an envelope asks for; each has one body type in command.go.
type Kind string

// Kinds of envelopes, by who signs them.
const (
	// The first entry of a cluster, signed by the founding operator.
	KindInit Kind = "cluster.init"

	// Operators.
	KindPrincipalAdd Kind = "principal.add"

	// Publishers.
	KindRegistryCreate Kind = "registry.create"
	KindRegistryRows   Kind = "registry.rows"
	KindRegistryCommit Kind = "registry.commit"
	KindDatasetCreate  Kind = "dataset.create"
	KindVersionPropose Kind = "version.propose"
	KindVersionCounts  Kind = "version.counts"
	KindVersionSets    Kind = "version.sets"
	KindVersionCommit  Kind = "version.commit"
	KindVersionDrop    Kind = "version.drop"
	KindOrderApprove   Kind = "order.approve"
	KindOrderRefuse    Kind = "order.refuse"

	// Publishers, on contracts they granted.
	KindContractSuspend Kind = "contract.suspend"
	KindContractResume  Kind = "contract.resume"
	KindContractRevoke  Kind = "contract.revoke"

	// Buyers; publishers query their own data without an order.
	KindOrderCreate Kind = "order.create"
	KindQuerySubmit Kind = "query.submit"

	// Whoever asks, on private vectors of its own.
	KindVectorRegister Kind = "vector.register"
	KindVectorDrop     Kind = "vector.drop"

	// Nodes; those marked (leader) are refused unless they follow from the
	// state, whoever sends them, so a lying leader can only delay.
	KindKeyStart       Kind = "key.start"       // (leader)
	KindKeyCommit      Kind = "key.commit"      // every node
	KindKeyAck         Kind = "key.ack"         // every node, dealings stored
	KindKeyTested      Kind = "key.tested"      // root of each test set
	KindKeySign        Kind = "key.sign"        // every node, its signature under the ready statement
	KindKeyFail        Kind = "key.fail"        // any node: the attempt is over
	KindVersionAck     Kind = "version.ack"     // a node holds and checked everything
	KindVersionAttempt Kind = "version.attempt" // (leader) names the parity opening
	KindVersionParity  Kind = "version.parity"  // a member's parity share
	KindVersionFail    Kind = "version.fail"    // a member or the leader: the attempt is over
	KindQueryAttempt   Kind = "query.attempt"   // (leader)
	KindQueryShare     Kind = "query.share"     // a member's sealed share
	KindQueryFail      Kind = "query.fail"      // a member or the leader: the attempt is over
	KindVectorHold     Kind = "vector.hold"     // a node holds its share, with its nonce
	KindVectorLine     Kind = "vector.line"     // a node's value in the first check
	KindVectorAttempt  Kind = "vector.attempt"  // (leader) names the second check
	KindVectorBits     Kind = "vector.bits"     // a member's share in the second check
	KindVectorFail     Kind = "vector.fail"     // a member or the leader: the attempt is over
	KindCohortFailed   Kind = "query.cohort"    // a member: the cohort test failed
)

// Limits of an envelope and of its life.
const (
	MaxEnvelope    = 1 << 20        // bytes of signer, signature and payload together, DESIGN section 7
	MaxEnvelopeAge = 10 * 60 * 1000 // milliseconds from Issued to Expires
	MaxChunk       = 256 << 10      // bytes of rows or bitmaps in one envelope
	MaxGroups      = 65536          // released groups of one query
	MaxAttempts    = 3              // openings of one query
)
