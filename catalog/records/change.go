package records

// Change is a dataset that was listed, amended or withdrawn, or a version of it that
// became live or was withdrawn.
type Change struct {
	Dataset string
	Version int        // 0: of the dataset
	What    ChangeKind `json:",omitempty"`
	At      int64      `json:",omitempty"` // of an amendment or a withdrawal, Unix milliseconds
}

// ChangeKind is what changed.
type ChangeKind string

// Kinds of changes.
const (
	ChangeListed    ChangeKind = "" // or live
	ChangeAmended   ChangeKind = "amended"
	ChangeWithdrawn ChangeKind = "withdrawn"
)
