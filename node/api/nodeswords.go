package api

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
)

// nodesLearn says what an opening shows to a node: PROTOCOL.md sections 3 and 4.
const nodesLearn = "the request, the groups and how many there are; of the values, uniformly random shares and nothing else"

// nodesWords says in plain words what the nodes learn from a query (PROTOCOL.md
// sections 3 to 6).
func nodesWords(d catalog.Descriptor, k catalog.Contract, v catalog.Verdict) string {
	words := nodesLearn
	for _, use := range v.Vectors {
		name := "private vector " + use.Name
		if use.ID == catalog.NewVector {
			name = "a private vector that is yet to be registered"
		}
		words += fmt.Sprintf("; that %s over the %d entities of the registry was used, not which of them it selects or weighs, nor how many", name, use.Entities)
	}
	if v.In != "" && v.Noise == nil && !d.Policy.Public && opens(v) {
		words += fmt.Sprintf("; and one bit: whether anywhere fewer than %d entities are selected or left over, in which case there is no answer", max(k.MinCohort, d.Policy.MinCohort))
	}
	return words
}

// opens reports whether a verdict opens anything encrypted.
func opens(v catalog.Verdict) bool {
	for _, c := range v.Columns {
		if !c.Count {
			return true
		}
	}
	return false
}
