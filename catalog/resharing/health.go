package resharing

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Bounds of how old shares may get before they are made anew, in milliseconds.
const (
	MinEvery = 60 * 60 * 1000
	MaxEvery = 3660 * Day
	Day      = 24 * 60 * 60 * 1000
)

// Every has keys and private vectors shared anew as soon as their shares are that old.
type Every struct {
	Every int64 `json:"every"` // milliseconds; 0: never
}

// Due asks for what is due by the schedule.
type Due struct{}

// Schedule is what the state holds of it.
type Schedule struct {
	Every int64 `json:"every"`
	Set   int64 `json:"set"`
	Asked int64 `json:"asked,omitzero"` // when vectors were last asked for
}

// VectorsFrom is when vectors that are due may be asked for: once a day, so that those of which
// a move failed are not tried all the time.
func (s Schedule) VectorsFrom() int64 { return s.Asked + min(s.Every, Day) }

// CanaryEvery is how often every member's share of a key is tried, in milliseconds, and
// CanaryAgain after how long one that came to nothing is followed by the next: no sooner does any
// follow, for each counts against the key. MaxVain is how many may come to nothing under the same
// shares: each time somebody may have seen what a set opens.
const (
	CanaryEvery = Day
	CanaryAgain = 60 * 60 * 1000
	MaxVain     = 3
)

// SharedAt is since when the shares of a key that are in force are.
func SharedAt(k catalog.Key) int64 { return cmp.Or(k.Shared, k.Started) }

// CanaryBegin begins the canary of a key with the next number: a vector that everybody knows is
// opened under it (PROTOCOL.md section 1.7).
type CanaryBegin struct {
	Key    string `json:"key"`
	Number int    `json:"number"`
}

// CanarySet is what the root of a set found: the vector, or something else.
type CanarySet struct {
	Key    string `json:"key"`
	Number int    `json:"number"`
	Set    int    `json:"set"`
	Wrong  bool   `json:"wrong,omitempty"`
}

// CanaryLacks is a member's word that it has no share which it can read.
type CanaryLacks struct {
	Key    string `json:"key"`
	Number int    `json:"number"`
}

// CanaryFail ends a canary that does not get on.
type CanaryFail struct {
	Key    string         `json:"key"`
	Number int            `json:"number"`
	Reason catalog.Reason `json:"reason"`
}

// SetState is what is known of a set.
type SetState int

// States of a set.
const (
	SetUnknown SetState = iota
	SetRight
	SetWrong
)

// Canary is the last canary of a key.
type Canary struct {
	Key       string          `json:"key"`
	Number    int             `json:"number"`
	Reference catalog.Digest  `json:"reference"` // of the entry that began it: what the tile is made with
	Sharing   catalog.Sharing `json:"sharing"`
	Nodes     []string        `json:"nodes"` // point 1 first
	Threshold int             `json:"threshold"`
	Began     int64           `json:"began"`
	Ended     int64           `json:"ended,omitzero"`
	Sets      []SetState      `json:"sets"` // by set, see CanarySets
	Lacks     []bool          `json:"lacks"`
	// Unfit are the nodes whose shares do not fit those of the others, or that have none.
	Unfit  []string       `json:"unfit,omitempty"`
	Vain   int            `json:"vain,omitempty"`  // how many before it came to nothing under the same shares
	Reason catalog.Reason `json:"reason,omitzero"` // why nothing, or nobody, was found
}

// CanarySets are the n sets of t points that follow each other on a circle, each with its root
// first. The first n−t+1 cover all nodes (catalog.TestSets); together they tell which member
// spoils those that it is in, as long as n > t.
func CanarySets(n, t int) [][]int {
	sets := make([][]int, n)
	for i := range sets {
		for k := range t {
			sets[i] = append(sets[i], (i+k)%n+1)
		}
	}
	return sets
}

// Open are the sets that a canary still waits for: those that cover all nodes, and where one of
// them is wrong, or a member has no share, all others. Sets with such a member are left out.
func (c Canary) Open() (sets []int) {
	if c.Ended != 0 {
		return nil
	}
	wrong := false
	for i, s := range c.Sets {
		wrong = wrong || s == SetWrong || c.Lacks[i]
	}
	for i, points := range CanarySets(len(c.Nodes), c.Threshold) {
		needed := c.Sets[i] == SetUnknown && (wrong || i <= len(c.Nodes)-c.Threshold)
		for _, p := range points {
			needed = needed && !c.Lacks[p-1]
		}
		if needed {
			sets = append(sets, i)
		}
	}
	return sets
}

// Found reports whether a set was wrong. It will be again under the same shares, and each time
// its root sees how they differ: so it is not opened again before there are others.
func (c Canary) Found() bool { return slices.Contains(c.Sets, SetWrong) }

// VainUnder counts those that came to nothing under the shares of a sharing, with this one.
func (c Canary) VainUnder(s catalog.Sharing) int {
	switch {
	case c.Number == 0 || c.Sharing != s:
		return 0
	case c.Ended != 0 && !c.Reason.IsZero():
		return c.Vain + 1
	}
	return c.Vain
}

// Lacking says of a canary that ends early which members have no share, by their own word. Sets name
// nobody before all are opened: the root of one alone could lie.
func (c Canary) Lacking() Canary {
	for i, id := range c.Nodes {
		if c.Lacks[i] {
			c.Unfit = append(c.Unfit, id)
		}
	}
	return c
}

// Judge says of a canary whose sets have all been opened which members do not fit: those that
// are in a set which was wrong and in none which was right. Where no set was right nobody can
// tell.
func (c Canary) Judge() Canary {
	right, wrong := make([]bool, len(c.Nodes)), make([]bool, len(c.Nodes))
	some, bad := false, false
	for i, points := range CanarySets(len(c.Nodes), c.Threshold) {
		for _, p := range points {
			right[p-1] = right[p-1] || c.Sets[i] == SetRight
			wrong[p-1] = wrong[p-1] || c.Sets[i] == SetWrong
		}
		some, bad = some || c.Sets[i] == SetRight, bad || c.Sets[i] == SetWrong
	}
	named := false
	for i, id := range c.Nodes {
		off := some && wrong[i] && !right[i]
		if off || c.Lacks[i] {
			c.Unfit = append(c.Unfit, id)
		}
		named = named || off
	}
	if bad && !named {
		c.Reason = catalog.Why("canary.nobody")
	}
	return c
}
