package recovery

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// What a drill with a backup tries, in its order (package node/drill).
const (
	Parts     = "parts"     // read, and compared with their digests
	Entries   = "entries"   // applied anew
	Decisions = "decisions" // on queries, made anew: the verdict is the one recorded
	Blobs     = "blobs"     // that the state needs: they are in the backup's list
	Sums      = "sums"      // of recorded queries: plan and accumulators computed anew
	Receipts  = "receipts"  // verified, and held against the log of the backup
	Openings  = "openings"  // of sums, by the shares of nodes
	Figures   = "figures"   // of results that were kept, opened anew
)

// Drills are all of them.
func Drills() []string {
	return []string{Parts, Entries, Decisions, Blobs, Sums, Receipts, Openings, Figures}
}

// Tried is what came of one thing that a drill tries.
type Tried struct {
	What   string `json:"what"`
	Tried  int    `json:"tried"`
	Differ int    `json:"differ,omitempty"`
}

// Drill is an operator's report of a drill: with which backup, and what came of it. Tried has what
// Drills has, in its order.
type Drill struct {
	Root  catalog.Digest `json:"root"` // of the backup's log, of so many entries
	Size  uint64         `json:"size"`
	Made  int64          `json:"made"` // the backup: Unix milliseconds, of the clock of who made it
	Tried []Tried        `json:"tried"`
}

// Check refuses a report that is none. size is how many entries the ledger has.
func (d Drill) Check(size uint64, now int64) *catalog.Refusal {
	names := Drills()
	switch {
	case d.Root.IsZero() || d.Size == 0 || d.Size > size:
		return catalog.Invalid("size", "drill.size", d.Size, size)
	case d.Made < 0 || d.Made > now+catalog.MaxSkew:
		return catalog.Invalid("made", "drill.made")
	case !slices.EqualFunc(d.Tried, names, func(t Tried, name string) bool { return t.What == name && t.Tried >= 0 && t.Differ >= 0 }):
		return catalog.Invalid("tried", "drill.tried", names)
	}
	return nil
}

func (d Drill) of(what string) Tried {
	i := slices.IndexFunc(d.Tried, func(t Tried) bool { return t.What == what })
	if i < 0 {
		return Tried{}
	}
	return d.Tried[i]
}

// Differs counts the differences.
func (d Drill) Differs() (n int) {
	for _, t := range d.Tried {
		n += t.Differ
	}
	return n
}

// Sound reports whether the backup was read and proved, and nothing differed.
func (d Drill) Sound() bool {
	return d.Differs() == 0 && d.of(Parts).Tried > 0 && d.of(Entries).Tried > 0 && d.of(Blobs).Tried > 0
}

// Opens reports whether shares of nodes opened something of a sound backup.
func (d Drill) Opens() bool { return d.Sound() && d.of(Openings).Tried > 0 }

// Drilled is what the state holds of drills: the last report, and when which of them last went well.
type Drilled struct {
	Drill
	Operator string `json:"operator"` // a principal's id
	At       int64  `json:"at"`
	SoundAt  int64  `json:"sound_at,omitempty"`  // when a backup was last found sound
	OpenedAt int64  `json:"opened_at,omitempty"` // when one was last opened by shares of nodes
}

// After is what is held after another report.
func (d Drilled) After(r Drill, operator string, now int64) Drilled {
	d.Drill, d.Operator, d.At = r, operator, now
	if r.Sound() {
		d.SoundAt = now
	}
	if r.Opens() {
		d.OpenedAt = now
	}
	return d
}
