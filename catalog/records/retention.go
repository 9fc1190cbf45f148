package records

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Reached is a node's word that a time has been reached, as far as what was answered is to be forgotten.
type Reached struct {
	Node string `json:"node"`
	Time int64  `json:"time"` // Unix milliseconds
}

// ReachedBy are the words of nodes, one a node, by their names.
func ReachedBy(r Reader) ([]Reached, error) {
	words, _, err := Lookup[[]Reached](r, KeyReached)
	return words, err
}

// ReachedTime is the time that a node has said; 0: none.
func ReachedTime(words []Reached, node string) int64 {
	i, said := slices.BinarySearchFunc(words, node, func(w Reached, node string) int { return cmp.Compare(w.Node, node) })
	if !said {
		return 0
	}
	return words[i].Time
}

// SayReached adds a node's word. It takes none back.
func SayReached(words []Reached, node string, time int64) []Reached {
	i, said := slices.BinarySearchFunc(words, node, func(w Reached, node string) int { return cmp.Compare(w.Node, node) })
	if !said {
		return slices.Insert(slices.Clone(words), i, Reached{node, time})
	}
	words = slices.Clone(words)
	words[i].Time = max(words[i].Time, time)
	return words
}

// AgreedTime is the latest time that a threshold of a roster has said; 0: none.
func AgreedTime(words []Reached, roster catalog.KeyRoster) int64 {
	var times []int64
	for _, w := range words {
		if roster.Point(w.Node) > 0 {
			times = append(times, w.Time)
		}
	}
	if roster.Threshold < 1 || len(times) < roster.Threshold {
		return 0
	}
	slices.Sort(times)
	return times[len(times)-roster.Threshold]
}
