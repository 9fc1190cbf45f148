package catalog

// Decision is what accepting a query decided. It stands in the outcome, so that
// the evidence log holds it, and a receipt shows it, in one entry.
type Decision struct {
	Name     string `json:"name"` // of the principal, as it was admitted
	Contract string `json:"contract"`
	Dataset  string `json:"dataset"`
	Release  int    `json:"release"`
	Manifest Digest `json:"manifest"` // of the release
	Presence Digest `json:"presence"` // likewise
	Verdict  Digest `json:"verdict"`  // of the stored JSON
	Groups   int    `json:"groups"`   // released
	Withheld int    `json:"withheld"`
	Price    string `json:"price,omitempty"` // charged to the contract
	Currency string `json:"currency,omitempty"`
	Repeats  string `json:"repeats,omitempty"` // the released query that it is answered as
	// Vectors are the private vectors that it is answered with, the selector first.
	Vectors []VectorNamed `json:"vectors,omitempty"`
	// Join is the second dataset of a join.
	Join *JoinedDecision `json:"join,omitempty"`
}

// ShareTaken is a sealed share that was taken, by the digest of its bytes.
type ShareTaken struct {
	Node    string `json:"node"`
	Attempt int    `json:"attempt"`
	Sealed  Digest `json:"sealed"`
}
